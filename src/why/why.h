/*
 * Evidence in, verdict out: pure functions over plain structs. causes.def says what each cause is;
 * decide.c is the decision procedure, an ordered table of rows over the signs of signs*.c;
 * sentence.c and sentences_*.c word the evidence.
 */
#ifndef RESETBY_WHY_WHY_H
#define RESETBY_WHY_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include "../conn/evidence.h"
#include "../sys/text.h"

enum cause {
#define CAUSE(symbol, id, kind, title, what, advice) CAUSE_##symbol,
#include "causes.def"
#undef CAUSE
	CAUSE_COUNT
};

/** Where a cause belongs in the catalogue, which is also whether it is told as error or warn. */
enum cause_kind {
	CAUSE_CONNECTING, /* the connection never came to be */
	CAUSE_RESET,      /* an established connection was reset */
	CAUSE_TIMEOUT,    /* an established connection timed out */
	CAUSE_OWN,        /* our own doing */
	CAUSE_WARNING,    /* the connection lives, not well */
	CAUSE_NOTICE,     /* about the library itself: a rule that cannot act, lines dropped */
	CAUSE_KIND_COUNT
};

struct cause_info {
	const char *id;
	enum cause_kind kind;
	const char *title;  /* half a line */
	const char *what;   /* what happened, for `resetby explain` */
	const char *advice; /* one sentence for the log line */
};

extern const struct cause_info cause_infos[CAUSE_COUNT];

/** The heading of each kind, as `resetby explain` and the manual have it. */
extern const char *const cause_kind_titles[CAUSE_KIND_COUNT];

/** The cause of an id; CAUSE_COUNT when there is none. */
enum cause cause_find(const char *id);

enum sure { SURE_POSSIBLE, SURE_LIKELY, SURE_CERTAIN };

/** `possible`, `likely`, `certain`. */
const char *sure_name(enum sure sure);

/** The documented case: which way the program was going when it met the RST. */
enum rst_case { CASE_NONE, CASE_RESET, CASE_RESET_BY_PEER };

/** `none`, `reset`, `reset-by-peer`. */
const char *case_name(enum rst_case rst_case);

/** Most alternatives that a verdict names. */
#define VERDICT_ELSE_MAX 5

struct verdict {
	enum cause cause;
	enum sure sure;
	enum cause others[VERDICT_ELSE_MAX];
	size_t other_count;
	enum rst_case rst_case;
	const char *doc; /* the documented phrase, or the errno's own text */
};

/**
 * Judge.
 *
 * @verdict
 *         Is always filled: every evidence has a verdict.
 * @return
 *         true when there is something to tell; false when the evidence shows an ordinary end
 *         (an end of file, a close with nothing lost).
 */
bool why_judge(const struct evidence *evidence, struct verdict *verdict);

/** The evidence in one English sentence with its numbers, the full stop included. */
void why_sentence(const struct evidence *evidence, const struct verdict *verdict,
		  struct text *text);

#endif
