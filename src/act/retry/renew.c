#include "renew.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include "../../conn/evidence.h"
#include "../../conn/note.h"
#include "../../sys/clock.h"
#include "../../sys/raw.h"
#include "../../sys/self.h"
#include "../act.h"
#include "../place.h"
#include "budget.h"
#include "interrupt.h"
#include "tell.h"

#define NS_PER_MS UINT64_C(1000000)

static int take_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof error;
	raw_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

/* An error is pending afterwards, ECONNRESET, where there was a connection or was to be one. */
static void cut(int fd)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	raw_connect(fd, &nowhere, sizeof nowhere);
}

/*
 * Back to a socket that is connected to nothing, with no error pending. With TCP_FASTOPEN_CONNECT the
 * next connect would send no SYN and wait for the program's first write, which is not to come.
 */
static void disconnect(int fd)
{
	int off = 0;
	cut(fd);
	take_error(fd);
	raw_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &off, sizeof off);
}

/* A connect that does not wait, whatever the descriptor's own flag says. */
static long connect_at_once(int fd, const void *address, socklen_t size)
{
	long flags = raw_fcntl(fd, F_GETFL, 0);
	bool blocks = flags >= 0 && (flags & O_NONBLOCK) == 0;
	if (blocks) {
		raw_fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
	long result = raw_connect(fd, address, size);
	if (blocks) {
		raw_fcntl(fd, F_SETFL, flags);
	}
	return result;
}

static bool is_nonblocking(int fd)
{
	long flags = raw_fcntl(fd, F_GETFL, 0);
	return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

bool renew_does_not_wait(const struct call *call)
{
	return (call->flags & MSG_DONTWAIT) != 0 || is_nonblocking(call->fd);
}

/*
 * An unconnected socket polls as hung up, and a program that waits for it would spin through the
 * pause. In SYN_SENT it is quiet: it waits in the hole, where no SYN is answered.
 */
static void park(struct session *session, int fd)
{
	struct sockaddr_storage hole;
	int size = place_address(PLACE_HOLE, fd, &hole);
	session->parked = size > 0 && connect_at_once(fd, &hole, (socklen_t)size) == -EINPROGRESS;
}

static void begin_pause(struct session *session, uint64_t pause_ms)
{
	session->due_ns = clock_exact_ns() + pause_ms * NS_PER_MS;
	session_set_renewal(session, RENEWAL_PAUSING);
	if (pause_ms > 0 && session->nonblocking) {
		park(session, session->fd);
	}
}

bool renew_announce(struct session *session, const struct call *call)
{
	session->pid = self_now().pid;
	session->unblocked = is_nonblocking(call->fd);
	return session_begin_renewal(session);
}

void renew_withdraw(struct session *session)
{
	session_set_renewal(session, RENEWAL_NONE);
}

/* Its end is told, and not once more when nothing comes in its place. */
static void tell_death(struct session *session, const struct call *call, int error)
{
	struct call death = *call;
	death.result = error != 0 ? -1 : death.result;
	death.error = error;
	act_died(&death);
	session->told_dead = true;
}

void renew_begin(struct session *session, struct call *call, bool before_request)
{
	session->fd = call->fd;
	session->before_request = before_request;
	session->by_rule = call->conn->injected != 0;
	session->original = call->result < 0 ? call->error
			    : before_request ? take_error(call->fd)
					     : 0;
	session->original_op = (uint8_t)call->op;
	session->began_ns = clock_exact_ns();
	session->resent = 0;
	session->parked = false;
	session->nonblocking = renew_does_not_wait(call);
	tell_death(session, call, session->original);
	conn_learn_local(call->conn, call->fd);
	disconnect(call->fd);
	/* A connection that has been idle says nothing about its server: the first try is at once. */
	bool idle = before_request && session->answers > 0;
	session->tries = idle ? 0 : session->tries + 1;
	begin_pause(session, idle ? 0 : budget_pause_ms(session->tries));
}

/*
 * An end of file is told as no error, yet whatever is written from now on fails. No write was told of a
 * RST: it has met nothing but that end.
 */
static void remember_end(const struct session *session, struct conn *conn)
{
	enum op op = (enum op)session->original_op;
	if (conn->told_error == 0) {
		conn->told_error = EPIPE;
		conn->told_op = (uint8_t)(op_direction(op) == DIRECTION_READ ? op : OP_NONE);
		conn->told_ms = (uint32_t)clock_coarse_ms();
		conn->told_count = 1;
		conn_stir(conn);
	}
}

static void end_renewal(struct session *session, struct call *call, enum reason reason, int detail)
{
	remember_end(session, call->conn);
	raw2(SYS_shutdown, session->fd, SHUT_RDWR);
	session->over = true;
	call->op = (enum op)session->original_op;
	call->error = session->original;
	tell_refused(session, call, reason, detail);
	retained_free(&session->sent);
	session_set_renewal(session, RENEWAL_NONE);
}

/* What the program would have been told, and then a connection that is as dead as it was. */
static enum renewed give_up(struct session *session, struct call *call, enum reason reason,
			    int detail)
{
	disconnect(session->fd);
	session->owed = (uint8_t)session->original;
	end_renewal(session, call, reason, detail);
	return RENEWED_FAILED;
}

void renew_abandon(struct session *session, struct call *call)
{
	if (session->original != 0) {
		cut(session->fd);
	} else {
		disconnect(session->fd);
	}
	end_renewal(session, call, REASON_SECCOMP, 0);
}

/* This attempt has failed; another one, if there may be one. */
static enum renewed fail(struct session *session, struct call *call, uint32_t tries, int error)
{
	if (session->tries >= tries) {
		return give_up(session, call, REASON_CONNECT, error);
	}
	struct addr peer = conn_peer(call->conn);
	if (!budget_take(&peer, clock_exact_ns() / NS_PER_MS)) {
		return give_up(session, call, REASON_TOKENS, 0);
	}
	disconnect(session->fd);
	session->tries++;
	session->resent = 0;
	begin_pause(session, budget_pause_ms(session->tries));
	return RENEWED_DONE;
}

/* Wait for the descriptor, or for nothing but time, until one of two moments. */
static long wait_for(const struct session *session, short events, uint64_t until_ns)
{
	uint64_t now = clock_exact_ns();
	struct pollfd ready = {.fd = session->fd, .events = events};
	struct timespec left = {0};
	if (until_ns > now) {
		left.tv_sec = (time_t)((until_ns - now) / 1000000000);
		left.tv_nsec = (long)((until_ns - now) % 1000000000);
	}
	return raw5(SYS_ppoll, &ready, events != 0 ? 1 : 0, &left, NULL, 0);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* RENEWED_DONE from a step: go on with the next. */

static enum renewed go_on_pausing(struct session *session, struct call *call, uint32_t tries,
				  uint64_t deadline_ns)
{
	if (clock_exact_ns() < session->due_ns) {
		long woken = wait_for(session, 0, sooner(session->due_ns, deadline_ns));
		if (woken == -EINTR && interrupt_ends_calls(deadline_ns != UINT64_MAX)) {
			return RENEWED_INTERRUPTED;
		}
		return clock_exact_ns() < session->due_ns && clock_exact_ns() >= deadline_ns
			       ? RENEWED_PENDING
			       : RENEWED_DONE;
	}
	if (session->parked) {
		session->parked = false;
		disconnect(session->fd);
	}
	session_set_renewal(session, RENEWAL_CONNECTING);
	session->due_ns = clock_exact_ns() + RENEW_CONNECT_MS * NS_PER_MS;
	long result = connect_at_once(session->fd, &session->peer, session->peer_size);
	if (result < 0 && result != -EINPROGRESS) {
		return fail(session, call, tries, (int)-result);
	}
	return RENEWED_DONE;
}

/* Established: from here on it is another connection, with its own number, counts and rules. */
static void connected(struct session *session, struct call *call)
{
	struct conn *conn = call->conn;
	conn_renew(conn);
	conn->begun_ns = session->due_ns - RENEW_CONNECT_MS * NS_PER_MS;
	atomic_store_explicit(&conn->history_next, 0, memory_order_relaxed);
	conn_learn_local(conn, session->fd);
	session->told_dead = false;
	session->answers = 0;
	session->bytes_in = session->bytes_out = 0;
	session->foreign = false;
	session_set_renewal(session, RENEWAL_RESENDING);
	act_renewed(call);
}

static enum renewed go_on_connecting(struct session *session, struct call *call, uint32_t tries,
				     uint64_t deadline_ns)
{
	long ready = wait_for(session, POLLOUT, sooner(session->due_ns, deadline_ns));
	if (!session_is_of(session, call->conn)) {
		return RENEWED_CLOSED;
	}
	if (ready == -EINTR) {
		return interrupt_ends_calls(deadline_ns != UINT64_MAX) ? RENEWED_INTERRUPTED
								       : RENEWED_DONE;
	}
	if (ready == 0) {
		uint64_t now = clock_exact_ns();
		return now >= session->due_ns ? fail(session, call, tries, ETIMEDOUT)
		       : now >= deadline_ns   ? RENEWED_PENDING
					      : RENEWED_DONE;
	}
	switch (evidence_state(session->fd)) {
	case STATE_ESTABLISHED:
	case STATE_CLOSE_WAIT:
		connected(session, call);
		return RENEWED_DONE;
	case STATE_SYN_SENT:
	case STATE_SYN_RECV:
		return RENEWED_DONE;
	default:
		return fail(session, call, tries, take_error(session->fd));
	}
}

static enum renewed go_on_resending(struct session *session, struct call *call, uint32_t tries,
				    uint64_t deadline_ns)
{
	struct conn *conn = call->conn;
	size_t left = session->before_request ? 0 : session->sent.length - session->resent;
	if (left == 0) {
		tell_renewed(session, call);
		session_set_renewal(session, RENEWAL_NONE);
		return RENEWED_DONE;
	}
	long sent = raw6(SYS_sendto, session->fd, session->sent.bytes + session->resent, left,
			 MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
	if (sent >= 0) {
		uint32_t now_ms = (uint32_t)clock_coarse_ms();
		session->resent += (size_t)sent;
		session->bytes_out += (size_t)sent;
		conn_sent(conn, (size_t)sent, NULL, now_ms);
		conn_count32(&conn->calls_out);
		conn_remember(conn, OP_SEND, sent, 0, now_ms);
		return RENEWED_DONE;
	}
	if (sent != -EAGAIN && sent != -EINTR) {
		/* The new connection has met its own end already. */
		tell_death(session, call, (int)-sent);
		return fail(session, call, tries, (int)-sent);
	}
	long ready = wait_for(session, POLLOUT, deadline_ns);
	if (ready == -EINTR && interrupt_ends_calls(deadline_ns != UINT64_MAX)) {
		return RENEWED_INTERRUPTED;
	}
	return ready == 0 && clock_exact_ns() >= deadline_ns ? RENEWED_PENDING : RENEWED_DONE;
}

static enum renewed take_step(struct session *session, struct call *call, uint32_t tries,
			      uint64_t deadline_ns)
{
	switch ((enum renewal)atomic_load(&session->renewal)) {
	case RENEWAL_PAUSING:
		return go_on_pausing(session, call, tries, deadline_ns);
	case RENEWAL_CONNECTING:
		return go_on_connecting(session, call, tries, deadline_ns);
	case RENEWAL_RESENDING:
		return go_on_resending(session, call, tries, deadline_ns);
	case RENEWAL_NONE:
		break;
	}
	return RENEWED_DONE;
}

enum renewed renew_go_on(struct session *session, struct call *call, uint32_t tries,
			 uint64_t deadline_ns)
{
	struct conn *conn = call->conn;
	if (!conn_pin(conn, session->fd)) {
		return RENEWED_CLOSED;
	}
	enum renewed result = RENEWED_DONE;
	while (result == RENEWED_DONE && session_is_of(session, conn) &&
	       atomic_load(&session->renewal) != RENEWAL_NONE) {
		result = take_step(session, call, tries, deadline_ns);
	}
	if (!session_is_of(session, conn)) {
		/* Closed by another thread, the number may be somebody else's by now. */
		result = RENEWED_CLOSED;
	}
	conn_unpin(conn);
	return result;
}
