/* Where lines go, and what becomes of them where they cannot. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <cmocka.h>
#include "json_check.h"
#include "lines.h"
#include "log/event.h"
#include "log/log.h"
#include "sys/clock.h"
#include "sys/own.h"
#include "sys/self.h"

#define WRITERS 2
#define THREADS 2
#define LINES_EACH 2500

static int stderr_pipe(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	CHECK(dup2(ends[1], 2) == 2);
	close(ends[1]);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return ends[0];
}

static const char *piped(int fd)
{
	ssize_t got = read(fd, content, sizeof content - 1);
	content[got > 0 ? got : 0] = '\0';
	return content;
}

/* A data file that gets number 2, since that is free. */
static void open_as_stderr(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/stderr", directory);
	CHECK(open(path, O_RDWR | O_CREAT | O_APPEND, 0600) == 2);
}

static bool stderr_is(const char *expected)
{
	char path[128];
	snprintf(path, sizeof path, "%s/stderr", directory);
	return file_is(path, expected);
}

static void path_pattern(void)
{
	char pattern[128];
	char path[128];
	snprintf(pattern, sizeof pattern, "%s/%%e-%%p-%%%%p", directory);
	snprintf(path, sizeof path, "%s/a_b-%d-%%p", directory, getpid());
	log_start(pattern, LOG_CALLS, LOG_TEXT, "a/b");
	CHECK(access(path, F_OK) != 0);
	say("one\n");
	say("two\n");
	CHECK(file_is(path, "one\ntwo\n"));
	struct stat status;
	CHECK(stat(path, &status) == 0 && (status.st_mode & 0133) == 0);
	int fd = own_fd(OWN_LOG);
	CHECK(fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE)) == (O_APPEND | O_RDWR));
}

static void a_path_names_pid_and_program(void **state)
{
	(void)state;
	in_child(path_pattern);
}

static void relative_path(void)
{
	CHECK(chdir(directory) == 0);
	log_start("log", LOG_CALLS, LOG_TEXT, "x");
	CHECK(chdir("/") == 0);
	say("one\n");
	CHECK(file_is(log_path, "one\n"));
}

static void a_relative_path_belongs_to_the_directory_of_the_start(void **state)
{
	(void)state;
	in_child(relative_path);
}

static void *write_lines(void *name)
{
	for (int i = 0; i < LINES_EACH; i++) {
		char line[400];
		snprintf(line, sizeof line, "%s %d %*s|\n", (char *)name, i, i % 300, "");
		say(line);
	}
	return NULL;
}

static void write_from_threads(int writer)
{
	char names[THREADS][32];
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof names[i], "%d", writer * THREADS + i);
		CHECK(pthread_create(&threads[i], NULL, write_lines, names[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
}

static void check_lines(void)
{
	int next[WRITERS * THREADS] = {0};
	char *save;
	for (char *line = strtok_r(content, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int name;
		int number;
		char expected[400];
		CHECK(sscanf(line, "%d %d", &name, &number) == 2);
		CHECK(name >= 0 && name < WRITERS * THREADS && number == next[name]);
		next[name]++;
		snprintf(expected, sizeof expected, "%d %d %*s|", name, number, number % 300, "");
		CHECK(strcmp(line, expected) == 0);
	}
	for (int i = 0; i < WRITERS * THREADS; i++) {
		CHECK(next[i] == LINES_EACH);
	}
}

static void crowd(void)
{
	pid_t writers[WRITERS];
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		if (writers[i] == 0) {
			log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
			write_from_threads(i);
			_exit(log_dropped() == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < WRITERS; i++) {
		int status;
		CHECK(waitpid(writers[i], &status, 0) == writers[i] && status == 0);
	}
	load(log_path);
	check_lines();
}

static void lines_of_two_processes_with_threads_stay_whole(void **state)
{
	(void)state;
	in_child(crowd);
}

/* Every line is whole: JSON of ours. Returns how many there are that hold a text. */
static int count_whole_lines(const char *path, const char *holding, int *all)
{
	size_t length = load(path);
	CHECK(length == 0 || content[length - 1] == '\n');
	int count = 0;
	*all = 0;
	for (char *at = content; *at != '\0'; (*all)++) {
		char *end = strchr(at, '\n');
		*end = '\0';
		CHECK(json_is_valid(at, (size_t)(end - at)));
		count += strstr(at, holding) != NULL;
		at = end + 1;
	}
	return count;
}

static void send_event(int64_t number)
{
	char line[EVENT_SMALL];
	struct event event;
	event_begin(&event, EVENT_CALL, line, sizeof line);
	event_string(&event, KEY_WHY,
		     "An odd length, to make a line that fits no block of a disk.");
	event_number(&event, KEY_RESULT, number);
	event_send(&event);
}

static int write_until_dropped(int dropped)
{
	int written = 0;
	for (int i = 0; i < 10000 && log_dropped() < (uint64_t)dropped; i++) {
		send_event(i);
		written++;
	}
	CHECK(log_dropped() == (uint64_t)dropped);
	return written - dropped;
}

static void check_told(int whole, int dropped)
{
	int all;
	char expected[128];
	snprintf(expected, sizeof expected, "\"cause\":\"lines-dropped\"");
	CHECK(count_whole_lines(log_path, expected, &all) == 1);
	CHECK(all == whole + 2);
	snprintf(expected, sizeof expected, "\"count\":%d}", dropped);
	CHECK(count_whole_lines(log_path, expected, &all) == 1);
	CHECK(log_dropped() == 0);
}

static void full_disk(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", directory, "tmpfs", 0, "size=64k") != 0) {
		printf("# skipped: no private mount namespace here\n");
		fflush(stdout);
		_exit(SKIPPED);
	}
	int errors = stderr_pipe();
	char filler[128];
	snprintf(filler, sizeof filler, "%s/filler", directory);
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);
	char block[16384] = {0};
	CHECK(write(fd, block, sizeof block) == (ssize_t)sizeof block);
	log_start(log_path, LOG_CALLS, LOG_JSON, "x");
	int whole = write_until_dropped(5);
	CHECK(whole > 100);
	int all;
	count_whole_lines(log_path, "", &all);
	CHECK(all == whole);
	char expected[256];
	snprintf(expected, sizeof expected,
		 "resetby: cannot write log file %s: ENOSPC (No space left on device);"
		 " lines are dropped until it can be written\n",
		 log_path);
	CHECK(strcmp(piped(errors), expected) == 0);
	CHECK(unlink(filler) == 0 && close(fd) == 0);
	send_event(-1);
	check_told(whole, 5);
	CHECK(strcmp(piped(errors), "") == 0);
}

static void a_full_disk_drops_whole_lines_and_tells_how_many(void **state)
{
	(void)state;
	in_child(full_disk);
}

static void file_size_limit(void)
{
	stderr_pipe();
	signal(SIGXFSZ, SIG_DFL);
	struct rlimit limit;
	getrlimit(RLIMIT_FSIZE, &limit);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = 1000;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	log_start(log_path, LOG_CALLS, LOG_JSON, "x");
	int whole = write_until_dropped(3);
	CHECK(whole > 2);
	sigset_t pending;
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGXFSZ));
	sigset_t mask;
	sigprocmask(SIG_BLOCK, NULL, &mask);
	CHECK(!sigismember(&mask, SIGXFSZ));
	limit.rlim_cur = before;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	send_event(-1);
	check_told(whole, 3);
}

static void a_file_size_limit_sends_no_signal_and_tears_no_line(void **state)
{
	(void)state;
	in_child(file_size_limit);
}

static void signal_at_the_limit(void)
{
	stderr_pipe();
	signal(SIGXFSZ, SIG_DFL);
	struct rlimit limit = {.rlim_cur = 8, .rlim_max = RLIM_INFINITY};
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("1234567\n");
	say("over\n");
	CHECK(log_dropped() == 1);
	CHECK(file_is(log_path, "1234567\n"));
}

static void a_line_exactly_at_the_limit_sends_no_signal(void **state)
{
	(void)state;
	in_child(signal_at_the_limit);
}

static void program_closes(void)
{
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	int fd = own_fd(OWN_LOG);
	close(fd);
	say("two\n");
	CHECK(file_is(log_path, "one\ntwo\n"));

	fd = own_fd(OWN_LOG);
	char path[128];
	snprintf(path, sizeof path, "%s/data", directory);
	int data = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(dup2(data, fd) == fd);
	say("three\n");
	CHECK(file_is(path, ""));
	CHECK(file_is(log_path, "one\ntwo\nthree\n"));
	CHECK(own_fd(OWN_LOG) != fd);
}

static void a_closed_and_reused_descriptor_is_opened_again(void **state)
{
	(void)state;
	in_child(program_closes);
}

/* Put a data file under our number, as no call of libc could under the hooks. */
static void take_number_for_data(const char *path)
{
	int data = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	CHECK(data >= 0 && dup2(data, own_fd(OWN_LOG)) >= 0);
	close(data);
}

/* From here on writing, and asking for anything that a line was checked by, kills. */
static void forbid_work(void)
{
#define KILL_ON(number)                                                                            \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		KILL_ON(SYS_write),
		KILL_ON(SYS_statx),
		KILL_ON(SYS_prlimit64),
		KILL_ON(SYS_getpid),
		KILL_ON(SYS_gettid),
#ifdef SYS_poll
		KILL_ON(SYS_poll),
#endif
		KILL_ON(SYS_ppoll),
		KILL_ON(SYS_rt_sigprocmask),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void only_keeps(void)
{
	log_start(log_path, LOG_CALLS, LOG_JSON, "x");
	send_event(0);
	forbid_work();
	for (int i = 1; i < 5; i++) {
		send_event(i);
	}
	_exit(0);
}

static void a_call_line_makes_no_system_call(void **state)
{
	(void)state;
	int status = 1;
	/* A child that is not scheduled for PENDING_MS writes, and dies of it. */
	for (int i = 0; i < 10 && status != 0; i++) {
		pid_t child = fork();
		if (child == 0) {
			only_keeps();
		}
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	assert_int_equal(status, 0);
}

static void reused_without_hooks(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/data", directory);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("one\n");
	take_number_for_data(path);
	usleep(150 * 1000); /* 100 ms of it are the situation */
	keep_call("two\n");
	take_number_for_data(path);
	say("three\n");
	CHECK(file_is(path, ""));
	CHECK(file_is(log_path, "one\ntwo\nthree\n"));
}

static void a_call_line_looks_at_the_file_every_100_ms_and_another_line_always(void **state)
{
	(void)state;
	in_child(reused_without_hooks);
}

static void reused_in_child(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/data", directory);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("one\n");
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		take_number_for_data(path);
		keep_call("child\n");
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	keep_call("two\n");
	log_flush();
	CHECK(file_is(path, ""));
	CHECK(file_is(log_path, "one\nchild\ntwo\n"));
}

static void a_call_line_of_a_forked_child_looks_at_the_file(void **state)
{
	(void)state;
	in_child(reused_in_child);
}

static void moved(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/data", directory);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("one\n");
	int number = own_fd(OWN_LOG);
	own_move(number);
	int data = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	CHECK(dup2(data, number) == number);
	keep_call("two\n");
	log_flush();
	own_drop(OWN_LOG);
	keep_call("three\n");
	log_flush();
	CHECK(file_is(path, ""));
	CHECK(file_is(log_path, "one\ntwo\nthree\n"));
}

static void a_call_line_follows_a_descriptor_that_had_to_move(void **state)
{
	(void)state;
	in_child(moved);
}

static void refused_with_limit(void)
{
	stderr_pipe();
	signal(SIGXFSZ, SIG_DFL);
	struct rlimit limit = {.rlim_cur = 8, .rlim_max = RLIM_INFINITY};
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("1234567\n");
	keep_call("over\n");
	keep_call("over\n");
	CHECK(log_dropped() == 2);
	CHECK(file_is(log_path, "1234567\n"));
}

static void a_call_line_never_relies_on_a_limited_file(void **state)
{
	(void)state;
	in_child(refused_with_limit);
}

static void limited_later(void)
{
	stderr_pipe();
	signal(SIGXFSZ, SIG_DFL);
	struct rlimit limit = {.rlim_cur = 8, .rlim_max = RLIM_INFINITY};
	log_start(log_path, LOG_CONNS, LOG_TEXT, "x");
	keep_call("1234567\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	keep_call("over\n");
	CHECK(log_dropped() == 1);
	CHECK(file_is(log_path, "1234567\n"));
}

static void a_limit_that_is_set_later_sends_no_signal(void **state)
{
	(void)state;
	in_child(limited_later);
}

static void child_with_pid(void)
{
	char pattern[128];
	snprintf(pattern, sizeof pattern, "%s/%%p", directory);
	log_start(pattern, LOG_CALLS, LOG_TEXT, "x");
	say("parent\n");
	pid_t child = fork();
	if (child == 0) {
		log_after_fork();
		say("child\n");
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	char path[128];
	snprintf(path, sizeof path, "%s/%d", directory, child);
	CHECK(file_is(path, "child\n"));
	say("parent\n");
	snprintf(path, sizeof path, "%s/%d", directory, getpid());
	CHECK(file_is(path, "parent\nparent\n"));
}

static void a_forked_child_has_a_file_of_its_own(void **state)
{
	(void)state;
	in_child(child_with_pid);
}

static void unopenable(void)
{
	int errors = stderr_pipe();
	log_start("/nonexistent/\nlog", LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	say("two\n");
	CHECK(strcmp(piped(errors),
		     "resetby: cannot open log file /nonexistent/\\nlog: ENOENT "
		     "(No such file or directory); logging to stderr\none\ntwo\n") == 0);
	CHECK(log_dropped() == 0);
}

static void a_file_that_cannot_be_opened_is_told_once_and_lines_go_to_stderr(void **state)
{
	(void)state;
	in_child(unopenable);
}

static void reader_gone(void)
{
	signal(SIGPIPE, SIG_DFL);
	int reader = stderr_pipe();
	log_start("stderr", LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	CHECK(strcmp(piped(reader), "one\n") == 0);
	close(reader);
	say("two\n");
	CHECK(log_dropped() == 1);
}

static void a_stderr_without_reader_does_not_kill(void **state)
{
	(void)state;
	in_child(reader_gone);
}

static void pending_sigpipe(void)
{
	close(stderr_pipe());
	sigset_t pipes;
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipes, NULL);
	log_start("stderr", LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	sigset_t pending;
	sigpending(&pending);
	CHECK(!sigismember(&pending, SIGPIPE));
	raise(SIGPIPE);
	say("two\n");
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGPIPE));
	CHECK(log_dropped() == 2);
}

static void a_sigpipe_of_the_programs_own_stays_pending(void **state)
{
	(void)state;
	in_child(pending_sigpipe);
}

static void nobody_reads(void)
{
	int reader = stderr_pipe();
	log_start("stderr", LOG_CALLS, LOG_JSON, "x");
	for (int i = 0; i < 2000; i++) {
		send_event(i);
	}
	uint64_t dropped = log_dropped();
	CHECK(dropped > 0 && dropped < 2000);
	size_t length = strlen(piped(reader));
	CHECK(length > 0 && content[length - 1] == '\n');
	send_event(2000);
	CHECK(log_dropped() == 0);
	char expected[64];
	snprintf(expected, sizeof expected, "\"count\":%d}\n{", (int)dropped);
	CHECK(strstr(piped(reader), expected));
	CHECK(strstr(content, "\"cause\":\"lines-dropped\",\"sure\":\"certain\""));
	CHECK(strstr(content, "lines could not be written: EAGAIN (Resource temporarily"));
}

static void a_stderr_pipe_that_nobody_reads_does_not_block(void **state)
{
	(void)state;
	in_child(nobody_reads);
}

static void nobody_receives(void)
{
	int ends[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	/* Whatever net.core.wmem_default is. */
	CHECK(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &(int){65536}, sizeof(int)) == 0);
	CHECK(dup2(ends[1], 2) == 2);
	log_start("stderr", LOG_CALLS, LOG_JSON, "x");
	for (int i = 0; i < 5000; i++) {
		send_event(i);
	}
	CHECK(log_dropped() > 0);
	signal(SIGPIPE, SIG_DFL);
	close(ends[0]);
	send_event(1);
}

static void a_stderr_socket_that_nobody_reads_does_not_block(void **state)
{
	(void)state;
	in_child(nobody_receives);
}

static void stderr_reused(void)
{
	int reader = stderr_pipe();
	log_start("stderr", LOG_CALLS, LOG_TEXT, "x");
	close(2);
	say("zero\n");
	open_as_stderr();
	say("one\n");
	CHECK(stderr_is(""));
	CHECK(log_dropped() == 2);
	log_stderr_replaced();
	say("two\n");
	load(strcat(strcpy(log_path, directory), "/stderr"));
	CHECK(strstr(content, "lines-dropped (certain): 2 lines could not be written: EBADF"));
	CHECK(strstr(content, "count=2 exe=x\ntwo\n"));
	close(2);
	CHECK(open("/dev/null", O_WRONLY) == 2);
	say("three\n");
	CHECK(log_dropped() == 0);
	CHECK(strcmp(piped(reader), "") == 0);
}

static void what_took_the_number_of_stderr_is_not_written_to(void **state)
{
	(void)state;
	in_child(stderr_reused);
}

static void unreadable(void)
{
	CHECK(chmod(directory, 0755) == 0);
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	CHECK(fd >= 0 && write(fd, "resetby[1] ", 11) == 11 && fchmod(fd, 0222) == 0);
	close(fd);
	CHECK(geteuid() != 0 || setuid(65534) == 0);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	say("two\n");
	CHECK(own_fd(OWN_LOG) > 2);
}

static void a_log_that_may_not_be_read_is_written_to(void **state)
{
	(void)state;
	in_child(unreadable);
	assert_true(file_is(log_path, "resetby[1] one\ntwo\n"));
}

static void fifo(void)
{
	stderr_pipe();
	CHECK(mkfifo(log_path, 0600) == 0);
	int reader = open(log_path, O_RDONLY | O_NONBLOCK);
	signal(SIGPIPE, SIG_DFL);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("one\n");
	CHECK(strcmp(piped(reader), "one\n") == 0);
	close(reader);
	say("two\n");
	CHECK(log_dropped() == 1);
	reader = open(log_path, O_RDONLY | O_NONBLOCK);
	say("three\n");
	CHECK(strstr(piped(reader), "1 line could not be written: EPIPE"));
	CHECK(strstr(content, "\nthree\n"));
	close(reader);
	own_drop(OWN_LOG);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("goes to stderr, without waiting for a reader\n");
	CHECK(log_dropped() == 0);
}

static void a_fifo_may_lose_its_reader_and_get_another(void **state)
{
	(void)state;
	in_child(fifo);
}

static void complaint(void)
{
	int errors = stderr_pipe();
	log_complain("bad\nvalue");
	CHECK(strcmp(piped(errors), "resetby: bad\\nvalue\n") == 0);
	errno = 77;
	close(2);
	log_complain("nobody hears");
	CHECK(errno == 77);
}

static void a_complaint_is_one_line_also_before_the_start(void **state)
{
	(void)state;
	in_child(complaint);
}

static void levels_and_formats_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_read("off"), LOG_OFF);
	assert_int_equal(log_level_read("resets"), LOG_RESETS);
	assert_int_equal(log_level_read("conns"), LOG_CONNS);
	assert_int_equal(log_level_read("calls"), LOG_CALLS);
	assert_true(log_level_read("Calls") < 0);
	assert_int_equal(log_format_read("text"), LOG_TEXT);
	assert_int_equal(log_format_read("json"), LOG_JSON);
	assert_true(log_format_read("") < 0);
	assert_false(log_wants(LOG_RESETS));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(levels_and_formats_have_names),
		TEST(a_path_names_pid_and_program),
		TEST(a_relative_path_belongs_to_the_directory_of_the_start),
		TEST(lines_of_two_processes_with_threads_stay_whole),
		TEST(a_full_disk_drops_whole_lines_and_tells_how_many),
		TEST(a_file_size_limit_sends_no_signal_and_tears_no_line),
		TEST(a_line_exactly_at_the_limit_sends_no_signal),
		TEST(a_closed_and_reused_descriptor_is_opened_again),
		TEST(a_call_line_makes_no_system_call),
		TEST(a_call_line_looks_at_the_file_every_100_ms_and_another_line_always),
		TEST(a_call_line_of_a_forked_child_looks_at_the_file),
		TEST(a_call_line_follows_a_descriptor_that_had_to_move),
		TEST(a_call_line_never_relies_on_a_limited_file),
		TEST(a_limit_that_is_set_later_sends_no_signal),
		TEST(a_forked_child_has_a_file_of_its_own),
		TEST(a_file_that_cannot_be_opened_is_told_once_and_lines_go_to_stderr),
		TEST(a_stderr_without_reader_does_not_kill),
		TEST(a_sigpipe_of_the_programs_own_stays_pending),
		TEST(a_stderr_pipe_that_nobody_reads_does_not_block),
		TEST(a_stderr_socket_that_nobody_reads_does_not_block),
		TEST(what_took_the_number_of_stderr_is_not_written_to),
		TEST(a_log_that_may_not_be_read_is_written_to),
		TEST(a_fifo_may_lose_its_reader_and_get_another),
		TEST(a_complaint_is_one_line_also_before_the_start),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
