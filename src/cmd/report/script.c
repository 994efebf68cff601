#include "script.h"

#include <stddef.h>
#include <string.h>

static const struct escape {
	const char *bytes;
	const char *instead;
} escapes[] = {
	{"<", "\\u003c"},
	{">", "\\u003e"},
	{"&", "\\u0026"},
	{"\xe2\x80\xa8", "\\u2028"},
	{"\xe2\x80\xa9", "\\u2029"},
};

static const struct escape *find_escape(const char *at)
{
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		if (strncmp(at, escapes[i].bytes, strlen(escapes[i].bytes)) == 0) {
			return &escapes[i];
		}
	}
	return NULL;
}

void script_put(FILE *page, const char *json)
{
	for (;;) {
		size_t plain = strcspn(json, "<>&\xe2");
		fwrite(json, 1, plain, page);
		json += plain;
		if (*json == '\0') {
			return;
		}
		const struct escape *escape = find_escape(json);
		if (escape) {
			fputs(escape->instead, page);
			json += strlen(escape->bytes);
		} else {
			putc(*json++, page);
		}
	}
}
