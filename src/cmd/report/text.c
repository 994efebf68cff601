/* The report for people: what matters most comes first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../log/escape.h"
#include "../../sys/clock.h"
#include "../../sys/errnames.h"
#include "paper.h"
#include "report.h"
#include "sentence.h"

#define US_PER_MS 1000
#define US_PER_DAY (UINT64_C(86400) * 1000000)
#define PEERS_SHOWN 3u
#define ROOM 1200
#define BODY 6

struct page {
	const struct report *report;
	const struct model *model;
	struct paper paper;
	bool days; /* the report is of more than one day: times need their dates */
	char room[ROOM];
	struct text line;
};

static struct text *fresh(struct page *page)
{
	page->line = text_in(page->room, sizeof page->room);
	return &page->line;
}

static void print(struct page *page, int indent, int hanging, enum ink ink)
{
	paper_wrap(&page->paper, indent, hanging, ink, page->room);
}

/* `2026-11-22 19:06:18.123` */
static void add_date_time(struct text *text, uint64_t us)
{
	char room[40];
	struct text stamp = text_in(room, sizeof room);
	clock_write_rfc3339(&stamp, us);
	room[10] = ' ';
	text_bytes(text, room, 23);
}

static void add_time(const struct page *page, struct text *text, uint64_t us)
{
	char room[40];
	struct text stamp = text_in(room, sizeof room);
	if (page->days) {
		clock_write_rfc3339(&stamp, us);
		room[10] = ' ';
		text_bytes(text, room, 19);
	} else {
		clock_write_time(&stamp, us);
		text_bytes(text, room, 12);
	}
}

static void add_span(const struct page *page, struct text *text, const struct tally *tally)
{
	add_time(page, text, tally->first_us);
	if (tally->count > 1) {
		text_string(text, " to ");
		add_time(page, text, tally->last_us);
	}
}

/* A client has many ports, and is named without. */
static void add_peer(struct text *text, const struct addr *addr)
{
	if (addr->port != 0) {
		addr_write(text, addr);
	} else if (addr->family != 0) {
		addr_write_host(text, addr);
	} else {
		text_char(text, '*');
	}
}

static void add_count(struct text *text, uint64_t count, const char *noun)
{
	text_format(text, "%U %s%s", count, noun, count == 1 ? "" : "s");
}

/* ---- the top ---- */

static void print_skipped(struct page *page)
{
	struct text *text = fresh(page);
	const char *separator = "Skipped lines: ";
	for (unsigned skip = 0; skip < SKIP_COUNT; skip++) {
		uint64_t count = report_skipped(page->report, (enum skip)skip);
		if (count > 0) {
			text_format(text, "%s%U %s", separator, count, skip_name((enum skip)skip));
			separator = ", ";
		}
	}
	if (text->length > 0) {
		text_char(text, '.');
		print(page, 0, 2, INK_DIM);
	}
}

static void print_totals(struct page *page)
{
	const struct model *model = page->model;
	struct text *text = fresh(page);
	add_count(text, page->report->source_count, "log");
	text_string(text, ", ");
	add_count(text, report_lines(page->report), "line");
	if (model->first_us != 0) {
		text_string(text, ", from ");
		add_date_time(text, model->first_us);
		text_string(text, " to ");
		add_date_time(text, model->last_us);
		text_string(text, " UTC: ");
		uint64_t processes = model->processes.count + model->processes_more;
		text_format(text, "%U process%s", processes, processes == 1 ? "" : "es");
		text_string(text, ", ");
		add_count(text, model_connections(model), "connection");
		text_string(text, ", ");
		add_count(text, model->events[EVENT_ERROR], "error");
		text_string(text, ", ");
		add_count(text, model->events[EVENT_WARN], "warning");
	}
	text_char(text, '.');
	print(page, 0, 2, INK_DIM);
	print_skipped(page);
}

static void print_top(struct page *page)
{
	sentence_headline(page->model, fresh(page));
	print(page, 0, 0, model_failed(page->model) > 0 ? INK_RED : INK_BOLD);
	sentence_advice(page->model, fresh(page));
	if (page->line.length > 0) {
		print(page, 0, 0, INK_PLAIN);
	}
	putchar('\n');
	print_totals(page);
}

/* ---- when ---- */

static uint64_t bin_sum(const struct timeline *timeline, unsigned bin)
{
	uint64_t sum = 0;
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		sum += timeline->counts[bin][cause];
	}
	return sum;
}

static void print_bars(const struct page *page, const uint64_t *sums, unsigned first, unsigned last,
		       uint64_t most)
{
	static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[] = {" ", ".", ".", ":", ":", "+", "+", "#", "#"};
	fputs("  |", stdout);
	for (unsigned bin = first; bin <= last; bin++) {
		uint64_t height = (sums[bin] * 8 + most - 1) / most;
		fputs((page->paper.unicode ? blocks : ascii)[height], stdout);
	}
	fputs("|\n", stdout);
}

static void print_timeline(struct page *page)
{
	const struct timeline *timeline = &page->model->timeline;
	uint64_t sums[TIMELINE_BINS];
	uint64_t most = 0;
	unsigned first = TIMELINE_BINS;
	unsigned last = 0;
	for (unsigned bin = 0; timeline->used && bin < TIMELINE_BINS; bin++) {
		sums[bin] = bin_sum(timeline, bin);
		most = sums[bin] > most ? sums[bin] : most;
		first = bin < first && sums[bin] > 0 ? bin : first;
		last = sums[bin] > 0 ? bin : last;
	}
	if (first >= last || (int)(last - first) + 5 > page->paper.width) {
		return;
	}
	paper_heading(&page->paper, "When");
	print_bars(page, sums, first, last, most);
	struct text *text = fresh(page);
	text_string(text, "from ");
	add_time(page, text, timeline->start_us + first * timeline->width_us);
	text_format(text, ", a column is %t, the highest is ",
		    (int64_t)(timeline->width_us / US_PER_MS));
	add_count(text, most, "error");
	print(page, 3, 3, INK_DIM);
}

/* ---- by cause ---- */

static void add_certainty(struct text *text, const struct cause_sum *sum)
{
	const char *separator = "";
	for (unsigned i = 0; i < 3; i++) {
		enum sure sure = (enum sure)(SURE_CERTAIN - i);
		if (sum->sure[sure] > 0) {
			text_format(text, "%s%U %s", separator, sum->sure[sure], sure_name(sure));
			separator = ", ";
		}
	}
	if (sum->joined > 0) {
		text_format(text, "; both ends logged: %U", sum->joined);
	}
	if (sum->injected > 0) {
		text_format(text, ", made by a rule: %U", sum->injected);
	}
}

static void print_peers_of(struct page *page, enum cause cause)
{
	const struct peer *peers[PEERS_SHOWN];
	uint32_t all = model_peers_of(page->model, cause, peers, PEERS_SHOWN);
	uint32_t shown = all < PEERS_SHOWN ? all : PEERS_SHOWN;
	if (shown == 0) {
		return;
	}
	struct text *text = fresh(page);
	text_string(text, "peers: ");
	for (uint32_t i = 0; i < shown; i++) {
		text_string(text, i > 0 ? ", " : "");
		add_peer(text, &peers[i]->addr);
		text_format(text, " %Ux", (uint64_t)peers[i]->causes[cause]);
	}
	if (all > shown) {
		text_format(text, ", and %U more", (uint64_t)(all - shown));
	}
	print(page, BODY, BODY + 2, INK_PLAIN);
}

static void print_cause(struct page *page, enum cause cause, uint64_t all)
{
	const struct cause_sum *sum = &page->model->causes[cause];
	struct text *text = fresh(page);
	text_format(text, "%U  %s: %s", sum->tally.count, sentence_cause_id(cause),
		    sentence_cause_title(cause));
	print(page, 2, BODY, model_is_failure(cause) ? INK_RED : INK_YELLOW);
	text = fresh(page);
	text_format(text, "%U%% of all errors, ", (sum->tally.count * 100 + all / 2) / all);
	add_span(page, text, &sum->tally);
	text_string(text, "; ");
	add_certainty(text, sum);
	print(page, BODY, BODY, INK_PLAIN);
	print_peers_of(page, cause);
	if (cause != CAUSE_UNKNOWN) {
		text_string(fresh(page), cause_infos[cause].advice);
		print(page, BODY, BODY, INK_DIM);
	}
}

static void print_causes(struct page *page)
{
	enum cause causes[CAUSES];
	unsigned count = model_causes(page->model, causes);
	uint64_t all = 0;
	for (unsigned i = 0; i < count; i++) {
		all += page->model->causes[causes[i]].tally.count;
	}
	if (count > 0) {
		paper_heading(&page->paper, "By cause");
	}
	for (unsigned i = 0; i < count; i++) {
		print_cause(page, causes[i], all);
	}
}

/* ---- by peer ---- */

static void add_causes_of(struct text *text, const struct peer *peer)
{
	const char *separator = ": ";
	for (unsigned round = 0; round < PEERS_SHOWN; round++) {
		static uint32_t taken[CAUSES];
		unsigned best = CAUSES;
		if (round == 0) {
			memset(taken, 0, sizeof taken);
		}
		for (unsigned i = 0; i < CAUSES; i++) {
			bool more = best == CAUSES || peer->causes[i] > peer->causes[best];
			best = !taken[i] && peer->causes[i] > 0 && more ? i : best;
		}
		if (best == CAUSES) {
			return;
		}
		taken[best] = 1;
		text_format(text, "%s%s %U", separator, sentence_cause_id((enum cause)best),
			    (uint64_t)peer->causes[best]);
		separator = ", ";
	}
}

static void print_peer(struct page *page, const struct peer *peer)
{
	struct text *text = fresh(page);
	add_peer(text, &peer->addr);
	text_string(text, "  ");
	add_count(text, peer->errors.count, "error");
	text_string(text, " in ");
	add_count(text, peer->connections, "connection");
	add_causes_of(text, peer);
	if (peer->warns > 0) {
		text_string(text, "; ");
		add_count(text, peer->warns, "warning");
	}
	print(page, 2, BODY, INK_PLAIN);
}

static void print_peers(struct page *page)
{
	uint32_t count;
	const struct peer **peers = model_peers(page->model, &count);
	uint32_t failing = 0;
	while (failing < count && peers[failing]->errors.count > 0) {
		failing++;
	}
	if (failing > 0) {
		paper_heading(&page->paper, "By peer");
	}
	for (uint32_t i = 0; i < failing && i < page->report->top; i++) {
		print_peer(page, peers[i]);
	}
	uint64_t more = page->model->peers_more;
	more += failing > page->report->top ? failing - page->report->top : 0;
	if (more > 0) {
		text_format(fresh(page), "and %U more", more);
		print(page, 2, 2, INK_DIM);
	}
	free(peers);
}

/* ---- the worst connections ---- */

static void add_call(struct text *text, const struct line_call *call)
{
	text_format(text, "%s=", op_name(call->op));
	if (call->error != 0) {
		errno_write(text, call->error);
	} else {
		text_number(text, call->result);
	}
	text_format(text, " %s%t", call->ms > 0 ? "-" : "", (int64_t)call->ms);
}

static void print_history(struct page *page, const struct detail *detail)
{
	struct text *text = fresh(page);
	for (uint32_t i = 0; i < detail->call_count; i++) {
		text_string(text, i == 0 ? "calls: " : ", ");
		add_call(text, &detail->calls[i]);
	}
	if (detail->call_count > 0) {
		print(page, BODY, BODY + 2, INK_DIM);
	}
}

static void print_verdict(struct page *page, const struct end *end, const struct detail *detail)
{
	struct text *text = fresh(page);
	text_format(text, "%s ", op_name((enum op)end->op));
	errno_write(text, end->error);
	text_format(text, ": %s (%s)", sentence_cause_id(end_cause(end)), sure_name(end_sure(end)));
	if (end->finding != FINDING_NONE &&
	    (end->cause != end->joined_cause || end->sure != end->joined_sure)) {
		text_string(text, "; its own log alone says ");
		if (end->cause != end->joined_cause) {
			text_format(text, "%s, ", sentence_cause_id((enum cause)end->cause));
		}
		text_string(text, sure_name((enum sure)end->sure));
	} else if (detail->other_count > 0) {
		text_string(text, ", or");
		for (uint32_t i = 0; i < detail->other_count; i++) {
			text_format(text, "%s %s", i > 0 ? "," : "",
				    cause_infos[detail->others[i]].id);
		}
	}
	print(page, BODY, BODY, INK_PLAIN);
}

/* What its log says of why, too, where it was its own doing. */
static void print_other_end(struct page *page, const struct end *end)
{
	struct text *text = fresh(page);
	sentence_other_end(page->model, end, text);
	if (text->length == 0) {
		return;
	}
	const struct end *theirs = table_at(&page->model->ends, end->partner - 1);
	if (end->finding == FINDING_ACT && theirs->detail != 0) {
		text_string(text, " Its log: ");
		escape_prose(text, page->model->details[theirs->detail - 1].why);
	}
	print(page, BODY, BODY, INK_YELLOW);
}

static void print_connection(struct page *page, const struct detail *detail)
{
	const struct end *end = table_at(&page->model->ends, detail->end);
	struct text *text = fresh(page);
	add_time(page, text, end->error_us);
	text_string(text, "  ");
	addr_write(text, &end->local);
	text_char(text, '>');
	addr_write(text, &end->peer);
	text_string(text, "  ");
	sentence_process(page->model, end, text);
	text_format(text, " conn %U", end->conn);
	print(page, 2, BODY, INK_BOLD);
	print_verdict(page, end, detail);
	print_other_end(page, end);
	escape_prose(fresh(page), detail->why);
	if (page->line.length > 0) {
		print(page, BODY, BODY, INK_PLAIN);
	}
	print_history(page, detail);
}

/* What the other end's entry tells already. */
static bool is_told_by_partner(const struct model *model, const struct end *end)
{
	if (end->partner == 0 || model_is_failure((enum cause)end->cause)) {
		return false;
	}
	const struct end *theirs = table_at(&model->ends, end->partner - 1);
	return theirs->finding != FINDING_NONE && theirs->detail != 0;
}

static void print_connections(struct page *page)
{
	uint32_t count;
	const struct detail **details = model_details(page->model, &count);
	uint64_t more = 0;
	unsigned printed = 0;
	if (count > 0 && page->report->top > 0) {
		paper_heading(&page->paper, "The worst connections");
	}
	for (uint32_t i = 0; i < count; i++) {
		if (is_told_by_partner(page->model,
				       table_at(&page->model->ends, details[i]->end))) {
			continue;
		}
		if (printed < page->report->top) {
			print_connection(page, details[i]);
			printed++;
		} else {
			more++;
		}
	}
	if (more > 0) {
		text_format(fresh(page), "and %U more; --top N shows N", more);
		print(page, 2, 2, INK_DIM);
	}
	free(details);
}

/* ---- rules, warnings, clocks ---- */

static void add_retries(struct text *text, const struct rule_sum *rule)
{
	if (rule->did[0] + rule->did[1] + rule->did[2] > 0) {
		text_format(text, ", retried %U, refused %U, renewed %U", rule->did[0],
			    rule->did[1], rule->did[2]);
	}
}

static void print_rule(struct page *page, const struct rule_sum *rule)
{
	struct text *text = fresh(page);
	escape_prose(text, rule->text);
	text_string(text, "  ");
	if (rule->tally.count > 0) {
		text_string(text, rule->kind == EVENT_INJECT ? "made a fault " : "acted ");
		add_count(text, rule->tally.count, "time");
		text_string(text, ", ");
		add_span(page, text, &rule->tally);
		add_retries(text, rule);
	} else {
		text_string(text, rule->told > 0 ? "" : "never fired");
		if (rule->told > 0) {
			text_string(text, "fired ");
			add_count(text, rule->told, "time");
		}
	}
	if (rule->idle > 0) {
		text_format(text, "; could not act: %U", rule->idle);
	}
	print(page, 2, BODY, INK_PLAIN);
	if (rule->by[0] != '\0') {
		escape_prose(fresh(page), rule->by);
		print(page, BODY, BODY, INK_DIM);
	}
}

static void print_rules(struct page *page)
{
	const struct table *rules = &page->model->rules;
	if (rules->count > 0) {
		paper_heading(&page->paper, "What rules did");
	}
	for (uint32_t i = 0; i < rules->count; i++) {
		print_rule(page, table_at(rules, i));
	}
}

static void print_notice(struct page *page, const struct notice *notice)
{
	struct text *text = fresh(page);
	text_format(text, "%U  ", notice->tally.count);
	escape_prose(text, notice->id);
	if (notice->cause != CAUSE_UNKNOWN) {
		text_format(text, ": %s", cause_infos[notice->cause].title);
	}
	print(page, 2, BODY, INK_YELLOW);
	text = fresh(page);
	add_span(page, text, &notice->tally);
	if (notice->lines > 0) {
		text_string(text, "; ");
		add_count(text, notice->lines, "line");
	}
	text_string(text, "; ");
	escape_prose(text, model_process(page->model, notice->process)->exe);
	text_string(text, ": ");
	escape_prose(text, notice->why);
	print(page, BODY, BODY, INK_PLAIN);
}

/* Is it about what the library could not see or do? */
static bool is_blind_spot(const struct notice *notice)
{
	return notice->cause == CAUSE_UNKNOWN || cause_infos[notice->cause].kind == CAUSE_NOTICE;
}

static void print_notices(struct page *page, const char *heading, bool blind)
{
	const struct table *notices = &page->model->notices;
	bool headed = false;
	for (uint32_t i = 0; i < notices->count; i++) {
		const struct notice *notice = table_at(notices, i);
		if (is_blind_spot(notice) != blind) {
			continue;
		}
		if (!headed) {
			paper_heading(&page->paper, heading);
		}
		headed = true;
		print_notice(page, notice);
	}
}

static void print_clock(struct page *page, const struct clock *clock)
{
	struct text *text = fresh(page);
	int64_t ahead_us = clock->ahead_us < 0 ? -clock->ahead_us : clock->ahead_us;
	addr_write_host(text, &clock->server);
	if (ahead_us < US_PER_MS) {
		text_string(text, " and ");
		addr_write_host(text, &clock->client);
		text_string(text, " agree within 1 ms");
	} else {
		text_format(text, " is %t %s ", ahead_us / US_PER_MS,
			    clock->ahead_us < 0 ? "behind" : "ahead of");
		addr_write_host(text, &clock->client);
	}
	text_format(text, " (%u handshake%s, +- %D.%D ms)", (unsigned)clock->handshakes,
		    clock->handshakes == 1 ? "" : "s", clock->spread_us / US_PER_MS,
		    clock->spread_us % US_PER_MS / 100);
	print(page, 2, BODY, INK_PLAIN);
}

static void print_clocks(struct page *page)
{
	if (page->model->clock_count > 0) {
		paper_heading(&page->paper, "Clocks");
	}
	for (uint32_t i = 0; i < page->model->clock_count; i++) {
		print_clock(page, &page->model->clocks[i]);
	}
}

/* What the bounds of memory kept out is said. */
static void print_limits(struct page *page)
{
	const struct model *model = page->model;
	if (model->sampled) {
		text_format(fresh(page),
			    "There were more connections than fit: both ends were looked for in a "
			    "part of them only, and %U failed ones are counted and not listed.",
			    model->unlisted);
		putchar('\n');
		print(page, 0, 0, INK_DIM);
	}
}

void report_text(const struct report *report)
{
	struct page page = {
		.report = report,
		.model = report->model,
		.paper = paper_of_stdout(),
		.days = report->model->first_us / US_PER_DAY != report->model->last_us / US_PER_DAY,
	};
	print_top(&page);
	print_timeline(&page);
	print_causes(&page);
	print_peers(&page);
	print_connections(&page);
	print_rules(&page);
	print_notices(&page, "Warnings: connections that live, not well", false);
	print_notices(&page, "Blind spots", true);
	print_clocks(&page);
	print_limits(&page);
}
