#include "lab.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** How many results of log_find() and json_get() stay valid. */
#define RING 16

/** Nesting that a line of the log may have; more is not well-formed here. */
#define DEPTH_MAX 16

static const char *space(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/** After a string's closing quote, or NULL. */
static const char *skip_string(const char *at)
{
	if (*at != '"') {
		return NULL;
	}
	for (at++; *at != '"'; at++) {
		if ((unsigned char)*at < ' ') {
			return NULL;
		}
		if (*at != '\\') {
			continue;
		}
		at++;
		if (*at == 'u') {
			for (int digit = 1; digit <= 4; digit++) {
				if (!isxdigit((unsigned char)at[digit])) {
					return NULL;
				}
			}
			at += 4;
		} else if (*at == '\0' || !strchr("\"\\/bfnrt", *at)) {
			return NULL;
		}
	}
	return at + 1;
}

static const char *skip_digits(const char *at)
{
	size_t digits = strspn(at, "0123456789");
	return digits ? at + digits : NULL;
}

/** After a number as JSON wants it (no leading zero, no plus), or NULL. */
static const char *skip_number(const char *at)
{
	at += *at == '-';
	if (*at == '0' && isdigit((unsigned char)at[1])) {
		return NULL;
	}
	at = skip_digits(at);
	if (at && *at == '.') {
		at = skip_digits(at + 1);
	}
	if (at && (*at == 'e' || *at == 'E')) {
		at++;
		at += *at == '-' || *at == '+';
		at = skip_digits(at);
	}
	return at;
}

static const char *skip_value(const char *at, int depth);

/** After an array or object, or NULL. */
static const char *skip_group(const char *at, int depth)
{
	char close = *at == '{' ? '}' : ']';
	at = space(at + 1);
	if (*at == close) {
		return at + 1;
	}
	for (;;) {
		if (close == '}') {
			at = skip_string(at);
			at = at ? space(at) : NULL;
			if (at == NULL || *at != ':') {
				return NULL;
			}
			at = space(at + 1);
		}
		at = skip_value(at, depth + 1);
		at = at ? space(at) : NULL;
		if (at == NULL || (*at != ',' && *at != close)) {
			return NULL;
		}
		if (*at == close) {
			return at + 1;
		}
		at = space(at + 1);
	}
}

static const char *skip_value(const char *at, int depth)
{
	static const char *const words[] = {"true", "false", "null"};
	if (depth > DEPTH_MAX) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(at, words[i], strlen(words[i])) == 0) {
			return at + strlen(words[i]);
		}
	}
	switch (*at) {
	case '"':
		return skip_string(at);
	case '{':
	case '[':
		return skip_group(at, depth);
	default:
		return skip_number(at);
	}
}

bool json_valid(const char *text)
{
	text = space(text);
	if (*text != '{') {
		return false;
	}
	text = skip_value(text, 0);
	return text && *space(text) == '\0';
}

/** A copy that stays valid for a while. */
static char *keep(const char *text, size_t size)
{
	static char *ring[RING];
	static unsigned next;
	char **slot = &ring[next++ % RING];
	free(*slot);
	*slot = strndup(text, size);
	return *slot;
}

/** Replace escapes in place; characters outside ASCII that are written \uXXXX stay as they are. */
static void unescape(char *text)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	char *out = text;
	for (; *text; text++) {
		if (*text != '\\') {
			*out++ = *text;
			continue;
		}
		text++;
		unsigned code;
		if (*text == 'u' && sscanf(text + 1, "%4x", &code) == 1 && code < 0x80) {
			*out++ = (char)code;
			text += 4;
		} else if (*text == 'u') {
			*out++ = '\\';
			*out++ = 'u';
		} else {
			const char *letter = strchr(from, *text);
			*out++ = letter ? to[letter - from] : *text;
		}
	}
	*out = '\0';
}

/** The raw text of a key's value in a valid object, or NULL; its length behind the pointer. */
static const char *find_value(const char *line, const char *key, size_t *size)
{
	const char *at = space(space(line) + 1);
	while (*at == '"') {
		const char *name = at + 1;
		const char *name_end = skip_string(at);
		const char *value = space(space(name_end) + 1);
		const char *value_end = skip_value(value, 0);
		size_t length = (size_t)(name_end - 1 - name);
		if (length == strlen(key) && memcmp(name, key, length) == 0) {
			*size = (size_t)(value_end - value);
			return value;
		}
		at = space(value_end);
		at = space(at + (*at == ','));
	}
	return NULL;
}

const char *json_get(const char *line, const char *key)
{
	size_t size;
	const char *value = line && json_valid(line) ? find_value(line, key, &size) : NULL;
	if (value == NULL) {
		return NULL;
	}
	if (*value != '"') {
		return keep(value, size);
	}
	char *text = keep(value + 1, size - 2);
	unescape(text);
	return text;
}

double json_number(const char *line, const char *key)
{
	const char *value = json_get(line, key);
	char *end = NULL;
	double number = value ? strtod(value, &end) : 0;
	if (value == NULL || end == value || *end) {
		fail_msg("\"%s\" is %s, no number, in: %s", key, value ? value : "missing",
			 line ? line : "(no line)");
	}
	return number;
}

/**
 * The log, and behind it the lines that processes still keep beside it: an actor that waits for its
 * next command sleeps in no call of a socket.
 */
static char *read_log(const struct actor *actor)
{
	const char *slash = strrchr(actor->log, '/');
	const char *base = slash ? slash + 1 : actor->log;
	char pattern[sizeof(actor->log) + 16];
	snprintf(pattern, sizeof(pattern), "%.*s.%s.*.pending", (int)(base - actor->log),
		 actor->log, base);
	glob_t kept;
	char *pending = strdup("");
	if (glob(pattern, 0, NULL, &kept) == 0) {
		for (size_t i = 0; i < kept.gl_pathc; i++) {
			char *lines = lab_read_file(kept.gl_pathv[i]);
			pending = realloc(pending, strlen(pending) + strlen(lines) + 1);
			strcat(pending, lines);
			free(lines);
		}
		globfree(&kept);
	}
	char *text = lab_read_file(actor->log);
	text = realloc(text, strlen(text) + strlen(pending) + 1);
	strcat(text, pending);
	free(pending);
	return text;
}

/** Call a function on each whole line of the log; ends when it returns true. */
static void each_line(struct actor *actor, bool (*visit)(const char *line, void *context),
		      void *context)
{
	char *text = read_log(actor);
	char *line = text;
	char *end;
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		if (visit(line, context)) {
			break;
		}
		line = end + 1;
	}
	free(text);
}

struct search {
	const char *wanted;
	unsigned index;
	unsigned seen;
	const char *found;
	const char *broken;
};

static bool visit_text(const char *line, void *context)
{
	struct search *search = context;
	if (strstr(line, search->wanted)) {
		search->found = keep(line, strlen(line));
	}
	return search->found != NULL;
}

static bool is_event(const char *line, const char *ev)
{
	size_t size;
	const char *value = find_value(line, "ev", &size);
	return value && *value == '"' && size == strlen(ev) + 2 &&
	       memcmp(value + 1, ev, size - 2) == 0;
}

static bool visit_event(const char *line, void *context)
{
	struct search *search = context;
	if (!json_valid(line)) {
		search->broken = keep(line, strlen(line));
		return true;
	}
	if (search->wanted == NULL || is_event(line, search->wanted)) {
		if (search->seen++ == search->index) {
			search->found = keep(line, strlen(line));
		}
	}
	return search->found != NULL;
}

const char *log_line(struct actor *actor, const char *text)
{
	struct search search = {.wanted = text};
	each_line(actor, visit_text, &search);
	return search.found;
}

static struct search search_event(struct actor *actor, const char *ev, unsigned index)
{
	struct search search = {.wanted = ev, .index = index};
	each_line(actor, visit_event, &search);
	if (search.broken) {
		fail_msg("not a JSON object: %s", search.broken);
	}
	return search;
}

const char *log_find(struct actor *actor, const char *ev, unsigned index)
{
	return search_event(actor, ev, index).found;
}

unsigned log_count(struct actor *actor, const char *ev)
{
	return search_event(actor, ev, UINT32_MAX).seen;
}

const char *log_last_call(struct actor *actor, const char *op)
{
	char sign[64];
	snprintf(sign, sizeof(sign), "\"op\":\"%s\"", op);
	for (unsigned i = log_count(actor, "call"); i-- > 0;) {
		const char *line = log_find(actor, "call", i);
		if (strstr(line, sign)) {
			return line;
		}
	}
	return NULL;
}

static bool visit_print(const char *line, void *context)
{
	lab_say("# %s%s", (const char *)context, line);
	return false;
}

void log_dump(struct actor *actor)
{
	each_line(actor, visit_print, "log: ");
	struct actor errors = *actor;
	snprintf(errors.log, sizeof(errors.log), "%s", actor->errors);
	each_line(&errors, visit_print, "stderr: ");
}
