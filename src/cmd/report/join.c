/*
 * Both ends of a connection: what one end's process did explains what the other end's was told.
 * Ends belong together when their addresses mirror each other and they lived at the same time, for
 * addresses are used again.
 */
#include <stdlib.h>
#include <string.h>
#include "model.h"

#define US_PER_S INT64_C(1000000)
/* How exactly times of two processes compare: lines are written before or after the call. */
#define SLACK_US INT64_C(20000)
#define SLACK_OVERLAP_US US_PER_S
/* Machines whose clocks could not be compared. */
#define SLACK_UNKNOWN_US (60 * US_PER_S)

/* The other end, seen from ours. */
struct view {
	const struct end *ours, *theirs;
	int64_t ahead_us, slack_us;
	bool clock_known;
};

static struct view view_of(const struct model *model, const struct end *ours,
			   const struct end *theirs)
{
	struct view view = {.ours = ours, .theirs = theirs};
	int64_t spread_us;
	view.clock_known =
		clocks_ahead(model, &ours->local, &theirs->local, &view.ahead_us, &spread_us);
	view.slack_us = view.clock_known ? SLACK_US + spread_us : SLACK_UNKNOWN_US;
	return view;
}

/* A time of theirs on our clock. */
static int64_t ours_of(const struct view *view, uint64_t theirs_us)
{
	return (int64_t)theirs_us - view->ahead_us;
}

static bool mirrors(const struct end *a, const struct end *b)
{
	return a->local.port == b->peer.port && a->peer.port == b->local.port &&
	       addr_same_host(&a->local, &b->peer) && addr_same_host(&a->peer, &b->local);
}

static bool overlaps(const struct view *view)
{
	int64_t slack = view->slack_us + SLACK_OVERLAP_US;
	return ours_of(view, view->theirs->begun_us) - slack <= (int64_t)view->ours->last_us &&
	       ours_of(view, view->theirs->last_us) + slack >= (int64_t)view->ours->begun_us;
}

/* How far apart the two beginnings are. */
static int64_t distance(const struct view *view)
{
	int64_t difference = ours_of(view, view->theirs->begun_us) - (int64_t)view->ours->begun_us;
	return difference < 0 ? -difference : difference;
}

static const struct end *find_partner(const struct model *model, const struct end *ours,
				      const uint32_t *order, uint32_t count)
{
	const struct end *best = NULL;
	int64_t nearest = INT64_MAX;
	for (uint32_t i = 0; i < count; i++) {
		const struct end *theirs = table_at(&model->ends, order[i]);
		struct view view = view_of(model, ours, theirs);
		if (theirs != ours && !theirs->folded && mirrors(ours, theirs) && overlaps(&view) &&
		    distance(&view) < nearest) {
			nearest = distance(&view);
			best = theirs;
		}
	}
	return best;
}

/* ---- what the other end's log says ---- */

static bool is_own_doing(const struct end *end)
{
	return end->errors > 0 && end->cause != CAUSE_UNKNOWN &&
	       cause_infos[end->cause].kind == CAUSE_OWN &&
	       end->cause != CAUSE_WROTE_AFTER_SHUTDOWN;
}

static bool was_before(const struct view *view, uint64_t theirs_us)
{
	return theirs_us != 0 &&
	       ours_of(view, theirs_us) <= (int64_t)view->ours->error_us + view->slack_us;
}

/* Did its process end the connection, or did it go on beyond our error? */
static enum finding find_close(const struct view *view, uint64_t *act_us)
{
	const struct end *theirs = view->theirs;
	*act_us = theirs->closed_us;
	if (!was_before(view, theirs->closed_us)) {
		bool went_on = theirs->last_us != 0 &&
			       ours_of(view, theirs->last_us) > (int64_t)view->ours->error_us;
		return went_on && theirs->closed_us != 0 ? FINDING_UNAWARE : FINDING_NONE;
	}
	switch (theirs->ended) {
	case ENDED_RST:
		/* What had ended it before was a shutdown of both ways. */
		return theirs->cause == CAUSE_LATE_DATA ? FINDING_CLOSE_FIN : FINDING_CLOSE_RST;
	case ENDED_FIN:
		return FINDING_CLOSE_FIN;
	case ENDED_EXIT:
		return FINDING_EXIT;
	default:
		return FINDING_NONE;
	}
}

static bool was_reset(const struct end *end)
{
	switch (end->cause) {
	case CAUSE_PEER_CLOSED_UNREAD:
	case CAUSE_PEER_ABORT:
	case CAUSE_FORGOTTEN:
		return end->errors > 0;
	default:
		return false;
	}
}

static enum finding find_out(const struct view *view, uint64_t *act_us)
{
	const struct end *theirs = view->theirs;
	*act_us = theirs->rule_us;
	if (theirs->rule != 0 && was_before(view, theirs->rule_us)) {
		return FINDING_RULE;
	}
	*act_us = theirs->error_us;
	if (is_own_doing(theirs) && was_before(view, theirs->error_us)) {
		return FINDING_ACT;
	}
	if (was_reset(theirs) && was_reset(view->ours)) {
		return FINDING_BOTH;
	}
	return find_close(view, act_us);
}

static bool is_action(const struct model *model, const struct end *end, const char *action)
{
	const struct rule_sum *rule = table_at(&model->rules, end->rule - 1u);
	return strcmp(rule->action, action) == 0;
}

static enum cause cause_by_rule(const struct model *model, const struct view *view)
{
	if (is_action(model, view->theirs, "unread")) {
		return CAUSE_PEER_CLOSED_UNREAD;
	}
	if (is_action(model, view->theirs, "idle-evict")) {
		return CAUSE_FORGOTTEN;
	}
	bool aborts = is_action(model, view->theirs, "linger0") ||
		      is_action(model, view->theirs, "reset");
	return aborts ? CAUSE_PEER_ABORT : (enum cause)view->ours->cause;
}

/*
 * What our end could tell for certain stays; but a peer that had only half-closed, and then reset the
 * connection itself, looks from here as if it had closed.
 */
static bool is_settled(const struct view *view, enum finding finding)
{
	bool may_err = view->ours->cause == CAUSE_PEER_CLOSED_EARLY &&
		       (finding == FINDING_ACT || finding == FINDING_RULE);
	return view->ours->sure == SURE_CERTAIN && !may_err;
}

/* What both logs together say. */
static enum cause joined_cause(const struct model *model, const struct view *view,
			       enum finding finding)
{
	enum cause ours = (enum cause)view->ours->cause;
	if (is_settled(view, finding) || cause_infos[ours].kind != CAUSE_RESET) {
		return ours;
	}
	switch (finding) {
	case FINDING_ACT:
		return view->theirs->cause == CAUSE_CLOSED_UNREAD ? CAUSE_PEER_CLOSED_UNREAD
								  : CAUSE_PEER_ABORT;
	case FINDING_RULE:
		return cause_by_rule(model, view);
	case FINDING_CLOSE_RST:
		return ours == CAUSE_PEER_CLOSED_UNREAD ? ours : CAUSE_PEER_ABORT;
	case FINDING_CLOSE_FIN:
	case FINDING_EXIT:
		/* Its kernel answered what came after the close. */
		return ours == CAUSE_PEER_ABORT ? CAUSE_PEER_CLOSED_UNREAD : ours;
	case FINDING_BOTH:
		return CAUSE_PEER_ABORT;
	default:
		return ours;
	}
}

static bool makes_certain(enum finding finding)
{
	return finding != FINDING_NONE && finding != FINDING_BOTH && finding != FINDING_UNAWARE;
}

/* Counts were made as the lines came. */
static void move_count(struct model *model, const struct end *end)
{
	struct cause_sum *from = &model->causes[end->cause];
	struct cause_sum *to = &model->causes[end->joined_cause];
	from->sure[end->sure]--;
	to->sure[end->joined_sure]++;
	to->joined++;
	to->injected += end->finding == FINDING_RULE;
	if (from == to) {
		return;
	}
	tally_add(&to->tally, end->error_us);
	from->tally.count--;
	struct peer *peer = peers_of(model, &end->peer, (enum side)end->side);
	if (peer && peer->causes[end->cause] > 0) {
		peer->causes[end->cause]--;
		peer->causes[end->joined_cause]++;
	}
}

static void explain(struct model *model, struct end *ours, const struct end *theirs)
{
	struct view view = view_of(model, ours, theirs);
	uint64_t act_us = 0;
	enum finding finding = find_out(&view, &act_us);
	if (finding == FINDING_NONE) {
		return;
	}
	ours->finding = (uint8_t)finding;
	ours->joined_cause = (uint8_t)joined_cause(model, &view, finding);
	ours->joined_sure = makes_certain(finding) ? SURE_CERTAIN : ours->sure;
	ours->before_known = makes_certain(finding) && view.clock_known;
	ours->before_us = (int64_t)ours->error_us - ours_of(&view, act_us);
	if (ours->before_us < 0) {
		ours->before_us = 0;
	}
	move_count(model, ours);
}

static bool can_be_explained(const struct end *end)
{
	return end_failed(end) && end->cause != CAUSE_INJECTED && end->cause != CAUSE_KILLED;
}

static void join_run(struct model *model, const uint32_t *order, uint32_t count)
{
	forks_fold(model, order, count);
	for (uint32_t i = 0; i < count; i++) {
		struct end *ours = table_at(&model->ends, order[i]);
		const struct end *theirs = find_partner(model, ours, order, count);
		if (theirs) {
			ours->partner = 1 + table_index(&model->ends, theirs);
		}
	}
	for (uint32_t i = 0; i < count; i++) {
		struct end *ours = table_at(&model->ends, order[i]);
		if (ours->partner == 0) {
			continue;
		}
		const struct end *theirs = table_at(&model->ends, ours->partner - 1);
		bool first = ours < theirs;
		bool mutual = theirs->partner == 1 + table_index(&model->ends, ours) &&
			      !ours->answered && !theirs->answered;
		model->pairs += first && mutual;
		model->failed_again += first && mutual && end_failed(ours) && end_failed(theirs);
		if (can_be_explained(ours)) {
			explain(model, ours, theirs);
		}
	}
}

/* Sorted by addresses, then by time. */
struct place {
	uint64_t tuple, begun_us;
	uint32_t end;
};

static int by_tuple(const void *one, const void *other)
{
	const struct place *a = one;
	const struct place *b = other;
	if (a->tuple != b->tuple) {
		return a->tuple < b->tuple ? -1 : 1;
	}
	if (a->begun_us != b->begun_us) {
		return a->begun_us < b->begun_us ? -1 : 1;
	}
	return (a->end > b->end) - (a->end < b->end);
}

static uint32_t *ordered(const struct model *model, struct place *places)
{
	uint32_t *order = calloc(model->ends.count + 1, sizeof *order);
	for (uint32_t i = 0; order && i < model->ends.count; i++) {
		const struct end *end = table_at(&model->ends, i);
		places[i] = (struct place){ends_tuple(end), end->begun_us, i};
	}
	if (order) {
		qsort(places, model->ends.count, sizeof *places, by_tuple);
		for (uint32_t i = 0; i < model->ends.count; i++) {
			order[i] = places[i].end;
		}
	}
	return order;
}

/*
 * A connection that failed at both ends counts once, for the end that was read first; one that
 * several processes had, for the end that stands for theirs.
 */
static void count_failed(struct model *model)
{
	for (uint32_t i = 0; i < model->ends.count; i++) {
		const struct end *end = table_at(&model->ends, i);
		const struct end *theirs =
			end->partner != 0 ? table_at(&model->ends, end->partner - 1) : NULL;
		bool counted =
			theirs && theirs < end && end_failed(theirs) && theirs->partner == i + 1;
		if (end_failed(end) && !end->folded && !counted) {
			model->causes[end_cause(end)].failed++;
		}
	}
}

/* Addresses that were used very often are looked at piece by piece, in the order of time. */
#define RUN_MAX 256u

void model_join(struct model *model)
{
	uint32_t count = model->ends.count;
	struct place *places = calloc(count + 1, sizeof *places);
	uint32_t *order = places ? ordered(model, places) : NULL;
	if (order) {
		clocks_estimate(model, order, count);
		for (uint32_t at = 0; at < count;) {
			uint32_t run = 1;
			while (run < RUN_MAX && at + run < count &&
			       places[at + run].tuple == places[at].tuple) {
				run++;
			}
			join_run(model, &order[at], run);
			at += run;
		}
	}
	free(order);
	free(places);
	answers_find(model);
	details_settle(model);
	count_failed(model);
}
