/*
 * What a verdict rests on: each sign is a question about the evidence, asked by the rows of decide.c in
 * their order. A row may count on what the rows above it have excluded. What a row promises as
 * certain must exclude everything else; facts about the kernel are cited where a sign rests on one.
 */
#ifndef RESETBY_WHY_SIGNS_H
#define RESETBY_WHY_SIGNS_H

#include "why.h"

/* ---- what kind of end it is (signs.c) ---- */

bool was_told(const struct evidence *e);
bool ended_by_fin(const struct evidence *e);
bool died_too_early(const struct evidence *e);
bool has_ended(const struct evidence *e);
bool was_unanswered(const struct evidence *e);
bool is_reset(const struct evidence *e);
bool is_icmp_errno(int error);
bool is_timeout(const struct evidence *e);
bool is_all_ours(const struct evidence *e);
bool did_not_end_in_order(const struct evidence *e);
bool left_an_error(const struct evidence *e);
bool by_rule(const struct evidence *e);
bool by_admin(const struct evidence *e);

/* ---- a connect, or an accept, that failed (signs_connecting.c) ---- */

bool gave_up(const struct evidence *e);
bool given_up_elsewhere(const struct evidence *e);
bool by_icmp(const struct evidence *e);
bool by_own_icmp(const struct evidence *e);
bool by_unread_icmp(const struct evidence *e);
enum sure when_icmp_was_read(const struct evidence *e);
bool no_listener(const struct evidence *e);
bool no_way(const struct evidence *e);
bool leads_nowhere(const struct evidence *e);
bool nobody_answered(const struct evidence *e);
enum sure when_address_is_at_fault(const struct evidence *e);
enum sure when_a_port_was_sought(const struct evidence *e);
bool no_port(const struct evidence *e);
bool dead_at_accept(const struct evidence *e);
enum sure when_a_rst_came(const struct evidence *e);

/* ---- a RST was met, and what it answered (signs_reset.c) ---- */

bool told_before(const struct evidence *e);
bool told_to_another(const struct evidence *e);
bool wrote_past_own_end(const struct evidence *e);
bool reset_after_fin(const struct evidence *e);
bool reset_after_unread_fin(const struct evidence *e);
bool maybe_reset_after_fin(const struct evidence *e);
bool aborted_after_fin(const struct evidence *e);
bool maybe_unread_at_fin(const struct evidence *e);
bool stuck_at_fin(const struct evidence *e);
bool unread_after_fin(const struct evidence *e);
bool data_after_own_end(const struct evidence *e);
bool data_after_anothers_end(const struct evidence *e);
bool nothing_acked(const struct evidence *e);
bool after_silence(const struct evidence *e);
bool keepalive_met_a_rst(const struct evidence *e);
bool before_any_answer(const struct evidence *e);
bool never_accepted(const struct evidence *e);
bool mid_upload(const struct evidence *e);
bool mid_upload_or_closed(const struct evidence *e);
bool after_exchange(const struct evidence *e);
bool before_any_byte(const struct evidence *e);

/* ---- the kernel gave the connection up (signs_timeout.c) ---- */

bool user_limit(const struct evidence *e);
bool window_closed(const struct evidence *e);
bool probes_unanswered(const struct evidence *e);
bool kept_here(const struct evidence *e);
bool never_sent(const struct evidence *e);
bool never_acknowledged(const struct evidence *e);
bool may_have_timed_out(const struct evidence *e);
bool user_limit_to_the_end(const struct evidence *e);
bool probed_to_the_end(const struct evidence *e);
bool window_closed_to_the_end(const struct evidence *e);
bool sent_again_to_the_end(const struct evidence *e);
bool icmp_in_passing(const struct evidence *e);

/* ---- warnings: the connection lives (signs_passing.c) ---- */

bool queue_overflows(const struct evidence *e);
enum sure when_queue_was_full(const struct evidence *e);
bool connected_late(const struct evidence *e);
bool ack_never_arrived(const struct evidence *e);
bool unacknowledged_again(const struct evidence *e);
bool never_closed(const struct evidence *e);
bool fin_not_acknowledged(const struct evidence *e);
bool peer_goes_on(const struct evidence *e);

/* ---- our own end of it (signs_own.c) ---- */

bool unread_at_close(const struct evidence *e);
bool linger0_at_close(const struct evidence *e);
bool reset_by_exit(const struct evidence *e);
bool queue_at_close(const struct evidence *e);
bool aborted_by_connect(const struct evidence *e);
bool disconnected_elsewhere(const struct evidence *e);
bool may_end_first(const struct evidence *e);
enum sure when_made_here(const struct evidence *e);

#endif
