/*
 * A handler that forks after each single instruction of a call in turn: the processor stops there (its
 * trap flag), so that no place in a hook is left out. step PORT [STRIDE]: after every STRIDEth instruction.
 */
#include "probe.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* Its lines are written at once by a thread that takes no signal: what forks there tells them again. */
#define HELD SIGUSR1

#if defined(__x86_64__)

#define TRAP_FLAG 0x100

static int calls;
static volatile long steps, target;
static volatile pid_t child = -1;

static void stop_stepping(ucontext_t *context)
{
	context->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void on_step(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	(void)signal, (void)info;
	steps++;
	if (steps < target || sigismember(&at->uc_sigmask, HELD)) {
		return;
	}
	stop_stepping(at);
	child = fork();
}

static inline void begin_stepping(void)
{
	__asm__ volatile("pushfq; orl %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
}

static inline void end_stepping(void)
{
	__asm__ volatile("pushfq; andl %0, (%%rsp); popfq" : : "i"(~TRAP_FLAG) : "memory", "cc");
}

/* Nothing comes back, as both processes would wait for it. */
static void call(int fd)
{
	calls++;
	begin_stepping();
	order(fd, 'x');
	end_stepping();
}

int main(int argc, char **argv)
{
	MUST(argc == 2 || argc == 3);
	struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	long stride = argc == 3 ? atol(argv[2]) : 1;
	int fd = dial(port_of(argv[1]));
	MUST(sigaction(SIGTRAP, &action, NULL) == 0);
	for (target = 1; child != 0; target += stride) {
		int status = -1;
		steps = 0;
		child = -1;
		call(fd);
		if (child < 0) {
			break;
		}
		if (child == 0) {
			_exit(5);
		}
		MUST(waitpid(child, &status, 0) == child);
		MUST(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	}
	say("%d calls of %d\n", calls, getpid());
	return 0;
}

#else

int main(void)
{
	say("this processor is not stopped\n");
	return 0;
}

#endif
