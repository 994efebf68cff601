/* Lines: whatever strings an event has, it is one line, and in JSON one valid object. */
#include "fuzz.h"

#include "log/event.h"
#include "log/log.h"
#include "../unit/json_check.h"

static void render(enum log_format format, const char *string, size_t room)
{
	static char buffer[EVENT_LARGE];
	struct event event;
	log_start("/nonexistent", LOG_OFF, format, string);
	event_begin(&event, EVENT_ERROR, buffer, room);
	event_string(&event, KEY_OP, string);
	event_string(&event, KEY_DOC, string);
	event_list_begin(&event, KEY_ELSE);
	event_list_string(&event, string);
	event_list_end(&event);
	event_string(&event, KEY_WHY, string);
	event_string(&event, KEY_STATE, string);
	size_t length = event_end(&event);
	expect(length > 0 && length < room && strlen(buffer) == length);
	expect(strchr(buffer, '\n') == buffer + length - 1);
	for (size_t i = 0; i < length - 1; i++) {
		expect((unsigned char)buffer[i] >= ' ' && buffer[i] != '\x7f');
	}
	expect(format != LOG_JSON || json_is_valid(buffer, length - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size == 0) {
		return 0;
	}
	/* The first byte says how little room there is. */
	size_t room = 256 + (size_t)bytes[0] * 15;
	char *copy = fuzz_string(bytes + 1, size - 1);
	render(LOG_JSON, copy, room);
	render(LOG_TEXT, copy, room);
	free(copy);
	return 0;
}
