/* The worst connections: what each was told, and why. */
#include <stdlib.h>
#include "../../log/escape.h"
#include "../../sys/errnames.h"
#include "sentence.h"
#include "text_page.h"

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
	struct text *text = page_line(page);
	for (uint32_t i = 0; i < detail->call_count; i++) {
		text_string(text, i == 0 ? "calls: " : ", ");
		add_call(text, &detail->calls[i]);
	}
	if (detail->call_count > 0) {
		page_print(page, BODY, BODY + 2, INK_DIM);
	}
}

static void print_verdict(struct page *page, const struct end *end, const struct detail *detail)
{
	struct text *text = page_line(page);
	text_format(text, "%s ", op_name((enum op)end->op));
	errno_write(text, end->error);
	text_format(text, ": %s (%s)", sentence_cause_id(end_cause(end)), sure_name(end_sure(end)));
	text_string(text, end->answered ? "; another address answered" : "");
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
	page_print(page, BODY, BODY, INK_PLAIN);
}

/* What its log says of why, too, where it was its own doing. */
static void print_other_end(struct page *page, const struct end *end)
{
	struct text *text = page_line(page);
	sentence_other_end(page->model, end, text);
	if (text->length == 0) {
		return;
	}
	const struct end *theirs = table_at(&page->model->ends, end->partner - 1);
	if (end->finding == FINDING_ACT && theirs->detail != 0) {
		text_string(text, " Its log: ");
		escape_prose(text, page->model->details[theirs->detail - 1].why);
	}
	page_print(page, BODY, BODY, INK_YELLOW);
}

static void print_connection(struct page *page, const struct detail *detail)
{
	const struct end *end = table_at(&page->model->ends, detail->end);
	struct text *text = page_line(page);
	page_add_time(page, text, end->error_us);
	text_string(text, "  ");
	addr_write(text, &end->local);
	text_char(text, '>');
	addr_write(text, &end->peer);
	text_string(text, "  ");
	sentence_process(page->model, end, text);
	text_format(text, " conn %U", end->conn);
	page_print(page, 2, BODY, INK_BOLD);
	print_verdict(page, end, detail);
	print_other_end(page, end);
	escape_prose(page_line(page), detail->why);
	if (page->line.length > 0) {
		page_print(page, BODY, BODY, INK_PLAIN);
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

void page_connections(struct page *page)
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
		text_format(page_line(page), "and %U more; --top N shows N", more);
		page_print(page, 2, 2, INK_DIM);
	}
	free(details);
}
