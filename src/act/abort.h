/* Abort an established connection from inside, so that it looks as if the peer's RST had come. */
#ifndef RESETBY_ACT_ABORT_H
#define RESETBY_ACT_ABORT_H

#include "../conn/call.h"
#include "../sys/text.h"

struct rule;

/**
 * Abort: the peer gets a RST, this side a pending ECONNRESET, poll and epoll wake.
 *
 * connect with AF_UNSPEC (tcp_disconnect()) differs from an arriving RST (tcp_reset()) in three
 * places. It purges the receive queue: what is there is taken out before, and abort_answers_read
 * gives it to the program first. It leaves the socket as if never shut down, so that after the
 * error a read would say ENOTCONN: a shutdown, which inet_shutdown() records even in CLOSE, makes
 * it 0, a write EPIPE, and poll show IN OUT HUP RDHUP. And its error is ECONNRESET in CLOSE_WAIT,
 * too, where no read is told of a RST, and a write EPIPE: there it is taken back.
 */
struct aborted {
	/** How many bytes had arrived that could not be taken out: 64 connections have some already,
	 *  or memory is short. */
	uint64_t lost;
	/** It was in CLOSE_WAIT. */
	bool after_fin;
};

/** 0, or a negative errno when the kernel refused. */
int abort_connection(struct call *call, struct aborted *aborted);

/** What this side meets, for a line. */
const char *abort_error(const struct aborted *aborted);

/** What a line says of bytes that had arrived, behind what else it says. */
void abort_say(struct text *by, const struct aborted *aborted);

/** Does a read get bytes that had arrived before the abort? Then call->result says how many. */
bool abort_answers_read(struct call *call);

/**
 * Another thread's read met the abort half done, and is told what no RST tells. EPIPE ends one that
 * was waiting (sk_wait_event()): it is to be made again, for the error itself is still to be taken, or
 * has been. ENOTCONN, before the shutdown, is the end.
 */
bool abort_mends_read(struct rule *rule, struct call *call);

/** Are there such bytes? */
bool abort_holds(const struct conn *conn);

/** The rules have been edited: bytes that are to be read first come under the old ones. */
bool abort_outlasts_edit(struct rule *rule, struct call *call);

/** The connection's descriptor goes: forget what nobody read. */
void abort_forget(const struct conn *conn);

#endif
