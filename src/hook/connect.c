/* A connection begins and ends on purpose: connect, bind, listen, shutdown. */
#include "hook.h"

#include <string.h>
#include "../conn/evidence.h"
#include "../conn/listener.h"
#include "../log/line_conn.h"
#include "../log/log.h"
#include "../sys/memory.h"
#include "../sys/raw.h"
#include "connect.h"
#include "report.h"
#include "tally.h"

/* connect with AF_UNSPEC: what the connection was is judged before it is gone. */
static void disconnecting(struct connect *connect, struct call *call)
{
	conn_learn_local(call->conn, call->fd);
	flow_notice_established(call);
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	if (phase == PHASE_OPEN) {
		connect->path = evidence_path(call->fd);
		connect->ending = report(call, SURFACE_DISCONNECT, DIRECTION_NONE, false);
	} else if (phase == PHASE_CONNECTING) {
		conn_giving_up(call->conn, evidence_state(call->fd) == STATE_SYN_SENT);
	}
}

/* The connection is over, and its descriptor is not: it may become another one. */
static void sum_up(struct call *call, enum ending ending, struct path path)
{
	if (conn_set(call->conn, CONN_SUMMED_UP) && log_wants(LOG_CONNS)) {
		report_close(call, ending, path, false);
	}
}

/*
 * The attempt before has failed, and what told so was no connect: this one only ends it, with
 * ECONNABORTED (inet_stream_connect()), and begins none. With TCP Fast Open a write may have been one.
 */
static bool only_ends_attempt(const struct conn *conn, uint8_t phase)
{
	return phase == PHASE_OVER && conn->told_op != OP_CONNECT && !conn_is(conn, CONN_EARLY);
}

void connect_begin(struct connect *connect, struct call *call, const void *address, socklen_t size)
{
	memset(connect, 0, offsetof(struct connect, target.other));
	connect->target.address = address;
	connect->target.size = size;
	connect->target.limit_ms = 0;
	connect->target.answered = false;
	sa_family_t family;
	if (size < sizeof family || size > sizeof(struct sockaddr_storage) ||
	    !memory_readable(address, size)) {
		/* The kernel will refuse it, and no rule has a say in it. */
		return;
	}
	memcpy(&family, address, sizeof family);
	struct addr peer = addr_from_sockaddr(address, size);
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	if (family == AF_UNSPEC) {
		connect->disconnects = true;
		disconnecting(connect, call);
	} else if (peer.family != 0 && only_ends_attempt(call->conn, phase)) {
		conn_set_phase(call->conn, PHASE_FRESH);
	} else if (peer.family != 0 && phase != PHASE_CONNECTING && phase != PHASE_OPEN &&
		   phase != PHASE_LISTENING) {
		struct addr local = conn_local(call->conn);
		if (call->conn->number != 0) {
			sum_up(call, ENDING_NONE, (struct path){0});
			act_replaced(call);
			/* The port of the connection before is given back. */
			local.port = 0;
		}
		conn_begin(call->conn, SIDE_CLIENT, &local, &peer);
		conn_put(call->conn, CONN_EARLY, conn_is(call->conn, CONN_FASTOPEN));
		connect->begins = true;
		connect->again = phase == PHASE_OVER;
		act_match(call, STAGE_CONNECT);
		act_connect(call, &connect->target);
	}
}

/* SO_SNDTIMEO ran out, or a non-blocking connect is merely under way? */
static bool gave_up(const struct call *call)
{
	if (call->error != EINPROGRESS && call->error != EALREADY) {
		return false;
	}
	struct timeval limit = {0};
	socklen_t size = sizeof limit;
	raw_getsockopt(call->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &size);
	long flags = raw_fcntl(call->fd, F_GETFL, 0);
	return flags >= 0 && (flags & O_NONBLOCK) == 0 && (limit.tv_sec != 0 || limit.tv_usec != 0);
}

static void connect_failed(const struct connect *connect, struct call *call)
{
	if (connect->again && call->error == ECONNABORTED) {
		/* Only the end of the attempt before, whose error was taken: inet_stream_connect(). */
		conn_set_phase(call->conn, PHASE_FRESH);
		return;
	}
	switch (call->error) {
	case EINPROGRESS:
	case EALREADY:
		if (gave_up(call)) {
			report(call, SURFACE_RETURN, DIRECTION_NONE, false);
		}
		break;
	case EINTR:
	case EISCONN:
		break;
	default:
		flow_end(call);
		if (atomic_load(&call->conn->phase) == PHASE_CONNECTING) {
			/* The arguments were wrong: no connection has begun. */
			conn_set_phase(call->conn, PHASE_FRESH);
		}
		return;
	}
	if (log_wants(LOG_CALLS)) {
		report_call(call);
	}
}

void connect_end(struct connect *connect, struct call *call)
{
	if (!conn_same(call->conn, call->generation)) {
		return;
	}
	if (connect->begins) {
		act_connected(call, &connect->target);
	}
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	conn_remember(call->conn, call->op, call->result, call->error, now_ms);
	if (watch_is_due(now_ms)) {
		flow_keep_house(now_ms);
	}
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	bool was_connecting = phase == PHASE_CONNECTING;
	if (connect->disconnects) {
		if (call->result == 0) {
			if (was_connecting) {
				/* Given up without being told a failure: the rules hear of it here. */
				act_failed(call);
			}
			bool may_tell = was_connecting || phase == PHASE_GIVEN_UP;
			if (phase == PHASE_OPEN) {
				sum_up(call, connect->ending, connect->path);
			}
			conn_set_phase(call->conn, may_tell ? PHASE_GIVEN_UP : PHASE_FRESH);
		}
	} else if (was_connecting && (call->result == 0 || call->error == EISCONN)) {
		tally_established(conn_peer(call->conn));
		flow_opened(call);
	} else if (was_connecting) {
		connect_failed(connect, call);
		return;
	} else if (call->result < 0) {
		/* Asked once more, of a connection whose success was noticed otherwise. */
		flow_end(call);
		if (phase == PHASE_OPEN && call->error != EISCONN &&
		    evidence_state(call->fd) == STATE_CLOSE) {
			/* That was its end, whoever was told why: the next one begins another. */
			call->conn->told_op = OP_CONNECT;
			conn_set_phase(call->conn, PHASE_OVER);
		}
		return;
	}
	if (log_wants(LOG_CALLS)) {
		report_call(call);
	}
}

int hook_connect(int fd, const struct sockaddr *address, socklen_t size)
{
	struct call call;
	if (!call_enter(&call, OP_CONNECT, conn_find_socket(fd), fd, size) ||
	    !conn_pin(call.conn, fd)) {
		return real.connect(fd, address, size);
	}
	int saved = errno;
	struct connect connect;
	connect_begin(&connect, &call, address, size);
	conn_unpin(call.conn);
	if (!connect.target.answered) {
		errno = saved;
		call.result = real.connect(fd, connect.target.address, connect.target.size);
		saved = errno;
		call.error = call.result < 0 ? saved : 0;
	}
	if (conn_pin(call.conn, fd)) {
		connect_end(&connect, &call);
		conn_unpin(call.conn);
	}
	errno = call.result < 0 ? call.error : saved;
	return (int)call.result;
}

int hook_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	struct call call;
	if (!call_enter(&call, OP_BIND, conn_find_socket(fd), fd, 0)) {
		return real.bind(fd, address, size);
	}
	call.result = real.bind(fd, address, size);
	if (call.result == 0 && conn_same(call.conn, call.generation)) {
		conn_name_set(&call.conn->local, addr_from_sockaddr(address, size));
		if (call.conn->number != 0) {
			/* It was connected and disconnected: its number stays, its name does not. */
			line_conn_forget();
		}
	}
	return (int)call_leave(&call);
}

int hook_listen(int fd, int backlog)
{
	struct call call;
	if (!call_enter(&call, OP_LISTEN, conn_find_socket(fd), fd, 0)) {
		return real.listen(fd, backlog);
	}
	call.result = real.listen(fd, backlog);
	if (call.result == 0 && conn_same(call.conn, call.generation)) {
		int saved = errno;
		call.conn->side = SIDE_SERVER;
		conn_learn_listener(call.conn, fd);
		line_conn_forget();
		act_match(&call, STAGE_LISTEN);
		act_listening(&call);
		log_prepare_server();
		errno = saved;
	}
	return (int)call_leave(&call);
}

/*
 * Segments with data that had arrived when both ways were shut. Where the connection is dead when
 * shutdown returns, what came within the call was too late: on loopback our FIN's acknowledgement brings
 * what the peer had held back.
 */
static uint32_t count_until_shut(int fd, const struct path *before)
{
	struct path after = evidence_path(fd);
	return after.state == STATE_CLOSE ? before->data_segments : after.data_segments;
}

static void shut_down(struct conn *conn, int fd, int how, const struct path *before)
{
	static const uint16_t shut[] = {
		[SHUT_RD] = CONN_SHUT_READ,
		[SHUT_WR] = CONN_SHUT_WRITE,
		[SHUT_RDWR] = CONN_SHUT_READ | CONN_SHUT_WRITE,
	};
	conn_set(conn, shut[how]);
	conn_stir(conn);
	conn->shut_ms = (uint32_t)clock_coarse_ms();
	conn_half_closed(conn, 0);
	if (conn_is(conn, CONN_SHUT_READ)) {
		conn->shut_data_segs = count_until_shut(fd, before);
	}
}

static bool may_be_connecting(const struct conn *conn, uint8_t phase)
{
	return phase == PHASE_CONNECTING || conn_is(conn, CONN_EARLY);
}

/* Does what is told later rest on how the connection stands before this? */
static bool matters(const struct call *call, uint8_t phase, int how)
{
	bool reads_no_more = how != SHUT_WR || conn_is(call->conn, CONN_SHUT_READ);
	return reads_no_more || may_be_connecting(call->conn, phase) || log_wants(LOG_CONNS);
}

int hook_shutdown(int fd, int how)
{
	struct call call;
	if (!call_enter(&call, OP_SHUTDOWN, conn_find_socket(fd), fd, 0)) {
		return real.shutdown(fd, how);
	}
	/* In SYN_SENT it ends the attempt: ECONNRESET, and nothing on the wire. */
	uint8_t phase = atomic_load_explicit(&call.conn->phase, memory_order_relaxed);
	struct path before = {.state = STATE_UNKNOWN};
	if (matters(&call, phase, how)) {
		before = evidence_path(fd);
	}
	bool gives_up = may_be_connecting(call.conn, phase) && before.state == STATE_SYN_SENT;
	/* A listener stops listening: inet_shutdown(). */
	bool stops = phase == PHASE_LISTENING && (how == SHUT_RD || how == SHUT_RDWR);
	if (gives_up || stops) {
		int saved = errno;
		report(&call, SURFACE_CLOSE, DIRECTION_NONE, false);
		errno = saved;
	}
	if (how != SHUT_RD && UNLIKELY(call.conn->choice.actions != 0)) {
		act_shutdown(&call);
	}
	/* A listener goes on as it was, and has something else in that place. */
	if (how != SHUT_RD && phase != PHASE_LISTENING) {
		evidence_shutting(call.conn, before.state);
	}
	call.result = real.shutdown(fd, how);
	if (call.result == 0 && conn_same(call.conn, call.generation)) {
		shut_down(call.conn, fd, how, &before);
	}
	return (int)call_leave(&call);
}
