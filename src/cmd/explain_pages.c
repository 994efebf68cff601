/* The pages as tables, and the words with which they are written. */
#include "explain.h"

#include <errno.h>
#include <stddef.h>

#define ENDS(left, right) .here = left, .there = right

/* Words that have so much room; too many do not compile: an array has no negative size. */
#define FIT(words, columns) &(words)[0 * sizeof(char[sizeof(words) - 1 <= (columns) ? 1 : -1])]

/* The ladder: what travels between what happens on this side and on the other. */
#define LADDER(...)                                                                                \
	.ladder = (const struct step[])                                                            \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			.travel = TRAVEL_END                                                       \
		}                                                                                  \
	}
#define NOTHING(left, right)                                                                       \
	{                                                                                          \
		TRAVEL_NOTHING, left, "", right                                                    \
	}
#define RIGHT(left, segment, right)                                                                \
	{                                                                                          \
		TRAVEL_RIGHT, left, FIT(segment, ARROW_COLUMNS), right                             \
	}
#define LEFT(left, segment, right)                                                                 \
	{                                                                                          \
		TRAVEL_LEFT, left, FIT(segment, ARROW_COLUMNS), right                              \
	}
#define LOST_RIGHT(left, segment, right)                                                           \
	{                                                                                          \
		TRAVEL_RIGHT_LOST, left, FIT(segment, LOST_COLUMNS), right                         \
	}
#define LOST_LEFT(left, segment, right)                                                            \
	{                                                                                          \
		TRAVEL_LEFT_LOST, left, FIT(segment, LOST_COLUMNS), right                          \
	}
#define TIME(words)                                                                                \
	{                                                                                          \
		TRAVEL_TIME, "", FIT(words, SHAFT_COLUMNS), ""                                     \
	}

#define TOLD(...)                                                                                  \
	.told = (const struct told[])                                                              \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			.at = TOLD_END                                                             \
		}                                                                                  \
	}
#define HERE_AT(call, error, remark)                                                               \
	{                                                                                          \
		TOLD_##call, HERE, error, remark                                                   \
	}
#define THERE_AT(call, error, remark)                                                              \
	{                                                                                          \
		TOLD_##call, THERE, error, remark                                                  \
	}
#define HERE_ERRNO(error)                                                                          \
	{                                                                                          \
		TOLD_ERRNO_ONLY, HERE, error, ""                                                   \
	}

#define LIMITS(...)                                                                                \
	.limits = (const enum limit[])                                                             \
	{                                                                                          \
		__VA_ARGS__, LIMIT_END                                                             \
	}
#define RULES(...)                                                                                 \
	.rules = (const char *const[])                                                             \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define STALE(duration) .stale = duration
#define EXPERIMENT(with, run_options, lines)                                                       \
	.setup = SETUP_##with, .options = run_options, .experiment = lines
#define SHELL(lines) EXPERIMENT(SHELL, "", lines)
#define PREVENT(...)                                                                               \
	.prevent = (const char *const[])                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define NOTES(...)                                                                                 \
	.notes = (const enum note[])                                                               \
	{                                                                                          \
		__VA_ARGS__, NOTE_END                                                              \
	}
#define DIFFERS(text) .differs = text

static const struct page pages[CAUSE_COUNT] = {
#include "pages/connecting.def"
#include "pages/reset.def"
#include "pages/timeout.def"
#include "pages/own.def"
#include "pages/warning.def"
};

const struct page *explain_page(enum cause cause)
{
	return pages[cause].ladder != NULL ? &pages[cause] : NULL;
}
