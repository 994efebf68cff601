#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
#include "sys/proc.h"
#include "sys/scratch.h"

static void a_file_is_read_whole_and_ends_with_nul(void **state)
{
	(void)state;
	char path[] = "/tmp/test_proc.XXXXXX";
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "hello", 5), 5);
	close(fd);
	char buffer[8];
	memset(buffer, '#', sizeof buffer);
	assert_int_equal(proc_read(path, buffer, sizeof buffer), 5);
	assert_string_equal(buffer, "hello");
	memset(buffer, '#', sizeof buffer);
	assert_int_equal(proc_read(path, buffer, 4), 3);
	assert_string_equal(buffer, "hel");
	assert_int_equal(buffer[4], '#');
	unlink(path);
}

static void what_cannot_be_read_is_an_error_and_errno_is_left_alone(void **state)
{
	(void)state;
	char buffer[8] = "before";
	errno = 0;
	assert_int_equal(proc_read("/nonexistent/file", buffer, sizeof buffer), -ENOENT);
	assert_string_equal(buffer, "");
	/* Which can be opened. */
	assert_int_equal(proc_read("/proc/self", buffer, sizeof buffer), -EISDIR);
	assert_int_equal(errno, 0);
}

static void do_nothing(int signal)
{
	(void)signal;
}

/* Who reads, and what. */
struct source {
	char path[128];
	pthread_t reader;
	int tid;
	const char *const *pieces;
};

/* Each piece is read before the next one comes, and a signal interrupts the wait for it. */
static void *write_in_pieces(void *of)
{
	const struct source *source = of;
	int fd = open(source->path, O_WRONLY);
	for (int i = 0; source->pieces[i] != NULL; i++) {
		int left = 1;
		while (left > 0 || proc_thread_is_awake(source->tid)) {
			ioctl(fd, FIONREAD, &left);
			pthread_testcancel();
			sched_yield();
		}
		pthread_kill(source->reader, SIGUSR1);
		if (write(fd, source->pieces[i], strlen(source->pieces[i])) < 0) {
			break;
		}
	}
	close(fd);
	return NULL;
}

static void read_in_pieces(size_t size, const char *expected)
{
	static const char *const pieces[] = {"he", "ll", "o", NULL};
	struct source source = {
		.reader = pthread_self(), .tid = (int)syscall(SYS_gettid), .pieces = pieces};
	struct sigaction action = {.sa_handler = do_nothing};
	char buffer[16];
	pthread_t writer;
	memset(buffer, '#', sizeof buffer);
	snprintf(source.path, sizeof source.path, "%s/pipe", directory);
	CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(mkfifo(source.path, 0600) == 0);
	CHECK(pthread_create(&writer, NULL, write_in_pieces, &source) == 0);
	CHECK(proc_read(source.path, buffer, size) == (long)strlen(expected));
	CHECK(strcmp(buffer, expected) == 0);
	CHECK(buffer[size] == '#');
	/* Who has read enough may go before the rest is written. */
	pthread_cancel(writer);
	pthread_join(writer, NULL);
	CHECK(unlink(source.path) == 0);
}

static void read_whole(void)
{
	read_in_pieces(8, "hello");
	read_in_pieces(6, "hello");
}

static void read_as_much_as_fits(void)
{
	read_in_pieces(5, "hell");
	read_in_pieces(4, "hel");
}

static void what_comes_in_pieces_between_signals_is_read_whole(void **state)
{
	(void)state;
	in_child(read_whole);
	in_child(read_as_much_as_fits);
}

static void *note_tid(void *tid)
{
	*(int *)tid = (int)syscall(SYS_gettid);
	return NULL;
}

static void a_thread_that_was_joined_is_over(void **state)
{
	(void)state;
	assert_false(proc_thread_is_over((int)syscall(SYS_gettid)));
	for (int i = 0; i < 200; i++) {
		pthread_t thread;
		int tid = 0;
		assert_int_equal(pthread_create(&thread, NULL, note_tid, &tid), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(proc_thread_is_over(tid));
	}
}

static void *outlive(void *first)
{
	pthread_join(*(pthread_t *)first, NULL);
	bool known = syscall(SYS_tgkill, getpid(), getpid(), 0) == 0;
	bool right =
		proc_thread_is_over(getpid()) && !proc_thread_is_over((int)syscall(SYS_gettid));
	_exit(known && right ? 0 : 1);
}

/** The kernel keeps it, as it stands for the process. */
static void a_first_thread_that_has_left_the_others_is_over(void **state)
{
	(void)state;
#ifdef __SANITIZE_THREAD__
	printf("# skipped: ThreadSanitizer knows no first thread that is joined\n");
	skip();
#endif
	pid_t child = fork();
	if (child == 0) {
		static pthread_t first;
		pthread_t other;
		first = pthread_self();
		pthread_create(&other, NULL, outlive, &first);
		pthread_exit(NULL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

struct reader {
	_Atomic int tid;
	int fd;
};

static void *wait_in_read(void *of)
{
	struct reader *reader = of;
	char byte;
	reader->tid = (int)syscall(SYS_gettid);
	return read(reader->fd, &byte, 1) == 1 ? NULL : reader;
}

static void a_thread_that_waits_in_a_call_is_not_awake(void **state)
{
	(void)state;
	int pipe_fds[2];
	pthread_t thread;
	assert_int_equal(pipe(pipe_fds), 0);
	struct reader reader = {.fd = pipe_fds[0]};
	assert_int_equal(pthread_create(&thread, NULL, wait_in_read, &reader), 0);
	while (reader.tid == 0 || proc_thread_is_awake(reader.tid)) {
		sched_yield();
	}
	assert_true(proc_thread_is_awake((int)syscall(SYS_gettid)));
	assert_false(proc_thread_is_awake(0));
	assert_int_equal(write(pipe_fds[1], "x", 1), 1);
	pthread_join(thread, NULL);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void a_sysctl_of_two_numbers_gives_both(void **state)
{
	(void)state;
	long first;
	long last;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &first, &last), 2);
	fclose(file);
	int64_t values[4] = {0, 0, -7, -7};
	assert_int_equal(proc_sysctl("net/ipv4/ip_local_port_range", values, 4), 2);
	assert_int_equal(values[0], first);
	assert_int_equal(values[1], last);
	assert_int_equal(values[2], -7);
	assert_int_equal(proc_sysctl("net/ipv4/ip_local_port_range", values, 1), 1);
}

static void numbers_below_zero_and_above_63_bits_are_read_as_such(void **state)
{
	(void)state;
	static const char *const names[] = {"kernel/shmmax", "kernel/sched_rt_runtime_us",
					    "net/ipv6/conf/lo/use_tempaddr"};
	unsigned found = 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[128], text[64];
		int64_t value = 0;
		snprintf(path, sizeof path, "/proc/sys/%s", names[i]);
		if (proc_read(path, text, sizeof text) <= 0) {
			continue;
		}
		found++;
		errno = 0;
		long long expected = strtoll(text, NULL, 10);
		int result = proc_sysctl(names[i], &value, 1);
		assert_int_equal(result, errno == ERANGE ? -ERANGE : 1);
		assert_true(result < 0 || value == expected);
	}
	if (found == 0) {
		skip();
	}
}

static void what_is_no_sysctl_of_numbers_is_an_error(void **state)
{
	(void)state;
	int64_t value = 0;
	char name[300];
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(proc_sysctl("net/ipv4/no_such", &value, 1), -ENOENT);
	assert_int_equal(proc_sysctl("kernel/ostype", &value, 1), -EINVAL);
	assert_int_equal(proc_sysctl(name, &value, 1), -ENAMETOOLONG);
}

static void a_tcp_counter_is_the_one_of_that_name(void **state)
{
	(void)state;
	int64_t before = proc_tcp_counter("TCPAbortOnClose");
	int64_t others = proc_tcp_counter("ListenOverflows");
	assert_true(before >= 0);
	/* A close with a byte unread, once. */
	int fds[2] = {socket(AF_INET, SOCK_STREAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof name;
	assert_int_equal(bind(fds[0], (struct sockaddr *)&name, size), 0);
	assert_int_equal(listen(fds[0], 1), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&name, &size), 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&name, size), 0);
	int accepted = accept(fds[0], NULL, NULL);
	assert_int_equal(send(fds[1], "x", 1, 0), 1);
	struct pollfd arrived = {.fd = accepted, .events = POLLIN};
	assert_int_equal(poll(&arrived, 1, 20000), 1);
	close(accepted);
	/* Other programs may do the same here. */
	assert_true(proc_tcp_counter("TCPAbortOnClose") > before);
	assert_true(proc_tcp_counter("ListenOverflows") >= others);
	close(fds[0]);
	close(fds[1]);
}

static void an_unknown_tcp_counter_is_enoent(void **state)
{
	(void)state;
	assert_int_equal(proc_tcp_counter("ListenOverflow"), -ENOENT);
	assert_int_equal(proc_tcp_counter("ListenOverflowsX"), -ENOENT);
	assert_int_equal(proc_tcp_counter(""), -ENOENT);
}

static void no_descriptor_stays_open_and_no_scratch_block_taken(void **state)
{
	(void)state;
	int before = dup(0);
	close(before);
	void *block = scratch_take();
	scratch_give(block);
	proc_tcp_counter("TCPAbortOnClose");
	proc_tcp_counter("ListenOverflow");
	assert_ptr_equal(scratch_take(), block);
	scratch_give(block);
	int64_t value;
	proc_sysctl("net/ipv4/tcp_syn_retries", &value, 1);
	proc_sysctl("kernel/ostype", &value, 1);
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole_and_ends_with_nul),
		cmocka_unit_test(what_cannot_be_read_is_an_error_and_errno_is_left_alone),
		cmocka_unit_test_setup_teardown(what_comes_in_pieces_between_signals_is_read_whole,
						make_directory, remove_directory),
		cmocka_unit_test(a_thread_that_was_joined_is_over),
		cmocka_unit_test(a_first_thread_that_has_left_the_others_is_over),
		cmocka_unit_test(a_thread_that_waits_in_a_call_is_not_awake),
		cmocka_unit_test(a_sysctl_of_two_numbers_gives_both),
		cmocka_unit_test(numbers_below_zero_and_above_63_bits_are_read_as_such),
		cmocka_unit_test(what_is_no_sysctl_of_numbers_is_an_error),
		cmocka_unit_test(a_tcp_counter_is_the_one_of_that_name),
		cmocka_unit_test(an_unknown_tcp_counter_is_enoent),
		cmocka_unit_test(no_descriptor_stays_open_and_no_scratch_block_taken),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
