#include "pieces.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include "../sys/memory.h"

size_t pieces_size(const struct iovec *pieces, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++) {
		size += pieces[i].iov_len;
	}
	return size;
}

bool pieces_measure(const struct iovec *pieces, size_t count, size_t *size)
{
	*size = 0;
	if (count > IOV_MAX || !memory_readable(pieces, count * sizeof *pieces)) {
		return false;
	}
	size_t sum = 0;
	size_t any = 0;
	for (size_t i = 0; i < count; i++) {
		sum += pieces[i].iov_len;
		any |= pieces[i].iov_len;
	}
	bool good = any <= SSIZE_MAX;
	*size = good ? sum : 0;
	return good;
}

bool message_measure(const struct msghdr *message, size_t *size)
{
	*size = 0;
	return memory_readable(message, sizeof *message) &&
	       pieces_measure(message->msg_iov, message->msg_iovlen, size);
}

/* Did the kernel read the vector? Not before each error; this is the one that is met most. */
static bool was_accepted(long result)
{
	return result >= 0 || result == -EAGAIN;
}

size_t pieces_asked(long result, const struct iovec *pieces, size_t count)
{
	size_t asked;
	if (was_accepted(result)) {
		return pieces_size(pieces, count);
	}
	pieces_measure(pieces, count, &asked);
	return asked;
}

size_t message_asked(long result, const struct msghdr *message)
{
	size_t asked;
	if (was_accepted(result)) {
		return pieces_size(message->msg_iov, message->msg_iovlen);
	}
	message_measure(message, &asked);
	return asked;
}

ssize_t messages_bytes(const struct mmsghdr *messages, int count)
{
	ssize_t bytes = count < 0 ? -1 : 0;
	for (int i = 0; i < count; i++) {
		bytes += messages[i].msg_len;
	}
	return bytes;
}

size_t pieces_copy(char *to, const struct iovec *pieces, size_t count, size_t size)
{
	size_t copied = 0;
	for (size_t i = 0; i < count && copied < size; i++) {
		if (!memory_readable(&pieces[i], sizeof pieces[i])) {
			break;
		}
		size_t more = pieces[i].iov_len;
		if (more > size - copied) {
			more = size - copied;
		}
		if (!memory_readable(pieces[i].iov_base, more)) {
			break;
		}
		memcpy(to + copied, pieces[i].iov_base, more);
		copied += more;
	}
	return copied;
}

size_t pieces_cut(struct iovec *cut, const struct iovec *pieces, size_t count, size_t size)
{
	size_t used = 0;
	while (used < count && used < PIECES_MAX && size > 0) {
		cut[used] = pieces[used];
		if (cut[used].iov_len > size) {
			cut[used].iov_len = size;
		}
		size -= cut[used].iov_len;
		used++;
	}
	return used;
}
