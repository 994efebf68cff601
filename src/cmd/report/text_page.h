/* What the files of the report for people share: the page, its paragraphs, and its lower parts. */
#ifndef RESETBY_CMD_REPORT_TEXT_PAGE_H
#define RESETBY_CMD_REPORT_TEXT_PAGE_H

#include "paper.h"
#include "report.h"

#define US_PER_MS 1000
/** How far what belongs to an entry is indented. */
#define BODY 6

struct page {
	const struct report *report;
	const struct model *model;
	struct paper paper;
	bool days; /* the report is of more than one day: times need their dates */
	char room[1200];
	struct text line;
};

/** The page's paragraph, empty. */
struct text *page_line(struct page *page);
/** Print it; see paper_wrap. */
void page_print(struct page *page, int indent, int hanging, enum ink ink);

/** `2026-11-22 19:06:18.123` */
void page_add_date_time(struct text *text, uint64_t us);
void page_add_time(const struct page *page, struct text *text, uint64_t us);
void page_add_span(const struct page *page, struct text *text, const struct tally *tally);
/** A client has many ports, and is named without. */
void page_add_peer(struct text *text, const struct addr *addr);

/** Parts, each with its heading where there is something to tell. */
void page_connections(struct page *page);
void page_rules(struct page *page);
void page_clocks(struct page *page);
/**
 * @blind
 *         Those about what the library could not see or do, or the others.
 */
void page_notices(struct page *page, const char *heading, bool blind);

#endif
