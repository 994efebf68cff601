/*
 * Half a line in the log. A SIGKILL may end a write(2) between two pages of the file (the kernel's
 * generic_perform_write), and who appends next goes on behind the half line:
 *
 *     {"ts":"2026-11-22T22:18:17.0{"ts":"2026-11-22T22:18:17.052310Z","pid":...
 *
 * Appends come one after the other: what stands before a line of ours was complete, or broken off,
 * when ours was written. So each writer looks at the byte before its own text, and when that is no
 * newline makes a blank line of the half. What it said is not lost: either its call had not returned,
 * or the line is still pending (pending.h).
 */
#ifndef RESETBY_LOG_MEND_H
#define RESETBY_LOG_MEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "find.h"

/**
 * Does the kernel let one writer at a time append to this file? Not so, as far as this machine can
 * know, on file systems of the net and of FUSE: there the half of a line may be one in the making.
 */
bool mend_can(int fd);

/**
 * Text of ours was appended: what stands before it?
 *
 * @fd
 *         A descriptor of the log that is open to read. When the kernel is older than 6.9, or it
 *         is not open to write too, it is opened once more (/proc/self/fd).
 * @size
 *         The file's size some time before the write: the text stands there, or behind what others
 *         wrote since.
 * @text
 *         What was written; its beginning tells where.
 */
void mend_before_text(int fd, uint64_t size, const char *text, size_t length);

/**
 * Blank each half line that a line stands behind: those who wrote that may have been killed before
 * they could look.
 *
 * @fd
 *         As above.
 * @from, @end
 *         Where to begin, and about where to end.
 */
void mend_from(int fd, uint64_t from, uint64_t end, struct window window);

#endif
