/*
 * The thing that flows: a hook makes one on its stack, it goes down the floors by pointer, carries
 * the result back, and ends as an entry of the connection's history and, if something failed, as
 * the event that is logged.
 */
#ifndef RESETBY_CONN_CALL_H
#define RESETBY_CONN_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "conn.h"
#include "goodbye.h"

struct call {
	struct conn *conn;
	uint32_t generation; /* of the record when the call began */
	enum op op;
	int fd;
	int error;    /* errno of the result, 0 when it succeeded */
	size_t asked; /* bytes, the address of a connect; an action may lower it before the call */
	ssize_t result;
	uint64_t began_ns; /* when calls are logged */
	uint64_t ended_ns; /* 0: when it is told */

	bool told;     /* what came of it has been logged */
	bool answered; /* by a rule: the kernel was not asked */

	/* on a connection with rules: where the bytes come from or go to; none for a splice */
	const struct iovec *pieces;
	size_t piece_count;
	int flags;

	const void *bytes; /* what has moved, or GOODBYE_HEAD of it; NULL where no hook sees it */
};

/**
 * The first GOODBYE_HEAD bytes of what a call with this result has moved; NULL where there are fewer,
 * and where they were thrown away (tcp(7), MSG_TRUNC).
 */
static inline const void *call_head(const struct call *call, ssize_t result)
{
	return result >= GOODBYE_HEAD && (call->flags & MSG_TRUNC) == 0 ? call->bytes : NULL;
}

#endif
