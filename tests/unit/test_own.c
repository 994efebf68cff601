#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
#include "sys/own.h"
#include "sys/sandbox.h"
#include "sys/self.h"

static int drop_all(void **state)
{
	(void)state;
	for (int i = 0; i < OWN_COUNT; i++) {
		own_drop((enum own)i);
	}
	return 0;
}

static int adopt_socket(enum own which)
{
	return own_adopt(which, socket(AF_INET, SOCK_STREAM, 0));
}

static int nofile_end(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur < 1024 ? (int)limit.rlim_cur : 1024;
}

static void an_adopted_descriptor_lives_high_and_is_cloexec(void **state)
{
	(void)state;
	int low = open("/dev/null", O_WRONLY);
	int fd = own_adopt(OWN_LOG, low);
	assert_true(fd >= nofile_end() - 128);
	assert_int_equal(fcntl(low, F_GETFD), -1);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(own_fd(OWN_LOG), fd);
	assert_int_equal(own_number(OWN_LOG), fd);
	assert_true(own_is(fd));
	assert_false(own_is(low));
	assert_false(own_is(-1));
}

static void what_was_never_adopted_is_ebadf(void **state)
{
	(void)state;
	assert_int_equal(own_fd(OWN_LOG), -EBADF);
	assert_int_equal(own_number(OWN_LOG), -EBADF);
	assert_int_equal(own_adopt(OWN_LOG, 9999), -EBADF);
	assert_int_equal(own_next(0), -1);
	assert_false(own_is(0));
}

static void a_descriptor_that_the_program_closed_is_lost(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_LOG);
	close(fd);
	assert_int_equal(own_fd(OWN_LOG), -EBADF);
	assert_int_equal(own_number(OWN_LOG), -EBADF);
	assert_false(own_is(fd));
}

static void a_reused_number_is_the_programs(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_LOG);
	int theirs = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(dup2(theirs, fd), fd);
	assert_int_equal(own_fd(OWN_LOG), -EBADF);
	assert_false(own_is(fd));
	own_drop(OWN_LOG);
	assert_int_not_equal(fcntl(fd, F_GETFD), -1);
	close(fd);
	close(theirs);
}

/** Whoever looks first. */
static void a_reused_number_is_left_to_the_program_by_all(void **state)
{
	(void)state;
	for (int way = 0; way < 5; way++) {
		int fd = adopt_socket(OWN_LOG);
		int theirs = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(dup2(theirs, fd), fd);
		switch (way) {
		case 0:
			assert_false(own_is(fd));
			break;
		case 1:
			assert_int_equal(own_next(0), -1);
			break;
		case 2:
			own_move(fd);
			break;
		case 3:
			own_drop(OWN_LOG);
			break;
		default:
			assert_int_not_equal(adopt_socket(OWN_LOG), fd);
			own_drop(OWN_LOG);
		}
		assert_int_equal(own_number(OWN_LOG), -EBADF);
		assert_int_not_equal(fcntl(fd, F_GETFD), -1);
		close(fd);
		close(theirs);
	}
}

static void look_at_two_files_of_one_number(void)
{
	const char *paths[2];
	struct stat statuses[2];
	int fds[2];
	static char rooms[2][128];
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		_exit(SKIPPED);
	}
	for (int i = 0; i < 2; i++) {
		snprintf(rooms[i], sizeof rooms[i], "%s/%d", directory, i);
		paths[i] = rooms[i];
		CHECK(mkdir(paths[i], 0700) == 0);
		if (mount("none", paths[i], "tmpfs", 0, NULL) != 0) {
			_exit(SKIPPED);
		}
		fds[i] = open(paths[i], O_RDONLY | O_DIRECTORY);
		CHECK(fstat(fds[i], &statuses[i]) == 0);
	}
	CHECK(statuses[0].st_ino == statuses[1].st_ino);
	int fd = own_adopt(OWN_LOG, fds[0]);
	CHECK(own_fd(OWN_LOG) == fd);
	CHECK(dup2(fds[1], fd) == fd);
	CHECK(own_fd(OWN_LOG) == -EBADF);
}

static void the_same_inode_of_another_device_is_another_file(void **state)
{
	(void)state;
	in_child(look_at_two_files_of_one_number);
}

/** As a log that is opened again where it was. */
static void the_same_file_under_the_same_number_stays_open(void **state)
{
	(void)state;
	int fd = own_adopt(OWN_LOG, open("/dev/null", O_WRONLY));
	close(fd);
	assert_int_equal(own_adopt(OWN_LOG, open("/dev/null", O_WRONLY)), fd);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void what_a_child_of_vfork_closes_stays_its_parents(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_LOG);
	self_now();
	pid_t child = vfork();
	if (child == 0) {
		close(fd);
		_exit(own_fd(OWN_LOG) == -EBADF && !own_is(fd) ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(own_fd(OWN_LOG), fd);
}

static void look_in_a_sandbox(void)
{
	struct statx status = {.stx_mode = 0};
	int fd = adopt_socket(OWN_LOG);
	sandbox_closed = true;
	CHECK(own_status(OWN_LOG, &status) == fd);
	CHECK(S_ISREG(status.stx_mode));
	CHECK(own_is(fd));
	CHECK(own_next(0) == fd);
}

/** Where nothing may be looked at, the hooks alone keep it. */
static void in_a_sandbox_it_is_believed_to_be_there(void **state)
{
	(void)state;
	in_child(look_in_a_sandbox);
}

static void the_first_good_one_stays(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_HOLE_IPV4_LISTENER);
	int before = dup(0);
	close(before);
	assert_int_equal(adopt_socket(OWN_HOLE_IPV4_LISTENER), fd);
	int after = dup(0);
	close(after);
	assert_int_equal(before, after);
	assert_int_equal(fcntl(fd + 1, F_GETFD), -1);
}

static void ours_moves_out_of_the_way_of_a_dup2(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_LOG);
	own_move(fd);
	int moved = own_fd(OWN_LOG);
	assert_true(moved >= 0);
	assert_int_not_equal(moved, fd);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_int_equal(fcntl(moved, F_GETFD), FD_CLOEXEC);
	assert_false(own_is(fd));
	assert_true(own_is(moved));
	own_move(fd);
	assert_int_equal(own_fd(OWN_LOG), moved);
}

static void next_walks_over_ours_in_order(void **state)
{
	(void)state;
	int a = adopt_socket(OWN_HOLE_IPV6_FILLER);
	int b = adopt_socket(OWN_LOG);
	int c = adopt_socket(OWN_KEPT_LAST);
	assert_true(a < b && b < c);
	assert_true(own_is(a) && own_is(b) && own_is(c));
	assert_int_equal(own_next(0), a);
	assert_int_equal(own_next(a), a);
	assert_int_equal(own_next(a + 1), b);
	assert_int_equal(own_next(b + 1), c);
	assert_int_equal(own_next(c + 1), -1);
}

/** Also one that nobody has had before. */
static void every_number_that_is_ours_is_known_at_once(void **state)
{
	(void)state;
	int highest = -1;
	for (int i = OWN_KEPT_FIRST; i < OWN_COUNT; i++) {
		highest = adopt_socket((enum own)i);
		assert_true(own_is(highest));
	}
	assert_false(own_may_be(highest + 1));
	own_move(highest);
	assert_int_equal(own_number(OWN_KEPT_LAST), highest + 1);
	assert_true(own_is(highest + 1));
}

static void a_forked_child_has_them_too(void **state)
{
	(void)state;
	int fd = adopt_socket(OWN_LOG);
	pid_t child = fork();
	if (child == 0) {
		_exit(own_fd(OWN_LOG) == fd && own_is(fd) ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void limit_to(rlim_t count)
{
	struct rlimit few = {.rlim_cur = count, .rlim_max = count};
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
}

/* Adopts a file; returns its number, which is good and CLOEXEC. */
static int adopt_file(int fd)
{
	int own = own_adopt(OWN_LOG, fd);
	CHECK(own_fd(OWN_LOG) == own);
	CHECK(fcntl(own, F_GETFD) == FD_CLOEXEC);
	return own;
}

/* Only these numbers are free. */
static void fill_but(int first, int second)
{
	while (dup(0) >= 0) {
	}
	close(first);
	close(second);
}

static void find_room(void)
{
	static const struct {
		rlim_t limit;
		int number;
	} rows[] = {{4096, 896}, {1024, 896}, {1000, 872}, {257, 129}, {256, 128}, {12, 6}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rlimit most;
		CHECK(getrlimit(RLIMIT_NOFILE, &most) == 0);
		if (most.rlim_max < rows[i].limit) {
			continue;
		}
		limit_to(rows[i].limit);
		CHECK(adopt_file(open("/dev/null", O_WRONLY)) == rows[i].number);
		own_drop(OWN_LOG);
	}
}

static void it_lives_high_under_every_limit(void **state)
{
	(void)state;
	in_child(find_room);
}

static void find_room_below(void)
{
	close_range(3, ~0u, 0);
	int first = open("/dev/null", O_WRONLY);
	CHECK(first == 3);
	limit_to(64);
	/* The highest that is free above 32, 16, 8, 4 or 3. */
	fill_but(5, 9);
	CHECK(adopt_file(first) == 9);
	int second = open("/dev/null", O_WRONLY);
	CHECK(second == 3);
	own_move(9);
	CHECK(own_fd(OWN_LOG) == 5);
	/* Where it leaves it leaves room; where there is none it is lost. */
	CHECK(dup(0) == 9);
	own_move(5);
	CHECK(own_fd(OWN_LOG) == -EBADF);
	CHECK(fcntl(5, F_GETFD) == -1);
	/* There is no other number than the one that it has. */
	CHECK(dup(0) == 5);
	CHECK(adopt_file(second) == second);
	own_drop(OWN_LOG);
	/* But 0, 1 and 2 are the program's. */
	CHECK(dup(0) == 3);
	CHECK(own_adopt(OWN_LOG, 0) == -EMFILE);
	CHECK(fcntl(0, F_GETFD) == -1);
}

static void it_finds_what_room_there_is(void **state)
{
	(void)state;
	in_child(find_room_below);
}

static void find_room_unasked(void)
{
	limit_to(64);
	without_call(SYS_prlimit64);
	CHECK(adopt_file(open("/dev/null", O_WRONLY)) == 56);
}

static void it_finds_room_where_the_limit_may_not_be_asked_for(void **state)
{
	(void)state;
	in_child(find_room_unasked);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, drop_all, drop_all)
	const struct CMUnitTest tests[] = {
		TEST(an_adopted_descriptor_lives_high_and_is_cloexec),
		TEST(what_was_never_adopted_is_ebadf),
		TEST(a_descriptor_that_the_program_closed_is_lost),
		TEST(a_reused_number_is_the_programs),
		TEST(a_reused_number_is_left_to_the_program_by_all),
		cmocka_unit_test_setup_teardown(the_same_inode_of_another_device_is_another_file,
						make_directory, remove_directory),
		TEST(the_same_file_under_the_same_number_stays_open),
		TEST(what_a_child_of_vfork_closes_stays_its_parents),
		TEST(in_a_sandbox_it_is_believed_to_be_there),
		TEST(the_first_good_one_stays),
		TEST(ours_moves_out_of_the_way_of_a_dup2),
		TEST(next_walks_over_ours_in_order),
		TEST(every_number_that_is_ours_is_known_at_once),
		TEST(a_forked_child_has_them_too),
		TEST(it_lives_high_under_every_limit),
		TEST(it_finds_what_room_there_is),
		TEST(it_finds_room_where_the_limit_may_not_be_asked_for),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
