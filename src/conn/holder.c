#include "holder.h"

#include <dirent.h>
#include "../sys/raw.h"
#include "../sys/text.h"

#define PATH_SIZE 32

/* A piece of a directory; a name in /proc/PID/fd is a number. */
#define PIECE_SIZE 512

/* A process with more descriptors than this is not searched to the end. */
#define SEARCHED_MAX 4096

static bool same_file(int directory, const char *name, const struct statx *wanted)
{
	struct statx found = {.stx_ino = 0};
	return raw5(SYS_statx, directory, name, 0, STATX_INO, &found) == 0 &&
	       found.stx_ino == wanted->stx_ino && found.stx_dev_major == wanted->stx_dev_major &&
	       found.stx_dev_minor == wanted->stx_dev_minor;
}

static bool holds(int directory, const struct statx *wanted)
{
	_Alignas(struct dirent64) char piece[PIECE_SIZE] = "";
	unsigned searched = 0;
	long filled;
	while (searched < SEARCHED_MAX &&
	       (filled = raw3(SYS_getdents64, directory, piece, sizeof piece)) > 0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled; at += entry->d_reclen, searched++) {
			entry = (const struct dirent64 *)(const void *)(piece + at);
			if (entry->d_name[0] != '.' &&
			    same_file(directory, entry->d_name, wanted)) {
				return true;
			}
		}
	}
	return false;
}

bool holder_is_parent(int fd)
{
	struct statx wanted = {.stx_ino = 0};
	char path[PATH_SIZE];
	struct text text = text_in(path, sizeof path);
	text_format(&text, "/proc/%U/fd", (uint64_t)raw0(SYS_getppid));
	long directory = raw_open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0) {
		return false;
	}
	bool held = raw_fstat(fd, &wanted) == 0 && holds((int)directory, &wanted);
	raw_close((int)directory);
	return held;
}
