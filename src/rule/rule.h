/*
 * A rule: what to do to which connections, and when.
 *
 *     ACTION[=VALUE] [SELECTOR=VALUE ...]
 *
 * Rules are read once into a set that is never changed afterwards, but for its counters; an edited
 * rules file makes a new set.
 *
 *     parse.c      texts into rules, rules into words
 *     values.c       what stands behind an action's `=`
 *     selectors.c    what stands behind a selector's `=`
 *     starts.c       the text of starts=, with its escapes
 *     fault.c        what was wrong, where, and what was expected
 *     print.c      a rule as understood
 *     set.c        the memory of a set
 *     match.c      which rules are a connection's
 *     trigger.c    would a rule fire now?
 *     actions.c    the tables of actions, of the forms of their values, and of when they fire
 *     active.c     the rules in force in this process
 *     file.c         the file that some of them are read from, and whether it was edited
 *     settings.c   the variables of the library, those with rules among them
 */
#ifndef RESETBY_RULE_RULE_H
#define RESETBY_RULE_RULE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../conn/choice.h"
#include "../conn/side.h"
#include "../sys/addr.h"
#include "../sys/text.h"

enum value_type {
	VALUE_NONE,
#define VALUE(symbol, form, kind) VALUE_##symbol,
#include "values.def"
#undef VALUE
	VALUE_COUNT
};

enum stage {
	STAGE_CONNECT,
	STAGE_OPEN,
	STAGE_LISTEN,
	STAGE_COUNT,
	STAGE_EITHER = STAGE_COUNT, /* of an action: CONNECT where a set matches early, else OPEN */
};
enum { WHEN_CONNECT = 1, WHEN_READ = 2, WHEN_WRITE = 4, WHEN_CLOSE = 8 };
enum privilege { PRIVILEGE_NONE, PRIVILEGE_NET_ADMIN };
enum action_kind { KIND_INJECT, KIND_MITIGATE };
enum segment {
	SEGMENT_SYN,
	SEGMENT_SYNACK,
	SEGMENT_ACK,
	SEGMENT_FIN,
	SEGMENT_FINACK,
	SEGMENT_RST,
	SEGMENT_ALL
};
enum unreachable { UNREACHABLE_HOST, UNREACHABLE_NET };

enum action {
#define ACTION(symbol, name, value, stage, when, privilege, kind, help) ACTION_##symbol,
#include "../act/actions.def"
#undef ACTION
	ACTION_COUNT
};

struct action_info {
	const char *name;
	const char *help;
	enum value_type value;
	enum stage stage;
	unsigned when;
	enum privilege privilege;
	enum action_kind kind;
};

extern const struct action_info action_infos[ACTION_COUNT];

/** What may stand behind an action's name: `=DUR`, `[=host|net]`; empty for VALUE_NONE. */
extern const char *const value_forms[VALUE_COUNT];

/** The kinds of call: `connect` for the bit WHEN_CONNECT, which is the first, and so on. */
#define MOMENT_COUNT 4
extern const char *const moment_names[MOMENT_COUNT];

/** Names of the moments of a set of WHEN_ bits: `read, write`. */
void moments_write(struct text *text, unsigned when, const char *separator);

_Static_assert(ACTION_COUNT <= CHOICE_MAX, "a connection has room for one rule of every action");

/** Longest `starts=` text in bytes: what a connection remembers of its current request. */
#define REQUEST_HEAD_SIZE 64

/** Longest `exe=` pattern in bytes: a file's name is not longer (NAME_MAX). */
#define EXE_PATTERN_MAX 255

/** Room that rule_write needs at most. */
#define RULE_TEXT_SIZE ((size_t)1024)

/** Most rules in one set: a connection remembers its rules by a 16-bit number. */
#define RULES_MAX 1000

/** Most bytes in all texts of one set. */
#define RULES_TEXT_MAX ((size_t)1 << 20)

/** The counters of a rule in this process. */
struct rule_counters {
	_Atomic uint64_t fired;        /* also in those that it was forked from ... */
	_Atomic uint64_t fired_before; /* ... in which it was this */
	_Atomic uint64_t drawn;        /* how often its chance was drawn */
	_Atomic uint64_t matched;      /* connections that all selectors but conn= match */
};

struct rule {
	/* what */
	enum action action;
	bool has_value;
	union {
		uint64_t duration_ms;
		uint64_t size;
		uint64_t count;
		uint32_t percent; /* millionths */
		enum segment segment;
		enum unreachable unreachable;
		struct {
			uint64_t idle_ms, interval_ms, count;
		} keepalive;
		struct {
			int from, to;
		} error;
	} value;
	bool has_wait;
	uint64_t wait_ms; /* unread wait= */

	/* to which connections */
	bool has_to, has_at;
	struct addr_range to, at;
	enum side side;  /* SIDE_UNKNOWN: either */
	const char *exe; /* the pattern, in the set's text; NULL when not given */
	uint8_t exe_length;
	bool wrong_program;                        /* exe= does not match this process */
	uint64_t conn_first, conn_last, conn_step; /* 1, UINT64_MAX, 1 when not given */
	uint32_t probability;                      /* millionths */

	/* when */
	uint64_t times; /* UINT64_MAX when not given */
	bool has_after_size, has_after_time;
	uint64_t after_size, after_ms;
	unsigned when; /* the action's own when not given */
	uint8_t starts_length;
	char starts[REQUEST_HEAD_SIZE];

	/* the text it was read from, trimmed; belongs to the set */
	const char *text;

	struct rule_counters *counters; /* an edit that leaves the rule leaves them, too */
	struct rule_counters own;
};

struct rules {
	struct rules *before; /* the set that was in force before this one */
	uint32_t count;
	uint32_t generation;         /* differs between sets of one process; never 0 */
	size_t memory;               /* bytes of the mapping that holds all of it */
	bool has_starts;             /* some rule looks at requests */
	bool has_at;                 /* some rule wants the local address */
	bool has_stage[STAGE_COUNT]; /* some rule of this program matches at this stage */
	bool matches_early;          /* no rule of STAGE_EITHER waits for the local address */
	struct rule rules[];         /* rule number n is rules[n - 1] */
};

/** Room for a message that lists every action. */
#define RULE_MESSAGE_SIZE 320

struct rule_error {
	const char *source;              /* the variable or file: a source's name */
	uint32_t line, column;           /* counted from 1, in bytes */
	char message[RULE_MESSAGE_SIZE]; /* what is wrong and what was expected */
};

/** A text with rules and the name to blame in errors. */
struct rule_source {
	const char *name;
	const char *text;
	size_t length;
};

/**
 * Read rules from one or more texts, in order, into a new set.
 *
 * @exe
 *         The program's name, for exe=; NULL: as if every exe= matched.
 * @set
 *         The new set, in memory of its own (mmap); NULL when there is no rule.
 * @return
 *         0; -EINVAL or -ENOMEM with *error filled.
 */
int rules_read(const struct rule_source *sources, size_t count, const char *exe, struct rules **set,
	       struct rule_error *error);

/** Give a set back. Only for one that no connection can know. */
void rules_free(struct rules *set);

/** `SOURCE:LINE:COLUMN: MESSAGE`, without a newline; what it quotes of the rules is printable. */
void rule_error_write(struct text *text, const struct rule_error *error);

/** A rule as understood, canonical: reading it again gives the same rule. */
void rule_write(struct text *text, const struct rule *rule);

/** What selectors look at. */
struct rule_subject {
	enum side side;
	const struct addr *local; /* family 0 when not known yet */
	const struct addr *peer;
};

/**
 * Choose the rules of a connection for one stage; actions of the other stage stay as they are, and
 * so do those of STAGE_EITHER that were matched before, and those by which a connection is renewed.
 * Counts the match of every rule (conn=) and draws its chance (prob=), also of rules that an earlier
 * one beats, so that decisions depend on the order of connections only.
 *
 * @seed
 *         RESETBY_SEED of this process.
 */
void rule_match(struct rules *set, enum stage stage, const struct rule_subject *subject,
		uint64_t seed, struct rule_choice *choice);

/** What a connection was given at a stage before an edit; `set`: the one that it is of. */
struct rule_past {
	const struct rules *set;
	const struct rule_choice *choice;
};

/**
 * The same for a connection that another set was matched with at this stage. Of a rule that the edit
 * has left it was counted then, and its chance drawn: what came out holds.
 */
void rule_match_again(struct rules *set, enum stage stage, const struct rule_subject *subject,
		      uint64_t seed, const struct rule_past *past, struct rule_choice *choice);

/**
 * A rule of STAGE_CONNECT that may be this connection's and is not, because the socket has no address
 * of its own yet that at= could be compared with. NULL when there is none.
 */
struct rule *rule_without_at(struct rules *set, const struct rule_subject *subject,
			     const struct rule_choice *choice);

/**
 * At which stage a rule is matched: its action's, but for drop=, where the segment decides
 * (STAGE_LISTEN for a listener's: then only exe=, side= and at= select, the rest is the filter's).
 * For STAGE_EITHER the last one at which it can be, STAGE_OPEN.
 */
enum stage rule_stage(const struct rule *rule);

/** What triggers look at. */
struct rule_moment {
	unsigned when;    /* one WHEN_ bit: the kind of call */
	uint64_t bytes;   /* transferred, both directions */
	uint64_t age_ms;  /* since it was established */
	const char *head; /* the current request's first bytes */
	size_t head_length;
};

/** Would this rule fire now? Counts nothing. */
bool rule_ready(const struct rule *rule, const struct rule_moment *moment);

/** Take one of the rule's `times`; false when they are used up. */
bool rule_fire(struct rule *rule);

/** Would it, now? */
bool rule_may_fire(const struct rule *rule);

/** Give back what rule_fire has just taken. */
void rule_hold_fire(struct rule *rule);

#endif
