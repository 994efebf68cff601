/* SIGPIPE comes after the verdict, not before it: for the program the order of the two is one. */
#ifndef RESETBY_HOOK_SIGPIPE_H
#define RESETBY_HOOK_SIGPIPE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sigpipe {
	bool held;
	uint64_t mask; /* the thread's, as it was; bit signal-1 */
};

/** Hold SIGPIPE of this thread back. */
void sigpipe_hold(struct sigpipe *guard);

/** Let it go: one that was raised meanwhile arrives now. */
void sigpipe_release(const struct sigpipe *guard);

/**
 * A call that was made with MSG_NOSIGNAL has returned: when it failed with EPIPE, raise the signal in
 * this thread as the kernel would have: si_code SI_USER, from this process.
 *
 * @flags
 *         The program's own: with MSG_NOSIGNAL it wants none.
 * @return
 *         The result; errno stays.
 */
ssize_t sigpipe_after(ssize_t result, int flags);

#endif
