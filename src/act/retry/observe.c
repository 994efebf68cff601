#include "observe.h"

#include "budget.h"
#include "stateful.h"

/* From now on nothing on this connection is retried, and nothing more has to be kept. */
static void bar(struct session *session, enum reason reason)
{
	if (session->barred == REASON_NONE) {
		session->barred = (uint8_t)reason;
		retained_free(&session->sent);
	}
}

static void answered(struct session *session)
{
	session->answers++;
	struct addr peer = conn_peer(atomic_load(&session->owner));
	budget_give(&peer);
}

static void begin_request(struct session *session)
{
	retained_clear(&session->sent);
	session->unkept = REASON_NONE;
	session->tries = 0;
	session->marked = false;
	session->written = 0;
}

void observe_writing(struct session *session)
{
	if (session->exchange == EXCHANGE_RESPONSE && session->http) {
		/* Its response has not ended, or its end is not known. */
		bar(session, REASON_PIPELINED);
	}
}

static void keep(struct session *session, const struct call *call)
{
	if (call->pieces == NULL || (call->flags & (MSG_OOB | MSG_ZEROCOPY)) != 0) {
		session->unkept = REASON_UNKEPT;
	}
	if (session->unkept == REASON_NONE &&
	    retained_add(&session->sent, call->pieces, call->piece_count, (size_t)call->result) <
		    0) {
		session->unkept = REASON_TOO_LONG;
	}
}

void observe_written(struct session *session, const struct call *call)
{
	session->bytes_out += (uint64_t)call->result;
	if (session->barred != REASON_NONE) {
		session->exchange = EXCHANGE_REQUEST;
		return;
	}
	if (session->exchange != EXCHANGE_REQUEST) {
		begin_request(session);
		session->exchange = EXCHANGE_REQUEST;
	}
	session->written += (uint64_t)call->result;
	bool first = session->sent.length == 0;
	keep(session, call);
	if (first && stateful_name(session->sent.bytes, session->sent.length) != NULL) {
		bar(session, REASON_STATEFUL);
	}
}

/*
 * A server that has heard enough answers before the request has ended. What is still to come of it
 * would pass for the next request, and on another connection it would be one.
 */
static bool is_early(const struct session *session, const struct http_request *request,
		     enum http_reading reading)
{
	return reading == HTTP_PARTIAL && request->method_length > 0 &&
	       session->unkept == REASON_NONE;
}

/* What was asked tells how the answer will end. */
static void begin_response(struct session *session)
{
	struct http_request request;
	enum http_reading reading =
		http_request_read(session->sent.bytes, session->sent.length, &request);
	session->exchange = EXCHANGE_RESPONSE;
	session->http = request.has_head && reading != HTTP_FOREIGN;
	if (session->unkept != REASON_NONE && request.length != session->written) {
		/* Whether another request followed it is not known. */
		bar(session, (enum reason)session->unkept);
	}
	if (is_early(session, &request, reading)) {
		bar(session, REASON_PIPELINED);
	}
	if (!session->http) {
		session->foreign = true;
		answered(session);
		return;
	}
	http_response_begin(&session->response, request.is_head);
	if (request.binds) {
		bar(session, REASON_STATEFUL);
	} else if (reading == HTTP_MORE) {
		bar(session, REASON_PIPELINED);
	}
}

static void follow_response(struct session *session, const char *bytes, size_t length)
{
	switch (http_response_read(&session->response, bytes, length)) {
	case HTTP_PARTIAL:
		return;
	case HTTP_COMPLETE:
		if (session->response.binds) {
			bar(session, REASON_STATEFUL);
		}
		answered(session);
		session->exchange = EXCHANGE_NONE;
		return;
	case HTTP_MORE:
		bar(session, REASON_PIPELINED);
		return;
	case HTTP_FOREIGN:
		bar(session, session->response.binds ? REASON_STATEFUL : REASON_PIPELINED);
		return;
	}
}

void observe_read(struct session *session, const struct call *call)
{
	bool moved = (call->flags & (MSG_PEEK | MSG_ERRQUEUE)) == 0;
	session->bytes_in += moved ? (uint64_t)call->result : 0;
	if (session->barred != REASON_NONE) {
		session->exchange = EXCHANGE_RESPONSE;
		return;
	}
	if (session->exchange == EXCHANGE_NONE) {
		bar(session, session->answers == 0 ? REASON_SPOKE_FIRST : REASON_PIPELINED);
		return;
	}
	if (session->exchange == EXCHANGE_REQUEST) {
		begin_response(session);
	}
	if (!session->http || !moved || session->barred != REASON_NONE) {
		return;
	}
	if (call->pieces == NULL || (call->flags & MSG_TRUNC) != 0) {
		/* It went past the program's memory: where the response ends is not known any more. */
		bar(session, REASON_PIPELINED);
		return;
	}
	size_t left = (size_t)call->result;
	for (size_t i = 0; i < call->piece_count && left > 0; i++) {
		size_t part = call->pieces[i].iov_len < left ? call->pieces[i].iov_len : left;
		follow_response(session, call->pieces[i].iov_base, part);
		left -= part;
	}
}
