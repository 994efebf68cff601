/* The report for people: what matters most comes first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sentence.h"
#include "text_page.h"

#define US_PER_DAY (UINT64_C(86400) * 1000000)
#define PEERS_SHOWN 3u

/* ---- the top ---- */

static void print_skipped(struct page *page)
{
	struct text *text = page_line(page);
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
		page_print(page, 0, 2, INK_DIM);
	}
}

static void print_totals(struct page *page)
{
	const struct model *model = page->model;
	struct text *text = page_line(page);
	text_count(text, page->report->source_count, "log");
	text_string(text, ", ");
	text_count(text, report_lines(page->report), "line");
	if (model->first_us != 0) {
		text_string(text, ", from ");
		page_add_date_time(text, model->first_us);
		text_string(text, " to ");
		page_add_date_time(text, model->last_us);
		text_string(text, " UTC: ");
		uint64_t processes = model->processes.count + model->processes_more;
		text_format(text, "%U process%s", processes, processes == 1 ? "" : "es");
		text_string(text, ", ");
		text_count(text, model_connections(model), "connection");
		text_string(text, ", ");
		text_count(text, model->events[EVENT_ERROR], "error");
		text_string(text, ", ");
		text_count(text, model->events[EVENT_WARN], "warning");
	}
	text_char(text, '.');
	page_print(page, 0, 2, INK_DIM);
	print_skipped(page);
}

static void print_top(struct page *page)
{
	sentence_headline(page->model, page_line(page));
	page_print(page, 0, 0, model_failed(page->model) > 0 ? INK_RED : INK_BOLD);
	sentence_advice(page->model, page_line(page));
	if (page->line.length > 0) {
		page_print(page, 0, 0, INK_PLAIN);
	}
	sentence_note(page->model, page_line(page));
	if (page->line.length > 0) {
		page_print(page, 0, 0, INK_PLAIN);
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
	struct text *text = page_line(page);
	text_string(text, "from ");
	page_add_time(page, text, timeline->start_us + first * timeline->width_us);
	text_format(text, ", a column is %t, the highest is ",
		    (int64_t)(timeline->width_us / US_PER_MS));
	text_count(text, most, "error");
	page_print(page, 3, 3, INK_DIM);
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
	if (sum->answered > 0) {
		text_format(text, "; another address answered: %U", sum->answered);
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
	struct text *text = page_line(page);
	text_string(text, "peers: ");
	for (uint32_t i = 0; i < shown; i++) {
		text_string(text, i > 0 ? ", " : "");
		page_add_peer(text, &peers[i]->addr);
		text_format(text, " %Ux", (uint64_t)peers[i]->causes[cause]);
	}
	if (all > shown) {
		text_format(text, ", and %U more", (uint64_t)(all - shown));
	}
	page_print(page, BODY, BODY + 2, INK_PLAIN);
}

static void print_cause(struct page *page, enum cause cause, uint64_t all)
{
	const struct cause_sum *sum = &page->model->causes[cause];
	struct text *text = page_line(page);
	text_format(text, "%U  %s: %s", sum->tally.count, sentence_cause_id(cause),
		    sentence_cause_title(cause));
	bool failed = model_is_failure(cause) && (sum->answered == 0 || sum->failed > 0);
	page_print(page, 2, BODY, failed ? INK_RED : INK_YELLOW);
	text = page_line(page);
	text_format(text, "%U%% of all errors, ", (sum->tally.count * 100 + all / 2) / all);
	page_add_span(page, text, &sum->tally);
	text_string(text, "; ");
	add_certainty(text, sum);
	page_print(page, BODY, BODY, INK_PLAIN);
	print_peers_of(page, cause);
	if (cause != CAUSE_UNKNOWN) {
		text_string(page_line(page), cause_infos[cause].advice);
		page_print(page, BODY, BODY, INK_DIM);
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
	struct text *text = page_line(page);
	page_add_peer(text, &peer->addr);
	text_string(text, "  ");
	text_count(text, peer->errors.count, "error");
	text_string(text, " in ");
	text_count(text, peer->connections, "connection");
	add_causes_of(text, peer);
	if (peer->warns > 0) {
		text_string(text, "; ");
		text_count(text, peer->warns, "warning");
	}
	page_print(page, 2, BODY, INK_PLAIN);
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
		text_format(page_line(page), "and %U more", more);
		page_print(page, 2, 2, INK_DIM);
	}
	free(peers);
}

/* What the bounds of memory kept out is said. */
static void print_limits(struct page *page)
{
	const struct model *model = page->model;
	if (model->sampled) {
		text_format(page_line(page),
			    "There were more connections than fit: both ends were looked for in a "
			    "part of them only, and %U failed ones are counted and not listed.",
			    model->unlisted);
		putchar('\n');
		page_print(page, 0, 0, INK_DIM);
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
	page_connections(&page);
	page_rules(&page);
	page_notices(&page, "Warnings: connections that live, not well", false);
	page_notices(&page, "Blind spots", true);
	page_clocks(&page);
	print_limits(&page);
}
