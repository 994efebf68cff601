#include "sentence.h"

#include <stdlib.h>
#include <string.h>
#include "../../log/escape.h"

#define US_PER_MS 1000

const char *sentence_cause_id(enum cause cause)
{
	return cause == CAUSE_UNKNOWN ? "unknown" : cause_infos[cause].id;
}

const char *sentence_cause_title(enum cause cause)
{
	return cause == CAUSE_UNKNOWN ? "a cause that this version does not know"
				      : cause_infos[cause].title;
}

void sentence_process(const struct model *model, const struct end *end, struct text *text)
{
	escape_prose(text, model_process(model, end->process)->exe);
	text_format(text, "[%U]", (uint64_t)end->pid);
}

/* ---- the other end ---- */

static void add_before(const struct end *end, struct text *text)
{
	if (!end->before_known) {
		return;
	}
	/* Between two clocks it is an estimate. */
	const char *about = addr_same_host(&end->local, &end->peer) ? "" : "about ";
	if (end->before_us < US_PER_MS) {
		text_format(text, ", %s%D us before", about, end->before_us);
	} else {
		text_format(text, ", %s%t before", about, end->before_us / US_PER_MS);
	}
}

static void add_act(const struct model *model, const struct end *ours, const struct end *theirs,
		    struct text *text)
{
	switch ((enum finding)ours->finding) {
	case FINDING_ACT:
		text_format(text, " did it: %s (%s)", op_name((enum op)theirs->op),
			    cause_infos[theirs->cause].id);
		break;
	case FINDING_RULE:
		text_string(text, " did it by a rule: ");
		escape_prose(text,
			     ((struct rule_sum *)table_at(&model->rules, theirs->rule - 1u))->text);
		break;
	case FINDING_CLOSE_RST:
		text_string(text, " did it: closed with a RST");
		break;
	case FINDING_CLOSE_FIN:
		text_string(text, " had closed its end");
		break;
	case FINDING_EXIT:
		text_string(text, " had ended with the connection open");
		break;
	case FINDING_BOTH:
		text_string(text, " was reset, too: a device between the two, or an "
				  "administrator, did it");
		break;
	default:
		text_string(text, " went on and knows nothing of it: it was lost or made on the "
				  "way");
		break;
	}
}

void sentence_other_end(const struct model *model, const struct end *end, struct text *text)
{
	if (end->finding == FINDING_NONE) {
		return;
	}
	const struct end *theirs = table_at(&model->ends, end->partner - 1);
	sentence_process(model, theirs, text);
	add_act(model, end, theirs, text);
	add_before(end, text);
	text_char(text, '.');
}

/* ---- the headline ---- */

/* Connections that failed for this reason, and not because a rule of resetby made them. */
static uint64_t weight_of(const struct model *model, enum cause cause)
{
	const struct cause_sum *sum = &model->causes[cause];
	uint64_t count = model_is_failure(cause) ? sum->failed : 0;
	return cause == CAUSE_INJECTED || count < sum->injected ? 0 : count - sum->injected;
}

/* Of what another address answered the headline says nothing. */
static bool is_worth_telling(const struct model *model, enum cause cause)
{
	const struct cause_sum *sum = &model->causes[cause];
	return sum->answered == 0 || sum->failed > 0;
}

/* The failure that most connections met; one that rules made only when there is no other. */
static enum cause main_cause(const struct model *model)
{
	enum cause causes[CAUSES];
	unsigned count = model_causes(model, causes);
	enum cause main = CAUSE_UNKNOWN;
	bool found = false;
	for (unsigned i = 0; i < count; i++) {
		if (!is_worth_telling(model, causes[i])) {
			continue;
		}
		if (!found || weight_of(model, causes[i]) > weight_of(model, main)) {
			found = true;
			main = causes[i];
		}
	}
	return main;
}

/* One of the victims of the process that made at least half of the failures of a cause. */
static const struct end *main_culprit(const struct model *model, enum cause cause)
{
	uint32_t *counts = calloc(model->processes.count + 1, sizeof *counts);
	const struct end *main = NULL;
	uint32_t most = 0;
	for (uint32_t i = 0; counts && i < model->ends.count; i++) {
		const struct end *end = table_at(&model->ends, i);
		if (end->finding == FINDING_NONE || end->finding >= FINDING_BOTH ||
		    end_cause(end) != cause) {
			continue;
		}
		const struct end *theirs = table_at(&model->ends, end->partner - 1);
		if (theirs->process != PROCESS_NONE && ++counts[theirs->process] > most) {
			most = counts[theirs->process];
			main = end;
		}
	}
	free(counts);
	return most * 2 >= model->causes[cause].failed ? main : NULL;
}

/* Below level `conns` only failures are logged: how many went well is not known. */
static bool knows_connections(const struct model *model)
{
	return model->events[EVENT_OPEN] + model->events[EVENT_CLOSE] > 0;
}

static void add_failures(const struct model *model, struct text *text)
{
	uint64_t failed = model_failed(model);
	uint64_t connections = model_connections(model);
	if (knows_connections(model) && connections >= failed) {
		text_format(text, "%U of ", failed);
		text_count(text, connections, "connection");
	} else {
		text_count(text, failed, "connection");
	}
	text_string(text, " failed");
}

static enum sure sure_of(const struct cause_sum *sum)
{
	return sum->sure[SURE_CERTAIN] == sum->tally.count ? SURE_CERTAIN
	       : sum->sure[SURE_POSSIBLE] > 0              ? SURE_POSSIBLE
							   : SURE_LIKELY;
}

static void add_cause(const struct model *model, enum cause cause, struct text *text)
{
	text_format(text, "%s (%s, %s)", sentence_cause_title(cause), sentence_cause_id(cause),
		    sure_name(sure_of(&model->causes[cause])));
}

static void add_main_failure(const struct model *model, enum cause cause, struct text *text)
{
	const struct cause_sum *sum = &model->causes[cause];
	uint64_t failed = model_failed(model);
	add_failures(model, text);
	if (cause == CAUSE_INJECTED) {
		text_string(text, ", because rules of resetby made them fail.");
		return;
	}
	if (sum->failed < failed) {
		text_format(text, ", %U of them alike", sum->failed);
	}
	text_string(text, ": ");
	add_cause(model, cause, text);
	const struct peer *peer;
	if (model_peers_of(model, cause, &peer, 1) == 1) {
		text_string(text, peer->addr.port != 0 ? ", at " : ", from ");
		if (peer->addr.port != 0) {
			addr_write(text, &peer->addr);
		} else {
			addr_write_host(text, &peer->addr);
		}
	}
	text_char(text, '.');
	const struct end *victim = main_culprit(model, cause);
	if (victim) {
		text_char(text, ' ');
		sentence_other_end(model, victim, text);
	}
}

static void add_nothing_failed(const struct model *model, enum cause cause, struct text *text)
{
	const struct cause_sum *sum = &model->causes[cause];
	if (sum->tally.count > 0) {
		text_string(text, "No connection failed here, but ");
		text_count(text, sum->tally.count, "time");
		text_char(text, ' ');
		add_cause(model, cause, text);
		text_char(text, '.');
		return;
	}
	text_string(text, "Nothing failed");
	if (knows_connections(model)) {
		text_string(text, " in ");
		text_count(text, model_connections(model), "connection");
	}
	if (model->events[EVENT_WARN] > 0) {
		text_string(text, "; there ");
		text_string(text, model->events[EVENT_WARN] == 1 ? "is " : "are ");
		text_count(text, model->events[EVENT_WARN], "warning");
	}
	text_char(text, '.');
}

static uint64_t events_of(const struct model *model)
{
	uint64_t sum = 0;
	for (unsigned kind = 0; kind < EVENT_COUNT; kind++) {
		sum += model->events[kind];
	}
	return sum;
}

void sentence_headline(const struct model *model, struct text *text)
{
	enum cause cause = main_cause(model);
	if (events_of(model) == 0) {
		text_string(text, "There is not one line of resetby here.");
	} else if (model_failed(model) > 0 && model_is_failure(cause)) {
		add_main_failure(model, cause, text);
	} else {
		add_nothing_failed(model, cause, text);
	}
}

void sentence_note(const struct model *model, struct text *text)
{
	if (model->answered == 1) {
		text_string(text, "1 connect to one address of a name failed, and another address "
				  "answered.");
	} else if (model->answered > 1) {
		text_format(text,
			    "%U connects to other addresses of a name failed, and another "
			    "address answered.",
			    model->answered);
	}
}

void sentence_advice(const struct model *model, struct text *text)
{
	enum cause cause = main_cause(model);
	if (cause == CAUSE_UNKNOWN || model->causes[cause].tally.count == 0) {
		return;
	}
	/* Where the one who did it is known, the advice is for him. */
	const struct end *victim = main_culprit(model, cause);
	const struct end *culprit = victim ? table_at(&model->ends, victim->partner - 1) : NULL;
	if (victim && victim->finding == FINDING_ACT) {
		cause = (enum cause)culprit->cause;
	} else if (victim && victim->finding == FINDING_RULE) {
		cause = CAUSE_INJECTED;
	}
	text_string(text, cause_infos[cause].advice);
}
