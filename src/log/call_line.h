/*
 * The line of a call, which is written for every one at level `calls`: the same facts in the same
 * order as the functions of event.h would write them, in half of the instructions.
 */
#ifndef RESETBY_LOG_CALL_LINE_H
#define RESETBY_LOG_CALL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/pen.h"
#include "line_conn.h"

struct call_line {
	int fd;
	uint64_t conn; /* its key (line_conn.h) */
	const struct pen_word *op;
	bool moves; /* bytes: `asked` is told */
	uint64_t asked;
	int64_t result;
	int error; /* 0: none */
	uint64_t us;
	uint64_t now_ns; /* of clock_exact_ns: when the line is written */
};

/**
 * Write the line of a call, with what is kept of an earlier line of its thread and of its
 * connection.
 *
 * @return
 *         False when nothing is: nothing was written, and call_line_send does it.
 */
bool call_line_repeat(const struct call_line *call);

/** Write the line and hand it to the sink. */
void call_line_send(const struct call_line *call, const struct line_ends *ends);

#endif
