/*
 * The file that lines wait in, beside the log:
 *
 *     DIRECTORY/LOG          the log
 *     DIRECTORY/.LOG.PID.pending     the pending lines of one process: text, then zeros
 *     DIRECTORY/.LOG.PID-N.pending   those of its further threads, which share seven files
 *
 * It is locked (flock) for as long as it is mapped: by a description that no descriptor names any
 * more, so that the program cannot close it. A file that can be locked is nobody's, and the next
 * process that opens the log brings it in (leftover.h).
 *
 * The name begins with a dot: what is done to all of `LOG*` (rotated, truncated, shipped) is not done
 * to a file that a process has mapped, which would die of a SIGBUS.
 */
#ifndef RESETBY_LOG_PENDING_FILE_H
#define RESETBY_LOG_PENDING_FILE_H

#include <limits.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/text.h"

#define PENDING_SIZE ((size_t)65536)
/* The last byte of it stays zero. */
#define PENDING_ROOM (PENDING_SIZE - sizeof(uint64_t))

struct pending_file {
	char lines[PENDING_ROOM];
	_Atomic uint64_t
		mark; /* the log's size before a flush that is under way, plus 1; 0: none */
};

_Static_assert(sizeof(struct pending_file) == PENDING_SIZE, "the file's layout");

/** Files of one process, and of others of its id on the same log: each container has its own ids. */
#define PENDING_NTH_MAX 64u

/**
 * The path of a process's pending lines.
 *
 * @log
 *         The path of the log.
 * @nth
 *         0, or a number that tells apart the files of one process, and of those that have the same id
 *         (containers).
 */
void pending_path(struct text *text, const char *log, int pid, unsigned nth);

/**
 * Make one beside the log, lock it and map it.
 *
 * @path
 *         Gets its path.
 * @return
 *         NULL where there can be none: the file system may fail a write to a mapped page, or the
 *         process may make no file here.
 */
struct pending_file *pending_file_make(char path[PATH_MAX], int pid);

/** Take it away. */
void pending_file_remove(struct pending_file *file, const char *path);

#endif
