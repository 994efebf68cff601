#include "phrase.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../sys/text.h"
#include "hook.h"

/* Documented phrase, colon, blank, cause. */
#define PHRASE_SIZE 64

static bool enabled;

#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))
static THREAD_LOCAL int last_error;
static THREAD_LOCAL char last_phrase[PHRASE_SIZE];

void phrase_enable(void)
{
	enabled = true;
}

void phrase_remember(int error, const struct verdict *verdict)
{
	if (!enabled || error == 0) {
		return;
	}
	struct text text = text_in(last_phrase, sizeof last_phrase);
	text_format(&text, "%s: %s", verdict->doc, cause_infos[verdict->cause].id);
	last_error = error;
}

/* The phrase for an error number, NULL when it is not the thread's last classified one. */
static char *phrase_of(int error)
{
	return enabled && error != 0 && error == last_error ? last_phrase : NULL;
}

char *hook_strerror(int error)
{
	char *phrase = phrase_of(error);
	return phrase != NULL ? phrase : real.strerror(error);
}

char *hook_strerror_l(int error, locale_t locale)
{
	char *phrase = phrase_of(error);
	return phrase != NULL ? phrase : real.strerror_l(error, locale);
}

char *hook_strerror_r(int error, char *buffer, size_t size)
{
	/* glibc's may return a string of its own instead of filling the buffer. */
	char *phrase = phrase_of(error);
	return phrase != NULL ? phrase : real.strerror_r(error, buffer, size);
}

int hook___xpg_strerror_r(int error, char *buffer, size_t size)
{
	char *phrase = phrase_of(error);
	if (phrase == NULL) {
		return real.__xpg_strerror_r(error, buffer, size);
	}
	if (size == 0) {
		return ERANGE;
	}
	struct text text = text_in(buffer, size);
	text_string(&text, phrase);
	return text.cut ? ERANGE : 0;
}

void hook_perror(const char *prefix)
{
	char *phrase = phrase_of(errno);
	if (phrase == NULL) {
		real.perror(prefix);
		return;
	}
	int saved = errno;
	bool named = prefix != NULL && *prefix != '\0';
	fprintf(stderr, "%s%s%s\n", named ? prefix : "", named ? ": " : "", phrase);
	errno = saved;
}
