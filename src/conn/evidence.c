#include "evidence.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/self.h"
#include "conn.h"
#include "info.h"
#include "listener.h"
#include "note.h"
#include "unseen.h"

/* Is the next byte an urgent one? Also where MSG_OOB has read it: the queue keeps its place. */
static bool is_at_mark(int fd)
{
	int at_mark = 0;
	return raw_ioctl(fd, SIOCATMARK, &at_mark) == 0 && at_mark != 0;
}

static void collect_info(struct evidence *evidence, const struct tcp_info *info)
{
	evidence->has_info = true;
	evidence->state = (enum tcp_state_number)info->tcpi_state;
	evidence->retransmits = info->tcpi_retransmits;
	evidence->probes = info->tcpi_probes;
	evidence->total_retrans = info->tcpi_total_retrans;
	evidence->rtt_us = info->tcpi_rtt;
	evidence->last_data_sent_ms = info->tcpi_last_data_sent;
	evidence->last_ack_recv_ms = info->tcpi_last_ack_recv;
	evidence->bytes_acked = info->tcpi_bytes_acked;
	evidence->bytes_received = info->tcpi_bytes_received;
	evidence->segs_in = info->tcpi_segs_in;
	evidence->segs_out = info->tcpi_segs_out;
	evidence->data_segs_in = info->tcpi_data_segs_in;
	evidence->syn_sent_again = info->tcpi_total_retrans;
	evidence->peer_window = info->tcpi_snd_wnd;
	evidence->mss = info->tcpi_snd_mss;
	if (evidence->state == STATE_LISTEN) {
		evidence->accept_queue = info->tcpi_unacked;
		evidence->backlog = info->tcpi_sacked;
	}
}

static void collect_record(struct evidence *evidence, const struct conn *conn)
{
	uint32_t now = (uint32_t)clock_coarse_ms();
	uint8_t phase = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	evidence->side = (enum side)conn->side;
	evidence->learned = conn_is(conn, CONN_LEARNED);
	/* A child by clone may have our records with our memory, and descriptors of its own. */
	evidence->shared = conn_holding(conn) == HOLDING_SHARED || self_shares_memory();
	evidence->inherited = conn_holding(conn) == HOLDING_INHERITED;
	bool ends = evidence->surface == SURFACE_CLOSE || evidence->surface == SURFACE_EXIT;
	evidence->heirloom = ends && conn_is_heirloom(conn);
	evidence->lent = ends && conn_is_lent(conn) && !self_shares_memory();
	evidence->bytes_out = atomic_load_explicit(&conn->bytes_out, memory_order_relaxed);
	evidence->bytes_in = atomic_load_explicit(&conn->bytes_in, memory_order_relaxed);
	/* What came over exec from an attempt that was refused is not open, whatever it seems. */
	bool refused = evidence->learned && evidence->error == ECONNREFUSED;
	bool early = phase == PHASE_OPEN && (conn_is(conn, CONN_EARLY) || refused) &&
		     evidence->bytes_in == 0;
	evidence->given_up = phase == PHASE_GIVEN_UP;
	/* Nobody may have noticed that it was established: then the peer has acknowledged the SYN. */
	evidence->connecting = (phase == PHASE_CONNECTING || evidence->given_up || early) &&
			       evidence->bytes_acked == 0;
	evidence->deferred = early && evidence->bytes_out == 0;
	evidence->listening = phase == PHASE_LISTENING;
	evidence->unseen = conn_is(conn, CONN_UNSEEN);
	evidence->peer_fin = conn_is(conn, CONN_PEER_FIN);
	evidence->acked_since_fin =
		conn_is(conn, CONN_PEER_FIN) && (uint32_t)evidence->bytes_acked != conn->fin_acked;
	evidence->unacked_at_fin = conn_is(conn, CONN_PEER_FIN) && conn->unacked_at_fin;
	evidence->shut_read = conn_is(conn, CONN_SHUT_READ);
	evidence->shut_write = conn_is(conn, CONN_SHUT_WRITE);
	evidence->shut_write_ago_ms = conn_is(conn, CONN_SHUT_WRITE) ? now - conn->shut_ms : NEVER;
	evidence->shut_data_segs = conn->shut_data_segs;
	evidence->linger_ago_ms = conn_is(conn, CONN_LINGER_SET) ? now - conn->linger_ms : NEVER;
	evidence->told_error = conn->told_error;
	evidence->told_op = (enum op)conn->told_op;
	evidence->told_hidden = conn_is(conn, CONN_TOLD_HIDDEN);
	evidence->told_ago_ms =
		conn->told_error != 0 || evidence->told_hidden ? now - conn->told_ms : NEVER;
	evidence->told_count = conn->told_count;
	evidence->age_ms = conn_age_ms(conn);
	evidence->cut_short = evidence->given_up && conn->connect_us != 0;
	evidence->connect_ms = evidence->connecting && !evidence->cut_short
				       ? evidence->age_ms
				       : conn->connect_us / 1000;
	evidence->half_ms = conn->half_ms != 0 ? now - conn->half_ms : 0;
	evidence->last_turn =
		(enum direction)atomic_load_explicit(&conn->turn, memory_order_relaxed);
	evidence->goodbye = conn_says_goodbye(conn);
	evidence->rule = conn->injected;
	conn_exchange(conn, &evidence->req_bytes, &evidence->resp_bytes);
}

static struct addr name_of(int fd, long (*ask)(int fd, void *name, socklen_t *size))
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	struct addr none = {0};
	return ask(fd, &name, &size) < 0 ? none : addr_from_sockaddr(&name, size);
}

/*
 * A record can be stale: libc closes descriptors inside (fclose, posix_spawn). Connections of one
 * listener have one local port, so the peer's tells; a connection that was reset has none any more.
 */
static bool is_about(const struct conn *conn, int fd)
{
	struct addr known = conn_peer(conn);
	struct addr peer = name_of(fd, raw_getpeername);
	if (known.port != 0 && peer.port != 0) {
		return peer.port == known.port;
	}
	known = conn_local(conn);
	if (known.port == 0) {
		return true;
	}
	/* A dead one that a rule has tried to renew has the port of the attempt that failed. */
	bool renewed = conn->session != 0 && conn->told_error != 0;
	struct addr local = name_of(fd, raw_getsockname);
	return local.family != 0 && (local.port == known.port || local.port == 0 || renewed);
}

bool evidence_is_about(const struct conn *conn, int fd)
{
	return sandbox_closed || (evidence_state(fd) != STATE_UNKNOWN && is_about(conn, fd));
}

/* SYN and FIN are counted as a byte each; after a failed connect the counts mean nothing. */
static void forget_flags(struct evidence *e)
{
	if (e->connecting) {
		e->outq = e->unsent = 0;
		return;
	}
	bool fin = e->shut_write || e->shut_elsewhere;
	e->fin_unacked = fin && e->outq > 0;
	e->outq -= e->fin_unacked ? 1 : 0;
	e->unsent -= fin && e->unsent > 0 ? 1 : 0;
}

/*
 * SIOCINQ counts up to an urgent byte: tcp_inq(). What MSG_OOB has read is unread all the same as far
 * as tcp_close() goes, until a read goes past it. In CLOSE the last that has come may be the peer's FIN:
 * after one of ours it is where no error waits to be told, else nobody knows.
 */
static int64_t unread_length(const struct evidence *e, const struct conn *conn, int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLPRI};
	int64_t inq = info_queue(fd, SIOCINQ);
	int64_t beyond = (int64_t)(e->bytes_received - e->bytes_in);
	bool may_be_more = inq >= 0 && (beyond > inq || (conn->urgent_read && inq == 0));
	if (!may_be_more || raw_poll(&look, 1, 0) < 0) {
		return inq;
	}
	bool urgent =
		(look.revents & POLLPRI) != 0 || (conn->urgent_read && inq == 0 && is_at_mark(fd));
	if (!urgent) {
		return inq;
	}
	bool over = e->state == STATE_CLOSE;
	bool fin = e->state == STATE_CLOSE_WAIT || e->state == STATE_LAST_ACK ||
		   e->state == STATE_CLOSING || (over && !e->error_waits);
	int64_t unread = beyond - fin;
	if (over && (unread <= 0 || !e->shut_write)) {
		return QUEUE_UNKNOWN;
	}
	return unread > 0 ? unread : 1;
}

/*
 * Has somebody else that has the socket ended our direction? Then a FIN of ours is on its way, or was
 * acknowledged, which counts as a byte; so does a client's SYN. After a disconnect nothing counts.
 */
static bool is_shut_elsewhere(const struct evidence *e, const struct tcp_info *info, long size)
{
	if (e->shut_write || e->connecting || e->listening) {
		return false;
	}
	switch (e->state) {
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
	case STATE_CLOSING:
	case STATE_LAST_ACK:
		return true;
	case STATE_CLOSE:
		return info_has_sent(size) && info->tcpi_segs_out > 0 &&
		       info->tcpi_bytes_acked + (uint64_t)(e->outq - e->unsent) >
			       info->tcpi_bytes_sent - info->tcpi_bytes_retrans +
				       (e->side != SIDE_SERVER);
	default:
		return false;
	}
}

/*
 * It takes a sequence number, and so counts as a byte received: tcp_rcv_nxt_update(). More than that
 * one is what somebody has read unseen; and an urgent byte that was skipped looks the same. Who has a
 * connection from another process (a server that forks) does not know what that one reads: there the
 * one byte says that the FIN came, in a process that goes on alone. That it is not there says that no
 * FIN came and that nobody else has read, where the connection's beginning was seen.
 */
static void look_for_fin(struct evidence *e, bool known)
{
	uint64_t more = e->bytes_received - e->bytes_in - (uint64_t)e->inq;
	bool counted = known && !e->unseen && e->inq != QUEUE_UNKNOWN && !e->disconnected;
	e->fin_arrived = counted && more == 1 && !e->shared;
	e->fin_knowable = counted && !e->learned && (more == 0 || e->fin_arrived);
}

/*
 * The last silence, if all that was written since was within a second of it: who only writes has an old
 * one in the record. Where the history begins later, its calls are of one go as long as nothing of what
 * they wrote was acknowledged.
 */
static void collect_gap(struct evidence *e, const struct conn *conn)
{
	uint32_t gap_ms = atomic_load_explicit(&conn->gap_ms, memory_order_relaxed);
	if (gap_ms == 0) {
		return;
	}
	uint32_t next = atomic_load_explicit(&conn->history_next, memory_order_relaxed);
	uint32_t known = next < CONN_HISTORY ? next : CONN_HISTORY;
	uint32_t last_ms = atomic_load_explicit(&conn->last_ms, memory_order_relaxed);
	uint32_t after_ms = last_ms;
	uint64_t bytes = 0;
	bool begins = known < CONN_HISTORY;
	for (uint32_t i = 1; i <= known; i++) {
		const struct past_call *past = &conn->history[(next - i) % CONN_HISTORY];
		if (op_direction((enum op)past->op) == DIRECTION_NONE || past->result <= 0) {
			continue;
		}
		if (clock_since_ms(past->when_ms, after_ms) >= GAP_MIN_MS) {
			begins = true;
			break;
		}
		after_ms = past->when_ms;
		if (clock_since_ms(after_ms, last_ms) >= GAP_MIN_MS) {
			return;
		}
		bytes += (uint64_t)past->result;
	}
	if (begins || e->outq >= (int64_t)bytes) {
		e->gap_ms = gap_ms;
		e->gap_bytes = bytes;
	}
}

bool evidence_is_unread_yet(const struct evidence *evidence, const struct conn *conn, int fd)
{
	return unread_length(evidence, conn, fd) > 0;
}

bool evidence_collect(struct evidence *evidence, const struct conn *conn, int fd)
{
	struct tcp_info info;
	if (sandbox_closed) {
		collect_record(evidence, conn);
		evidence->sandboxed = true;
		evidence->inq = evidence->outq = evidence->unsent = QUEUE_UNKNOWN;
		collect_gap(evidence, conn);
		return true;
	}
	long info_size = info_read(fd, &info);
	if (info_size < 0) {
		return false;
	}
	if (info.tcpi_state == STATE_CLOSE) {
		unseen_await(conn, fd, info.tcpi_bytes_acked);
	}
	if (!is_about(conn, fd)) {
		return false;
	}
	collect_info(evidence, &info);
	collect_record(evidence, conn);
	evidence->linger_zero = evidence_lingers_zero(fd);
	evidence->error_waits = evidence->state == STATE_CLOSE && info_error_waits(fd);
	if (evidence->listening) {
		listener_collect(evidence, conn, fd);
	} else {
		evidence->inq = unread_length(evidence, conn, fd);
		evidence->outq = info_queue(fd, SIOCOUTQ);
		evidence->unsent = info_queue(fd, SIOCOUTQNSD);
		evidence->shut_elsewhere = is_shut_elsewhere(evidence, &info, info_size);
		forget_flags(evidence);
	}
	if (evidence->state == STATE_CLOSE && evidence->segs_out == 0 && evidence->segs_in == 0) {
		/* tcp_disconnect() has begun the counters anew: the queue's length means nothing. */
		evidence->outq = evidence->unsent = QUEUE_UNKNOWN;
		evidence->disconnected = info_has_segments(info_size);
	}
	long flags = raw_fcntl(fd, F_GETFL, 0);
	evidence->blocking = flags >= 0 && (flags & O_NONBLOCK) == 0;
	collect_gap(evidence, conn);
	unseen_collect(evidence, conn, fd);
	look_for_fin(evidence, info_has_bytes(info_size));
	return true;
}
