/* Between log.c, which decides, and where lines end. Results are 0 or a negative errno. */
#ifndef RESETBY_LOG_SINK_H
#define RESETBY_LOG_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/raw.h"

/** A place for lines. */
struct sink {
	int fd;
	bool ours;         /* opened by us, to append: a torn line may be taken back */
	uint16_t mode;     /* S_IFREG ... */
	atomic_bool *torn; /* the last line there is a fragment: begin with a newline */
	uint64_t signals;  /* what a write there may raise in the program, as a set of GUARD_BITs */
};

/** Fill in what follows from the status of the descriptor, and from the process's limits. */
void sink_look(struct sink *sink, const struct statx *status);

/**
 * Write a line whole or not at all, without SIGPIPE, SIGXFSZ or SIGTTOU for the program, and
 * without waiting for a reader.
 */
int sink_write(const struct sink *sink, const char *line, size_t length);

/** Where the log file is to be; nothing is opened. Closes what was open before. */
void file_start(const char *path, const char *exe);

/**
 * Write to the log file.
 *
 * @relying
 *         What was found out about the file within the last 100 ms may be relied on.
 * @return
 *         -EBADF when there is no log file, or it could not be opened: lines go to stderr then.
 */
int file_write(const char *line, size_t length, bool relying);

/** In a forked child: a path with %p names another file now. */
void file_after_fork(void);

/** Say on stderr, once, that lines of the log file are lost. */
void file_complain_lost(int error);

/** Remember what stderr is now. */
void stderr_start(void);

int stderr_write(const char *line, size_t length);

#endif
