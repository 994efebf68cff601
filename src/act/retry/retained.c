#include "retained.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include "../../sys/raw.h"

/* Most requests fit in the first mapping; every further one is four times as large. */
#define FIRST_SIZE ((size_t)4096)
#define GROWTH 4

static size_t conn_limit = RETAINED_CONN_DEFAULT;
static size_t process_limit = RETAINED_PROCESS_DEFAULT;
static _Atomic size_t total;

void retained_limit(size_t connection, size_t process)
{
	conn_limit = connection;
	process_limit = process;
}

static bool take_share(size_t more)
{
	if (atomic_fetch_add(&total, more) + more <= process_limit) {
		return true;
	}
	atomic_fetch_sub(&total, more);
	return false;
}

/* Make the mapping `size` bytes, which keeps its content up to there. */
static bool resize(struct retained *retained, size_t size)
{
	size_t old = retained->mapped;
	if (size > old && !take_share(size - old)) {
		return false;
	}
	void *bytes = old == 0 ? raw_map(size) : raw_remap(retained->bytes, old, size);
	if (bytes == NULL) {
		if (size > old) {
			atomic_fetch_sub(&total, size - old);
		}
		return false;
	}
	if (size < old) {
		atomic_fetch_sub(&total, old - size);
	}
	retained->bytes = bytes;
	retained->mapped = size;
	return true;
}

static bool make_room(struct retained *retained, size_t need)
{
	if (need <= retained->mapped) {
		return true;
	}
	if (need > conn_limit) {
		return false;
	}
	size_t size = retained->mapped == 0 ? FIRST_SIZE : retained->mapped;
	while (size < need) {
		size *= GROWTH;
	}
	return resize(retained, size < conn_limit ? size : conn_limit);
}

int retained_add(struct retained *retained, const struct iovec *pieces, size_t count, size_t size)
{
	bool fits = make_room(retained, retained->length + size);
	if (!fits) {
		make_room(retained, FIRST_SIZE);
		size = retained->mapped - retained->length;
	}
	for (size_t i = 0; i < count && size > 0; i++) {
		size_t part = pieces[i].iov_len < size ? pieces[i].iov_len : size;
		memcpy(retained->bytes + retained->length, pieces[i].iov_base, part);
		retained->length += part;
		size -= part;
	}
	return fits ? 0 : -ENOBUFS;
}

void retained_clear(struct retained *retained)
{
	retained->length = 0;
	if (retained->mapped > FIRST_SIZE * GROWTH) {
		resize(retained, FIRST_SIZE);
	}
}

void retained_free(struct retained *retained)
{
	if (retained->mapped > 0) {
		raw_unmap(retained->bytes, retained->mapped);
		atomic_fetch_sub(&total, retained->mapped);
	}
	*retained = (struct retained){0};
}
