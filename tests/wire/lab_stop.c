#include "lab_stop.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

pid_t other_thread(const struct actor *actor)
{
	pid_t other = 0;
	DIR *threads = opendir(lab_text("/proc/%d/task", (int)actor->pid));
	for (struct dirent *thread; threads && (thread = readdir(threads)) != NULL;) {
		pid_t number = (pid_t)atoi(thread->d_name);
		other = number > 0 && number != actor->pid ? number : other;
	}
	closedir(threads);
	assert_int_not_equal(other, 0);
	return other;
}

static void wait_for_stop(pid_t thread)
{
	int status;
	lab_until(waitpid(thread, &status, __WALL | WNOHANG) == thread);
	assert_true(WIFSTOPPED(status));
}

static pid_t stop_thread(pid_t thread)
{
	if (ptrace(PTRACE_SEIZE, thread, NULL, PTRACE_O_TRACESYSGOOD) < 0) {
		lab_skip("cannot stop a thread: %s", strerror(errno));
	}
	ptrace(PTRACE_INTERRUPT, thread, NULL, NULL);
	wait_for_stop(thread);
	return thread;
}

pid_t stop_first(const struct actor *actor)
{
	return stop_thread(actor->pid);
}

pid_t stop_other(const struct actor *actor)
{
	return stop_thread(other_thread(actor));
}

bool stands_before(pid_t thread, uint64_t number)
{
	struct __ptrace_syscall_info info = {0};
	return ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == number;
}

void stop_before(pid_t thread, uint64_t number)
{
	do {
		stop_enter(thread);
		wait_for_stop(thread);
	} while (!stands_before(thread, number));
}

void stop_enter(pid_t thread)
{
	ptrace(PTRACE_SYSCALL, thread, NULL, NULL);
}

void stop_behind(pid_t thread)
{
	stop_enter(thread);
	wait_for_stop(thread);
}

void stop_end(pid_t thread)
{
	ptrace(PTRACE_DETACH, thread, NULL, NULL);
}
