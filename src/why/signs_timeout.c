/* The kernel gave the connection up. */
#include "signs.h"

#include "schedule.h"

/* What goes out again is limited by TCP_USER_TIMEOUT alone where that is set: tcp_write_timeout(). */
bool user_limit(const struct evidence *e)
{
	return is_timeout(e) && e->user_timeout_ms > 0 && e->outq > 0 &&
	       (e->retransmits > 0 || e->probes < e->retries2);
}

/* Probes of a closed window are limited by both: tcp_probe_timer(). */
bool window_closed(const struct evidence *e)
{
	return is_timeout(e) && e->peer_window == 0 && e->probes > 0 && e->unsent > 0;
}

/*
 * Our FIN, alone: the connection is not idle, and what the timer of probes tries is no keepalive:
 * tcp_keepalive_timer().
 */
static bool fin_waits(const struct evidence *e)
{
	return e->outq == 0 && e->fin_unacked && e->probes > 0;
}

bool probes_unanswered(const struct evidence *e)
{
	return is_timeout(e) && e->outq == 0 && e->probes > 0 && !fin_waits(e);
}

/*
 * Bytes wait, none is on its way, and the peer's window has room: this host does not get them out, and
 * tries again by the timer that probes closed windows: tcp_check_probe_timer().
 */
bool kept_here(const struct evidence *e)
{
	bool waits = (e->outq > 0 && e->outq == e->unsent) || fin_waits(e);
	bool has_room = e->peer_window > 0 && ((int64_t)e->peer_window >= e->unsent ||
					       (e->mss > 0 && e->peer_window >= e->mss));
	return waits && has_room && e->retransmits == 0;
}

/* With TCP_USER_TIMEOUT either limit may have come first. */
bool never_sent(const struct evidence *e)
{
	return is_timeout(e) && e->probes > 0 && e->user_timeout_ms == 0 && kept_here(e);
}

bool never_acknowledged(const struct evidence *e)
{
	return is_timeout(e) && e->outq > 0 && e->retransmits > 0;
}

/*
 * Found dead without having been told: a time-out, or a RST that came while nothing was answered. Which
 * of them, only the kernel's limits can say: that one was not reached yet excludes it. What is not
 * known of them is 0 or negative, and excludes nothing.
 */

/* Also where the peer answers, and its window stays closed: tcp_probe_timer(). */
static bool user_limit_may_be_over(const struct evidence *e)
{
	uint32_t silence_ms = e->outq == e->unsent ? e->last_data_sent_ms
			      : e->retransmits > 0 ? e->last_ack_recv_ms
						   : 0;
	return e->user_timeout_ms > 0 && e->outq > 0 && silence_ms >= e->user_timeout_ms;
}

/* tcp_keepalive_timer() */
static bool keepalive_limit_may_be_over(const struct evidence *e)
{
	bool by_time = e->user_timeout_ms > 0 && e->last_ack_recv_ms >= e->user_timeout_ms;
	return e->outq == 0 && e->probes > 0 && (by_time || e->probes >= e->keepalive_count);
}

/* Of probes, or of what is tried as they are. */
static bool probe_limit_may_be_over(const struct evidence *e)
{
	return e->outq > 0 && e->retransmits == 0 && e->probes > 0 &&
	       (int64_t)e->probes >= e->retries2;
}

/* With a closed window it is another one: tcp_rtx_probe0_timed_out(). */
static bool retransmission_limit_may_be_over(const struct evidence *e)
{
	bool unknown = e->learned || e->retries2 < 0 || e->peer_window == 0;
	return e->outq > 0 && e->retransmits > 0 && e->user_timeout_ms == 0 &&
	       (unknown || e->age_ms >= schedule_retransmission_ms(e->retries2, e->rto_max_ms));
}

bool may_have_timed_out(const struct evidence *e)
{
	return user_limit_may_be_over(e) || keepalive_limit_may_be_over(e) ||
	       probe_limit_may_be_over(e) || retransmission_limit_may_be_over(e);
}

bool user_limit_to_the_end(const struct evidence *e)
{
	return died_too_early(e) && user_limit_may_be_over(e);
}

bool probed_to_the_end(const struct evidence *e)
{
	return died_too_early(e) && keepalive_limit_may_be_over(e);
}

bool window_closed_to_the_end(const struct evidence *e)
{
	return died_too_early(e) && probe_limit_may_be_over(e) && !kept_here(e);
}

bool sent_again_to_the_end(const struct evidence *e)
{
	bool tried = probe_limit_may_be_over(e) && kept_here(e);
	return died_too_early(e) && (retransmission_limit_may_be_over(e) || tried);
}

/* SO_ERROR hands out the ICMP errors of a living connection too: sk_err_soft. */
bool icmp_in_passing(const struct evidence *e)
{
	return !e->connecting && e->has_info && e->state != STATE_CLOSE && is_icmp_errno(e->error);
}
