/* The report for programs: one document, with the keys that libresetby(7) lists. */
#include <stdio.h>
#include <stdlib.h>
#include "json.h"
#include "report.h"
#include "sentence.h"

#define PEERS_SHOWN 8u
#define VERSION 1

static void put_skipped(const uint64_t skipped[SKIP_COUNT])
{
	json_key("skipped");
	json_open('{');
	for (unsigned skip = 0; skip < SKIP_COUNT; skip++) {
		json_count(skip_name((enum skip)skip), skipped[skip]);
	}
	json_close('}');
}

static void put_totals(const struct report *report)
{
	const struct model *model = report->model;
	uint64_t skipped[SKIP_COUNT];
	for (unsigned skip = 0; skip < SKIP_COUNT; skip++) {
		skipped[skip] = report_skipped(report, (enum skip)skip);
	}
	json_key("totals");
	json_open('{');
	json_count("logs", report->source_count);
	json_count("bytes", report_bytes(report));
	json_count("lines", report_lines(report));
	put_skipped(skipped);
	json_stamp("first", model->first_us);
	json_stamp("last", model->last_us);
	json_count("processes", model->processes.count + model->processes_more);
	json_count("connections", model_connections(model));
	json_count("failed", model_failed(model));
	json_count("answered_elsewhere", model->answered);
	json_count("errors", model->events[EVENT_ERROR]);
	json_count("warnings", model->events[EVENT_WARN]);
	json_count("both_ends", model->pairs);
	json_boolean("complete", !model->sampled);
	json_close('}');
}

static void put_sources(const struct report *report)
{
	json_key("logs");
	json_open('[');
	for (unsigned i = 0; i < report->source_count; i++) {
		const struct source *source = &report->sources[i];
		json_comma();
		json_open('{');
		json_string("name", source->name);
		json_count("bytes", source->bytes);
		json_count("lines", source->lines);
		put_skipped(source->skipped);
		json_close('}');
	}
	json_close(']');
}

static void put_peers_of(const struct model *model, enum cause cause)
{
	const struct peer *peers[PEERS_SHOWN];
	uint32_t all = model_peers_of(model, cause, peers, PEERS_SHOWN);
	json_count("peer_count", all);
	json_key("peers");
	json_open('[');
	for (uint32_t i = 0; i < all && i < PEERS_SHOWN; i++) {
		json_comma();
		json_open('{');
		json_address("peer", &peers[i]->addr);
		json_count("count", peers[i]->causes[cause]);
		json_close('}');
	}
	json_close(']');
}

static void put_cause(const struct model *model, enum cause cause)
{
	static const char *const kinds[CAUSE_KIND_COUNT] = {"connecting", "reset",   "timeout",
							    "own",        "warning", "notice"};
	const struct cause_sum *sum = &model->causes[cause];
	json_comma();
	json_open('{');
	json_string("cause", sentence_cause_id(cause));
	json_string("kind", cause == CAUSE_UNKNOWN ? "unknown" : kinds[cause_infos[cause].kind]);
	json_string("title", sentence_cause_title(cause));
	json_boolean("failure", model_is_failure(cause));
	json_count("count", sum->tally.count);
	json_count("failed", sum->failed);
	json_count("answered_elsewhere", sum->answered);
	for (unsigned i = 0; i < 3; i++) {
		json_count(sure_name((enum sure)i), sum->sure[i]);
	}
	json_count("joined", sum->joined);
	json_count("by_rule", sum->injected);
	json_span(&sum->tally);
	put_peers_of(model, cause);
	json_string("advice", cause == CAUSE_UNKNOWN ? "" : cause_infos[cause].advice);
	json_close('}');
}

static void put_causes(const struct model *model)
{
	enum cause causes[CAUSES];
	unsigned found = model_causes(model, causes);
	json_key("causes");
	json_open('[');
	for (unsigned i = 0; i < found; i++) {
		put_cause(model, causes[i]);
	}
	json_close(']');
}

static void put_peer(const struct peer *peer)
{
	json_comma();
	json_open('{');
	json_address("peer", &peer->addr);
	json_count("connections", peer->connections);
	json_count("errors", peer->errors.count);
	json_count("warnings", peer->warns);
	json_span(&peer->errors);
	json_key("causes");
	json_open('{');
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		if (peer->causes[cause] > 0) {
			json_count(sentence_cause_id((enum cause)cause), peer->causes[cause]);
		}
	}
	json_close('}');
	json_close('}');
}

static void put_peers(const struct model *model)
{
	uint32_t all;
	const struct peer **peers = model_peers(model, &all);
	json_key("peers");
	json_open('[');
	for (uint32_t i = 0; i < all; i++) {
		put_peer(peers[i]);
	}
	json_close(']');
	free(peers);
	json_key("peers_not_listed");
	json_open('{');
	json_count("peers", model->peers_more);
	json_count("errors", model->peers_more_errors);
	json_close('}');
}

static void put_rules(const struct model *model)
{
	static const char *const did[] = {"retried", "refused", "renewed"};
	json_key("rules");
	json_open('[');
	for (uint32_t i = 0; i < model->rules.count; i++) {
		const struct rule_sum *rule = table_at(&model->rules, i);
		json_comma();
		json_open('{');
		json_count("number", rule->number);
		json_string("rule", rule->text);
		json_string("action", rule->action);
		json_string("event", rule->kind == EVENT_ERROR    ? "none"
				     : rule->kind == EVENT_INJECT ? "inject"
				     : rule->kind == EVENT_RETRY  ? "retry"
								  : "mitigate");
		json_count("count", rule->tally.count);
		json_count("fired", rule->told);
		json_count("idle", rule->idle);
		for (unsigned k = 0; k < 3; k++) {
			json_count(did[k], rule->did[k]);
		}
		json_span(&rule->tally);
		json_string("by", rule->by);
		json_close('}');
	}
	json_close(']');
}

static void put_warnings(const struct model *model)
{
	json_key("warnings");
	json_open('[');
	for (uint32_t i = 0; i < model->notices.count; i++) {
		const struct notice *notice = table_at(&model->notices, i);
		json_comma();
		json_open('{');
		json_string("cause", notice->id);
		json_boolean("blind", notice->cause == CAUSE_UNKNOWN ||
					      cause_infos[notice->cause].kind == CAUSE_NOTICE);
		json_count("count", notice->tally.count);
		json_count("lines", notice->lines);
		json_span(&notice->tally);
		json_string("exe", model_process(model, notice->process)->exe);
		json_string("why", notice->why);
		json_close('}');
	}
	json_close(']');
}

static void put_clocks(const struct model *model)
{
	json_key("clocks");
	json_open('[');
	for (uint32_t i = 0; i < model->clock_count; i++) {
		const struct clock *clock = &model->clocks[i];
		json_comma();
		json_open('{');
		json_address("client", &clock->client);
		json_address("server", &clock->server);
		json_number("ahead_us", clock->ahead_us);
		json_number("spread_us", clock->spread_us);
		json_count("handshakes", clock->handshakes);
		json_close('}');
	}
	json_close(']');
}

static void put_bin(const struct timeline *timeline, unsigned bin)
{
	uint64_t sum = 0;
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		sum += timeline->counts[bin][cause];
	}
	if (sum == 0) {
		return;
	}
	json_comma();
	json_open('{');
	json_stamp("ts", timeline->start_us + bin * timeline->width_us);
	json_count("count", sum);
	json_key("causes");
	json_open('{');
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		if (timeline->counts[bin][cause] > 0) {
			json_count(sentence_cause_id((enum cause)cause),
				   timeline->counts[bin][cause]);
		}
	}
	json_close('}');
	json_close('}');
}

static void put_timeline(const struct timeline *timeline)
{
	json_key("timeline");
	json_open('{');
	json_count("width_ms", timeline->width_us / 1000);
	json_key("bins");
	json_open('[');
	for (unsigned bin = 0; timeline->used && bin < TIMELINE_BINS; bin++) {
		put_bin(timeline, bin);
	}
	json_close(']');
	json_close('}');
}

static void put_document(const struct report *report)
{
	const struct model *model = report->model;
	char sentence[SENTENCE_SIZE];
	struct text headline = text_in(sentence, sizeof sentence);
	json_open('{');
	json_count("version", VERSION);
	sentence_headline(model, &headline);
	json_string("headline", sentence);
	headline = text_in(sentence, sizeof sentence);
	sentence_advice(model, &headline);
	json_string("advice", sentence);
	headline = text_in(sentence, sizeof sentence);
	sentence_note(model, &headline);
	json_string("note", sentence);
	put_totals(report);
	put_sources(report);
	put_causes(model);
	put_peers(model);
	json_connections(model);
	put_rules(model);
	put_warnings(model);
	put_clocks(model);
	put_timeline(&model->timeline);
	json_close('}');
}

void report_json(const struct report *report)
{
	json_begin(false);
	put_document(report);
	putchar('\n');
}

void report_json_in_script(const struct report *report)
{
	json_begin(true);
	put_document(report);
}
