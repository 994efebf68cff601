#include "json.h"

#include <stdio.h>
#include "../../log/escape.h"
#include "../../sys/clock.h"
#include "../../sys/errnames.h"
#include "script.h"

/* A path of a log, every byte of it escaped. */
#define ROOM (6 * 4096 + 8)

static char room[ROOM];
/* Is what is written next the first in its object or array? */
static bool first;
/* Is the document for a <script> of a page? */
static bool in_script;

void json_begin(bool for_script)
{
	first = true;
	in_script = for_script;
}

void json_comma(void)
{
	if (!first) {
		putchar(',');
	}
	first = false;
}

void json_put_string(const char *string)
{
	struct text text = text_in(room, sizeof room);
	escape_json(&text, string);
	if (in_script) {
		script_put(stdout, room);
	} else {
		fputs(room, stdout);
	}
}

void json_key(const char *name)
{
	json_comma();
	printf("\"%s\":", name);
}

void json_open(char bracket)
{
	putchar(bracket);
	first = true;
}

void json_close(char bracket)
{
	putchar(bracket);
	first = false;
}

void json_string(const char *name, const char *value)
{
	json_key(name);
	json_put_string(value);
}

void json_number(const char *name, int64_t value)
{
	json_key(name);
	printf("%lld", (long long)value);
}

void json_count(const char *name, uint64_t value)
{
	json_key(name);
	printf("%llu", (unsigned long long)value);
}

void json_boolean(const char *name, bool value)
{
	json_key(name);
	fputs(value ? "true" : "false", stdout);
}

void json_stamp(const char *name, uint64_t us)
{
	char value[40];
	struct text text = text_in(value, sizeof value);
	if (us == 0) {
		json_key(name);
		fputs("null", stdout);
		return;
	}
	clock_write_rfc3339(&text, us);
	json_string(name, value);
}

void json_span(const struct tally *tally)
{
	json_stamp("first", tally->count > 0 ? tally->first_us : 0);
	json_stamp("last", tally->count > 0 ? tally->last_us : 0);
}

void json_address(const char *name, const struct addr *addr)
{
	char value[80];
	struct text text = text_in(value, sizeof value);
	if (addr->port != 0 || addr->family == 0) {
		addr_write(&text, addr);
	} else {
		addr_write_host(&text, addr);
	}
	json_string(name, value);
}

void json_error(const char *name, int error)
{
	char value[24];
	struct text text = text_in(value, sizeof value);
	errno_write(&text, error);
	json_string(name, value);
}
