/*
 * Pending lines whose process was killed (pending.h): they are brought into the log by the next
 * process that opens it, and from time to time by those that have it open.
 */
#ifndef RESETBY_LOG_LEFTOVER_H
#define RESETBY_LOG_LEFTOVER_H

#include <stdbool.h>
#include <stddef.h>

/** Bring what killed processes left of our log into it. Async-signal-safe. */
void leftover_reclaim(void);

/** In a forked child: nobody else is at it here. */
void leftover_after_fork(void);

/** Lines that are not in the log yet. */
struct leftover {
	const char *path; /* of the pending file */
	bool alive;       /* its process lives: more may come, and these may be in the log by now */
	const char *lines;
	size_t length; /* ends with a newline, unless 0 */
};

/**
 * Read, and leave as they are, the pending lines of all processes that write to a log. For the
 * command; not for a process that logs.
 *
 * @log
 *         The path of the log, which need not exist.
 * @visit
 *         Called for each file that has lines; what it is given is gone when it returns.
 * @return
 *         How many files there were, or a negative errno when the directory cannot be read.
 */
int leftover_read(const char *log, void (*visit)(const struct leftover *leftover, void *context),
		  void *context);

#endif
