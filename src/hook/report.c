#include "report.h"

#include <errno.h>
#include <string.h>
#include "../log/log.h"
#include "../sys/clock.h"
#include "../sys/scratch.h"
#include "../why/why.h"
#include "desk.h"
#include "farewell.h"
#include "flow.h"
#include "passing.h"
#include "phrase.h"
#include "tally.h"

/* Errors of a connection that is dead already are told this often, then only counted. */
#define TOLD_MAX 16

/*
 * In a sandbox the kernel is not asked, but these errors are told by a dead socket only; EPIPE also by one
 * that somebody else has shut down.
 */
static bool is_dead(const struct evidence *evidence)
{
	int error = evidence->error;
	bool may_be_shut = evidence->shared || evidence->inherited || evidence->learned;
	bool tells = error == ECONNRESET || (error == EPIPE && !may_be_shut) ||
		     error == ETIMEDOUT || (error == ECONNREFUSED && evidence->connecting);
	return evidence->state == STATE_CLOSE || (evidence->sandboxed && tells);
}

/*
 * Does what the program was told mean that the connection is over? Not an EPIPE after its own
 * shutdown, nor SO_SNDTIMEO during connect, nor an ICMP error in passing.
 */
static bool is_over(const struct evidence *evidence, const struct verdict *verdict)
{
	return is_dead(evidence) && verdict->cause != CAUSE_WROTE_AFTER_SHUTDOWN;
}

static enum ending ending_of(const struct verdict *verdict)
{
	switch (verdict->cause) {
	case CAUSE_CLOSED_UNREAD:
	case CAUSE_CLOSED_LINGER0:
	case CAUSE_DISCONNECTED:
	case CAUSE_EXIT_OPEN:
	case CAUSE_INJECTED:
	case CAUSE_LATE_DATA:
		return ENDING_RST;
	case CAUSE_NO_ANSWER:
		return ENDING_TIMEOUT;
	default:
		break;
	}
	switch (cause_infos[verdict->cause].kind) {
	case CAUSE_RESET:
		return ENDING_PEER_RST;
	case CAUSE_TIMEOUT:
		return ENDING_TIMEOUT;
	default:
		return ENDING_NONE;
	}
}

/* The program has been told: what comes later on this connection is seen in that light. */
static void remember_told(const struct call *call, const struct evidence *evidence,
			  const struct verdict *verdict)
{
	struct conn *conn = call->conn;
	bool hidden = evidence->surface == SURFACE_EOF && is_over(evidence, verdict);
	if (hidden) {
		conn_set(conn, CONN_TOLD_HIDDEN);
		conn_put(conn, CONN_OWN_RESET, ending_of(verdict) == ENDING_RST);
	}
	if (evidence->error == 0) {
		if (hidden || verdict->cause == CAUSE_ACCEPT_ABORTED) {
			conn->told_op = (uint8_t)call->op;
			conn->told_ms = (uint32_t)clock_coarse_ms();
		}
		return;
	}
	bool overtaken = evidence->error == ECONNRESET && conn->told_error == EPIPE;
	if ((conn->told_error == 0 || overtaken) && is_over(evidence, verdict)) {
		conn->told_count = 0;
		conn->told_error = (uint8_t)evidence->error;
		conn_put(conn, CONN_OWN_RESET, ending_of(verdict) == ENDING_RST);
		conn->told_op = (uint8_t)call->op;
		conn->told_ms = (uint32_t)clock_coarse_ms();
		if (cause_infos[verdict->cause].kind == CAUSE_CONNECTING &&
		    verdict->cause != CAUSE_REFUSED) {
			/* Of no RST: the summary asks. */
			conn_set(conn, CONN_TOLD_ABANDONED);
		}
		conn_stir(conn);
	}
	if (conn->told_count < UINT8_MAX) {
		conn->told_count++;
	}
	uint8_t phase = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	bool early = phase == PHASE_OPEN && evidence->connecting;
	if ((phase == PHASE_CONNECTING || early) && is_dead(evidence)) {
		conn_set_phase(conn, PHASE_OVER);
	} else if (phase == PHASE_GIVEN_UP) {
		conn_set_phase(conn, PHASE_FRESH);
	}
}

/*
 * Things that are true and not worth a line: a connect that lost a race against another to the same
 * port (happy eyeballs, RFC 8305), an abandoned connect that was told before, our own doing that a
 * rule did and told, the hundredth EPIPE, at the close the reset that was told at the end of file or
 * at accept.
 */
static bool is_worth_telling(const struct call *call, const struct desk *desk, bool quiet)
{
	const struct conn *conn = call->conn;
	struct addr peer = conn_peer(conn);
	bool is_of_reset = cause_infos[desk->verdict.cause].kind == CAUSE_RESET;
	if (desk->evidence.error == 0 && is_of_reset && desk->evidence.told_hidden) {
		return false;
	}
	switch (desk->verdict.cause) {
	case CAUSE_ABANDONED:
		return !conn_is(conn, CONN_TOLD_ABANDONED) &&
		       !tally_won_race(&peer, conn->begun_ns);
	case CAUSE_ACCEPT_ABORTED:
		return desk->evidence.error != 0 || desk->evidence.surface == SURFACE_ACCEPT;
	case CAUSE_PEER_CLOSED_UNREAD:
	case CAUSE_PEER_CLOSED_EARLY:
	case CAUSE_PEER_ABORT:
		return !farewell_is(conn, &desk->evidence, desk->verdict.cause);
	case CAUSE_ALREADY_RESET:
	case CAUSE_WROTE_AFTER_SHUTDOWN:
		return conn->told_count <= TOLD_MAX;
	default:
		return !(quiet && cause_infos[desk->verdict.cause].kind == CAUSE_OWN);
	}
}

/* A FIN or RST has come while we looked: what is in CLOSE is not reset by the program's close. */
static bool has_ended_meanwhile(const struct call *call, const struct evidence *evidence)
{
	bool ends = evidence->surface == SURFACE_CLOSE || evidence->surface == SURFACE_EXIT;
	return ends && evidence->has_info && evidence->state != STATE_CLOSE &&
	       evidence_state(call->fd) == STATE_CLOSE;
}

/* Who had it, too, has read what was unread when we looked, and closed it before we asked who has it. */
static bool was_read_meanwhile(const struct call *call, const struct evidence *evidence)
{
	return (evidence->lent || evidence->heirloom) && evidence->inq > 0 &&
	       !evidence->linger_zero && !evidence_is_unread_yet(evidence, call->conn, call->fd);
}

/* Look, and judge by what was seen. False when there is nothing to tell. */
static bool look(struct desk *desk, struct call *call, enum surface surface,
		 enum direction direction)
{
	struct evidence *evidence = &desk->evidence;
	memset(evidence, 0, sizeof *evidence);
	evidence->op = call->op;
	evidence->surface = surface;
	evidence->direction = direction;
	evidence->error = call->error;
	if (!evidence_collect(evidence, call->conn, call->fd)) {
		/* libc closed the number behind our back; it is something else by now. */
		conn_disown(call->conn, call->fd);
		return false;
	}
	if (surface == SURFACE_EOF) {
		call->conn->fin_acked = (uint32_t)evidence->bytes_acked;
		call->conn->unacked_at_fin = evidence->outq != 0;
	}
	passing_tell_unseen(desk, call);
	return why_judge(evidence, &desk->verdict);
}

static enum ending judge(struct desk *desk, struct call *call, enum surface surface,
			 enum direction direction, bool quiet)
{
	struct evidence *evidence = &desk->evidence;
	do {
		if (!look(desk, call, surface, direction)) {
			return ENDING_NONE;
		}
		evidence_collect_holders(evidence, call->fd);
		if (!why_judge(evidence, &desk->verdict)) {
			return ENDING_NONE;
		}
		evidence_collect_failure(evidence, call->conn, call->fd);
	} while (has_ended_meanwhile(call, evidence) || was_read_meanwhile(call, evidence));
	/* Again, with what the failure's own evidence adds (ICMP, limits). */
	if (!why_judge(evidence, &desk->verdict)) {
		return ENDING_NONE;
	}
	if (is_worth_telling(call, desk, quiet)) {
		tally_cause(desk->verdict.cause);
		if (log_wants(LOG_RESETS)) {
			desk_tell(desk, call);
		}
	}
	/* Told already why nothing came of it: that the program now gives up is no news. */
	if (evidence->connecting && evidence->state == STATE_SYN_SENT) {
		conn_set(call->conn, CONN_TOLD_ABANDONED);
	}
	if (farewell_is(call->conn, evidence, desk->verdict.cause)) {
		return evidence->fin_arrived ? ENDING_PEER_FIN : ENDING_PEER_RST;
	}
	remember_told(call, evidence, &desk->verdict);
	phrase_remember(evidence->error, &desk->verdict);
	return ending_of(&desk->verdict);
}

/* Was the record of a socket that is gone? Then what the program was told is of another connection. */
static bool was_disowned(const struct call *call, enum surface surface)
{
	bool told =
		surface == SURFACE_RETURN || surface == SURFACE_EOF || surface == SURFACE_SO_ERROR;
	return told && call->op != OP_CONNECT && table_get(call->fd) == SLOT_UNKNOWN;
}

static ALWAYS_INLINE enum ending judge_at_a_desk(struct call *call, enum surface surface,
						 enum direction direction, bool quiet)
{
	struct desk *desk = scratch_take();
	if (desk == NULL) {
		return ENDING_NONE;
	}
	enum ending ending = judge(desk, call, surface, direction, quiet);
	scratch_give(desk);
	return ending;
}

/* Not inline: its frame would lie on every way to the log. */
static NOINLINE enum ending judge_learned(const struct call *call, enum surface surface,
					  enum direction direction)
{
	struct call now = *call;
	enum ending ending = ENDING_NONE;
	now.conn = conn_learn(call->fd);
	if (now.conn == NULL || !conn_pin(now.conn, now.fd)) {
		return ENDING_NONE;
	}
	now.generation = atomic_load(&now.conn->generation);
	conn_remember(now.conn, now.op, now.result, now.error, (uint32_t)clock_coarse_ms());
	uint8_t phase = atomic_load_explicit(&now.conn->phase, memory_order_relaxed);
	if (phase == PHASE_OPEN || phase == PHASE_CONNECTING) {
		ending = judge_at_a_desk(&now, surface, direction, false);
	}
	conn_unpin(now.conn);
	return ending;
}

enum ending report(struct call *call, enum surface surface, enum direction direction, bool quiet)
{
	enum ending ending = judge_at_a_desk(call, surface, direction, quiet);
	return was_disowned(call, surface) ? judge_learned(call, surface, direction) : ending;
}
