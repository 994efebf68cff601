/* What a call has brought that is more than a result: an error of the connection, or its end, is explained. */
#include "flow.h"

#include "../conn/evidence.h"
#include "../log/log.h"
#include "../sys/raw.h"
#include "../sys/sandbox.h"
#include "report.h"

/* Errors that say something about the connection, not about the call's arguments. */
static bool is_fatal(int error)
{
	switch (error) {
	case ECONNRESET:
	case EPIPE:
	case ETIMEDOUT:
	case ECONNREFUSED:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

/* connect refuses an address that its routes lead nowhere, as an IPv6 socket refuses IPv4's shorter ones. */
static bool leads_nowhere(const struct call *call)
{
	int domain = AF_UNSPEC;
	socklen_t size = sizeof domain;
	if (call->op != OP_CONNECT || call->error != EINVAL) {
		return false;
	}
	raw_getsockopt(call->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	return domain != AF_INET6 || call->asked > sizeof(struct sockaddr_in);
}

/*
 * Which of them the kernel gives for a socket's state, at calls that can also fail otherwise. A security
 * module denies with EACCES; a dead socket has it from ICMPv6 or a route: icmpv6_err_convert().
 */
static bool call_can_tell(const struct call *call)
{
	if (!is_fatal(call->error)) {
		return leads_nowhere(call);
	}
	if (op_direction(call->op) != DIRECTION_NONE) {
		return call->error == EACCES ? evidence_state(call->fd) == STATE_CLOSE
					     : call->error != EPERM;
	}
	return call->op == OP_CONNECT || call->op == OP_GETSOCKOPT;
}

/* After its own SHUT_RD a program reads nothing where nothing waits, whether or not a FIN has come. */
static bool is_own_end_of_file(const struct call *call)
{
	if (!conn_is(call->conn, CONN_SHUT_READ)) {
		return false;
	}
	enum tcp_state_number state = evidence_state(call->fd);
	return state == STATE_ESTABLISHED || state == STATE_FIN_WAIT1 || state == STATE_FIN_WAIT2;
}

static void explain(struct call *call)
{
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	enum direction direction = op_direction(call->op);
	if (call->result < 0) {
		if (phase != PHASE_FRESH && phase != PHASE_LISTENING && call_can_tell(call)) {
			report(call, SURFACE_RETURN, direction, false);
			act_failed(call);
		}
	} else if (call->result == 0 && direction == DIRECTION_READ && call->asked > 0 &&
		   phase == PHASE_OPEN && !call->answered) {
		/* Only the first end of file is news. */
		if (!conn_is(call->conn, CONN_PEER_FIN) && !is_own_end_of_file(call)) {
			report(call, SURFACE_EOF, direction, false);
			conn_set(call->conn, CONN_PEER_FIN);
			conn_stir(call->conn);
			conn_half_closed(call->conn, 0);
		}
	}
}

static bool only_a_connection_has(const struct call *call)
{
	switch (op_direction(call->op)) {
	case DIRECTION_READ:
		return call->result > 0 || (call->result == 0 && call->asked > 0) ||
		       is_fatal(call->error);
	case DIRECTION_WRITE:
		return call->result > 0 || is_fatal(call->error);
	default:
		return call->op == OP_GETSOCKOPT && is_fatal(call->error);
	}
}

void flow_notice_unseen(struct call *call)
{
	if (atomic_load_explicit(&call->conn->phase, memory_order_relaxed) == PHASE_FRESH &&
	    !sandbox_closed && only_a_connection_has(call)) {
		conn_catch_up(call->conn, call->fd);
	}
}

void flow_end(struct call *call)
{
	if (!conn_pin(call->conn, call->fd)) {
		errno = call->result < 0 ? call->error : errno;
		return;
	}
	flow_notice_unseen(call);
	if (call->result >= 0 || call->error == ENOTCONN) {
		flow_notice_connected(call);
	}
	if (!call->told) {
		explain(call);
	}
	if (log_wants(LOG_CALLS)) {
		report_call(call);
	}
	if (call->result < 0) {
		if (UNLIKELY(call->conn->choice.actions != 0)) {
			call->error = act_error(call, call->error);
		}
		errno = call->error;
	}
	conn_unpin(call->conn);
}
