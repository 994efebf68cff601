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

enum holder { HOLDER_NOT, HOLDER_IS, HOLDER_UNKNOWN };

/**
 * The same of a socket that came over a fork: does the parent have it yet, or another child of it, as
 * far as they have it under its old number?
 *
 * @return
 *         HOLDER_UNKNOWN where they may not be looked at, or are too many.
 */
enum holder holder_in_family(int fd);

/**
 * And of one that was made here before children were forked: does one of those that live have it, under
 * whatever number? Of their own children only those are asked whose parent has ended, for the old number.
 *
 * @return
 *         HOLDER_UNKNOWN as above.
 */
enum holder holder_in_children(int fd);

#endif
