#include "schedule.h"

/* tcp_timeout_init(): the first retransmission time-out before there is a round-trip time. */
#define INITIAL_RTO_S 1
/* TCP_RTO_MAX */
#define LONGEST_RTO_S 120

/* Waits that are written out; the usual limits have 11. */
#define STEPS_SHOWN 16

/*
 * The wait before step n (0 is the wait after the first SYN): the first `linear` retransmissions do
 * not back off, the others double (tcp_retransmit_timer()).
 */
static int64_t syn_wait(int64_t step, int64_t linear)
{
	int64_t doubled = step - linear;
	if (doubled <= 0) {
		return INITIAL_RTO_S;
	}
	if (doubled >= 7) {
		return LONGEST_RTO_S;
	}
	return (int64_t)INITIAL_RTO_S << doubled;
}

/*
 * How many SYNs are sent. The limit is one of retransmissions, and of time, too: that which the
 * retries would take if every wait doubled (retransmits_timed_out(), from tcp_write_timeout()). With
 * few retries the time comes first.
 */
static int64_t syn_count(int64_t retries, int64_t linear)
{
	int64_t doubling = 0;
	for (int64_t step = 0; step <= retries; step++) {
		doubling += syn_wait(step, 0);
	}
	int64_t total = syn_wait(0, linear);
	int64_t count = 1;
	while (count <= retries + linear && (count == 1 || total < doubling)) {
		total += syn_wait(count++, linear);
	}
	return count;
}

int64_t schedule_syn_seconds(int64_t retries, int64_t linear)
{
	int64_t total = 0;
	int64_t count = syn_count(retries, linear);
	for (int64_t step = 0; step < count; step++) {
		total += syn_wait(step, linear);
	}
	return total;
}

void schedule_write_syn(struct text *text, const struct evidence *e)
{
	int64_t retries = e->syn_retries_set > 0 ? (int64_t)e->syn_retries_set : e->syn_retries;
	int64_t linear = e->syn_linear_timeouts > 0 ? e->syn_linear_timeouts : 0;
	if (retries < 0) {
		text_string(text, "the kernel's limits could not be read");
		return;
	}
	if (retries > 127) {
		retries = 127;
	}
	text_string(text, "the kernel waits ");
	int64_t steps = syn_count(retries, linear);
	for (int64_t step = 0; step < steps && step < STEPS_SHOWN; step++) {
		text_format(text, step == 0 ? "%D" : "+%D", syn_wait(step, linear));
	}
	if (steps > STEPS_SHOWN) {
		text_format(text, "+...+%D", syn_wait(steps - 1, linear));
	}
	text_format(text, " s = %D s (%s %D", schedule_syn_seconds(retries, linear),
		    e->syn_retries_set > 0 && e->syn_retries_set != (uint64_t)e->syn_retries
			    ? "TCP_SYNCNT"
			    : "tcp_syn_retries",
		    retries);
	if (linear > 0) {
		text_format(text, ", tcp_syn_linear_timeouts %D", linear);
	}
	if (e->user_timeout_ms > 0) {
		text_format(text, ", cut short by TCP_USER_TIMEOUT %t",
			    (int64_t)e->user_timeout_ms);
	}
	text_char(text, ')');
}

/* TCP_RTO_MIN: the limit is reckoned from it, whatever the round trip takes. */
#define SHORTEST_RTO_MS 200

int64_t schedule_retransmission_ms(int64_t retries2, int64_t rto_max_ms)
{
	int64_t most = (int64_t)LONGEST_RTO_S * 1000;
	int64_t longest = rto_max_ms > 0 && rto_max_ms < most ? rto_max_ms : most;
	int64_t wait = SHORTEST_RTO_MS;
	int64_t total = 0;
	for (int64_t step = 0; step <= retries2 && step <= UINT8_MAX; step++) {
		total += wait;
		wait = wait * 2 < longest ? wait * 2 : longest;
	}
	return total;
}

void schedule_write_retries2(struct text *text, const struct evidence *e)
{
	if (e->user_timeout_ms > 0) {
		text_format(text, " (the kernel gives up after TCP_USER_TIMEOUT, %t)",
			    (int64_t)e->user_timeout_ms);
	} else if (e->retries2 >= 0) {
		text_format(text, " (the kernel gives up after %t or more: tcp_retries2 is %D)",
			    schedule_retransmission_ms(e->retries2, e->rto_max_ms), e->retries2);
	}
}

/* Who forgets an idle connection, and after how long. */
static const struct {
	int64_t seconds;
	const char *whose;
} idle_limits[] = {
	{5, "Node's server.keepAliveTimeout, or Apache's KeepAliveTimeout"},
	{60, "an AWS ALB, or nginx proxy_read_timeout"},
	{75, "nginx keepalive_timeout"},
	{240, "the Azure load balancer"},
	{300, "mobile NAT"},
	{350, "an AWS NLB or NAT gateway"},
	{600, "Google Cloud's network"},
	{900, "Linux IPVS"},
	{28800, "MySQL and MariaDB wait_timeout"},
};

void schedule_write_idle_limit(struct text *text, int64_t gap_ms)
{
	size_t best = sizeof idle_limits / sizeof *idle_limits;
	for (size_t i = 0; i < sizeof idle_limits / sizeof *idle_limits; i++) {
		if (idle_limits[i].seconds * 1000 <= gap_ms) {
			best = i;
		}
	}
	if (best < sizeof idle_limits / sizeof *idle_limits) {
		text_format(text, "; the longest usual idle limit below that is the %D s of %s",
			    idle_limits[best].seconds, idle_limits[best].whose);
	}
}
