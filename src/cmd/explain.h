/*
 * What `resetby explain CAUSE` knows beyond causes.def: for each cause a page, and what the pages
 * share. All of it is tables:
 *
 *     pages/ *.def   a page for each cause, one file a chapter of the catalogue
 *     words.def     what well-known programs print when a call gives an errno
 *     limits.def    the kernel's limits, with their meaning
 *     notes.def     where the notes that people know speak of a cause
 *
 * and these print them:
 *
 *     explain.c         the catalogue, the causes behind an errno, names that do not exist
 *     explain_page.c    a page
 *     explain_ladder.c  the segments of a page, drawn
 *     explain_limits.c  the limits as they are on this machine now
 *     explain_text.c    wrapped lines
 */
#ifndef RESETBY_CMD_EXPLAIN_H
#define RESETBY_CMD_EXPLAIN_H

#include "../why/why.h"

/** No line of a page is longer. */
#define PAGE_COLUMNS 78

/** Room between the two lines of a ladder, and what an arrow leaves of it to its segment's name. */
#define SHAFT_COLUMNS 24
#define ARROW_COLUMNS (SHAFT_COLUMNS - 7)
#define LOST_COLUMNS (SHAFT_COLUMNS - 10)

/** One line of a ladder: what this side does, what travels, what the other side does. */
enum travel {
	TRAVEL_END,     /* ends the list */
	TRAVEL_NOTHING, /* something happens, and nothing is sent */
	TRAVEL_RIGHT,   /* from this side to the other */
	TRAVEL_LEFT,
	TRAVEL_RIGHT_LOST, /* sent, and never arrives */
	TRAVEL_LEFT_LOST,
	TRAVEL_TIME, /* time goes by */
};

struct step {
	enum travel travel;
	const char *here;    /* what happens on this side; may be empty */
	const char *segment; /* `SYN`, or how much time goes by */
	const char *there;
};

/** At which call a side is told. */
enum told_at {
	TOLD_END,     /* ends the list */
	TOLD_NOWHERE, /* no call fails */
	TOLD_ANYWHERE,
	TOLD_CONNECT,
	TOLD_READ,
	TOLD_WRITE,
	TOLD_ACCEPT,
	TOLD_ERRNO_ONLY, /* not printed as a row: `explain ERRNO` leads here too */
};

/** `here` is the side whose log names the cause. */
enum told_side { HERE, THERE };

struct told {
	enum told_at at;
	enum told_side side;
	int error;          /* 0: the call does not fail */
	const char *remark; /* may be empty */
};

/** A limit of the kernel: a row of limits.def. */
enum limit {
	LIMIT_END,
#define LIMIT(symbol, name, meaning, computed) LIMIT_##symbol,
#include "limits.def"
#undef LIMIT
	LIMIT_COUNT
};

/** A place of the notes: a row of notes.def. */
enum note {
	NOTE_END,
#define NOTE(symbol, place) NOTE_##symbol,
#include "notes.def"
#undef NOTE
	NOTE_COUNT
};

/** What an experiment has before its own lines begin. */
enum setup {
	SETUP_SHELL,   /* nothing: the lines are for a shell */
	SETUP_PYTHON,  /* nothing: the lines are Python */
	SETUP_QUEUED,  /* Python: a listener l, a connection c that nobody has accepted */
	SETUP_PAIR,    /* Python: the same, and s, accepted */
	SETUP_SILENCE, /* the same, and a second later no segment arrives any more; needs --netns */
};

struct page {
	const char *here, *there; /* the two ends: `client`, `server` */
	const struct step *ladder;
	const struct told *told;
	const enum limit *limits; /* NULL: none matters */
	const char *const *rules; /* that make it happen; NULL: none */
	enum setup setup;
	const char *stale;      /* RESETBY_STALE for the experiment; NULL: as it is */
	const char *options;    /* of `resetby run`; may be empty */
	const char *experiment; /* its lines */
	const char *const *prevent;
	const enum note *notes; /* NULL: the notes do not speak of it */
	const char *differs;    /* where Linux is not as the notes say; NULL: nowhere */
};

/** The page of a cause; NULL for those about the library itself. */
const struct page *explain_page(enum cause cause);

/** Print the page of a cause. */
void explain_cause(enum cause cause);

/** Print what well-known programs say of an errno, by the call that gives it. */
void explain_words_of(int error);

void explain_ladder(const struct page *page);
void explain_limits(const enum limit *limits);

/**
 * Print a paragraph.
 *
 * @indent, hanging
 *         Blanks before the first line, and before the others.
 */
void explain_wrapped(int indent, int hanging, const char *text);

/** The same where `column` columns of the first line have been printed. */
void explain_continued(int column, int hanging, const char *text);

#endif
