/*
 * The part of a call's line that names the connection. It is the same for all calls on a connection
 * and half of the work of writing the line, so it is kept: by the descriptor's number, and good for the
 * connection with that number of its own, which no other one of the process ever has.
 */
#ifndef RESETBY_LOG_CALL_CONN_H
#define RESETBY_LOG_CALL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "call_line.h"

/** What is copied at a time: both sizes are a multiple of it. */
#define CALL_CONN_STEP ((size_t)32)
/** Before the operation, and (text) after the call's own facts. With IPv4 there is always room. */
#define CALL_FRONT_SIZE (5 * CALL_CONN_STEP)
#define CALL_BACK_SIZE (2 * CALL_CONN_STEP)

/** Lengths; both 0: nothing is kept. */
struct call_conn {
	uint32_t front, back;
};

/**
 * Look up what is kept about a call's connection.
 *
 * @front, @back
 *         Room for as many bytes as the sizes say, all of which may be written to.
 */
struct call_conn call_conn_find(const struct call_line *call, char *front, char *back);

/** Keep it, in place of another connection's; it will never be anything else. The buffers have as many bytes as the sizes say. */
void call_conn_keep(const struct call_line *call, struct call_conn lengths, const char *front,
		    const char *back);

/** What is kept was written in another format. */
void call_conn_forget(void);

#endif
