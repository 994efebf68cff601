/* The threads of this process, as far as /proc shows them. */
#ifndef RESETBY_CONN_THREADS_H
#define RESETBY_CONN_THREADS_H

#include <stdbool.h>

/** Is there more than one? True also when that cannot be seen. */
bool threads_many(void);

/**
 * Does another thread wait in a call on this descriptor? Then its close sends nothing before that call
 * has returned. Reads /proc/self/task.
 *
 * @return
 *         False also when that cannot be seen, as of poll and its kind.
 */
bool threads_hold(int fd);

#endif
