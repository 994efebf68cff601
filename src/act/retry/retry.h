/* What the floor above needs of retry besides the action's own moments. */
#ifndef RESETBY_ACT_RETRY_RETRY_H
#define RESETBY_ACT_RETRY_RETRY_H

#include <stdbool.h>

/** Take the renewals that are under way as far as they go without waiting. */
void retry_tend(void);

/**
 * May a wait that reports bytes together with a hang-up report the bytes alone? Event loops take the
 * hang-up for the end after having read the bytes, when the connection may have been renewed by a
 * write in between. Reading tells of the end as well, and a level is reported again.
 *
 * @fd
 *         What may be a descriptor: epoll data are the program's own.
 */
bool retry_hides_end(int fd);

/**
 * The process is about to put itself under seccomp: what is being renewed for a program that does not
 * wait is given up while that can be done. A call that waits ends by itself.
 */
void retry_abandon(void);

#endif
