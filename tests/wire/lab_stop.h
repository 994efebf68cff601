#ifndef RESETBY_TESTS_WIRE_LAB_STOP_H
#define RESETBY_TESTS_WIRE_LAB_STOP_H

/* Threads of an actor are stopped at a system call, so that others come before them. */

#include "lab.h"

#include <sys/types.h>

/** The actor's thread beside its first one. */
pid_t other_thread(const struct actor *actor);

/** Stop the actor's first thread where it is; the test is skipped where that is not allowed. */
pid_t stop_first(const struct actor *actor);

/** The same of the other thread. */
pid_t stop_other(const struct actor *actor);

/** Is a stopped thread before the system call of this number? */
bool stands_before(pid_t thread, uint64_t number);

/** A stopped thread goes on until it is about to make a system call of this number. */
void stop_before(pid_t thread, uint64_t number);

/** It makes that system call, and stands behind it, when it returns. */
void stop_enter(pid_t thread);
void stop_behind(pid_t thread);

/** It goes on, and is stopped no more. */
void stop_end(pid_t thread);

#endif
