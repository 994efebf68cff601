/* Lines that wait: what a call's line says, and what becomes of lines whose process was killed. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include "lines.h"
#include "log/call_line.h"
#include "log/event.h"
#include "log/lane.h"
#include "log/leftover.h"
#include "log/log.h"
#include "log/mend.h"
#include "log/pending_file.h"
#include "sys/clock.h"

#define THREADS 8
#define LINES_EACH 5000

static void left_alone(void)
{
	append("zero\n");
	leave("one\ntwo\n", 0);
	open_log();
	expect_log("zero\none\ntwo\nopened\n");
	CHECK(!is_left());
}

static void the_next_process_brings_in_what_a_killed_one_left(void **state)
{
	(void)state;
	in_child(left_alone);
}

/* By one of the same id, whose threads had a file each. */
static void left_beside_its_own(void)
{
	static const char *const lines[] = {"one\n", "two\n", "three\n"};
	char path[256];
	char template[sizeof log_path + 4];
	snprintf(template, sizeof template, "%s.%%p", log_path);
	snprintf(log_path, sizeof log_path, "%.*s.%d", (int)strlen(template) - 3, template,
		 getpid());
	for (unsigned nth = 0; nth < 3; nth++) {
		struct text text = text_in(path, sizeof path);
		pending_path(&text, log_path, getpid(), nth);
		leave_at(path, lines[nth], 0);
	}
	log_start(template, LOG_CALLS, LOG_TEXT, "x");
	say("opened\n");
	expect_log("one\ntwo\nthree\nopened\n");
	for (unsigned nth = 0; nth < 3; nth++) {
		struct text text = text_in(path, sizeof path);
		pending_path(&text, log_path, getpid(), nth);
		CHECK(access(path, F_OK) < 0);
	}
}

static void a_log_of_its_own_gets_what_a_process_of_the_same_id_left(void **state)
{
	(void)state;
	in_child(left_beside_its_own);
}

static void written_already(void)
{
	append("zero\none\ntwo\nother\n");
	leave("one\ntwo\n", strlen("zero\n") + 1);
	open_log();
	expect_log("zero\none\ntwo\nother\nopened\n");
	CHECK(!is_left());
}

static void a_kill_after_the_write_doubles_no_line(void **state)
{
	(void)state;
	in_child(written_already);
}

static void not_written(void)
{
	append("zero\nother\n");
	leave("one\ntwo\n", strlen("zero\n") + 1);
	open_log();
	expect_log("zero\nother\none\ntwo\nopened\n");
}

static void a_kill_before_the_write_loses_no_line(void **state)
{
	(void)state;
	in_child(not_written);
}

/* The half becomes a blank line, and the line follows whole. */
static void written_in_part(void)
{
	append("zero\none\nresetby[1] tw");
	leave("one\nresetby[1] two\nthree\n", strlen("zero\n") + 1);
	open_log();
	expect_log("zero\none\n            \nresetby[1] two\nthree\nopened\n");
	/* Nor when the first line itself was cut. */
	append("rese");
	leave("resetby[1] four\n", strlen(content) + 1);
	leftover_reclaim();
	expect_log("zero\none\n            \nresetby[1] two\nthree\nopened\n"
		   "   \nresetby[1] four\n");
}

static void a_kill_within_the_write_leaves_whole_lines(void **state)
{
	(void)state;
	in_child(written_in_part);
}

static void overtaken(void)
{
	/* The line that follows goes on as the half one would have: "tres" is not how it ended. */
	append("zero\none\nresetby[1] tresetby[2] 12:00:00.000000 other\n");
	leave("one\nresetby[1] tresses\nthree\n", strlen("zero\n") + 1);
	open_log();
	expect_log("zero\none\n           \nresetby[2] 12:00:00.000000 other\n"
		   "resetby[1] tresses\nthree\nopened\n");
	append("{\"ts\":\"{\"ts\":\"B\"}\n");
	leave("{\"ts\":\"{\"ts\":\"A\"}\n", strlen(content) + 1);
	leftover_reclaim();
	load(log_path);
	CHECK(strstr(content, "opened\n      \n{\"ts\":\"B\"}\n{\"ts\":\"{\"ts\":\"A\"}\n"));
}

static void a_line_behind_half_a_line_is_made_whole(void **state)
{
	(void)state;
	in_child(overtaken);
}

/* The other threads' lines stand before the half line and behind it. */
static void among_others(void)
{
	append("{\"ts\":\"1\"}\n{\"ts\":\"2\"}\n{\"ts\":\"3{\"ts\":\"4\"}\n");
	leave("{\"ts\":\"3\"}\n{\"ts\":\"5\"}\n", 1);
	open_log();
	expect_log("{\"ts\":\"1\"}\n{\"ts\":\"2\"}\n       \n{\"ts\":\"4\"}\n"
		   "{\"ts\":\"3\"}\n{\"ts\":\"5\"}\nopened\n");
}

static void half_a_line_among_those_of_others_is_blanked(void **state)
{
	(void)state;
	in_child(among_others);
}

/* Lines of which nothing is pending: a direct write was torn, and its process left no trace. */
static void of_nobody(void)
{
	append("zero\nresetby[1] 12:00");
	open_log();
	expect_log("zero\n               \nopened\n");
	append("{\"ts\"");
	keep_call("at once\n");
	expect_log("zero\n               \nopened\n    \nat once\n");
	append("r");
	keep_call("waits\n");
	log_flush();
	expect_log("zero\n               \nopened\n    \nat once\n\nwaits\n");
}

static void half_a_line_of_nobody_is_blanked_by_who_writes_next(void **state)
{
	(void)state;
	in_child(of_nobody);
}

/* Linux 6.9: a descriptor to append with can write elsewhere too. */
static bool can_write_without_append(void)
{
	int fd = open(log_path, O_WRONLY | O_APPEND);
	struct iovec part = {"z", 1};
	bool can = pwritev2(fd, &part, 1, 0, 0x20) == 1;
	close(fd);
	return can;
}

/* It could not open the log now, but it has it open. */
static void humble(void)
{
	append("zero\n");
	if (geteuid() != 0 || !can_write_without_append()) {
		_exit(SKIPPED);
	}
	open_log();
	append("resetby[1] 12:00");
	CHECK(chmod(directory, 0755) == 0 && setuid(65534) == 0);
	say("after\n");
	expect_log("zero\nopened\n               \nafter\n");
}

static void half_a_line_is_blanked_by_who_gave_up_its_rights(void **state)
{
	(void)state;
	in_child(humble);
}

static void of_an_empty_log(void)
{
	append("resetby[1] 12:00");
	open_log();
	expect_log("               \nopened\n");
}

static void half_a_line_with_which_the_log_begins_is_blanked(void **state)
{
	(void)state;
	in_child(of_an_empty_log);
}

/* No line of ours is so long, and what looks like the beginning of one is within it. */
static void long_and_like_ours(void)
{
	static char line[EVENT_LARGE + 100];
	memset(line, 'x', sizeof line - 1);
	memcpy(line + sizeof line - 1 - EVENT_LARGE, "resetby[", strlen("resetby["));
	append(line);
	open_log();
	load(log_path);
	CHECK(strncmp(content, line, sizeof line - 1) == 0);
	CHECK(strcmp(content + sizeof line - 1, "opened\n") == 0);
}

static void what_is_longer_than_a_line_is_left_alone(void **state)
{
	(void)state;
	in_child(long_and_like_ours);
}

static void strange(void)
{
	static char long_line[8000];
	append("theirs ");
	open_log();
	expect_log("theirs opened\n");
	memset(long_line, '{', sizeof long_line - 1);
	append(long_line);
	say("after\n");
	load(log_path);
	CHECK(strncmp(content + strlen("theirs opened\n"), long_line, sizeof long_line - 1) == 0);
}

static void what_other_programs_write_to_the_log_is_left_alone(void **state)
{
	(void)state;
	in_child(strange);
}

/* Who wrote behind it was killed before it could look. */
static void unseen(void)
{
	append("zero\n{\"ts\":\"3{\"ts\":\"4\"}\n{\"ts\":\"5\"}\n");
	leave("{\"ts\":\"5\"}\n", strlen("zero\n") + 1);
	open_log();
	expect_log("zero\n       \n{\"ts\":\"4\"}\n{\"ts\":\"5\"}\nopened\n");
	/* Also when it is what the mark points behind. */
	append("{\"ts\":\"6{\"ts\":\"7\"}\n");
	leave("{\"ts\":\"7\"}\n", strlen(content) + strlen("{\"ts\":\"6") + 1);
	leftover_reclaim();
	load(log_path);
	CHECK(strstr(content, "opened\n       \n{\"ts\":\"7\"}\n"));
}

static void half_a_line_is_blanked_by_who_brings_others_in(void **state)
{
	(void)state;
	in_child(unseen);
}

#define OURS "resetby[3] 12:01:01.000000 warn "
#define MENTIONS                                                                                   \
	OURS "resetby[ there\n" OURS "resetby[x] 12:01:02.123456 \n" OURS                          \
	     "resetby[12] for it\n" OURS "resetby[12] 12:01:02,123456 \n" OURS                     \
	     "resetby[12] 1x:01:02.123456 \n" OURS "resetby[] 12:01:02.123456 \n" OURS             \
	     "resetby[1-2] 12:01:02.123456 \n" OURS "resetby[12] 12:01:02.12-456 \n"
#define LAST "resetby[1] 12:01:03.000000 exit x\n"

/* A rule, or a path, may look like the head of a line; behind half a line such a head is one. */
static void mentioned(void)
{
	append("zero\n" MENTIONS "resetby[3] 1resetby[12] 12:01:02.123456 error x\n" LAST);
	leave(LAST, strlen("zero\n") + 1);
	open_log();
	expect_log("zero\n" MENTIONS "           \nresetby[12] 12:01:02.123456 error x\n" LAST
		   "opened\n");
}

static void a_line_that_only_mentions_another_is_left_alone(void **state)
{
	(void)state;
	in_child(mentioned);
}

/* Between a look at the log's size and our write others wrote, one of them half a line. */
static void crowded(void)
{
	static char others[200000];
	const char *half = "resetby[1] 12";
	const char *ours = "resetby[2] 12:00:00.000000 ours\n";
	memset(others, '\n', sizeof others - 1);
	append("zero\n");
	append(others);
	append(half);
	append(ours);
	/* The path is of use where the descriptor can only append. */
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	int fd = open(log_path, O_RDWR | O_APPEND);
	CHECK(fd >= 0 && mend_can(fd));
	mend_before_text(fd, strlen("zero\n"), ours, strlen(ours));
	load(log_path);
	CHECK(strcmp(content + strlen("zero\n") + strlen(others),
		     "            \nresetby[2] 12:00:00.000000 ours\n") == 0);
}

static void half_a_line_is_found_behind_what_others_wrote_meanwhile(void **state)
{
	(void)state;
	in_child(crowded);
}

static void far(void)
{
	/* The first line lies across two windows, and the lines across two as well. */
	static char others[(3 << 20) + 1];
	memset(others, '\n', sizeof others - 1);
	others[(1 << 20) - 3] = '\0';
	append(others);
	append("one\n");
	others[(1 << 20) - 3] = '\n';
	append(others);
	append("two\n");
	leave("one\ntwo\n", 1);
	open_log();
	load(log_path);
	const char *two = strstr(content, "two");
	CHECK(strcmp(two, "two\nopened\n") == 0);
}

static void lines_far_behind_the_mark_are_not_doubled(void **state)
{
	(void)state;
	in_child(far);
}

/* Who brought in the last three was killed before it could say so. */
static void brought_in_twice(void)
{
	append("one\none\nother\none\ntwo\nother\nthree\n");
	leave("one\none\none\ntwo\nthree\nfour\n", 1);
	open_log();
	expect_log("one\none\nother\none\ntwo\nother\nthree\nfour\nopened\n");
}

static void lines_that_came_in_parts_are_not_doubled(void **state)
{
	(void)state;
	in_child(brought_in_twice);
}

static void rotated(void)
{
	append("new\n");
	leave("one\n", 1000000);
	open_log();
	expect_log("new\none\nopened\n");
}

static void a_log_that_was_rotated_gets_the_lines(void **state)
{
	(void)state;
	in_child(rotated);
}

/* A process that keeps a line, says so, and lives until the pipe is closed. */
static pid_t keeper(int *hold)
{
	int said[2];
	int held[2];
	CHECK(pipe(said) == 0 && pipe(held) == 0);
	pid_t child = fork();
	if (child == 0) {
		char byte;
		close(held[1]);
		stopped_us = clock_wall_us();
		log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
		keep_call("first\n");
		keep_call("second\n");
		CHECK(write(said[1], "", 1) == 1);
		CHECK(read(held[0], &byte, 1) == 0);
		log_exiting();
		_exit(0);
	}
	char byte;
	close(said[1]);
	close(held[0]);
	CHECK(read(said[0], &byte, 1) == 1);
	close(said[0]);
	*hold = held[1];
	return child;
}

static void alive(void)
{
	int hold;
	int status;
	char path[256];
	pid_t child = keeper(&hold);
	open_log();
	/* Its first line goes at once, its second waits. */
	expect_log("first\nopened\n");
	pending_name(path, child);
	CHECK(file_is(path, "second\n"));
	close(hold);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	expect_log("first\nopened\nsecond\n");
	CHECK(access(path, F_OK) != 0);
}

static void a_living_process_keeps_its_lines_and_writes_them_at_exit(void **state)
{
	(void)state;
	in_child(alive);
}

struct seen {
	size_t alive, dead;
	char text[256];
};

static void see_lines(const struct leftover *leftover, void *context)
{
	struct seen *seen = context;
	*(leftover->alive ? &seen->alive : &seen->dead) += leftover->length;
	strncat(seen->text, leftover->lines, leftover->length);
}

static void reading(void)
{
	int hold;
	struct seen seen = {0};
	pid_t child = keeper(&hold);
	append("resetby[1] 12:00:00");
	leave("first\nleft\n", 1);
	CHECK(leftover_read(log_path, see_lines, &seen) == 2);
	CHECK(seen.alive == strlen("second\n") && seen.dead == strlen("left\n"));
	CHECK(strstr(seen.text, "second\n") != NULL && strstr(seen.text, "left\n") != NULL);
	CHECK(is_left());
	/* Nor is half a line there made blank. */
	expect_log("first\nresetby[1] 12:00:00");
	CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
	CHECK(leftover_read(log_path, see_lines, &seen) == 2);
	CHECK(seen.dead == strlen("left\n") * 2 + strlen("second\n"));
	CHECK(leftover_read("/nonexistent/log", see_lines, &seen) == -ENOENT);
}

static void what_is_left_can_be_read_without_a_trace(void **state)
{
	(void)state;
	in_child(reading);
}

static void untrusted(void)
{
	char path[256];
	append("zero\n");
	leave("forged\n", 0);
	pending_name(path, 1);
	if (chown(path, 65534, 65534) != 0) {
		leave("x", 0);
	}
	/* Nor through a link, nor of another log. */
	char link_path[256];
	pending_name(link_path, 2);
	CHECK(symlink("/etc/passwd", link_path) == 0);
	snprintf(path, sizeof path, "%s/.log.old.1.pending", directory);
	CHECK(link(link_path, path) == 0);
	open_log();
	expect_log("zero\nopened\n");
}

static void a_file_of_another_user_is_not_brought_in(void **state)
{
	(void)state;
	in_child(untrusted);
}

/* One is being made, the other is of something else. */
static void of_another_size(void)
{
	char path[256];
	struct seen seen = {0};
	leave("left\n", 0);
	pending_name(path, 2);
	leave_at(path, "not ours\n", 0);
	CHECK(truncate(path, 100) == 0);
	CHECK(leftover_read(log_path, see_lines, &seen) == 1 && strcmp(seen.text, "left\n") == 0);
	pending_name(path, 3);
	CHECK(mknod(path, S_IFREG | 0644, 0) == 0);
	open_log();
	expect_log("left\nopened\n");
	CHECK(!is_left() && access(path, F_OK) == 0);
	pending_name(path, 2);
	CHECK(access(path, F_OK) == 0);
}

static void a_file_of_another_size_is_left_alone(void **state)
{
	(void)state;
	in_child(of_another_size);
}

/* They are as large, and say the same. */
static void of_other_names(void)
{
	static const char *const names[] = {"data",           ".log",
					    ".log.pending",   ".log..pending",
					    "_log.1.pending", ".log_1.pending",
					    ".log.1_pending", ".log.old.1.pending",
					    ".lag.1.pending", ".log.1.pending.gz"};
	char path[256];
	struct seen seen = {0};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		leave_at(path, "not ours\n", 0);
	}
	open_log();
	expect_log("opened\n");
	CHECK(leftover_read(log_path, see_lines, &seen) == 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", directory, names[i]);
		CHECK(load(path) == PENDING_SIZE && strcmp(content, "not ours\n") == 0);
	}
}

static void a_file_of_another_name_is_left_alone(void **state)
{
	(void)state;
	in_child(of_other_names);
}

/* Neither the user's own nor root's. */
static void of_the_logs_owner(void)
{
	char path[256];
	append("zero\n");
	leave("left\n", 0);
	pending_name(path, 1);
	if (chown(path, 65534, 65534) != 0) {
		_exit(SKIPPED);
	}
	CHECK(chown(log_path, 65534, 65534) == 0);
	open_log();
	expect_log("zero\nleft\nopened\n");
	CHECK(!is_left());
}

static void a_file_of_the_logs_owner_is_brought_in(void **state)
{
	(void)state;
	in_child(of_the_logs_owner);
}

static void of_this_directory(void)
{
	struct seen seen = {0};
	CHECK(chdir(directory) == 0);
	leave("left\n", 0);
	CHECK(leftover_read("log", see_lines, &seen) == 1 && strcmp(seen.text, "left\n") == 0);
}

static void a_log_of_this_directory_has_its_lines_there(void **state)
{
	(void)state;
	in_child(of_this_directory);
}

/* Of a process whose user may not take the file away. */
static void not_taken_away(void)
{
	char path[256];
	append("zero\n");
	leave("one\ntwo\n", 0);
	pending_name(path, 1);
	if (chown(path, 65534, 65534) != 0) {
		_exit(SKIPPED);
	}
	CHECK(chmod(log_path, 0666) == 0 && chmod(directory, 0755) == 0 && setuid(65534) == 0);
	open_log();
	leftover_reclaim();
	expect_log("zero\none\ntwo\nopened\n");
	CHECK(is_left());
}

static void lines_whose_file_stays_are_brought_in_once(void **state)
{
	(void)state;
	in_child(not_taken_away);
}

/* There is room for the first line only. */
static void no_room(void)
{
	struct rlimit limit;
	append("zero\n");
	leave("one\ntwo\n", 0);
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
	rlim_t before = limit.rlim_cur;
	limit.rlim_cur = strlen("zero\none\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	leftover_reclaim();
	expect_log("zero\none\n");
	CHECK(is_left());
	limit.rlim_cur = before;
	CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	leftover_reclaim();
	expect_log("zero\none\ntwo\n");
	CHECK(!is_left());
}

static void what_had_no_room_is_brought_in_later(void **state)
{
	(void)state;
	in_child(no_room);
}

static void unfinished(void)
{
	leave("whole\nhalf", 0);
	open_log();
	expect_log("whole\nopened\n");
}

static void only_whole_lines_are_brought_in(void **state)
{
	(void)state;
	in_child(unfinished);
}

static void *keep_lines(void *name)
{
	char line[400];
	struct self self = self_now();
	for (int i = 0; i < LINES_EACH; i++) {
		int length =
			snprintf(line, sizeof line, "%s %d %*s|\n", (char *)name, i, i % 300, "");
		log_write_soon(&self, clock_wall_us(), line, (size_t)length);
	}
	return NULL;
}

static void keep_from_threads(int writer)
{
	char names[THREADS][32];
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		snprintf(names[i], sizeof names[i], "%d", writer * THREADS + i);
		CHECK(pthread_create(&threads[i], NULL, keep_lines, names[i]) == 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	log_exiting();
}

static void crowd(void)
{
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("parent\n");
	pid_t child = fork();
	log_after_fork();
	keep_from_threads(child == 0);
	if (child == 0) {
		_exit(0);
	}
	CHECK(waitpid(child, NULL, 0) == child);
	static int next[2 * THREADS];
	char *save;
	size_t count = 0;
	load(log_path);
	for (char *line = strtok_r(content, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int name;
		int number;
		char expected[400];
		if (strcmp(line, "parent") == 0) {
			continue;
		}
		CHECK(sscanf(line, "%d %d", &name, &number) == 2);
		snprintf(expected, sizeof expected, "%d %d %*s|", name, number, number % 300, "");
		CHECK(strcmp(line, expected) == 0 && number == next[name]);
		next[name]++;
		count++;
	}
	CHECK(count == (size_t)2 * THREADS * LINES_EACH);
}

static void lines_of_threads_and_processes_are_whole_all_there_and_in_order(void **state)
{
	(void)state;
	in_child(crowd);
}

/* As after daemon(), whose fork no hook sees: others of its lines may have been kept by then. */
static void noticed_late(void)
{
	int status;
	char path[256];
	stopped_us = clock_wall_us();
	open_log();
	pid_t child = fork();
	if (child == 0) {
		keep_call("first\n");
		keep_call("second\n");
		log_after_fork();
		keep_call("third\n");
		log_exiting();
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	expect_log("opened\nfirst\nsecond\nthird\n");
	pending_name(path, child);
	CHECK(access(path, F_OK) != 0);
}

static void a_child_keeps_its_lines_where_its_fork_is_noticed_late(void **state)
{
	(void)state;
	in_child(noticed_late);
}

/* As before a setuid or a sandbox: no file is to be made, removed or brought in any more. */
static void prepared(void)
{
	char path[256];
	stopped_us = clock_wall_us();
	open_log();
	keep_call("first\n");
	keep_call("second\n");
	log_prepare();
	expect_log("opened\nfirst\nsecond\n");
	pending_name(path, getpid());
	CHECK(access(path, F_OK) != 0);
	keep_call("third\n");
	keep_call("fourth\n");
	expect_log("opened\nfirst\nsecond\nthird\nfourth\n");
	CHECK(access(path, F_OK) != 0);
}

static void no_line_waits_once_the_log_is_prepared_for_less_rights(void **state)
{
	(void)state;
	in_child(prepared);
}

static struct lane held;

static void *leave_lane(void *context)
{
	(void)context;
	/* Who waits for the lane begins to watch for a stall when it has waited for long. */
	while (atomic_load(&held.stall_ms) == 0) {
		usleep(100);
	}
	atomic_store(&held.holder, 0);
	return NULL;
}

/* As when a disk holds up the flush: who did not wait would overtake the lines there. */
static void held_up(void)
{
	pthread_t thread;
	atomic_store(&held.holder, 1);
	CHECK(pthread_create(&thread, NULL, leave_lane, NULL) == 0);
	CHECK(lane_wait(&held, 2) && atomic_load(&held.holder) == 2);
	pthread_join(thread, NULL);
}

static void a_line_waits_for_those_before_it_to_be_written(void **state)
{
	(void)state;
	in_child(held_up);
}

static void left(void)
{
	atomic_store(&held.holder, 1);
	CHECK(!lane_wait(&held, 2) && atomic_load(&held.stranded));
	CHECK(!lane_wait(&held, 3) && atomic_load(&held.holder) == 1);
}

static void nobody_waits_for_ever_for_a_thread_that_left(void **state)
{
	(void)state;
	in_child(left);
}

static void *keep_two(void *context)
{
	(void)context;
	keep_call("thread\n");
	keep_call("thread\n");
	return NULL;
}

/* Threads that have ended have left lines where no other thread writes to. */
static void spread(void)
{
	stopped_us = clock_wall_us();
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("first\n");
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;
		CHECK(pthread_create(&thread, NULL, keep_two, NULL) == 0);
		pthread_join(thread, NULL);
	}
	CHECK(log_due_ms(clock_wall_us()) >= 0);
	say("error\n");
	load(log_path);
	const char *line = content + strlen("first\n");
	for (int i = 0; i < 2 * THREADS; i++, line += strlen("thread\n")) {
		CHECK(strncmp(line, "thread\n", strlen("thread\n")) == 0);
	}
	CHECK(strcmp(line, "error\n") == 0 && log_due_ms(clock_wall_us()) < 0);
	log_exiting();
	char command[128];
	snprintf(command, sizeof command, "test $(ls -A %s) = log", directory);
	CHECK(system(command) == 0);
}

static void lines_of_all_threads_come_before_a_line_of_another_kind(void **state)
{
	(void)state;
	in_child(spread);
}

static void important(void)
{
	stopped_us = clock_wall_us();
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	keep_call("first\n");
	keep_call("second\n");
	say("error\n");
	expect_log("first\nsecond\nerror\n");
	CHECK(log_due_ms(clock_wall_us()) < 0);
	keep_call("third\n");
	CHECK(log_due_ms(clock_wall_us()) >= 0);
	log_flush();
	expect_log("first\nsecond\nerror\nthird\n");
}

static void a_line_of_another_kind_comes_at_once_and_in_order(void **state)
{
	(void)state;
	in_child(important);
}

static volatile sig_atomic_t handled;

static void log_in_handler(int signal)
{
	(void)signal;
	keep_call("handler\n");
	handled++;
}

static void interrupted(void)
{
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	signal(SIGALRM, log_in_handler);
	struct itimerval often = {{0, 100}, {0, 100}};
	setitimer(ITIMER_REAL, &often, NULL);
	int kept = 0;
	while (handled < 2000) {
		keep_call("main\n");
		kept++;
	}
	struct itimerval never = {{0, 0}, {0, 0}};
	setitimer(ITIMER_REAL, &never, NULL);
	log_exiting();
	int handlers = 0;
	char *save;
	load(log_path);
	for (char *line = strtok_r(content, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		bool of_handler = strcmp(line, "handler") == 0;
		CHECK(of_handler || strcmp(line, "main") == 0);
		handlers += of_handler;
		kept -= !of_handler;
	}
	CHECK(kept == 0 && handlers == handled);
}

static void a_signal_handler_may_log_in_the_middle_of_it(void **state)
{
	(void)state;
	in_child(interrupted);
}

static const struct pen_word recv_word = PEN_WORD("recv");
static int repeated;

/* All ways to write a call's line say the same: behind the time, which is the head's. */
static void compare_lines(struct call_line *call, const struct line_ends *ends)
{
	append("");
	CHECK(truncate(log_path, 0) == 0);
	self_renew();
	call->now_ns = clock_exact_ns();
	call_line_send(call, ends);
	call_line_send(call, ends);
	if (call_line_repeat(call)) {
		repeated++;
	}
	log_flush();
	load(log_path);
	char *rest = content;
	const char *slow = strchr(strsep(&rest, "\n"), '.');
	for (char *line = strsep(&rest, "\n"); *line != '\0'; line = strsep(&rest, "\n")) {
		const char *fast = strchr(line, '.');
		if (strcmp(slow + strlen(".123456"), fast + strlen(".123456")) != 0) {
			printf("# %s\n# %s\n", content, line);
			fflush(stdout);
			_exit(1);
		}
	}
}

static void compare_formats(enum log_format format, const char *exe)
{
	static const int64_t numbers[] = {0,          9,          10,     99,        100,
					  9999,       10000,      12345,  1234567,   99999999,
					  100000000,  -1,         -12345, INT64_MAX, INT64_MIN,
					  1000000007, 10000000000};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(40000)};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_scope_id = UINT32_MAX};
	inet_pton(AF_INET, "10.255.0.99", &in.sin_addr);
	inet_pton(AF_INET6, "fe80:1111:2222:3333:4444:5555:6666:7777", &in6.sin6_addr);
	struct addr addrs[] = {addr_from_sockaddr(&in, sizeof in),
			       addr_from_sockaddr(&in6, sizeof in6),
			       {.family = 0}};
	log_start(log_path, LOG_CALLS, format, exe);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct call_line call = {
			.fd = (int)(numbers[i] & INT32_MAX),
			.conn = (uint64_t)numbers[i],
			.op = &recv_word,
			.moves = i % 2 == 0,
			.asked = (uint64_t)numbers[i],
			.result = numbers[i],
			.error = i % 4 == 0   ? 0
				 : i % 4 == 1 ? 999
					      : ECONNRESET,
			.us = (uint64_t)numbers[i],
		};
		struct line_ends ends = {"client", addrs[i % 3], addrs[(i + 1) % 3]};
		compare_lines(&call, &ends);
	}
}

static void compare(void)
{
	static const char *const exes[] = {
		"nginx", "a b", "\"",
		"a name of sixty bytes and some more than that, which has no room"};
	for (size_t i = 0; i < sizeof exes / sizeof *exes; i++) {
		compare_formats(LOG_TEXT, exes[i]);
		compare_formats(LOG_JSON, exes[i]);
	}
	CHECK(repeated > 0);
}

static void a_call_line_is_what_the_functions_of_event_h_write(void **state)
{
	(void)state;
	in_child(compare);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		TEST(the_next_process_brings_in_what_a_killed_one_left),
		TEST(a_log_of_its_own_gets_what_a_process_of_the_same_id_left),
		TEST(a_kill_after_the_write_doubles_no_line),
		TEST(a_kill_before_the_write_loses_no_line),
		TEST(a_kill_within_the_write_leaves_whole_lines),
		TEST(a_line_behind_half_a_line_is_made_whole),
		TEST(half_a_line_among_those_of_others_is_blanked),
		TEST(half_a_line_of_nobody_is_blanked_by_who_writes_next),
		TEST(half_a_line_is_blanked_by_who_gave_up_its_rights),
		TEST(half_a_line_with_which_the_log_begins_is_blanked),
		TEST(what_is_longer_than_a_line_is_left_alone),
		TEST(what_other_programs_write_to_the_log_is_left_alone),
		TEST(half_a_line_is_blanked_by_who_brings_others_in),
		TEST(a_line_that_only_mentions_another_is_left_alone),
		TEST(half_a_line_is_found_behind_what_others_wrote_meanwhile),
		TEST(lines_far_behind_the_mark_are_not_doubled),
		TEST(lines_that_came_in_parts_are_not_doubled),
		TEST(a_log_that_was_rotated_gets_the_lines),
		TEST(a_living_process_keeps_its_lines_and_writes_them_at_exit),
		TEST(what_is_left_can_be_read_without_a_trace),
		TEST(a_file_of_another_user_is_not_brought_in),
		TEST(a_file_of_another_size_is_left_alone),
		TEST(a_file_of_another_name_is_left_alone),
		TEST(a_file_of_the_logs_owner_is_brought_in),
		TEST(a_log_of_this_directory_has_its_lines_there),
		TEST(lines_whose_file_stays_are_brought_in_once),
		TEST(what_had_no_room_is_brought_in_later),
		TEST(only_whole_lines_are_brought_in),
		TEST(lines_of_threads_and_processes_are_whole_all_there_and_in_order),
		TEST(a_child_keeps_its_lines_where_its_fork_is_noticed_late),
		TEST(no_line_waits_once_the_log_is_prepared_for_less_rights),
		TEST(a_line_waits_for_those_before_it_to_be_written),
		TEST(nobody_waits_for_ever_for_a_thread_that_left),
		TEST(lines_of_all_threads_come_before_a_line_of_another_kind),
		TEST(a_line_of_another_kind_comes_at_once_and_in_order),
		TEST(a_signal_handler_may_log_in_the_middle_of_it),
		TEST(a_call_line_is_what_the_functions_of_event_h_write),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
