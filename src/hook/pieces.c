#include "pieces.h"

#include <limits.h>

size_t pieces_size(const struct iovec *pieces, size_t count)
{
	size_t size = 0;
	if (pieces == NULL || count > IOV_MAX) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
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
