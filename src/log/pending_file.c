#include "pending_file.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "sink.h"

void pending_path(struct text *text, const char *log, int pid, unsigned nth)
{
	const char *slash = strrchr(log, '/');
	const char *base = slash != NULL ? slash + 1 : log;
	text_bytes(text, log, (size_t)(base - log));
	text_format(text, ".%s.%d", base, pid);
	if (nth > 0) {
		text_format(text, "-%u", nth);
	}
	text_string(text, ".pending");
}

/*
 * Once the room is there, a mapped page can always be written: a file system that writes elsewhere
 * each time (btrfs) may have none left by then, and the program would get a SIGBUS.
 */
static bool reserve(int fd)
{
	struct statfs status = {.f_type = 0};
	if (raw2(SYS_fstatfs, fd, &status) < 0 ||
	    (status.f_type != EXT4_SUPER_MAGIC && status.f_type != XFS_SUPER_MAGIC &&
	     status.f_type != TMPFS_MAGIC)) {
		return false;
	}
	return raw4(SYS_fallocate, fd, 0, 0, PENDING_SIZE) == 0;
}

/* A child of fork has no part in it; vfork's shares all memory. */
static struct pending_file *map(int fd)
{
	if (raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) < 0 || !reserve(fd)) {
		return NULL;
	}
	struct statx status = {.stx_nlink = 0};
	if (raw5(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_NLINK, &status) < 0 ||
	    status.stx_nlink != 1) {
		return NULL;
	}
	long mapped = raw6(SYS_mmap, NULL, PENDING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped < 0) {
		return NULL;
	}
	raw3(SYS_madvise, mapped, PENDING_SIZE, MADV_DONTFORK);
	return (struct pending_file *)mapped;
}

/* Not so on overlayfs, whose mapping keeps another file open than the one that was locked. */
static bool is_still_locked(const char *path)
{
	long fd = raw_open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0);
	if (fd < 0) {
		return false;
	}
	bool locked = raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK;
	raw_close((int)fd);
	return locked;
}

static long create(char path[PATH_MAX], int pid)
{
	char *log = scratch_take();
	if (log == NULL) {
		return -ENOMEM;
	}
	struct text log_path = text_in(log, PATH_MAX);
	file_path(&log_path);
	long fd = -EEXIST;
	for (unsigned nth = 0; fd == -EEXIST && nth < PENDING_NTH_MAX; nth++) {
		struct text text = text_in(path, PATH_MAX);
		pending_path(&text, log, pid, nth);
		fd = text.cut ? -ENAMETOOLONG
			      : raw_open(path,
					 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY |
						 O_NOFOLLOW,
					 FILE_MODE);
	}
	scratch_give(log);
	return fd;
}

struct pending_file *pending_file_make(char path[PATH_MAX], int pid)
{
	long fd = create(path, pid);
	if (fd < 0) {
		return NULL;
	}
	struct pending_file *file = map((int)fd);
	raw_close((int)fd);
	if (file != NULL && !is_still_locked(path)) {
		raw_unmap(file, PENDING_SIZE);
		file = NULL;
	}
	if (file == NULL) {
		raw3(SYS_unlinkat, AT_FDCWD, path, 0);
	}
	return file;
}

void pending_file_remove(struct pending_file *file, const char *path)
{
	raw3(SYS_unlinkat, AT_FDCWD, path, 0);
	raw_unmap(file, PENDING_SIZE);
}
