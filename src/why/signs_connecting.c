/* A connect, or an accept, that failed. */
#include "signs.h"

#include <errno.h>

bool gave_up(const struct evidence *e)
{
	if (!e->connecting) {
		return false;
	}
	if (e->surface == SURFACE_CLOSE || e->surface == SURFACE_EXIT) {
		bool waits = e->state == STATE_SYN_SENT && !e->deferred;
		return waits || (e->cut_short && e->error_waits);
	}
	/* shutdown and AF_UNSPEC in SYN_SENT give ECONNRESET; SO_SNDTIMEO ends a blocking connect. */
	return (e->error == ECONNRESET && (e->shut_read || e->shut_write || e->given_up)) ||
	       e->error == EINPROGRESS || e->error == EALREADY;
}

/*
 * By another process that has the socket: a RST that answers a SYN is told as ECONNREFUSED. A connect that
 * is told the reset of what it had established has begun the counts anew itself.
 */
bool given_up_elsewhere(const struct evidence *e)
{
	return e->connecting && e->error == ECONNRESET && e->op != OP_CONNECT &&
	       (e->shared || e->inherited || e->learned);
}

bool by_icmp(const struct evidence *e)
{
	return e->connecting && e->icmp && !e->icmp_local;
}

/* Our own kernel's: the neighbour did not answer, or our own firewall rejects. */
bool by_own_icmp(const struct evidence *e)
{
	return e->connecting && e->icmp_local;
}

/*
 * Only an ICMP error is told while the SYN goes on being sent, and only ICMP has these numbers once
 * it was sent; but whose it was is not known.
 */
bool by_unread_icmp(const struct evidence *e)
{
	if (!e->connecting || !is_icmp_errno(e->error)) {
		return false;
	}
	if (e->state == STATE_SYN_SENT) {
		return true;
	}
	bool no_segment_came = e->segs_out > 0 && e->segs_in == 0;
	return e->icmp_unread &&
	       (e->error == ECONNREFUSED ? no_segment_came : e->error != EHOSTUNREACH);
}

/* A RST or an ICMP error, a neighbour that is silent or a firewall? The error queue says. */
enum sure when_icmp_was_read(const struct evidence *e)
{
	return e->icmp_unread && is_icmp_errno(e->error) ? SURE_LIKELY : SURE_CERTAIN;
}

bool no_listener(const struct evidence *e)
{
	return e->connecting && e->error == ECONNREFUSED;
}

bool no_way(const struct evidence *e)
{
	if (!e->connecting) {
		return false;
	}
	switch (e->error) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
	case ENONET:
	case EACCES:
	case EPERM:
	case ENOPROTOOPT:
		return true;
	default:
		return false;
	}
}

bool leads_nowhere(const struct evidence *e)
{
	return e->connecting && e->error == EINVAL;
}

/* Else it is a blackhole route, as far as we know. */
enum sure when_address_is_at_fault(const struct evidence *e)
{
	return e->lacks_zone || e->from_loopback ? SURE_CERTAIN : SURE_LIKELY;
}

bool nobody_answered(const struct evidence *e)
{
	return e->connecting && e->error == ETIMEDOUT;
}

/* EADDRNOTAVAIL also means that there is no source address, or that the one chosen port is taken. */
enum sure when_a_port_was_sought(const struct evidence *e)
{
	return e->has_source && !e->port_chosen ? SURE_CERTAIN : SURE_LIKELY;
}

bool no_port(const struct evidence *e)
{
	return e->connecting && e->error == EADDRNOTAVAIL;
}

static bool was_dead_at_accept(const struct evidence *e)
{
	return e->told_op == OP_ACCEPT || e->told_op == OP_ACCEPT4;
}

bool dead_at_accept(const struct evidence *e)
{
	if (e->surface == SURFACE_ACCEPT) {
		return e->state == STATE_CLOSE && !was_unanswered(e);
	}
	bool hidden = e->surface == SURFACE_EOF && e->state == STATE_CLOSE;
	return was_dead_at_accept(e) && (e->error == EPIPE || is_reset(e) || hidden);
}

#define HANDSHAKE_SEGMENTS 2 /* tcpi_segs_in of a connection that was accepted: SYN and ACK */

/* Who destroys a socket in the queue leaves it dead as well; of the two only a RST is a segment. */
enum sure when_a_rst_came(const struct evidence *e)
{
	/* A FIN is another; it may have come with data. */
	uint32_t others = HANDSHAKE_SEGMENTS + e->fin_arrived;
	bool one_more = e->segs_in > e->data_segs_in + others;
	return e->error != 0 || one_more ? SURE_CERTAIN : SURE_LIKELY;
}
