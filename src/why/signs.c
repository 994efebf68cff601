/* What kind of end it is. */
#include "signs.h"

#include <errno.h>

bool was_told(const struct evidence *e)
{
	return e->told_error != 0;
}

/* Reads are never told EPIPE: a FIN was the end, and a rule has found nothing to put in its place. */
bool ended_by_fin(const struct evidence *e)
{
	return e->told_error == EPIPE && !e->told_hidden &&
	       (e->told_op == OP_NONE || op_direction(e->told_op) == DIRECTION_READ);
}

/*
 * In CLOSE is what ended in order, too. Of what an older process has done with it only an error that
 * waits tells that it did not.
 */
bool did_not_end_in_order(const struct evidence *e)
{
	return !e->learned || e->error_waits;
}

/*
 * The program hears nothing, yet the kernel has given the connection up. Where a forked process goes
 * on with it, that one may have ended it in order.
 */
static bool died_silently(const struct evidence *e)
{
	bool ends = e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT ||
		    e->surface == SURFACE_DISCONNECT;
	return ends && !e->connecting && !e->listening && e->state == STATE_CLOSE && !e->shared &&
	       !was_told(e) && did_not_end_in_order(e);
}

/* In order ends nothing that leaves an error. */
bool left_an_error(const struct evidence *e)
{
	return died_silently(e) && e->error_waits;
}

/* The kernel was sending something again, or probing, when the connection died. */
bool was_unanswered(const struct evidence *e)
{
	return e->retransmits > 0 || e->probes > 0;
}

/* Our own direction, by a call of this process or of another that has the socket. */
bool has_ended(const struct evidence *e)
{
	return e->shut_write || e->shut_elsewhere;
}

/*
 * After our FIN a CLOSE may be an ordinary TIME_WAIT: TCP_INFO cannot tell them apart. It is none
 * where we had sent no FIN, where what was written before it was never acknowledged, or where the
 * peer's has never come.
 */
bool died_too_early(const struct evidence *e)
{
	bool no_fin_came =
		e->fin_knowable && !e->fin_arrived && !e->peer_fin && e->retransmits == 0;
	return died_silently(e) && (!has_ended(e) || e->outq > 0 || no_fin_came);
}

bool is_reset(const struct evidence *e)
{
	return e->error == ECONNRESET || died_too_early(e);
}

/* The errno of an ICMP error: icmp_err_convert[], icmpv6_err_convert(). */
bool is_icmp_errno(int error)
{
	switch (error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENONET:
	case ENOPROTOOPT:
	case ECONNREFUSED:
	case EACCES:
	case EPROTO:
		return true;
	default:
		return false;
	}
}

/* A connection that timed out is in CLOSE, and may tell the last ICMP error: tcp_write_err(). */
bool is_timeout(const struct evidence *e)
{
	return !e->connecting && e->state == STATE_CLOSE &&
	       (e->error == ETIMEDOUT || (is_icmp_errno(e->error) && was_unanswered(e)));
}

/* No call of anybody else's can have taken an error, and none was made unseen. */
bool is_all_ours(const struct evidence *e)
{
	return !e->learned && !e->shared && !e->inherited && !e->unseen;
}

/* Rules abort with AF_UNSPEC: where the peer's FIN had come, a read is told nothing but that. */
bool by_rule(const struct evidence *e)
{
	bool hidden = e->surface == SURFACE_EOF && e->disconnected && !was_told(e);
	return e->rule != 0 && (e->error != 0 || died_silently(e) || hidden);
}

bool by_admin(const struct evidence *e)
{
	/*
	 * So says a connect, too, on a socket that is over and whose error another call was told, or that
	 * had none: __inet_stream_connect(). Only of an attempt that nobody else has seen it says more.
	 */
	bool of_old = e->op == OP_CONNECT && (!e->connecting || !is_all_ours(e));
	return e->error == ECONNABORTED && !of_old;
}
