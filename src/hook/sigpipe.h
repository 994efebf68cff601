/* SIGPIPE comes after the verdict, not before it: for the program the order of the two is one. */
#ifndef RESETBY_HOOK_SIGPIPE_H
#define RESETBY_HOOK_SIGPIPE_H

#include <stdbool.h>
#include <stdint.h>

struct sigpipe {
	bool held;
	uint64_t mask; /* the thread's, as it was; bit signal-1 */
};

/** Hold SIGPIPE of this thread back. */
void sigpipe_hold(struct sigpipe *guard);

/** Let it go: one that was raised meanwhile arrives now. */
void sigpipe_release(const struct sigpipe *guard);

/** Raise it in this thread as the kernel would have: si_code SI_USER, from this process. */
void sigpipe_raise(void);

#endif
