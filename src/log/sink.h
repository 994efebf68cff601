/* Between log.c, which decides, and where lines end. Results are 0 or a negative errno. */
#ifndef RESETBY_LOG_SINK_H
#define RESETBY_LOG_SINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/raw.h"
#include "../sys/text.h"

/** The mode that a log file is made with. */
#define FILE_MODE 0644

/** A place for lines. */
struct sink {
	int fd;
	bool ours;         /* opened by us, to append: a torn line may be taken back */
	uint16_t mode;     /* S_IFREG ... */
	atomic_bool *torn; /* the last line there is a fragment: begin with a newline */
	uint64_t signals;  /* what a write there may raise in the program, as a set of GUARD_BITs */
	uint64_t size;     /* of a file, when it was looked at */
};

/** Fill in what follows from the status of the descriptor, and from the process's limits. */
void sink_look(struct sink *sink, const struct statx *status);

/** The same where only the mode is known. */
void sink_expect(struct sink *sink, uint16_t mode);

/** Is it a file, and are files of this process limited (RLIMIT_FSIZE)? */
bool sink_is_limited(const struct sink *sink);

/**
 * Write a line whole or not at all, without SIGPIPE, SIGXFSZ or SIGTTOU for the program, and
 * without waiting for a reader.
 */
int sink_write(const struct sink *sink, const char *line, size_t length);

/**
 * The same for many lines, of which the first ones may be written and the others not.
 *
 * @return
 *         How many bytes of whole lines were written, or a negative errno when none was.
 */
long sink_write_lines(const struct sink *sink, const char *lines, size_t length);

/**
 * Write pending lines, oldest first; what cannot be written is counted. (In log.c.)
 *
 * @mark
 *         As in file_write_lines.
 */
void log_write_lines(const char *lines, size_t length, _Atomic uint64_t *mark);

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

/**
 * Write many lines to the log file.
 *
 * @mark
 *         Gets the file's size before the write, plus 1; may be NULL.
 * @return
 *         How many bytes of whole lines were written, or a negative errno.
 */
long file_write_lines(const char *lines, size_t length, _Atomic uint64_t *mark);

/** Is the log a regular file that no limit ends? Opens it when it is not open. */
bool file_is_plain(void);

/** The path of the log file. */
void file_path(struct text *text);

/** Has each process a log file of its own (%p)? */
bool file_names_pid(void);

/** In a forked child: a path with %p names another file now. */
void file_after_fork(void);

/** Say on stderr, once, that lines of the log file are lost. */
void file_complain_lost(int error);

/** Open the file, and see what stderr is, while that can be done (sys/sandbox.h). */
void file_prepare(void);
void stderr_prepare(void);

/** Remember what stderr is now. */
void stderr_start(void);

int stderr_write(const char *line, size_t length);

#endif
