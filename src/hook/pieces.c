#include "pieces.h"

#include <string.h>

size_t pieces_size(const struct iovec *pieces, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count && pieces != NULL; i++) {
		size += pieces[i].iov_len;
	}
	return size;
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

size_t pieces_first(char *into, size_t size, const struct iovec *pieces, size_t count)
{
	size_t copied = 0;
	for (size_t i = 0; i < count && copied < size; i++) {
		size_t more = pieces[i].iov_len < size - copied ? pieces[i].iov_len : size - copied;
		if (more > 0) {
			memcpy(into + copied, pieces[i].iov_base, more);
		}
		copied += more;
	}
	return copied;
}
