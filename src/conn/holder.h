/* Who else holds a socket. */
#ifndef RESETBY_CONN_HOLDER_H
#define RESETBY_CONN_HOLDER_H

#include <stdbool.h>

/**
 * Does the parent process hold the same socket? Then our close is not the last, and the kernel
 * sends nothing. Reads /proc/PPID/fd: for what is about to be told, not for the hot path.
 *
 * @return
 *         False also when the parent may not be looked at.
 */
bool holder_is_parent(int fd);

#endif
