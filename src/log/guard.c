#include <signal.h>
#include "../sys/raw.h"
#include "guard.h"

void guard_begin(struct guard *guard, uint64_t signals)
{
	guard->blocked = 0;
	guard->pending = 0;
	if (signals == 0) {
		return;
	}
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &signals, &guard->blocked, RAW_SIGSET_SIZE);
	/* Only a signal that the program blocks can have been pending. */
	if (guard->blocked & signals) {
		raw2(SYS_rt_sigpending, &guard->pending, RAW_SIGSET_SIZE);
	}
}

void guard_end(const struct guard *guard, uint64_t signals, uint64_t raised)
{
	if (signals == 0) {
		return;
	}
	raised &= ~guard->pending;
	if (raised != 0) {
		struct timespec now = {0};
		raw4(SYS_rt_sigtimedwait, &raised, NULL, &now, RAW_SIGSET_SIZE);
	}
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &guard->blocked, NULL, RAW_SIGSET_SIZE);
}
