/*
 * A name has several addresses, and a program tries them one after the other, or a few at a time
 * (RFC 8305). A connect that failed while another address answered has failed nobody. A log has no
 * names: what belongs together is told by the process, the port and the time.
 */
#include <stdlib.h>
#include <string.h>
#include "model.h"

/* RFC 8305, section 8: how long to wait before the next address is tried as well, as recommended
 * and at most. Who was told of a failure need not wait at all, but may be slow. */
#define DELAY_US INT64_C(250000)
#define DELAY_MAX_US INT64_C(2000000)
/* A line tells an age in whole milliseconds, and is written a little after what it tells. */
#define SLACK_US INT64_C(20000)

/* Addresses of one name that are reckoned with, and attempts of one time that are looked at. */
#define ADDRESSES_MAX 8u
#define NEIGHBOURS_MAX 256u

struct attempt {
	uint64_t who; /* process and port */
	int64_t begun_us, done_us;
	uint32_t end;    /* index */
	uint32_t answer; /* 1 + index of the attempt that followed and led on; 0: none is known */
	uint32_t next;   /* index of the next one that could lead on */
};

struct attempts {
	struct model *model;
	struct attempt *list; /* sorted by who and begun_us */
	uint32_t count;
};

static bool is_failed_connect(const struct end *end)
{
	return end_failed(end) && end->side == SIDE_CLIENT && end->opened_us == 0 &&
	       end->partner == 0 && !end->folded &&
	       cause_infos[end->cause].kind == CAUSE_CONNECTING &&
	       end->cause != CAUSE_PORTS_EXHAUSTED;
}

static bool has_connected(const struct end *end)
{
	return end->side == SIDE_CLIENT && end->opened_us != 0;
}

static uint64_t who_of(const struct end *end)
{
	return (uint64_t)end->pid << 16 | end->peer.port;
}

static struct attempt attempt_of(const struct end *end, uint32_t index)
{
	bool connected = end->opened_us != 0;
	uint64_t begun_us =
		connected ? end->opened_us - (uint64_t)end->connect_ms * 1000 : end->begun_us;
	return (struct attempt){
		.who = who_of(end),
		.begun_us = (int64_t)begun_us,
		.done_us = (int64_t)(connected ? end->opened_us : end->error_us),
		.end = index,
	};
}

static int by_begin(const void *one, const void *other)
{
	const struct attempt *a = one;
	const struct attempt *b = other;
	if (a->who != b->who) {
		return a->who < b->who ? -1 : 1;
	}
	if (a->begun_us != b->begun_us) {
		return a->begun_us < b->begun_us ? -1 : 1;
	}
	return (a->end > b->end) - (a->end < b->end);
}

static bool collect(struct attempts *attempts)
{
	const struct table *ends = &attempts->model->ends;
	bool any = false;
	attempts->list = calloc((size_t)ends->count + 1, sizeof *attempts->list);
	for (uint32_t i = 0; attempts->list && i < ends->count; i++) {
		const struct end *end = table_at(ends, i);
		any = any || is_failed_connect(end);
		if (is_failed_connect(end) || has_connected(end)) {
			attempts->list[attempts->count++] = attempt_of(end, i);
		}
	}
	if (any) {
		qsort(attempts->list, attempts->count, sizeof *attempts->list, by_begin);
	}
	return any;
}

static struct end *end_of(const struct attempts *attempts, const struct attempt *attempt)
{
	return table_at(&attempts->model->ends, attempt->end);
}

/* To a failed connect only one leads that has connected, or was answered in its turn. */
static bool has_led_on(const struct attempts *attempts, uint32_t at)
{
	const struct attempt *attempt = &attempts->list[at];
	return attempt->answer != 0 || has_connected(end_of(attempts, attempt));
}

static void set_next(struct attempts *attempts, uint32_t at)
{
	uint32_t next = at + 1;
	if (next < attempts->count && !has_led_on(attempts, next)) {
		next = attempts->list[next].next;
	}
	attempts->list[at].next = next;
}

/* Did the second one begin at once after the first had failed, or were both under way together? */
static bool at_once(const struct attempt *failed, const struct attempt *next)
{
	int64_t after = next->begun_us - failed->done_us;
	int64_t apart = next->begun_us - failed->begun_us;
	bool sequential = after >= -SLACK_US && after <= DELAY_US;
	bool together = after < 0 && apart <= DELAY_MAX_US && apart >= -DELAY_MAX_US;
	return failed->begun_us <= next->done_us && (sequential || together);
}

/*
 * A name's addresses are tried once each: where one comes again, the program began anew. And the one
 * that answered is of the other family: of hosts of one family at one port nobody knows whether they
 * have a name in common.
 */
static bool makes_good(const struct attempts *attempts, const struct attempt *failed,
		       const struct attempt *next)
{
	const struct addr *peer = &end_of(attempts, failed)->peer;
	for (unsigned addresses = 1; addresses < ADDRESSES_MAX; addresses++) {
		if (addr_same_host(peer, &end_of(attempts, next)->peer)) {
			return false;
		}
		if (next->answer == 0) {
			return end_of(attempts, next)->peer.family != peer->family;
		}
		next = &attempts->list[next->answer - 1];
	}
	return false;
}

/* Each follows one other at most: of ten requests at a time each has a failure of its own. */
static bool leads_on(const struct attempts *attempts, const struct attempt *failed,
		     const struct attempt *next)
{
	const struct end *end = end_of(attempts, next);
	return at_once(failed, next) && !end->follows &&
	       end->process == end_of(attempts, failed)->process &&
	       makes_good(attempts, failed, next);
}

/* The first of this process and port that began then or later. */
static uint32_t first_since(const struct attempts *attempts, uint64_t who, int64_t begun_us)
{
	uint32_t low = 0;
	uint32_t high = attempts->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct attempt *attempt = &attempts->list[middle];
		if (attempt->who < who || (attempt->who == who && attempt->begun_us < begun_us)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* 1 + index of one that leads on, among those that begin in a span of time. */
static uint32_t find_between(const struct attempts *attempts, const struct attempt *failed,
			     int64_t from_us, int64_t to_us)
{
	uint32_t at = first_since(attempts, failed->who, from_us);
	if (at < attempts->count && !has_led_on(attempts, at)) {
		at = attempts->list[at].next;
	}
	for (uint32_t seen = 0; seen < NEIGHBOURS_MAX && at < attempts->count; seen++) {
		const struct attempt *next = &attempts->list[at];
		if (next->who != failed->who || next->begun_us > to_us) {
			break;
		}
		if (leads_on(attempts, failed, next)) {
			return at + 1;
		}
		at = next->next;
	}
	return 0;
}

/* What was begun after the failure, rather than what was under way already. */
static uint32_t find_answer(const struct attempts *attempts, const struct attempt *failed)
{
	int64_t done_us = failed->done_us;
	int64_t begun_us = failed->begun_us;
	uint32_t answer = find_between(attempts, failed, done_us - SLACK_US, done_us + DELAY_US);
	if (answer == 0) {
		answer = find_between(attempts, failed, begun_us, begun_us + DELAY_MAX_US);
	}
	if (answer == 0) {
		answer = find_between(attempts, failed, begun_us - DELAY_MAX_US, begun_us);
	}
	return answer;
}

static void take_answer(struct attempts *attempts, struct attempt *failed)
{
	struct end *end = end_of(attempts, failed);
	failed->answer = find_answer(attempts, failed);
	if (failed->answer != 0) {
		end_of(attempts, &attempts->list[failed->answer - 1])->follows = true;
		end->answered = true;
		attempts->model->answered++;
		attempts->model->causes[end->cause].answered++;
	}
}

/* From the last to the first: a failure may be followed by one that was answered in its turn. */
void answers_find(struct model *model)
{
	struct attempts attempts = {.model = model};
	if (collect(&attempts)) {
		for (uint32_t i = attempts.count; i-- > 0;) {
			set_next(&attempts, i);
		}
		for (uint32_t i = attempts.count; i-- > 0;) {
			set_next(&attempts, i);
			if (is_failed_connect(end_of(&attempts, &attempts.list[i]))) {
				take_answer(&attempts, &attempts.list[i]);
			}
		}
	}
	free(attempts.list);
}
