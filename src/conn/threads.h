/* The threads of a process, as far as /proc shows them. */
#ifndef RESETBY_CONN_THREADS_H
#define RESETBY_CONN_THREADS_H

#include <stdbool.h>
#include <stdint.h>

/** Has this process, or another one, more than one? True also when that cannot be seen. */
bool threads_many(void);
bool threads_many_of(uint64_t pid);

/**
 * Does another thread wait in a call on this descriptor? Then its close sends nothing before that call
 * has returned. Reads /proc/self/task.
 *
 * @return
 *         False also when that cannot be seen, as of poll and its kind.
 */
bool threads_hold(int fd);

#endif
