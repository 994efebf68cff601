/* Options and names: setsockopt, getsockopt, ioctl, getpeername, getsockname. */
#include "hook.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../conn/evidence.h"
#include "../sys/memory.h"
#include "flow.h"
#include "report.h"
#include "straight.h"
#include "tally.h"

static struct linger read_linger(const void *value)
{
	/* The program's memory may be aligned in any way. */
	struct linger linger;
	memcpy(&linger, value, sizeof linger);
	return linger;
}

static void lingers(struct conn *conn, const void *value)
{
	struct linger linger = read_linger(value);
	conn_put(conn, CONN_LINGER_SET, linger.l_onoff != 0);
	conn_put(conn, CONN_LINGER_ZERO, linger.l_onoff != 0 && linger.l_linger == 0);
	conn->linger_ms = (uint32_t)clock_coarse_ms();
}

/* Does a rule see to it that the kernel never hears of it? */
static bool hides_linger(struct call *call, const void *value)
{
	if (!memory_readable(value, sizeof(struct linger))) {
		return false;
	}
	int saved = errno;
	struct linger linger = read_linger(value);
	bool hidden = act_set_linger(call, &linger);
	errno = saved;
	return hidden;
}

static NOINLINE int set_linger(struct call *call, const void *value, socklen_t size)
{
	bool whole = size >= sizeof(struct linger);
	if (whole && call->conn->choice.actions != 0 && hides_linger(call, value)) {
		call->result = 0;
	} else {
		call->result = real.setsockopt(call->fd, SOL_SOCKET, SO_LINGER, value, size);
	}
	if (call->result == 0 && conn_same(call->conn, call->generation)) {
		lingers(call->conn, value);
	}
	return (int)call_leave(call);
}

static NOINLINE int setsockopt_with_care(int fd, int level, int name, const void *value,
					 socklen_t size)
{
	struct call call;
	if (!call_enter(&call, OP_SETSOCKOPT, conn_find_socket(fd), fd, 0)) {
		return real.setsockopt(fd, level, name, value, size);
	}
	if (UNLIKELY(level == SOL_SOCKET && name == SO_LINGER)) {
		return set_linger(&call, value, size);
	}
	call.result = real.setsockopt(fd, level, name, value, size);
	if (UNLIKELY(level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT) && call.result == 0 &&
	    conn_same(call.conn, call.generation)) {
		int on;
		memcpy(&on, value, sizeof on);
		conn_put(call.conn, CONN_FASTOPEN, on != 0);
	}
	return (int)call_leave(&call);
}

static NOINLINE int setsockopt_ended(struct conn *conn, uint32_t generation, int fd, long result)
{
	struct call call = call_of(conn, generation, OP_SETSOCKOPT, fd, NULL, 0, 0);
	call.result = libcs(result);
	return (int)call_leave(&call);
}

HOT int hook_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL || !passes_silently() || (level == SOL_SOCKET && name == SO_LINGER)) {
		return slot == SLOT_OTHER ? real.setsockopt(fd, level, name, value, size)
					  : setsockopt_with_care(fd, level, name, value, size);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_setsockopt(fd, level, name, value, size);
	return passes(conn, generation, OP_SETSOCKOPT, result)
		       ? 0
		       : setsockopt_ended(conn, generation, fd, result);
}

/* The program asks for the pending error: this is how event loops meet a failed connect. */
static void took_error(struct call *call, int error)
{
	struct conn *conn = call->conn;
	if (error != 0 && conn_pin(conn, call->fd)) {
		flow_notice_unseen(call);
		conn_unpin(conn);
	}
	uint8_t phase = atomic_load_explicit(&conn->phase, memory_order_relaxed);
	if (error != 0) {
		if (phase != PHASE_FRESH && phase != PHASE_LISTENING) {
			call->error = error;
			enum direction waited = (enum direction)atomic_load_explicit(
				&conn->waiting, memory_order_relaxed);
			report(call, SURFACE_SO_ERROR,
			       waited == DIRECTION_NONE ? DIRECTION_READ : waited, false);
			act_failed(call);
			call->error = 0;
		}
	} else if (phase == PHASE_CONNECTING) {
		enum tcp_state_number state = evidence_state(call->fd);
		if (state != STATE_SYN_SENT && state != STATE_SYN_RECV && state != STATE_CLOSE) {
			tally_established(conn_peer(conn));
			flow_opened(call);
		}
	}
}

/* nolinger: the program finds the option as it set it. */
static void show_hidden_linger(int level, int name, void *value, const socklen_t *size)
{
	struct linger hidden = {.l_onoff = 1, .l_linger = 0};
	if (level == SOL_SOCKET && name == SO_LINGER && *size >= sizeof hidden) {
		memcpy(value, &hidden, sizeof hidden);
	}
}

int hook_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	struct call call;
	if (!call_enter(&call, OP_GETSOCKOPT, conn_find_socket(fd), fd, 0)) {
		return real.getsockopt(fd, level, name, value, size);
	}
	call.result = real.getsockopt(fd, level, name, value, size);
	if (UNLIKELY(!conn_same(call.conn, call.generation))) {
		return (int)call.result;
	}
	if (call.result == 0 && level == SOL_SOCKET && name == SO_ERROR && *size >= sizeof(int)) {
		int saved = errno;
		int error;
		memcpy(&error, value, sizeof error);
		conn_remember(call.conn, OP_GETSOCKOPT, 0, error, (uint32_t)clock_coarse_ms());
		call.error = error;
		if (UNLIKELY((call.conn->choice.actions & act_repeaters) != 0) &&
		    act_took_error(&call)) {
			error = call.error;
			memcpy(value, &error, sizeof error);
		} else {
			took_error(&call, error);
		}
		call.error = 0;
		if (error != 0 && UNLIKELY(call.conn->choice.actions != 0)) {
			error = act_error(&call, error);
			memcpy(value, &error, sizeof error);
		}
		errno = saved;
		if (UNLIKELY(flow_watches)) {
			flow_end(&call);
		}
		return 0;
	}
	if (call.result == 0 && UNLIKELY(conn_is(call.conn, CONN_LINGER_HIDDEN))) {
		show_hidden_linger(level, name, value, size);
	}
	return (int)call_leave(&call);
}

int hook_ioctl(int fd, unsigned long request, void *argument)
{
	struct conn *conn = request == FIONBIO ? conn_find(fd) : NULL;
	int result = real.ioctl(fd, request, argument);
	if (conn != NULL && result == 0 && argument != NULL) {
		int on;
		memcpy(&on, argument, sizeof on);
		conn_put(conn, CONN_NONBLOCKING, on != 0);
	}
	return result;
}

int hook_getpeername(int fd, struct sockaddr *address, socklen_t *size)
{
	struct call call;
	if (!call_enter(&call, OP_GETPEERNAME, conn_find_socket(fd), fd, 0)) {
		return real.getpeername(fd, address, size);
	}
	call.result = real.getpeername(fd, address, size);
	return (int)call_leave(&call);
}

int hook_getsockname(int fd, struct sockaddr *address, socklen_t *size)
{
	struct call call;
	if (!call_enter(&call, OP_GETSOCKNAME, conn_find_socket(fd), fd, 0)) {
		return real.getsockname(fd, address, size);
	}
	call.result = real.getsockname(fd, address, size);
	if (call.result == 0 && conn_same(call.conn, call.generation)) {
		conn_learn_local(call.conn, fd);
	}
	return (int)call_leave(&call);
}
