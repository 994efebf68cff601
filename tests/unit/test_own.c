#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/own.h"

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
	assert_true(own_is(fd));
	assert_false(own_is(low));
	assert_false(own_is(-1));
}

static void what_was_never_adopted_is_ebadf(void **state)
{
	(void)state;
	assert_int_equal(own_fd(OWN_LOG), -EBADF);
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
	own_move(fd);
	assert_int_equal(own_fd(OWN_LOG), moved);
}

static void next_walks_over_ours_in_order(void **state)
{
	(void)state;
	int a = adopt_socket(OWN_HOLE_IPV6_FILLER);
	int b = adopt_socket(OWN_LOG);
	assert_true(a < b);
	assert_int_equal(own_next(0), a);
	assert_int_equal(own_next(a), a);
	assert_int_equal(own_next(a + 1), b);
	assert_int_equal(own_next(b + 1), -1);
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

/* In a child, since the limit is the whole process's. */
static int adopt_under_limit(rlim_t limit, int fill)
{
	struct rlimit few = {.rlim_cur = limit, .rlim_max = limit};
	if (setrlimit(RLIMIT_NOFILE, &few) != 0) {
		return 1;
	}
	int fd = open("/dev/null", O_WRONLY);
	while (fill && dup(0) >= 0) {
	}
	int own = own_adopt(OWN_LOG, fd);
	if (own < 3 || own >= (int)limit || own_fd(OWN_LOG) != own) {
		return 2;
	}
	return fcntl(own, F_GETFD) == FD_CLOEXEC ? 0 : 3;
}

static void it_finds_room_under_a_small_or_exhausted_limit(void **state)
{
	(void)state;
	static const rlim_t limits[] = {12, 20, 64, 100, 256};
	for (size_t i = 0; i < 2 * sizeof limits / sizeof *limits; i++) {
		pid_t child = fork();
		if (child == 0) {
			_exit(adopt_under_limit(limits[i / 2], i % 2));
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, drop_all, drop_all)
	const struct CMUnitTest tests[] = {
		TEST(an_adopted_descriptor_lives_high_and_is_cloexec),
		TEST(what_was_never_adopted_is_ebadf),
		TEST(a_descriptor_that_the_program_closed_is_lost),
		TEST(a_reused_number_is_the_programs),
		TEST(the_first_good_one_stays),
		TEST(ours_moves_out_of_the_way_of_a_dup2),
		TEST(next_walks_over_ours_in_order),
		TEST(a_forked_child_has_them_too),
		TEST(it_finds_room_under_a_small_or_exhausted_limit),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
