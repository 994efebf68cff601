/* What rules did, warnings, blind spots and clocks. */
#include "../../log/escape.h"
#include "text_page.h"

static void add_retries(struct text *text, const struct rule_sum *rule)
{
	if (rule->did[0] + rule->did[1] + rule->did[2] > 0) {
		text_format(text, ", retried %U, refused %U, renewed %U", rule->did[0],
			    rule->did[1], rule->did[2]);
	}
}

static void print_rule(struct page *page, const struct rule_sum *rule)
{
	struct text *text = page_line(page);
	escape_prose(text, rule->text);
	text_string(text, "  ");
	if (rule->tally.count > 0) {
		text_string(text, rule->kind == EVENT_INJECT ? "made a fault " : "acted ");
		text_count(text, rule->tally.count, "time");
		text_string(text, ", ");
		page_add_span(page, text, &rule->tally);
		add_retries(text, rule);
	} else {
		text_string(text, rule->told > 0 ? "" : "never fired");
		if (rule->told > 0) {
			text_string(text, "fired ");
			text_count(text, rule->told, "time");
		}
	}
	if (rule->idle > 0) {
		text_format(text, "; could not act: %U", rule->idle);
	}
	page_print(page, 2, BODY, INK_PLAIN);
	if (rule->by[0] != '\0') {
		escape_prose(page_line(page), rule->by);
		page_print(page, BODY, BODY, INK_DIM);
	}
}

void page_rules(struct page *page)
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
	struct text *text = page_line(page);
	text_format(text, "%U  ", notice->tally.count);
	escape_prose(text, notice->id);
	if (notice->cause != CAUSE_UNKNOWN) {
		text_format(text, ": %s", cause_infos[notice->cause].title);
	}
	page_print(page, 2, BODY, INK_YELLOW);
	text = page_line(page);
	page_add_span(page, text, &notice->tally);
	if (notice->lines > 0) {
		text_string(text, "; ");
		text_count(text, notice->lines, "line");
	}
	text_string(text, "; ");
	escape_prose(text, model_process(page->model, notice->process)->exe);
	text_string(text, ": ");
	escape_prose(text, notice->why);
	page_print(page, BODY, BODY, INK_PLAIN);
}

/* Is it about what the library could not see or do? */
static bool is_blind_spot(const struct notice *notice)
{
	return notice->cause == CAUSE_UNKNOWN || cause_infos[notice->cause].kind == CAUSE_NOTICE;
}

void page_notices(struct page *page, const char *heading, bool blind)
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
	struct text *text = page_line(page);
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
	page_print(page, 2, BODY, INK_PLAIN);
}

void page_clocks(struct page *page)
{
	if (page->model->clock_count > 0) {
		paper_heading(&page->paper, "Clocks");
	}
	for (uint32_t i = 0; i < page->model->clock_count; i++) {
		print_clock(page, &page->model->clocks[i]);
	}
}
