/* The kernel's timers, computed from its limits and never assumed. */
#ifndef RESETBY_WHY_SCHEDULE_H
#define RESETBY_WHY_SCHEDULE_H

#include "../conn/evidence.h"
#include "../sys/text.h"

/**
 * When an unanswered SYN is sent again and given up: `the kernel waits 1+1+1+1+1+2+4+8+16+32+64 s =
 * 131 s (tcp_syn_retries 6, tcp_syn_linear_timeouts 4)` (tcp_write_timeout(), inet_csk_rto_backoff()).
 */
void schedule_write_syn(struct text *text, const struct evidence *evidence);

/**
 * How long the kernel waits for a SYN to be answered.
 *
 * @retries, linear
 *         tcp_syn_retries (or TCP_SYNCNT) and tcp_syn_linear_timeouts.
 * @return
 *         Seconds.
 */
int64_t schedule_syn_seconds(int64_t retries, int64_t linear);

/**
 * How long the kernel sends data again before it gives a connection up, at least: tcp_model_timeout().
 *
 * @retries2, rto_max_ms
 *         tcp_retries2, and tcp_rto_max_ms or a negative number where there is none.
 */
int64_t schedule_retransmission_ms(int64_t retries2, int64_t rto_max_ms);

/** ` (the kernel gives up after 15 min 25 s or more: tcp_retries2 is 15)`, where it is known. */
void schedule_write_retries2(struct text *text, const struct evidence *evidence);

/** `; that fits the 60 s of nginx keepalive_timeout`: who forgets connections after such a silence. */
void schedule_write_idle_limit(struct text *text, int64_t gap_ms);

#endif
