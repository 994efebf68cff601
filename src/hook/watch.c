#include "watch.h"

#include "../conn/evidence.h"
#include "../conn/listener.h"
#include "../log/log.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "passing.h"

_Atomic uint32_t watch_due_ms;

/*
 * How often the open connections are walked, and how much of a walk one call pays for: a process may
 * have a hundred thousand, or two with far numbers. The rest is done piece by piece.
 */
#define WALK_MS 1000
#define WALK_RECORDS 64
#define WALK_SLOTS 8192
#define WALK_PIECE_MS 20

/* A connection on which bytes move is well; no byte has moved for this long: worth a look. */
#define QUIET_MS 1000

/* The same connection or listener is looked at this often at most. */
#define LOOK_MS 1000
#define LISTENER_MS 100

/* A handshake with a retransmission takes at least the first time-out of 1 s. */
#define SLOW_CONNECT_US 900000

/* How soon again while something has to be attended to. */
#define HURRY_MS 4

static uint64_t stale_ms;
static _Atomic uint32_t walked_ms;
static _Atomic int walk_next;

void watch_start(uint64_t stale)
{
	stale_ms = stale;
	atomic_store(&watch_due_ms, (uint32_t)clock_coarse_ms() + WALK_MS);
}

static bool was_looked_at(struct conn *conn, uint32_t now_ms, uint32_t pause_ms)
{
	if (conn->looked_ms != 0 && clock_since_ms(conn->looked_ms, now_ms) < pause_ms) {
		return true;
	}
	conn->looked_ms = now_ms;
	return false;
}

static void tell(struct conn *conn, int fd, enum op op)
{
	struct call call = {
		.conn = conn,
		.generation = atomic_load_explicit(&conn->generation, memory_order_relaxed),
		.op = op,
		.fd = fd,
	};
	passing_report(&call, (int64_t)stale_ms);
}

void watch_opened(struct call *call)
{
	if (call->conn->connect_us >= SLOW_CONNECT_US && call->conn->side == SIDE_CLIENT) {
		tell(call->conn, call->fd, call->op);
	}
}

void watch_accepted(struct call *listener)
{
	struct conn *conn = listener->conn;
	if (was_looked_at(conn, (uint32_t)clock_coarse_ms(), LISTENER_MS)) {
		return;
	}
	if (listener_has_news(conn, listener->fd)) {
		/* Before: what is lost meanwhile is told again rather than never. */
		struct listener_losses losses = listener_losses(listener->fd);
		tell(conn, listener->fd, listener->op);
		listener_knows(conn, losses);
	}
}

/* Worth telling, as far as two numbers say; the verdict decides. */
static bool is_unwell(struct conn *conn, int fd, uint32_t now_ms)
{
	struct health health = evidence_health(conn, fd);
	if (health.unseen && passing_unseen_is_news(conn)) {
		return true;
	}
	switch (health.state) {
	case STATE_CLOSE_WAIT:
	case STATE_FIN_WAIT2:
	case STATE_CLOSING:
	case STATE_LAST_ACK:
		/* The segment that made it so acknowledged something, too: the last or an earlier one. */
		conn_half_closed(conn, health.acked_ms);
		break;
	case STATE_FIN_WAIT1:
		conn_half_closed(conn, 0);
		break;
	case STATE_ESTABLISHED:
		return health.tries > 0;
	default:
		return false;
	}
	return health.tries > 0 || clock_since_ms(conn->half_ms, now_ms) >= stale_ms;
}

static void examine(struct conn *conn, int fd, uint32_t now_ms)
{
	bool open = atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_OPEN;
	if (open && conn->told_error == 0 && conn_holding(conn) != HOLDING_SHARED &&
	    is_unwell(conn, fd, now_ms)) {
		tell(conn, fd, OP_NONE);
	}
}

void watch_look(struct conn *conn, int fd, uint32_t now_ms)
{
	/* Writes that succeed say nothing about the peer: what was written last may wait in vain. */
	bool quiet =
		clock_since_ms(conn->last_ms, now_ms) >= QUIET_MS || conn->turn == DIRECTION_WRITE;
	if (quiet && !was_looked_at(conn, now_ms, LOOK_MS)) {
		examine(conn, fd, now_ms);
	}
}

void watch_closing(struct conn *conn, int fd)
{
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	/* The end of a direction that no call has met: where bytes moved later, it is not told here. */
	uint32_t since_ms = conn->half_ms != 0 ? conn->half_ms : conn->last_ms;
	if (log_wants(LOG_RESETS) && clock_since_ms(since_ms, now_ms) >= stale_ms) {
		examine(conn, fd, now_ms);
	}
}

void watch_hurry(uint32_t now_ms)
{
	atomic_store_explicit(&watch_due_ms, now_ms + HURRY_MS, memory_order_relaxed);
}

/* Returns where the next piece begins, 0 at the end. */
static int walk_piece(int first, uint32_t now_ms)
{
	int last = first + WALK_SLOTS - 1;
	int fd = table_next(first, last);
	for (int seen = 0; fd >= 0 && seen < WALK_RECORDS; seen++) {
		struct conn *conn = conn_known(fd);
		if (conn != NULL && conn_pin(conn, fd)) {
			watch_look(conn, fd, now_ms);
			conn_unpin(conn);
		}
		fd = table_next(fd + 1, last);
	}
	if (fd >= 0) {
		return fd;
	}
	return last + 1 < table_end() ? last + 1 : 0;
}

static uint32_t walk_pause_ms(int next)
{
	return next == 0 ? WALK_MS : WALK_PIECE_MS;
}

void watch_walk(uint32_t now_ms)
{
	uint32_t last = atomic_load_explicit(&walked_ms, memory_order_relaxed);
	int next = atomic_load_explicit(&walk_next, memory_order_relaxed);
	if (clock_since_ms(last, now_ms) >= walk_pause_ms(next) &&
	    atomic_compare_exchange_strong(&walked_ms, &last, now_ms)) {
		next = log_wants(LOG_RESETS) ? walk_piece(next, now_ms) : 0;
		atomic_store_explicit(&walk_next, next, memory_order_relaxed);
		last = now_ms;
	}
	uint32_t pause_ms = last + walk_pause_ms(next) - now_ms;
	if (rules_watched && pause_ms > RULES_LOOK_MS) {
		pause_ms = RULES_LOOK_MS;
	}
	atomic_store_explicit(&watch_due_ms, now_ms + pause_ms, memory_order_relaxed);
}

void watch_end(void)
{
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	if (!log_wants(LOG_RESETS)) {
		return;
	}
	for (int fd = table_next(0, INT32_MAX); fd >= 0; fd = table_next(fd + 1, INT32_MAX)) {
		struct conn *conn = conn_known(fd);
		if (conn != NULL && conn_pin(conn, fd)) {
			examine(conn, fd, now_ms);
			conn_unpin(conn);
		}
	}
}
