/* Scattered buffers: how much they hold, and the same cut to what a rule lets through. */
#ifndef RESETBY_HOOK_PIECES_H
#define RESETBY_HOOK_PIECES_H

#include <stddef.h>
#include <sys/uio.h>

/** Most pieces of a cut vector; a read that gets less than asked is ordinary. */
#define PIECES_MAX 8

/** Bytes that a vector holds; 0 when it is none: the kernel says what is wrong with it. */
size_t pieces_size(const struct iovec *pieces, size_t count);

/**
 * The beginning of a vector.
 *
 * @cut
 *         Room for PIECES_MAX pieces.
 * @return
 *         How many pieces of `cut` hold at most `size` bytes.
 */
size_t pieces_cut(struct iovec *cut, const struct iovec *pieces, size_t count, size_t size);

#endif
