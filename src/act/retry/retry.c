#include "retry.h"

#include <errno.h>
#include <string.h>
#include "../../conn/evidence.h"
#include "../../rule/active.h"
#include "../../sys/clock.h"
#include "../../sys/raw.h"
#include "../../sys/self.h"
#include "../act.h"
#include "judge.h"
#include "limit.h"
#include "observe.h"
#include "recover.h"
#include "renew.h"

/* How often a thread looks whether another one has renewed the connection. */
#define RENEWAL_LOOK_MS 1

static bool is_write(const struct call *call)
{
	return op_direction(call->op) == DIRECTION_WRITE;
}

static bool is_renewing(const struct session *session)
{
	return atomic_load(&session->renewal) != RENEWAL_NONE;
}

static bool held_answers(struct rule *rule, struct session *session, struct call *call)
{
	if (session->owed != 0) {
		recover_pay(session, call);
		return true;
	}
	if (is_renewing(session)) {
		return session->pid == self_now().pid &&
		       recover_go_on(rule, session, call) == ANSWERED;
	}
	if (session->over || !is_write(call)) {
		return false;
	}
	if (recover_stale(rule, session, call) == ANSWERED) {
		return true;
	}
	observe_writing(session);
	return false;
}

/* The thread that renews sets O_NONBLOCK while it connects: that is not the program's. */
static bool does_not_wait_for_renewal(const struct session *session, const struct call *call)
{
	return is_renewing(session) && ((call->flags & MSG_DONTWAIT) != 0 || session->unblocked);
}

/*
 * What this thread writes must not overtake what another one is about to send again; false when it
 * does not wait for that. A call that goes on is the second at once, and nothing is renewed any more.
 */
static bool outlives_renewal(struct session *session, const struct call *call)
{
	if (does_not_wait_for_renewal(session, call)) {
		return false;
	}
	bool renewing = session_bar(session, REASON_THREADS);
	while (renewing && !session_is_held(session)) {
		if (does_not_wait_for_renewal(session, call)) {
			return false;
		}
		raw_poll(NULL, 0, RENEWAL_LOOK_MS);
		renewing = is_renewing(session);
	}
	return true;
}

/* Where two threads are known to be at it and nothing is renewed, there is nothing to wait for. */
static bool hold(struct session *session, const struct call *call)
{
	if (session->barred == REASON_THREADS && !is_renewing(session)) {
		return session_hold(session);
	}
	return session_hold_soon(session) ||
	       (renew_does_not_wait(call) && session_hold_patiently(session));
}

static bool before_in_session(struct rule *rule, struct session *session, struct call *call)
{
	if (!hold(session, call)) {
		if (outlives_renewal(session, call)) {
			return false;
		}
		recover_answer(call, EAGAIN);
		return true;
	}
	session->fd = call->fd;
	session->call_ms = clock_coarse_ms();
	session->call_errno = errno;
	bool answers = held_answers(rule, session, call);
	if (answers) {
		session_release(session);
	}
	return answers;
}

/*
 * A program that does not wait was woken by the end of the old connection, and some take that for an
 * end behind whatever they read now. The answer of the new one wakes it again.
 */
static bool may_find_answer(const struct session *session, struct call *call)
{
	bool waits = !renew_does_not_wait(call);
	if (is_write(call) || (waits && limit_waits_for_answer(session, call))) {
		return true;
	}
	recover_answer(call, EAGAIN);
	return false;
}

static bool again_in_session(struct rule *rule, struct session *session, struct call *call)
{
	if (!session_is_held(session)) {
		return false;
	}
	bool makes_again = false;
	if (call->result > 0) {
		if (is_write(call)) {
			observe_written(session, call);
		} else {
			observe_read(session, call);
		}
	} else if (call->result < 0 ? recover_ends_connection(call->error)
				    : call->asked > 0 && !is_write(call)) {
		makes_again = recover(rule, session, call, is_write(call)) == RECOVERED &&
			      may_find_answer(session, call);
	}
	if (makes_again) {
		errno = session->call_errno;
	}
	session_release(session);
	return makes_again;
}

static bool took_error_in_session(struct rule *rule, struct session *session, struct call *call)
{
	if (!session_hold(session)) {
		return false;
	}
	bool writing = atomic_load(&call->conn->waiting) == DIRECTION_WRITE;
	enum recovery recovery = NOT_RECOVERED;
	if (session->owed != 0) {
		call->error = session->owed;
		session->owed = 0;
		recovery = ANSWERED;
	} else if (recover_ends_connection(call->error)) {
		call->result = -1;
		recovery = recover(rule, session, call, writing);
		call->result = 0;
		if (recovery == RECOVERED || (recovery == ANSWERED && call->error == EAGAIN)) {
			call->error = 0;
		}
	}
	session_release(session);
	return recovery != NOT_RECOVERED;
}

/* Whatever is done, the session stays while it is. */
static bool with_session(bool (*done)(struct rule *, struct session *, struct call *),
			 struct rule *rule, struct call *call)
{
	struct session *session = session_get(call->conn);
	if (session == NULL) {
		return false;
	}
	bool result = done(rule, session, call);
	session_put(session);
	return result;
}

static bool before(struct rule *rule, struct call *call)
{
	return with_session(before_in_session, rule, call);
}

static bool again(struct rule *rule, struct call *call)
{
	return with_session(again_in_session, rule, call);
}

static bool took_error(struct rule *rule, struct call *call)
{
	return with_session(took_error_in_session, rule, call);
}

/* As the socket's family wants it. A peer that has reset the connection already is known only from
 * the program's connect. */
static socklen_t peer_address(const struct call *call, struct sockaddr_in6 *address)
{
	socklen_t size = sizeof *address;
	if (raw_getpeername(call->fd, address, &size) == 0) {
		return size;
	}
	struct sockaddr_storage name = {0};
	int domain = 0;
	socklen_t domain_size = sizeof domain;
	raw_getsockopt(call->fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size);
	struct addr peer = conn_peer(call->conn);
	size = addr_to_sockaddr(&peer, &name);
	if (domain == AF_INET6 && name.ss_family == AF_INET) {
		const struct sockaddr_in *mapped = (const struct sockaddr_in *)&name;
		*address = (struct sockaddr_in6){.sin6_family = AF_INET6,
						 .sin6_port = mapped->sin_port};
		address->sin6_addr.s6_addr32[2] = htonl(0xffff);
		address->sin6_addr.s6_addr32[3] = mapped->sin_addr.s_addr;
		return sizeof *address;
	}
	memcpy(address, &name, sizeof *address);
	return size;
}

/* What has gone over it before the rule was its own was not kept. */
static enum reason barred_from_the_start(const struct conn *conn)
{
	if (conn_is(conn, CONN_LEARNED)) {
		return REASON_NOT_OURS;
	}
	bool used = atomic_load(&conn->bytes_out) > 0 || atomic_load(&conn->bytes_in) > 0;
	return used ? REASON_LATE : REASON_NONE;
}

static void fill_in(struct session *session, const struct rule *rule, const struct call *call)
{
	const struct conn *conn = call->conn;
	session->fd = call->fd;
	session->rule = act_number(rule, call);
	session->rules = choice_generation(&conn->choice);
	session->barred = (uint8_t)barred_from_the_start(conn);
	if (session->barred != REASON_NONE) {
		session->exchange = EXCHANGE_REQUEST;
	}
}

static void opened(struct rule *rule, struct call *call)
{
	struct conn *conn = call->conn;
	conn->acted |= (uint32_t)1 << ACTION_RETRY;
	if (conn->side != SIDE_CLIENT || session_of(conn) != NULL) {
		return;
	}
	struct session *session = session_new(conn, call->generation);
	if (session == NULL) {
		act_refuse(rule, call, false, "too many connections have a retry rule");
		return;
	}
	session->peer_size = peer_address(call, &session->peer);
	if (session->peer_size == 0) {
		session_release(session);
		session_end(conn);
		return;
	}
	fill_in(session, rule, call);
	session_release(session);
}

/*
 * A renewal goes on under its rule until the program knows how it ended. None begins any more, as
 * nothing was kept under the rule to come.
 */
static bool edited_in_session(struct rule *rule, struct session *session, struct call *call)
{
	(void)rule;
	(void)call;
	return session_bar(session, REASON_LATE) || session->owed != 0;
}

static bool edited(struct rule *rule, struct call *call)
{
	return with_session(edited_in_session, rule, call);
}

static void ended(struct call *call)
{
	session_end(call->conn);
}

static enum act_end at_close(struct rule *rule, struct call *call)
{
	(void)rule;
	struct session *session = session_get(call->conn);
	bool told = session != NULL && session->told_dead;
	if (session != NULL) {
		session_put(session);
	}
	session_end(call->conn);
	return told ? ACT_END_TOLD : ACT_END_SAME;
}

const struct act act_RETRY = {
	.opened = opened,
	.read = before,
	.write = before,
	.again = again,
	.took_error = took_error,
	.close = at_close,
	.edited = edited,
	.ended = ended,
};

bool retry_hides_end(int fd)
{
	const struct conn *conn = conn_known(fd);
	const struct session *session = conn != NULL ? session_of(conn) : NULL;
	return session != NULL && !session->over && !conn_is(conn, CONN_EDGES);
}

/* Nobody waits for this renewal in a call, and this thread may go on with it: whose it is, or NULL. */
static struct conn *take_untended(struct session *session)
{
	struct conn *conn = (struct conn *)(uintptr_t)atomic_load(&session->owner);
	if (conn == NULL || !session->nonblocking || session_get(conn) != session) {
		return NULL;
	}
	if (session_hold(session)) {
		if (is_renewing(session) && conn_known(session->fd) == conn) {
			return conn;
		}
		session_release(session);
	}
	session_put(session);
	return NULL;
}

static void leave(struct session *session)
{
	session_release(session);
	session_put(session);
}

static struct call call_for(const struct session *session, struct conn *conn)
{
	return (struct call){
		.conn = conn,
		.generation = atomic_load(&conn->generation),
		.op = (enum op)session->original_op,
		.fd = session->fd,
	};
}

static void tend(struct session *session)
{
	struct conn *conn = take_untended(session);
	if (conn != NULL) {
		struct call call = call_for(session, conn);
		struct rule *rule = rules_get(&conn->choice, ACTION_RETRY);
		renew_go_on(session, &call, rule != NULL ? judge_tries(rule) : 0, 0);
		leave(session);
	}
}

void retry_tend(void)
{
	unsigned index = 0;
	struct session *session;
	while ((session = session_next_renewing(&index)) != NULL) {
		if (session->pid != self_now().pid) {
			/* A copy of the process that forked us, which goes on with it. */
			session->over = true;
			session_set_renewal(session, RENEWAL_NONE);
		} else {
			tend(session);
		}
	}
}

static void abandon(struct session *session)
{
	struct conn *conn = take_untended(session);
	if (conn != NULL) {
		struct call call = call_for(session, conn);
		renew_abandon(session, &call);
		leave(session);
	}
}

void retry_abandon(void)
{
	unsigned index = 0;
	struct session *session;
	while ((session = session_next_renewing(&index)) != NULL) {
		if (session->pid == self_now().pid) {
			abandon(session);
		}
	}
}
