#include "holder.h"

#include <dirent.h>
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/text.h"

#define PATH_SIZE 32

/* A piece of a directory; a name in /proc/PID/fd is a number. */
#define PIECE_SIZE 512

/* A process with more descriptors than this is not searched to the end. */
#define SEARCHED_MAX 4096

/* Too much for a small stack. */
struct search {
	struct statx wanted, found;
	_Alignas(struct dirent64) char piece[PIECE_SIZE];
	char path[PATH_SIZE];
};

_Static_assert(sizeof(struct search) <= SCRATCH_SIZE, "a search fits on one scratch block");

static bool is_same_file(int directory, const char *name, struct search *search)
{
	const struct statx *wanted = &search->wanted;
	struct statx *found = &search->found;
	return raw5(SYS_statx, directory, name, 0, STATX_INO, found) == 0 &&
	       found->stx_ino == wanted->stx_ino && found->stx_dev_major == wanted->stx_dev_major &&
	       found->stx_dev_minor == wanted->stx_dev_minor;
}

static bool holds(int directory, struct search *search)
{
	unsigned searched = 0;
	long filled;
	while (searched < SEARCHED_MAX && (filled = raw3(SYS_getdents64, directory, search->piece,
							 sizeof search->piece)) > 0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled; at += entry->d_reclen, searched++) {
			entry = (const struct dirent64 *)(const void *)(search->piece + at);
			if (entry->d_name[0] != '.' &&
			    is_same_file(directory, entry->d_name, search)) {
				return true;
			}
		}
	}
	return false;
}

static bool find_in_parent(struct search *search, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/fd", (uint64_t)raw0(SYS_getppid));
	long directory = raw_open(search->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0) {
		return false;
	}
	bool held = raw_fstat(fd, &search->wanted) == 0 && holds((int)directory, search);
	raw_close((int)directory);
	return held;
}

bool holder_is_parent(int fd)
{
	struct search *search = scratch_take();
	bool held = search != NULL && find_in_parent(search, fd);
	scratch_give(search);
	return held;
}
