#include "text_page.h"

#include "../../sys/clock.h"

struct text *page_line(struct page *page)
{
	page->line = text_in(page->room, sizeof page->room);
	return &page->line;
}

void page_print(struct page *page, int indent, int hanging, enum ink ink)
{
	paper_wrap(&page->paper, indent, hanging, ink, page->room);
}

void page_add_date_time(struct text *text, uint64_t us)
{
	char room[40];
	struct text stamp = text_in(room, sizeof room);
	clock_write_rfc3339(&stamp, us);
	room[10] = ' ';
	text_bytes(text, room, 23);
}

void page_add_time(const struct page *page, struct text *text, uint64_t us)
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

void page_add_span(const struct page *page, struct text *text, const struct tally *tally)
{
	page_add_time(page, text, tally->first_us);
	if (tally->count > 1) {
		text_string(text, " to ");
		page_add_time(page, text, tally->last_us);
	}
}

void page_add_peer(struct text *text, const struct addr *addr)
{
	if (addr->port != 0) {
		addr_write(text, addr);
	} else if (addr->family != 0) {
		addr_write_host(text, addr);
	} else {
		text_char(text, '*');
	}
}
