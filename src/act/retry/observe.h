/*
 * Where requests and responses begin and end, by what the program's own calls move: a write after
 * the whole response begins a request, the first byte that comes back begins the response. HTTP/1.x
 * is followed to the last byte of each; of anything else only the turns are known.
 */
#ifndef RESETBY_ACT_RETRY_OBSERVE_H
#define RESETBY_ACT_RETRY_OBSERVE_H

#include "session.h"

/** A write is about to be made: is it the program's turn? */
void observe_writing(struct session *session);

/**
 * A write has taken call->result bytes.
 *
 * @call
 *         Its pieces are NULL when the bytes went without passing through the program's memory.
 */
void observe_written(struct session *session, const struct call *call);

/** A read has delivered call->result bytes. */
void observe_read(struct session *session, const struct call *call);

#endif
