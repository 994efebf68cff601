#include <errno.h>
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
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
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
		cmocka_unit_test(a_thread_that_was_joined_is_over),
		cmocka_unit_test(a_first_thread_that_has_left_the_others_is_over),
		cmocka_unit_test(a_thread_that_waits_in_a_call_is_not_awake),
		cmocka_unit_test(a_sysctl_of_two_numbers_gives_both),
		cmocka_unit_test(what_is_no_sysctl_of_numbers_is_an_error),
		cmocka_unit_test(a_tcp_counter_is_the_one_of_that_name),
		cmocka_unit_test(an_unknown_tcp_counter_is_enoent),
		cmocka_unit_test(no_descriptor_stays_open_and_no_scratch_block_taken),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
