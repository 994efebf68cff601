/* Files of any size, one line after the other, in a fixed amount of memory. */
#ifndef RESETBY_CMD_REPORT_READER_H
#define RESETBY_CMD_REPORT_READER_H

#include <stdbool.h>
#include <stdint.h>
#include "line.h"

/** The longest line that is looked at; the library's are at most EVENT_LARGE. */
#define READER_LINE_MAX ((size_t)64 << 10)

/** Why a line was skipped. */
enum skip {
	SKIP_FOREIGN,    /* it is no line of resetby's */
	SKIP_DAMAGED,    /* it begins like one, and does not go on like one */
	SKIP_LONG,       /* it is longer than READER_LINE_MAX */
	SKIP_UNFINISHED, /* the last one, and its end is not written yet */
	SKIP_COUNT
};

/** `foreign`, `damaged`, `long`, `unfinished`. */
const char *skip_name(enum skip skip);

/** A log. */
struct source {
	const char *name;
	uint64_t bytes;
	uint64_t lines; /* those that were skipped included, empty ones not */
	uint64_t skipped[SKIP_COUNT];
	uint64_t near_us; /* when the last line was written; 0: not known yet */
};

/** Gets each line that was read; its time is absolute. */
typedef void reader_take(void *context, const struct line *line);

/** A line on stderr for those who wait. */
struct progress {
	bool wanted;
	bool shown;
	uint64_t total; /* bytes; 0: not known */
	uint64_t done;
	uint64_t began_ms, told_ms;
};

void progress_add(struct progress *progress, uint64_t bytes);
/** Take the line away again. */
void progress_end(struct progress *progress);

/**
 * Read a log from where the descriptor stands to its end.
 *
 * @return
 *         0, or the negative errno of the read that failed; what was read before counts.
 *         -EMEDIUMTYPE for a log that is compressed.
 */
int reader_read(struct source *source, int fd, struct progress *progress, reader_take *take,
		void *context);

/**
 * Read whole lines that wait beside a log: a process that was killed could not write them into it
 * any more (src/log/leftover.h). Read the log first: they are younger.
 */
void reader_leftovers(struct source *source, reader_take *take, void *context);

/**
 * The time of a text line, which has no date: the day is that of the line before it, or the next
 * when the clock has gone back by more than an hour.
 *
 * @near_us
 *         The line before.
 * @time_us
 *         Since midnight.
 */
uint64_t reader_place(uint64_t near_us, uint64_t time_us);

/**
 * When the first line of a text log was written, by the file's last modification and the midnights
 * that its lines show. Reads with pread only; a large file in samples.
 *
 * @time_us
 *         The first line's time since midnight.
 */
uint64_t reader_first_day(int fd, uint64_t time_us);

#endif
