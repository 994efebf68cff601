#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
#include "sys/sandbox.h"
#include "sys/self.h"

static bool is_true_self(void)
{
	struct self self = self_now();
	return self.pid == getpid() && self.tid == (int)syscall(SYS_gettid);
}

static void expect_success(pid_t child)
{
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void *thread_body(void *result)
{
	*(bool *)result = is_true_self() && is_true_self() && self_now().tid != self_now().pid;
	return NULL;
}

static bool is_true_in_a_thread(void)
{
	pthread_t thread;
	bool right = false;
	pthread_create(&thread, NULL, thread_body, &right);
	pthread_join(thread, NULL);
	return right;
}

/* The first that asks: the process knows nothing of itself yet. */
static void share_what_is_not_known(void)
{
	CHECK(!self_shares_memory());
	self_renew();
	CHECK(!self_shares_memory());
	CHECK(is_true_self());
}

static void before_anything_is_known_nothing_is_shared_or_renewed(void **state)
{
	(void)state;
	in_child(share_what_is_not_known);
}

/* As before Linux 4.14. */
static void ask_without_a_page_that_forks_wipe(void)
{
	without_call(SYS_madvise);
	for (int i = 0; i < 2; i++) {
		CHECK(is_true_self() && is_true_in_a_thread());
		CHECK(self_now().generation == 0);
		pid_t child = fork();
		if (child == 0) {
			_exit(is_true_self() && self_now().generation == 0 ? 0 : 1);
		}
		int status;
		CHECK(waitpid(child, &status, 0) == child && status == 0);
		self_renew();
	}
}

static void where_no_page_is_wiped_by_forks_nothing_is_remembered(void **state)
{
	(void)state;
	in_child(ask_without_a_page_that_forks_wipe);
}

static void *ask_in_sandbox(void *pid)
{
	struct self self = self_now();
	CHECK(self.pid == *(int *)pid && self.tid == *(int *)pid && self.generation == 0);
	return NULL;
}

static void ask_where_nobody_may_be_asked(void)
{
	pthread_t thread;
	int pid = self_now().pid;
	sandbox_closed = true;
	CHECK(self_now().pid == pid && self_now().generation != 0);
	CHECK(pthread_create(&thread, NULL, ask_in_sandbox, &pid) == 0);
	pthread_join(thread, NULL);
	CHECK(!self_shares_memory());
}

static void in_a_sandbox_the_first_thread_stands_for_all(void **state)
{
	(void)state;
	in_child(ask_where_nobody_may_be_asked);
}

static void *fork_and_ask(void *unused)
{
	int tid = self_now().tid;
	pid_t child = fork();
	if (child == 0) {
		CHECK(is_true_self());
		CHECK(self_tid_before() == (uint32_t)tid);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	return unused;
}

static void fork_from_a_thread(void)
{
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, fork_and_ask, NULL) == 0);
	pthread_join(thread, NULL);
}

static void a_forked_child_knows_which_thread_of_its_parent_it_was(void **state)
{
	(void)state;
	in_child(fork_from_a_thread);
}

static void every_thread_has_its_own_tid(void **state)
{
	(void)state;
	assert_true(is_true_self());
	for (int i = 0; i < 4; i++) {
		assert_true(is_true_in_a_thread());
	}
	assert_true(is_true_self());
}

static void a_forked_child_is_another_generation(void **state)
{
	(void)state;
	uint32_t before = self_now().generation;
	assert_int_not_equal(before, 0);
	pid_t child = fork();
	if (child == 0) {
		bool other = is_true_self() && self_now().generation != before;
		pid_t grandchild = fork();
		if (grandchild == 0) {
			_exit(is_true_self() && is_true_in_a_thread() ? 0 : 1);
		}
		int status = 1;
		waitpid(grandchild, &status, 0);
		_exit(other && status == 0 && is_true_in_a_thread() ? 0 : 1);
	}
	expect_success(child);
	assert_int_equal(self_now().generation, before);
	assert_true(is_true_self());
}

static void *fork_in_thread(void *result)
{
	bool right = is_true_self();
	pid_t child = fork();
	if (child == 0) {
		/* The only thread of the child: its tid is its pid now. */
		_exit(is_true_self() && self_now().tid == self_now().pid ? 0 : 1);
	}
	int status = 1;
	waitpid(child, &status, 0);
	*(bool *)result = right && status == 0 && is_true_self();
	return NULL;
}

static void a_thread_that_forks_is_the_childs_main_thread(void **state)
{
	(void)state;
	pthread_t thread;
	bool right = false;
	assert_int_equal(pthread_create(&thread, NULL, fork_in_thread, &right), 0);
	pthread_join(thread, NULL);
	assert_true(right);
}

static void a_child_of_a_bare_clone_call_is_noticed(void **state)
{
	(void)state;
	assert_true(is_true_self());
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0) {
		struct self self = self_now();
		_exit(self.pid == (int)syscall(SYS_getpid) && is_true_self() ? 0 : 1);
	}
	expect_success(child);
	assert_true(is_true_self());
}

static char stack[65536] __attribute__((aligned(16)));

static int ask_in_shared_memory(void *unused)
{
	(void)unused;
	self_now();
	return self_shares_memory() ? 0 : 1;
}

/* What posix_spawn and vfork do: the parent's memory and thread-local variables, another pid. */
static void a_child_that_shares_our_memory_leaves_no_trace(void **state)
{
	(void)state;
	assert_true(is_true_self());
	pid_t child = fork();
	if (child == 0) {
		/* The process is known, by another thread; this thread's tid is not. */
		if (!is_true_in_a_thread()) {
			_exit(1);
		}
		pid_t spawned = clone(ask_in_shared_memory, stack + sizeof stack,
				      CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
		int status = 1;
		waitpid(spawned, &status, 0);
		_exit(status == 0 && is_true_self() && !self_shares_memory() ? 0 : 1);
	}
	expect_success(child);
}

/* From here on asking the kernel kills. */
static void forbid_asking(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_gettid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof program / sizeof *program, .filter = program};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
		_exit(1);
	}
}

static void it_makes_no_system_call_once_it_knows(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		self_now();
		forbid_asking();
		for (int i = 0; i < 1000; i++) {
			self_now();
		}
		_exit(0);
	}
	expect_success(child);
}

static void a_renewal_begins_a_generation(void **state)
{
	(void)state;
	uint32_t before = self_now().generation;
	self_renew();
	assert_true(is_true_self());
	assert_int_not_equal(self_now().generation, before);
	assert_int_not_equal(self_now().generation, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_anything_is_known_nothing_is_shared_or_renewed),
		cmocka_unit_test(where_no_page_is_wiped_by_forks_nothing_is_remembered),
		cmocka_unit_test(in_a_sandbox_the_first_thread_stands_for_all),
		cmocka_unit_test(a_forked_child_knows_which_thread_of_its_parent_it_was),
		cmocka_unit_test(every_thread_has_its_own_tid),
		cmocka_unit_test(a_forked_child_is_another_generation),
		cmocka_unit_test(a_thread_that_forks_is_the_childs_main_thread),
		cmocka_unit_test(a_child_of_a_bare_clone_call_is_noticed),
		cmocka_unit_test(a_child_that_shares_our_memory_leaves_no_trace),
		cmocka_unit_test(it_makes_no_system_call_once_it_knows),
		cmocka_unit_test(a_renewal_begins_a_generation),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
