#include "holder.h"

#include <dirent.h>
#include <errno.h>
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/text.h"
#include "threads.h"

#define PATH_SIZE 40

/* A piece of a directory; a name in /proc/PID/fd is a number. Or some sixty children of a process. */
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

/* Who has it by the same fork, or by another one of the same parent, has it under the same number. */
static enum holder find_in_relative(struct search *search, uint64_t pid, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/fd/%U", pid, (uint64_t)fd);
	if (is_same_file(AT_FDCWD, search->path, search)) {
		return HOLDER_IS;
	}
	long error = raw5(SYS_statx, AT_FDCWD, search->path, 0, STATX_INO, &search->found);
	return error == 0 || error == -ENOENT ? HOLDER_NOT : HOLDER_UNKNOWN;
}

/* What the parent's first thread has forked; not every kernel says (CONFIG_PROC_CHILDREN). */
static long read_children(struct search *search)
{
	uint64_t parent = (uint64_t)raw0(SYS_getppid);
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/task/%U/children", parent, parent);
	long file = raw_open(search->path, O_RDONLY | O_CLOEXEC, 0);
	if (file < 0) {
		return 0;
	}
	long got = raw_read((int)file, search->piece, sizeof search->piece);
	raw_close((int)file);
	return got;
}

static enum holder find_in_siblings(struct search *search, uint64_t self, int fd)
{
	long length = read_children(search);
	uint64_t pid = 0;
	for (long at = 0; at < length; at++) {
		char byte = search->piece[at];
		if (byte >= '0' && byte <= '9') {
			pid = pid * 10 + (uint64_t)(byte - '0');
			continue;
		}
		enum holder held = pid != self ? find_in_relative(search, pid, fd) : HOLDER_NOT;
		if (held != HOLDER_NOT) {
			return held;
		}
		pid = 0;
	}
	return length < PIECE_SIZE ? HOLDER_NOT : HOLDER_UNKNOWN;
}

static enum holder find_in_family(struct search *search, int fd)
{
	uint64_t self = (uint64_t)raw0(SYS_getpid);
	uint64_t parent = (uint64_t)raw0(SYS_getppid);
	/* In a chroot there may be no /proc, or in a container another one's. */
	if (parent == 0 || raw_fstat(fd, &search->wanted) < 0 ||
	    find_in_relative(search, self, fd) != HOLDER_IS) {
		return HOLDER_UNKNOWN;
	}
	enum holder held = find_in_relative(search, parent, fd);
	if (held != HOLDER_NOT) {
		return held;
	}
	/* Each thread has children of its own. */
	return threads_many_of(parent) ? HOLDER_UNKNOWN : find_in_siblings(search, self, fd);
}

enum holder holder_in_family(int fd)
{
	struct search *search = scratch_take();
	enum holder held = search != NULL ? find_in_family(search, fd) : HOLDER_UNKNOWN;
	scratch_give(search);
	return held;
}
