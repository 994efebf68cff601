/* What the writers of a line share: a piece that does not fit is taken back whole. */
#ifndef RESETBY_LOG_LINE_H
#define RESETBY_LOG_LINE_H

#include "event.h"

/** Longest head that is kept. */
#define LINE_HEAD_SIZE ((size_t)102)

/** Room for the end of a text line, all of which may be written to: ` tid=`, ` exe=`. */
#define LINE_TAIL_SIZE ((size_t)96)

/** Whatever was written since `mark` goes, and the event is cut. */
void line_take_back(struct event *event, size_t mark);

/**
 * Whatever was written since `mark` stays when all of it fitted, and goes when it did not.
 *
 * @return
 *         Did it stay?
 */
bool line_settle(struct event *event, size_t mark);

/** ` exe=NAME`, and its length; 0: a name that is too long. */
#define LINE_EXE_SIZE ((size_t)64)
extern HIDDEN char line_exe[LINE_EXE_SIZE];
extern HIDDEN size_t line_exe_length;

/** Is the program's name no longer than line_tail can write? */
static inline bool line_tail_fits(void)
{
	return line_exe_length > 0;
}

/** The end of a text line but its newline: thread and program, with a pen; returns where to go on. */
static inline char *line_tail(char *at, const struct self *self)
{
	if (self->tid != self->pid) {
		at = pen_number(pen_literal(at, " tid="), self->tid);
	}
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(at, line_exe, sizeof line_exe);
	return at + line_exe_length;
}

/** The log's settings have changed. */
void line_tail_start(void);

/** What stands before a key's value, by the key's style. */
void line_key(struct event *event, enum key key);

/**
 * The head of a line: when and who, up to the kind of event, which is not written.
 *
 * @event
 *         Its line is empty, its format and kind are set; gets who and when it is.
 */
void line_head(struct event *event);

/**
 * Copy the head that this thread has kept, with the microseconds of now. These follow from the exact
 * clock, which the caller has asked already: a clock of the wall that is set shows a second later.
 *
 * @room
 *         At least LINE_HEAD_SIZE bytes, all of which may be written to.
 * @exact_ns
 *         Now, by clock_exact_ns.
 * @wall_us
 *         Gets the time that the head tells, as of clock_wall_us.
 * @return
 *         Its length, 0 when none of this second is kept: line_head keeps one.
 */
size_t line_kept_head(char *room, const struct self *self, uint64_t exact_ns, uint64_t *wall_us);

#endif
