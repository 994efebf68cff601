/* The kernel gave the connection up. */
#include "signs.h"

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

bool probes_unanswered(const struct evidence *e)
{
	return is_timeout(e) && e->outq == 0 && e->probes > 0;
}

bool never_acknowledged(const struct evidence *e)
{
	return is_timeout(e) && e->outq > 0 && e->retransmits > 0;
}

/* Closed without having been told: a time-out, or a RST that came while nothing was answered. */
bool probed_to_the_end(const struct evidence *e)
{
	return died_too_early(e) && e->outq == 0 && e->probes > 0;
}

bool sent_again_to_the_end(const struct evidence *e)
{
	return died_too_early(e) && was_unanswered(e);
}

/* SO_ERROR hands out the ICMP errors of a living connection too: sk_err_soft. */
bool icmp_in_passing(const struct evidence *e)
{
	return !e->connecting && e->has_info && e->state != STATE_CLOSE && is_icmp_errno(e->error);
}
