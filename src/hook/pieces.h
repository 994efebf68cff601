/*
 * Scattered buffers: how much they hold, what is in them, and the same cut to what a rule lets
 * through.
 */
#ifndef RESETBY_HOOK_PIECES_H
#define RESETBY_HOOK_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include "../conn/goodbye.h"

/** Most pieces of a cut vector; a read that gets less than asked is ordinary. */
#define PIECES_MAX 8

/** Bytes that a vector holds which the kernel has accepted. */
size_t pieces_size(const struct iovec *pieces, size_t count);

/**
 * The same for one that the kernel has not seen yet.
 *
 * @size
 *         0 when the kernel will refuse it.
 * @return
 *         False then: the vector leads nowhere, or is none. Its bytes themselves still may.
 */
bool pieces_measure(const struct iovec *pieces, size_t count, size_t *size);

/** The same for a message. */
bool message_measure(const struct msghdr *message, size_t *size);

/**
 * What a call asked for that has returned.
 *
 * @result
 *         The kernel's; where it has refused the vector, that may lead nowhere.
 */
size_t pieces_asked(long result, const struct iovec *pieces, size_t count);
size_t message_asked(long result, const struct msghdr *message);

/** Where the bytes are that such a call has moved, as call->bytes wants them. */
static inline const void *pieces_head(long result, const struct iovec *pieces, size_t count)
{
	bool has_head = result >= GOODBYE_HEAD && count > 0 && pieces[0].iov_len >= GOODBYE_HEAD;
	return has_head ? pieces[0].iov_base : NULL;
}

static inline const void *message_head(long result, const struct msghdr *message)
{
	return result > 0 ? pieces_head(result, message->msg_iov, message->msg_iovlen) : NULL;
}

/**
 * Several messages of a stream are several calls in a row, and the result counts messages: how many
 * bytes that is; -1 for a call that failed.
 */
ssize_t messages_bytes(const struct mmsghdr *messages, int count);

/**
 * Copy what a vector begins with. Its bytes may lead nowhere, and so may itself.
 *
 * @size
 *         How many bytes of it; `to` has room for them.
 * @return
 *         How many were copied.
 */
size_t pieces_copy(char *to, const struct iovec *pieces, size_t count, size_t size);

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
