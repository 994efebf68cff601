#include "active.h"

#include <errno.h>
#include <string.h>
#include "../sys/errnames.h"
#include "../sys/random.h"
#include "../sys/text.h"
#include "file.h"

_Atomic uint32_t rules_generation;
_Atomic bool rules_watched;

/* In a longer file rules behind these begin anew with each edit: the search is done within a call. */
#define TAKEN_OVER_MAX 512u

static struct rules *_Atomic active;
static const char *variable_text;
static const char *program;
static _Atomic uint64_t seed;
static _Atomic uint64_t children;

static _Atomic uint32_t looked_ms;

/* An editor may be between removing and renaming; a file that is away at so many looks is gone. */
#define LOOKS_UNTIL_GONE 4
static _Atomic uint32_t looks_in_vain;

static void explain_file(struct rule_error *error, int code)
{
	error->source = "RESETBY_RULES_FILE";
	error->line = error->column = 1;
	struct text text = text_in(error->message, sizeof error->message);
	text_format(&text, "cannot read %s: ", rules_file_path());
	errno_write(&text, -code);
	text_string(&text, code == -ESPIPE ? ", it is a pipe: expected a regular file of rules"
					   : ": expected a readable file of rules");
}

/* `stamp`: of the file, if there is one. */
static int read_all(struct rules **set, struct rules_stamp *stamp, struct rule_error *error)
{
	struct rule_source sources[2];
	size_t count = 0;
	if (variable_text != NULL) {
		sources[count++] =
			(struct rule_source){"RESETBY_RULES", variable_text, strlen(variable_text)};
	}
	struct rule_source *file = rules_file_path() != NULL ? &sources[count++] : NULL;
	int result = file != NULL ? rules_file_read(file, stamp) : 0;
	if (result < 0) {
		explain_file(error, result);
		return result;
	}
	result = rules_read(sources, count, program, set, error);
	if (file != NULL) {
		rules_file_free(file);
	}
	return result;
}

/* Of several rules with one text the first goes on as the first, and so on. */
static bool goes_on(const struct rules *set, uint32_t i, const struct rule *old)
{
	const struct rule *rule = &set->rules[i];
	if (strcmp(rule->text, old->text) != 0) {
		return false;
	}
	for (uint32_t k = 0; k < i; k++) {
		if (set->rules[k].counters == old->counters) {
			return false;
		}
	}
	return true;
}

/* Of what an edit leaves, times= and conn= go on. */
static void take_over_counters(struct rules *set, const struct rules *before)
{
	uint32_t count = set->count < TAKEN_OVER_MAX ? set->count : TAKEN_OVER_MAX;
	for (uint32_t i = 0; before != NULL && i < count; i++) {
		uint32_t end = before->count < TAKEN_OVER_MAX ? before->count : TAKEN_OVER_MAX;
		uint32_t k = 0;
		while (k < end && !goes_on(set, i, &before->rules[k])) {
			k++;
		}
		if (k < end) {
			set->rules[i].counters = before->rules[k].counters;
		}
	}
}

static void put_in_force(struct rules *set)
{
	/*
	 * A set that is replaced stays mapped: a call of another thread may be inside it. An edit
	 * costs the memory of its text.
	 */
	if (set != NULL) {
		set->before = rules_now();
		take_over_counters(set, set->before);
	}
	atomic_store(&active, set);
	atomic_store(&rules_generation, set != NULL ? set->generation : 0);
}

int rules_start(const char *text, const char *path, uint64_t from, const char *exe,
		struct rule_error *error)
{
	variable_text = text;
	rules_file_at(path);
	program = exe;
	atomic_store(&seed, from);
	struct rules_stamp stamp = {0};
	if (path != NULL) {
		rules_file_look(&stamp);
	}
	struct rules *set = NULL;
	int result = read_all(&set, &stamp, error);
	if (result < 0) {
		return result;
	}
	rules_file_remember(&stamp);
	rules_watched = path != NULL;
	put_in_force(set);
	return 0;
}

void rules_stop(void)
{
	rules_watched = false;
	put_in_force(NULL);
}

struct rules *rules_now(void)
{
	return atomic_load_explicit(&active, memory_order_acquire);
}

struct rules *rules_of(uint32_t generation)
{
	struct rules *set = rules_now();
	while (set != NULL && set->generation != generation) {
		set = set->before;
	}
	return set;
}

struct rule *rules_get(const struct rule_choice *choice, enum action action)
{
	uint32_t generation = choice_generation(choice);
	uint16_t number = choice_number(choice, action);
	struct rules *set = rules_of(generation);
	if (set == NULL || number == 0 || number > set->count) {
		return NULL;
	}
	/* Another thread may be choosing: then the number may be one of a newer set. */
	return choice_generation(choice) == generation ? &set->rules[number - 1] : NULL;
}

enum rules_news rules_look(uint32_t now_ms, struct rule_error *error)
{
	uint32_t last = atomic_load_explicit(&looked_ms, memory_order_relaxed);
	/* Whoever moves the clock on looks; the others go on with what is in force. */
	if (now_ms - last < RULES_LOOK_MS ||
	    !atomic_compare_exchange_strong(&looked_ms, &last, now_ms)) {
		return RULES_SAME;
	}
	struct rules_stamp now = {0};
	int away = rules_file_look(&now);
	if (away < 0) {
		if (atomic_fetch_add(&looks_in_vain, 1) + 1 != LOOKS_UNTIL_GONE) {
			return RULES_SAME;
		}
		explain_file(error, away);
		return RULES_REFUSED;
	}
	atomic_store_explicit(&looks_in_vain, 0, memory_order_relaxed);
	if (!rules_file_looks_edited(&now)) {
		return RULES_SAME;
	}
	struct rules *set = NULL;
	int result = read_all(&set, &now, error);
	if (atomic_load(&looked_ms) != now_ms) {
		/* That took long, and another thread looks by now: what it reads is not older. */
		rules_free(set);
		return RULES_SAME;
	}
	bool same = rules_file_says_the_same(&now);
	rules_file_remember(&now);
	if (same) {
		rules_free(set);
		return RULES_SAME;
	}
	if (result < 0) {
		return RULES_REFUSED;
	}
	put_in_force(set);
	return RULES_CHANGED;
}

uint64_t rules_seed(void)
{
	return atomic_load_explicit(&seed, memory_order_relaxed);
}

void rules_after_fork(bool child)
{
	uint64_t number = atomic_fetch_add(&children, 1) + 1;
	if (child) {
		struct rules *set = rules_now();
		for (uint32_t i = 0; set != NULL && i < set->count; i++) {
			struct rule_counters *counters = set->rules[i].counters;
			atomic_store(&counters->fired_before, atomic_load(&counters->fired));
		}
		atomic_store(&seed, random_derive(atomic_load(&seed), number));
		atomic_store(&children, 0);
	}
}
