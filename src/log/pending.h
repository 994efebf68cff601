/*
 * Lines that wait to be written together. They wait in a file beside the log that is mapped
 * (pending_file.h), so that the kernel has them whatever becomes of the process: a line costs a copy,
 * and a SIGKILL loses none.
 *
 * A thread's lines are in one file, and in order. All files of a process are flushed when one is
 * due, and before a line of another kind; between threads the order is that of the time stamps.
 *
 * Why no line is lost, doubled or torn:
 *
 * - A line's first byte is written last, so what stands before the first zero byte is whole lines
 *   at every moment.
 * - A flush notes the log's size in `mark`, writes all lines with one write(2), and only then
 *   clears them. Who finds lines and a mark looks for them in the log from there on (leftover.h).
 * - Half a line that a kill left in the log is made blank by who writes next (mend.h).
 * - A handler that forks does not strike within a flush; elsewhere the child leaves the line that was
 *   begun to its parent, or goes on with memory that is in no log.
 */
#ifndef RESETBY_LOG_PENDING_H
#define RESETBY_LOG_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/self.h"

/** How long a line may wait while the process makes calls or waits in one. */
#define PENDING_MS 20u

/**
 * Keep a line for later. Older ones may be written.
 *
 * @now_us
 *         Now, by clock_wall_us: when that is set back, lines are written earlier.
 * @return
 *         False when it has to be written now: there is no such file here, or another thread or the
 *         code that this signal handler interrupted is at it.
 */
bool pending_append(const struct self *self, uint64_t now_us, const char *line, size_t length);

/** Has the process such a file, so that hardly any line has to be written now? */
bool pending_is_made(const struct self *self);

/** Write what is pending. */
void pending_flush(void);

/**
 * Milliseconds until pending lines should be written; negative when there are none.
 *
 * @now_us
 *         Now, by clock_wall_us, or clock_wall_coarse_us where some milliseconds do not matter.
 */
int pending_due_ms(uint64_t now_us);

/**
 * Write what is pending and take the file away.
 *
 * @for_good
 *         No further line is kept for later. Otherwise the next line makes a new file.
 */
void pending_close(bool for_good);

#endif
