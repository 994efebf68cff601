/* Lists in a line: the items that fit. */
#include "../sys/errnames.h"
#include "escape.h"
#include "line.h"

void event_list_begin(struct event *event, enum key key)
{
	event->list_mark = event->line.length;
	if (event->json) {
		/* One byte is kept for the bracket that ends it. */
		event->line.size--;
	}
	line_key(event, key);
	if (event->json) {
		text_char(&event->line, '[');
	}
	event->list = line_settle(event, event->list_mark) ? LIST_EMPTY : LIST_LOST;
}

static bool item_begin(struct event *event)
{
	if (event->list == LIST_ITEMS) {
		text_char(&event->line, ',');
	}
	return event->list == LIST_EMPTY || event->list == LIST_ITEMS;
}

static void item_end(struct event *event, size_t mark)
{
	if (line_settle(event, mark)) {
		event->list = LIST_ITEMS;
	} else if (event->list == LIST_EMPTY) {
		line_take_back(event, event->list_mark);
		event->list = LIST_LOST;
	} else {
		event->list = LIST_FULL;
	}
}

void event_list_string(struct event *event, const char *value)
{
	size_t mark = event->line.length;
	if (item_begin(event)) {
		if (event->json) {
			escape_json(&event->line, value);
		} else {
			escape_word(&event->line, value);
		}
		item_end(event, mark);
	}
}

void event_list_count(struct event *event, const char *name, uint64_t count)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (!item_begin(event)) {
		return;
	}
	if (event->json) {
		text_string(line, "{\"name\":");
		escape_json(line, name);
		text_format(line, ",\"count\":%U}", count);
	} else {
		escape_word(line, name);
		text_format(line, ":%U", count);
	}
	item_end(event, mark);
}

void event_list_call(struct event *event, const char *op, int64_t result, int error, uint64_t ms)
{
	struct text *line = &event->line;
	size_t mark = line->length;
	if (!item_begin(event)) {
		return;
	}
	if (event->json) {
		text_format(line, "{\"op\":\"%s\",\"result\":%D,\"errno\":\"", op, result);
		errno_write(line, error);
		text_format(line, "\",\"ms\":%U}", ms);
	} else {
		text_format(line, "%s=", op);
		if (error != 0) {
			errno_write(line, error);
		} else {
			text_number(line, result);
		}
		text_format(line, "@-%Ums", ms);
	}
	item_end(event, mark);
}

void event_list_end(struct event *event)
{
	if (event->json) {
		event->line.size++;
		if (event->list != LIST_LOST) {
			text_char(&event->line, ']');
		}
	} else if (event->list == LIST_EMPTY) {
		text_rewind(&event->line, event->list_mark);
	}
	event->list = LIST_NONE;
}
