/* The worst connections, in a heap whose first is the least bad and goes when a worse one comes. */
#include <stdlib.h>
#include <string.h>
#include "model.h"

#define WAIT_WORTH 1000u /* bytes that a millisecond of waiting in vain counts as */
#define FAILURE_WORTH (UINT64_C(1) << 62)

static int64_t told(const struct line *line, enum key key)
{
	return line_has(line, key) ? line_number(line, key) : -1;
}

static uint64_t positive(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

/*
 * How bad: bytes that were lost or asked for in vain, and time spent waiting. What the program did
 * itself, and what a rule did, is there to be found after what is not explained so.
 */
static uint64_t score_of(const struct line *line, enum cause cause)
{
	uint64_t score = 1 + positive(line_number(line, KEY_OUTQ)) +
			 positive(line_number(line, KEY_INQ)) +
			 positive(line_number(line, KEY_REQ_BYTES));
	if (cause != CAUSE_UNKNOWN && (cause_infos[cause].kind == CAUSE_TIMEOUT ||
				       cause_infos[cause].kind == CAUSE_CONNECTING)) {
		score += positive(line_number(line, KEY_AGE_MS)) * WAIT_WORTH;
	}
	bool failure = model_is_failure(cause) && cause != CAUSE_INJECTED;
	return failure ? score + FAILURE_WORTH : score;
}

static void fill_calls(struct detail *detail, const struct line *line)
{
	struct slice rest = line->values[KEY_HISTORY];
	struct line_call call;
	while (rest.at && detail->call_count < CONN_HISTORY && line_next_call(line, &rest, &call)) {
		detail->calls[detail->call_count++] = call;
	}
}

static void fill(struct detail *detail, const struct line *line)
{
	line_string(line, line->values[KEY_WHY], detail->why, sizeof detail->why);
	line_string(line, line->values[KEY_DOC], detail->doc, sizeof detail->doc);
	line_string(line, line->values[KEY_STATE], detail->state, sizeof detail->state);
	detail->idle_ms = told(line, KEY_IDLE_MS);
	detail->age_ms = told(line, KEY_AGE_MS);
	detail->inq = told(line, KEY_INQ);
	detail->outq = told(line, KEY_OUTQ);
	detail->retrans = told(line, KEY_RETRANS);
	detail->rtt_us = told(line, KEY_RTT_US);
	detail->req_bytes = told(line, KEY_REQ_BYTES);
	detail->resp_bytes = told(line, KEY_RESP_BYTES);
	struct slice rest = line->values[KEY_ELSE];
	enum cause other;
	while (rest.at && detail->other_count < VERDICT_ELSE_MAX &&
	       line_next_cause(line, &rest, &other)) {
		if (other != CAUSE_UNKNOWN) {
			detail->others[detail->other_count++] = other;
		}
	}
	fill_calls(detail, line);
}

static void place(struct model *model, uint32_t at, const struct detail *detail)
{
	model->details[at] = *detail;
	((struct end *)table_at(&model->ends, detail->end))->detail = at + 1;
}

static void sift_up(struct model *model, uint32_t at, const struct detail *detail)
{
	while (at > 0 && model->details[(at - 1) / 2].score > detail->score) {
		place(model, at, &model->details[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(model, at, detail);
}

static void sift_down(struct model *model, uint32_t at, const struct detail *detail)
{
	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= model->detail_count) {
			break;
		}
		if (child + 1 < model->detail_count &&
		    model->details[child + 1].score < model->details[child].score) {
			child++;
		}
		if (model->details[child].score >= detail->score) {
			break;
		}
		place(model, at, &model->details[child]);
		at = child;
	}
	place(model, at, detail);
}

void details_keep(struct model *model, struct end *end, const struct line *line)
{
	struct detail detail = {
		.end = table_index(&model->ends, end),
		.score = score_of(line, line_cause(line)),
	};
	if (model->detail_count == DETAILS_MAX && model->details[0].score >= detail.score) {
		return;
	}
	fill(&detail, line);
	if (model->detail_count < DETAILS_MAX) {
		model->detail_count++;
		sift_up(model, model->detail_count - 1, &detail);
		return;
	}
	((struct end *)table_at(&model->ends, model->details[0].end))->detail = 0;
	sift_down(model, 0, &detail);
}

void details_settle(struct model *model)
{
	for (uint32_t i = 0; i < model->detail_count; i++) {
		struct detail *detail = &model->details[i];
		const struct end *end = table_at(&model->ends, detail->end);
		if (end->answered && detail->score >= FAILURE_WORTH) {
			detail->score -= FAILURE_WORTH;
		}
	}
}

static const struct model *sorting;

/* Equally bad ones in the order of time. */
static int by_score(const void *one, const void *other)
{
	const struct detail *a = *(const struct detail *const *)one;
	const struct detail *b = *(const struct detail *const *)other;
	if (a->score != b->score) {
		return a->score < b->score ? 1 : -1;
	}
	const struct end *first = table_at(&sorting->ends, a->end);
	const struct end *second = table_at(&sorting->ends, b->end);
	if (first->error_us != second->error_us) {
		return first->error_us < second->error_us ? -1 : 1;
	}
	return a->end < b->end ? -1 : 1;
}

const struct detail **model_details(const struct model *model, uint32_t *count)
{
	const struct detail **list = calloc(model->detail_count + 1, sizeof(void *));
	*count = list ? model->detail_count : 0;
	for (uint32_t i = 0; i < *count; i++) {
		list[i] = &model->details[i];
	}
	sorting = model;
	if (list) {
		qsort(list, *count, sizeof(void *), by_score);
	}
	return list;
}
