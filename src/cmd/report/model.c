#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void tally_add(struct tally *tally, uint64_t us)
{
	if (tally->count == 0 || us < tally->first_us) {
		tally->first_us = us;
	}
	if (tally->count == 0 || us > tally->last_us) {
		tally->last_us = us;
	}
	tally->count++;
}

const char *ended_name(enum ended ended)
{
	static const char *const names[ENDED_COUNT] = {"open",     "fin",     "rst", "peer-fin",
						       "peer-rst", "timeout", "exit"};
	return names[ended];
}

const char *finding_name(enum finding finding)
{
	static const char *const names[FINDING_COUNT] = {"none",      "act",  "rule", "close-rst",
							 "close-fin", "exit", "both", "unaware"};
	return names[finding];
}

bool model_is_failure(enum cause cause)
{
	if (cause == CAUSE_UNKNOWN || cause == CAUSE_ALREADY_RESET || cause == CAUSE_LATE_DATA) {
		return false;
	}
	enum cause_kind kind = cause_infos[cause].kind;
	return kind == CAUSE_CONNECTING || kind == CAUSE_RESET || kind == CAUSE_TIMEOUT;
}

bool end_failed(const struct end *end)
{
	return end->errors > 0 && model_is_failure((enum cause)end->cause) && !end->answered;
}

enum cause end_cause(const struct end *end)
{
	return (enum cause)(end->finding != FINDING_NONE ? end->joined_cause : end->cause);
}

enum sure end_sure(const struct end *end)
{
	return (enum sure)(end->finding != FINDING_NONE ? end->joined_sure : end->sure);
}

int model_start(struct model *model)
{
	memset(model, 0, sizeof *model);
	model->sample_limit = UINT64_MAX;
	model->details = calloc(DETAILS_MAX, sizeof *model->details);
	int result = model->details ? 0 : -ENOMEM;
	const struct {
		struct table *table;
		size_t size;
		uint32_t most;
	} tables[] = {
		{&model->processes, sizeof(struct process), PROCESSES_MAX},
		{&model->ends, sizeof(struct end), ENDS_MAX},
		{&model->peers, sizeof(struct peer), PEERS_MAX},
		{&model->rules, sizeof(struct rule_sum), RULES_MAX},
		{&model->notices, sizeof(struct notice), NOTICES_MAX},
	};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		if (table_start(tables[i].table, tables[i].size, tables[i].most) != 0) {
			result = -ENOMEM;
		}
	}
	return result;
}

void model_free(struct model *model)
{
	table_free(&model->processes);
	table_free(&model->ends);
	table_free(&model->peers);
	table_free(&model->rules);
	table_free(&model->notices);
	free(model->details);
	model->details = NULL;
}

/* ---- processes ---- */

struct process_key {
	uint32_t pid;
	char exe[sizeof((struct process *)0)->exe];
};

static bool same_process(const void *entry, const void *key)
{
	const struct process *process = entry;
	const struct process_key *wanted = key;
	return process->pid == wanted->pid && strcmp(process->exe, wanted->exe) == 0;
}

static uint32_t find_process(struct model *model, const struct line *line)
{
	struct process_key key = {.pid = line->pid};
	size_t length = line_string(line, line->exe, key.exe, sizeof key.exe);
	uint64_t hash = table_hash(key.pid, key.exe, length);
	struct process *process = table_find(&model->processes, hash, same_process, &key);
	if (!process) {
		process = table_add(&model->processes, hash, same_process, &key);
		if (!process) {
			model->processes_more++;
			return PROCESS_NONE;
		}
		process->pid = key.pid;
		memcpy(process->exe, key.exe, sizeof process->exe);
	}
	return table_index(&model->processes, process);
}

/* Most lines are of the process of the line before. */
static uint32_t process_of(struct model *model, const struct line *line)
{
	struct last_process *last = &model->last_process;
	size_t length = line->exe.length;
	if (last->known && line->exe.at && last->pid == line->pid && last->length == length &&
	    memcmp(last->exe, line->exe.at, length) == 0) {
		return last->index;
	}
	last->index = find_process(model, line);
	last->pid = line->pid;
	last->length = length;
	last->known = line->exe.at && length <= sizeof last->exe;
	if (last->known) {
		memcpy(last->exe, line->exe.at, length);
	}
	return last->index;
}

/* ---- events ---- */

static void take_close(struct model *model, const struct line *line, uint32_t process)
{
	struct end *end = ends_find(model, line, process);
	if (!end) {
		return;
	}
	end->closed_us = line->us;
	end->bytes_out = (uint64_t)line_number(line, KEY_BYTES_OUT);
	end->bytes_in = (uint64_t)line_number(line, KEY_BYTES_IN);
	for (unsigned ended = ENDED_FIN; ended < ENDED_COUNT; ended++) {
		if (line_is(line, KEY_END, ended_name((enum ended)ended))) {
			end->ended = (uint8_t)ended;
		}
	}
}

/* The first verdict on a connection is what happened to it; later calls meet its remains. */
static void take_first_error(struct model *model, struct end *end, const struct line *line,
			     enum cause cause)
{
	end->cause = (uint8_t)cause;
	end->sure = (uint8_t)line_sure(line);
	end->op = (uint8_t)line_op(line);
	end->error = (uint16_t)line_error(line);
	end->error_us = line->us;
	model->failed += model_is_failure(cause);
	details_keep(model, end, line);
}

static void take_error(struct model *model, const struct line *line, uint32_t process)
{
	enum cause cause = line_cause(line);
	struct cause_sum *sum = &model->causes[cause];
	tally_add(&sum->tally, line->us);
	sum->sure[line_sure(line)]++;
	timeline_add(&model->timeline, line->us, cause);
	if (process != PROCESS_NONE) {
		((struct process *)table_at(&model->processes, process))->errors++;
	}
	struct end *end = ends_find(model, line, process);
	if (!end) {
		model->failed += model_is_failure(cause);
		model->unlisted += model_is_failure(cause);
		sum->failed += model_is_failure(cause);
		return;
	}
	struct peer *peer = peers_of(model, &end->peer, (enum side)end->side);
	if (peer) {
		tally_add(&peer->errors, line->us);
		peer->causes[cause]++;
	} else {
		model->peers_more_errors++;
	}
	if (end->errors++ == 0) {
		take_first_error(model, end, line, cause);
	}
}

struct notice_key {
	char id[sizeof((struct notice *)0)->id];
	char why[sizeof((struct notice *)0)->why];
	enum cause cause;
};

/* About the library itself each sentence counts; of a connection's warnings each cause. */
static bool same_notice(const void *entry, const void *key)
{
	const struct notice *notice = entry;
	const struct notice_key *wanted = key;
	bool by_why = wanted->cause != CAUSE_UNKNOWN && wanted->cause != CAUSE_LINES_DROPPED &&
		      cause_infos[wanted->cause].kind == CAUSE_NOTICE;
	return strcmp(notice->id, wanted->id) == 0 &&
	       (!by_why || strcmp(notice->why, wanted->why) == 0);
}

static void take_notice(struct model *model, const struct line *line, uint32_t process,
			enum cause cause)
{
	struct notice_key key = {.cause = cause};
	size_t length = line_string(line, line->values[KEY_CAUSE], key.id, sizeof key.id);
	line_string(line, line->values[KEY_WHY], key.why, sizeof key.why);
	uint64_t hash = table_hash(0, key.id, length);
	struct notice *notice = table_find(&model->notices, hash, same_notice, &key);
	if (!notice) {
		notice = table_add(&model->notices, hash, same_notice, &key);
		if (!notice) {
			model->notices_more++;
			return;
		}
		memcpy(notice->id, key.id, sizeof notice->id);
		memcpy(notice->why, key.why, sizeof notice->why);
		notice->cause = cause;
		notice->process = process;
	}
	tally_add(&notice->tally, line->us);
	notice->lines += (uint64_t)line_number(line, KEY_COUNT);
}

static void take_warn(struct model *model, const struct line *line, uint32_t process)
{
	enum cause cause = line_cause(line);
	tally_add(&model->causes[cause].tally, line->us);
	model->causes[cause].sure[line_sure(line)]++;
	take_notice(model, line, process, cause);
	if (cause == CAUSE_RULE_IDLE) {
		rules_take(model, line);
	}
	struct end *end = line->local.at ? ends_find(model, line, process) : NULL;
	struct peer *peer = end ? peers_of(model, &end->peer, (enum side)end->side) : NULL;
	if (peer) {
		peer->warns++;
	}
}

static void take_rule(struct model *model, const struct line *line, uint32_t process)
{
	uint32_t rule = rules_take(model, line);
	struct end *end = line->kind == EVENT_INJECT && line->local.at
				  ? ends_find(model, line, process)
				  : NULL;
	if (end && rule != 0) {
		end->rule = (uint16_t)rule;
		end->rule_us = line->us;
	}
}

void model_take(void *context, const struct line *line)
{
	struct model *model = context;
	model->events[line->kind]++;
	if (model->first_us == 0 || line->us < model->first_us) {
		model->first_us = line->us;
	}
	if (line->us > model->last_us) {
		model->last_us = line->us;
	}
	uint32_t process = process_of(model, line);
	switch (line->kind) {
	case EVENT_ERROR:
		take_error(model, line, process);
		break;
	case EVENT_WARN:
		take_warn(model, line, process);
		break;
	case EVENT_INJECT:
	case EVENT_MITIGATE:
	case EVENT_RETRY:
		take_rule(model, line, process);
		break;
	case EVENT_OPEN:
		ends_open(model, line, process);
		break;
	case EVENT_CLOSE:
		take_close(model, line, process);
		break;
	case EVENT_EXIT:
		rules_fired(model, line);
		break;
	default:
		break;
	}
}
