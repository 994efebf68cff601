/*
 * The part of a line that names the connection. It is the same in all lines of a connection and half
 * of the work of writing one, so it is kept: by the descriptor's number, and good for the connection
 * with that key, which no other one of the process ever has.
 */
#ifndef RESETBY_LOG_LINE_CONN_H
#define RESETBY_LOG_LINE_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../sys/addr.h"

/** What is copied at a time: the sizes of what is kept are a multiple of it. */
#define LINE_CONN_STEP ((size_t)32)
/** Longest name that is kept; with IPv4 all are. */
#define LINE_FRONT_KEPT (5 * LINE_CONN_STEP)

/** Room for the part before the line's own facts, and (text) for the part after them. */
#define LINE_FRONT_SIZE ((size_t)256)
#define LINE_BACK_SIZE (2 * LINE_CONN_STEP)

struct line_ends {
	const char *side;
	struct addr local, peer;
};

/** A connection's key is its number; what has none and may still be called otherwise has no key. */
#define LINE_NO_KEY ((uint64_t)0)
/** A listener has no number, and a key with this bit. */
#define LINE_LISTENER ((uint64_t)1 << 63)

/** Lengths; both 0: nothing is kept. */
struct line_conn {
	uint32_t front, back;
};

/**
 * Look up what is kept.
 *
 * @front, @back
 *         Room of the sizes above, all of which may be written to.
 */
struct line_conn line_conn_find(int fd, uint64_t key, char *front, char *back);

/** Write the name in the log's format, and keep it if it will never be another. */
struct line_conn line_conn_make(int fd, uint64_t key, const struct line_ends *ends, char *front,
				char *back);

/** What is kept is not true any more: the log has another format, or a socket another name. */
void line_conn_forget(void);

#endif
