#include "sets.h"

#include <string.h>
#include "../sys/memory.h"

static size_t set_size(int count)
{
	return (size_t)((count + SET_WORD_BITS - 1) / SET_WORD_BITS) * sizeof(__fd_mask);
}

static bool set_keep(fd_set *kept, const fd_set *set, size_t size)
{
	if (set == NULL) {
		return true;
	}
	if (!memory_readable(set, size)) {
		return false;
	}
	memcpy(kept, set, size);
	return true;
}

bool sets_keep(struct kept_sets *kept, const struct sets *sets)
{
	if (sets->count < 0 || sets->count > FD_SETSIZE) {
		return false;
	}
	size_t size = set_size(sets->count);
	return set_keep(&kept->in, sets->in, size) && set_keep(&kept->out, sets->out, size) &&
	       set_keep(&kept->except, sets->except, size);
}

static void set_put_back(const fd_set *kept, fd_set *set, size_t size)
{
	if (set != NULL) {
		memcpy(set, kept, size);
	}
}

void sets_put_back(const struct kept_sets *kept, const struct sets *sets)
{
	size_t size = set_size(sets->count);
	set_put_back(&kept->in, sets->in, size);
	set_put_back(&kept->out, sets->out, size);
	set_put_back(&kept->except, sets->except, size);
}
