#include "retry.h"

#include <errno.h>
#include <string.h>
#include "../../conn/evidence.h"
#include "../../rule/active.h"
#include "../../sys/clock.h"
#include "../../sys/raw.h"
#include "../../sys/self.h"
#include "../act.h"
#include "budget.h"
#include "judge.h"
#include "observe.h"
#include "renew.h"
#include "session.h"
#include "tell.h"

#define NS_PER_MS UINT64_C(1000000)

/* How often a thread looks whether another one has renewed the connection. */
#define RENEWAL_LOOK_MS 1

static bool is_write(const struct call *call)
{
	return op_direction(call->op) == DIRECTION_WRITE;
}

static struct rule *idempotent_rule(const struct call *call)
{
	return rules_get(&call->conn->choice, ACTION_IDEMPOTENT);
}

static void answer(struct call *call, int error)
{
	call->result = error != 0 ? -1 : 0;
	call->error = error;
	if (error != 0) {
		errno = error;
	}
}

/* The program's own limit for this call in milliseconds; UINT64_MAX when it has none. */
static uint64_t time_limit_ms(const struct call *call)
{
	struct timeval limit = {0};
	socklen_t size = sizeof limit;
	raw_getsockopt(call->fd, SOL_SOCKET, is_write(call) ? SO_SNDTIMEO : SO_RCVTIMEO, &limit,
		       &size);
	uint64_t ms = (uint64_t)limit.tv_sec * 1000 + (uint64_t)limit.tv_usec / 1000;
	return ms == 0 && limit.tv_usec == 0 ? UINT64_MAX : ms;
}

static uint64_t deadline_ns(const struct session *session, const struct call *call)
{
	if (renew_does_not_wait(call)) {
		return 0;
	}
	uint64_t limit_ms = time_limit_ms(call);
	return limit_ms == UINT64_MAX ? UINT64_MAX : (session->call_ms + limit_ms) * NS_PER_MS;
}

/* A renewal under way: true when the program has to be answered meanwhile, or for good. */
static bool go_on_answers(struct rule *rule, struct session *session, struct call *call)
{
	struct call renewal = *call;
	enum renewed renewed =
		renew_go_on(session, &renewal, judge_tries(rule), deadline_ns(session, call));
	switch (renewed) {
	case RENEWED_DONE:
		return false;
	case RENEWED_PENDING:
		answer(call, EAGAIN);
		return true;
	case RENEWED_INTERRUPTED:
		answer(call, EINTR);
		return true;
	case RENEWED_CLOSED:
		answer(call, EBADF);
		call->told = true;
		return true;
	case RENEWED_FAILED:
		break;
	}
	answer(call, session->owed);
	session->owed = 0;
	call->told = true;
	return true;
}

/* The peer has ended an idle connection: nothing is lost if it is replaced before the request. */
static bool is_stale(const struct session *session, const struct call *call)
{
	if (session->answers == 0 || !judge_renewal(session, call, idempotent_rule(call))) {
		return false;
	}
	enum tcp_state_number state = evidence_state(call->fd);
	return state == STATE_CLOSE_WAIT || state == STATE_CLOSE;
}

static bool held_answers(struct rule *rule, struct session *session, struct call *call)
{
	if (session->owed != 0) {
		answer(call, session->owed);
		session->owed = 0;
		call->told = true;
		return true;
	}
	if (atomic_load(&session->renewal) != RENEWAL_NONE) {
		return session->pid == self_now().pid && go_on_answers(rule, session, call);
	}
	if (session->over || !is_write(call)) {
		return false;
	}
	if (is_stale(session, call)) {
		act_died(call);
		renew_begin(session, call, true);
		if (go_on_answers(rule, session, call)) {
			return true;
		}
	}
	observe_writing(session);
	return false;
}

/* What this thread writes must not overtake what another one is about to send again. */
static void wait_for_renewal(const struct session *session)
{
	while (atomic_load(&session->renewal) != RENEWAL_NONE && !session_is_held(session)) {
		raw_poll(NULL, 0, RENEWAL_LOOK_MS);
	}
}

/* Where two threads are known to be at it and nothing is renewed, there is nothing to wait for. */
static bool hold(struct session *session, const struct call *call)
{
	if (session->barred == REASON_THREADS && atomic_load(&session->renewal) == RENEWAL_NONE) {
		return session_hold(session);
	}
	return session_hold_soon(session) ||
	       (renew_does_not_wait(call) && session_hold_patiently(session));
}

static bool before_held(struct rule *rule, struct session *session, struct call *call)
{
	if (!hold(session, call)) {
		if (atomic_load(&session->renewal) != RENEWAL_NONE && renew_does_not_wait(call)) {
			answer(call, EAGAIN);
			return true;
		}
		wait_for_renewal(session);
		session->barred = REASON_THREADS;
		return false;
	}
	session->fd = call->fd;
	session->call_ms = clock_coarse_ms();
	bool answers = held_answers(rule, session, call);
	if (answers) {
		session_release(session);
	}
	return answers;
}

static bool before(struct rule *rule, struct call *call)
{
	struct session *session = session_get(call->conn);
	if (session == NULL) {
		return false;
	}
	bool answers = before_held(rule, session, call);
	session_put(session);
	return answers;
}

/* Errors with which a connection ends; the others are about the call. */
static bool ends_connection(int error)
{
	switch (error) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

enum recovery {
	NOT_RECOVERED, /* the program is told what happened */
	RECOVERED,     /* the call can be made again */
	ANSWERED,      /* the call has another result */
};

static enum recovery renew(struct rule *rule, struct session *session, struct call *call,
			   bool before_request)
{
	act_died(call);
	renew_begin(session, call, before_request);
	return go_on_answers(rule, session, call) ? ANSWERED : RECOVERED;
}

static enum recovery refuse(struct session *session, struct call *call, enum reason reason)
{
	tell_refused(session, call, reason, 0);
	session->over = true;
	return NOT_RECOVERED;
}

/* An end of file takes nothing from a program that has its answer, or that cannot be followed. */
static bool is_ordinary_end(const struct session *session, const struct failure *failure)
{
	return failure->error == 0 &&
	       (session->exchange != EXCHANGE_REQUEST || session->barred != REASON_NONE);
}

/*
 * Reset before it has ever been written to, as by a listener whose queue overflows: the server may
 * do so each time, so that it counts as a try.
 */
static enum recovery renew_fresh(struct rule *rule, struct session *session, struct call *call)
{
	if (session->tries >= judge_tries(rule)) {
		return refuse(session, call, REASON_TRIES);
	}
	if (!budget_take(&call->conn->peer, clock_exact_ns() / NS_PER_MS)) {
		return refuse(session, call, REASON_TOKENS);
	}
	return renew(rule, session, call, true);
}

static enum recovery recover(struct rule *rule, struct session *session, struct call *call,
			     bool writing)
{
	struct failure failure = {.error = call->result < 0 ? call->error : 0, .writing = writing};
	bool begins = writing && (session->exchange == EXCHANGE_NONE ||
				  (session->exchange == EXCHANGE_RESPONSE && !session->http));
	if (session->over || (session->exchange == EXCHANGE_NONE && !begins) ||
	    is_ordinary_end(session, &failure) || !judge_moment(session, call, rule)) {
		return NOT_RECOVERED;
	}
	if (begins) {
		/* Nothing of this request was sent. */
		bool reset = failure.error == ECONNRESET || failure.error == EPIPE;
		if (!reset || !judge_renewal(session, call, idempotent_rule(call))) {
			return NOT_RECOVERED;
		}
		return session->answers > 0 ? renew(rule, session, call, true)
					    : renew_fresh(rule, session, call);
	}
	enum reason reason = judge_retry(session, call, &failure, rule, idempotent_rule(call));
	if (reason != REASON_NONE) {
		return refuse(session, call, reason);
	}
	if (session->tries == 0 && !rule_fire(rule)) {
		return NOT_RECOVERED;
	}
	if (!budget_take(&call->conn->peer, clock_exact_ns() / NS_PER_MS)) {
		return refuse(session, call, REASON_TOKENS);
	}
	return renew(rule, session, call, false);
}

/* A read that is made again may last as long as SO_RCVTIMEO once more: wait for what is left. */
static bool in_time(const struct session *session, struct call *call)
{
	uint64_t limit_ms = is_write(call) ? UINT64_MAX : time_limit_ms(call);
	if (limit_ms == UINT64_MAX || renew_does_not_wait(call)) {
		return true;
	}
	uint64_t until = session->call_ms + limit_ms;
	uint64_t now = clock_coarse_ms();
	struct pollfd ready = {.fd = call->fd, .events = POLLIN};
	if (raw_poll(&ready, 1, until > now ? (long)(until - now) : 0) != 0) {
		return true;
	}
	answer(call, EAGAIN);
	return false;
}

/*
 * A program that does not wait was woken by the end of the old connection, and some take that for an
 * end behind whatever they read now. The answer of the new one wakes it again.
 */
static bool may_find_answer(struct call *call)
{
	if (is_write(call) || !renew_does_not_wait(call)) {
		return true;
	}
	answer(call, EAGAIN);
	return false;
}

static bool again_held(struct rule *rule, struct session *session, struct call *call)
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
	} else if (call->result < 0 ? ends_connection(call->error)
				    : call->asked > 0 && !is_write(call)) {
		makes_again = recover(rule, session, call, is_write(call)) == RECOVERED &&
			      may_find_answer(call) && in_time(session, call);
	}
	session_release(session);
	return makes_again;
}

static bool again(struct rule *rule, struct call *call)
{
	struct session *session = session_get(call->conn);
	if (session == NULL) {
		return false;
	}
	bool makes_again = again_held(rule, session, call);
	session_put(session);
	return makes_again;
}

static bool took_error(struct rule *rule, struct call *call)
{
	struct session *session = session_get(call->conn);
	if (session == NULL) {
		return false;
	}
	if (!session_hold(session)) {
		session_put(session);
		return false;
	}
	bool writing = atomic_load(&call->conn->waiting) == DIRECTION_WRITE;
	enum recovery recovery = NOT_RECOVERED;
	if (session->owed != 0) {
		call->error = session->owed;
		session->owed = 0;
		recovery = ANSWERED;
	} else if (ends_connection(call->error)) {
		call->result = -1;
		recovery = recover(rule, session, call, writing);
		call->result = 0;
		if (recovery == RECOVERED || (recovery == ANSWERED && call->error == EAGAIN)) {
			call->error = 0;
		}
	}
	session_release(session);
	session_put(session);
	return recovery != NOT_RECOVERED;
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
	size = addr_to_sockaddr(&call->conn->peer, &name);
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

static void opened(struct rule *rule, struct call *call)
{
	struct conn *conn = call->conn;
	conn->acted |= (uint32_t)1 << ACTION_RETRY;
	if (conn->side != SIDE_CLIENT || session_of(conn) != NULL) {
		return;
	}
	struct session *session = session_new(conn, call->generation);
	if (session == NULL) {
		act_refuse(rule, call, "too many connections have a retry rule");
		return;
	}
	session->peer_size = peer_address(call, &session->peer);
	if (session->peer_size == 0) {
		session_end(conn);
		return;
	}
	session->fd = call->fd;
	session->rule = act_number(rule, call);
	session->idempotent_rule = conn->choice.rule[ACTION_IDEMPOTENT];
	session->rules = conn->choice.generation;
	if (conn->learned || atomic_load(&conn->bytes_out) > 0 ||
	    atomic_load(&conn->bytes_in) > 0) {
		session->barred = conn->learned ? REASON_NOT_OURS : REASON_LATE;
		session->exchange = EXCHANGE_REQUEST;
	}
}

static void ended(struct call *call)
{
	session_end(call->conn);
}

static bool at_close(struct rule *rule, struct call *call)
{
	(void)rule;
	session_end(call->conn);
	return false;
}

const struct act act_RETRY = {
	.opened = opened,
	.read = before,
	.write = before,
	.again = again,
	.took_error = took_error,
	.close = at_close,
	.ended = ended,
};

const struct act act_IDEMPOTENT = {0};

bool retry_hides_end(int fd)
{
	const struct conn *conn = conn_known(fd);
	const struct session *session = conn != NULL ? session_of(conn) : NULL;
	return session != NULL && !session->over && !conn->edges;
}

static void tend(struct session *session)
{
	struct conn *conn = (struct conn *)(uintptr_t)atomic_load(&session->owner);
	if (conn == NULL || conn_known(session->fd) != conn) {
		return;
	}
	struct call call = {
		.conn = conn,
		.generation = atomic_load(&conn->generation),
		.op = (enum op)session->original_op,
		.fd = session->fd,
	};
	struct rule *rule = rules_get(&conn->choice, ACTION_RETRY);
	renew_go_on(session, &call, rule != NULL ? judge_tries(rule) : 0, 0);
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
			continue;
		}
		if (session->nonblocking && session_hold(session)) {
			if (atomic_load(&session->renewal) != RENEWAL_NONE) {
				tend(session);
			}
			session_release(session);
		}
	}
}
