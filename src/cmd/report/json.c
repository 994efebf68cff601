/* The report for programs: one document, with the keys that libresetby(7) lists. */
#include <stdio.h>
#include <stdlib.h>
#include "../../log/escape.h"
#include "../../sys/clock.h"
#include "../../sys/errnames.h"
#include "report.h"
#include "script.h"
#include "sentence.h"

/* A path of a log, every byte of it escaped. */
#define ROOM (6 * 4096 + 8)
#define PEERS_SHOWN 8u
#define VERSION 1

static char room[ROOM];
/* Is what is written next the first in its object or array? */
static bool first = true;
/* Is the document for a <script> of a page? */
static bool in_script;

static void comma(void)
{
	if (!first) {
		putchar(',');
	}
	first = false;
}

static void put_string(const char *string)
{
	struct text text = text_in(room, sizeof room);
	escape_json(&text, string);
	if (in_script) {
		script_put(stdout, room);
	} else {
		fputs(room, stdout);
	}
}

static void key(const char *name)
{
	comma();
	printf("\"%s\":", name);
}

static void open_with(char bracket)
{
	putchar(bracket);
	first = true;
}

static void close_with(char bracket)
{
	putchar(bracket);
	first = false;
}

static void string(const char *name, const char *value)
{
	key(name);
	put_string(value);
}

static void number(const char *name, int64_t value)
{
	key(name);
	printf("%lld", (long long)value);
}

static void count(const char *name, uint64_t value)
{
	key(name);
	printf("%llu", (unsigned long long)value);
}

static void boolean(const char *name, bool value)
{
	key(name);
	fputs(value ? "true" : "false", stdout);
}

static void stamp(const char *name, uint64_t us)
{
	char value[40];
	struct text text = text_in(value, sizeof value);
	if (us == 0) {
		key(name);
		fputs("null", stdout);
		return;
	}
	clock_write_rfc3339(&text, us);
	string(name, value);
}

static void span(const struct tally *tally)
{
	stamp("first", tally->count > 0 ? tally->first_us : 0);
	stamp("last", tally->count > 0 ? tally->last_us : 0);
}

static void address(const char *name, const struct addr *addr)
{
	char value[80];
	struct text text = text_in(value, sizeof value);
	if (addr->port != 0 || addr->family == 0) {
		addr_write(&text, addr);
	} else {
		addr_write_host(&text, addr);
	}
	string(name, value);
}

static void error_name(const char *name, int error)
{
	char value[24];
	struct text text = text_in(value, sizeof value);
	errno_write(&text, error);
	string(name, value);
}

/* ---- the parts ---- */

static void put_skipped(const uint64_t skipped[SKIP_COUNT])
{
	key("skipped");
	open_with('{');
	for (unsigned skip = 0; skip < SKIP_COUNT; skip++) {
		count(skip_name((enum skip)skip), skipped[skip]);
	}
	close_with('}');
}

static void put_totals(const struct report *report)
{
	const struct model *model = report->model;
	uint64_t skipped[SKIP_COUNT];
	for (unsigned skip = 0; skip < SKIP_COUNT; skip++) {
		skipped[skip] = report_skipped(report, (enum skip)skip);
	}
	key("totals");
	open_with('{');
	count("logs", report->source_count);
	count("bytes", report_bytes(report));
	count("lines", report_lines(report));
	put_skipped(skipped);
	stamp("first", model->first_us);
	stamp("last", model->last_us);
	count("processes", model->processes.count + model->processes_more);
	count("connections", model_connections(model));
	count("failed", model_failed(model));
	count("errors", model->events[EVENT_ERROR]);
	count("warnings", model->events[EVENT_WARN]);
	count("both_ends", model->pairs);
	boolean("complete", !model->sampled);
	close_with('}');
}

static void put_sources(const struct report *report)
{
	key("logs");
	open_with('[');
	for (unsigned i = 0; i < report->source_count; i++) {
		const struct source *source = &report->sources[i];
		comma();
		open_with('{');
		string("name", source->name);
		count("bytes", source->bytes);
		count("lines", source->lines);
		put_skipped(source->skipped);
		close_with('}');
	}
	close_with(']');
}

static void put_peers_of(const struct model *model, enum cause cause)
{
	const struct peer *peers[PEERS_SHOWN];
	uint32_t all = model_peers_of(model, cause, peers, PEERS_SHOWN);
	count("peer_count", all);
	key("peers");
	open_with('[');
	for (uint32_t i = 0; i < all && i < PEERS_SHOWN; i++) {
		comma();
		open_with('{');
		address("peer", &peers[i]->addr);
		count("count", peers[i]->causes[cause]);
		close_with('}');
	}
	close_with(']');
}

static void put_cause(const struct model *model, enum cause cause)
{
	static const char *const kinds[CAUSE_KIND_COUNT] = {"connecting", "reset",   "timeout",
							    "own",        "warning", "notice"};
	const struct cause_sum *sum = &model->causes[cause];
	comma();
	open_with('{');
	string("cause", sentence_cause_id(cause));
	string("kind", cause == CAUSE_UNKNOWN ? "unknown" : kinds[cause_infos[cause].kind]);
	string("title", sentence_cause_title(cause));
	boolean("failure", model_is_failure(cause));
	count("count", sum->tally.count);
	count("failed", sum->failed);
	for (unsigned i = 0; i < 3; i++) {
		count(sure_name((enum sure)i), sum->sure[i]);
	}
	count("joined", sum->joined);
	count("by_rule", sum->injected);
	span(&sum->tally);
	put_peers_of(model, cause);
	string("advice", cause == CAUSE_UNKNOWN ? "" : cause_infos[cause].advice);
	close_with('}');
}

static void put_causes(const struct model *model)
{
	enum cause causes[CAUSES];
	unsigned found = model_causes(model, causes);
	key("causes");
	open_with('[');
	for (unsigned i = 0; i < found; i++) {
		put_cause(model, causes[i]);
	}
	close_with(']');
}

static void put_peer(const struct peer *peer)
{
	comma();
	open_with('{');
	address("peer", &peer->addr);
	count("connections", peer->connections);
	count("errors", peer->errors.count);
	count("warnings", peer->warns);
	span(&peer->errors);
	key("causes");
	open_with('{');
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		if (peer->causes[cause] > 0) {
			count(sentence_cause_id((enum cause)cause), peer->causes[cause]);
		}
	}
	close_with('}');
	close_with('}');
}

static void put_peers(const struct model *model)
{
	uint32_t all;
	const struct peer **peers = model_peers(model, &all);
	key("peers");
	open_with('[');
	for (uint32_t i = 0; i < all; i++) {
		put_peer(peers[i]);
	}
	close_with(']');
	free(peers);
	key("peers_not_listed");
	open_with('{');
	count("peers", model->peers_more);
	count("errors", model->peers_more_errors);
	close_with('}');
}

static void put_process(const struct model *model, const struct end *end)
{
	count("pid", end->pid);
	string("exe", model_process(model, end->process)->exe);
	count("conn", end->conn);
}

static void put_known(const char *name, int64_t value)
{
	if (value >= 0) {
		number(name, value);
	}
}

/* What a connection carried is known once it was closed. */
static void put_life(const struct end *end)
{
	stamp("begun", end->begun_us);
	stamp("opened", end->opened_us);
	stamp("closed", end->closed_us);
	string("ended", ended_name((enum ended)end->ended));
	if (end->closed_us != 0) {
		count("bytes_out", end->bytes_out);
		count("bytes_in", end->bytes_in);
	}
}

static void put_history(const struct detail *detail)
{
	key("history");
	open_with('[');
	for (uint32_t i = 0; i < detail->call_count; i++) {
		comma();
		open_with('{');
		string("op", op_name(detail->calls[i].op));
		number("result", detail->calls[i].result);
		error_name("errno", detail->calls[i].error);
		count("ms", detail->calls[i].ms);
		close_with('}');
	}
	close_with(']');
}

static void put_other_end(const struct model *model, const struct end *end)
{
	const struct end *theirs = table_at(&model->ends, end->partner - 1);
	key("other_end");
	open_with('{');
	string("finding", finding_name((enum finding)end->finding));
	put_process(model, theirs);
	put_life(theirs);
	int64_t ahead_us;
	int64_t spread_us;
	if (clocks_ahead(model, &end->local, &theirs->local, &ahead_us, &spread_us)) {
		number("ahead_us", ahead_us);
	}
	if (theirs->errors > 0) {
		stamp("ts", theirs->error_us);
		string("op", op_name((enum op)theirs->op));
		error_name("errno", theirs->error);
		string("cause", sentence_cause_id((enum cause)theirs->cause));
	}
	if (theirs->detail != 0) {
		const struct detail *detail = &model->details[theirs->detail - 1];
		string("why", detail->why);
		put_history(detail);
	}
	if (theirs->rule != 0) {
		string("rule",
		       ((struct rule_sum *)table_at(&model->rules, theirs->rule - 1u))->text);
	}
	if (end->before_known) {
		number("before_us", end->before_us);
	}
	char sentence[SENTENCE_SIZE];
	struct text text = text_in(sentence, sizeof sentence);
	sentence_other_end(model, end, &text);
	string("says", sentence);
	close_with('}');
}

static void put_verdict(const struct end *end, const struct detail *detail)
{
	string("op", op_name((enum op)end->op));
	error_name("errno", end->error);
	string("doc", detail->doc);
	string("cause", sentence_cause_id(end_cause(end)));
	string("sure", sure_name(end_sure(end)));
	string("logged_cause", sentence_cause_id((enum cause)end->cause));
	string("logged_sure", sure_name((enum sure)end->sure));
	key("else");
	open_with('[');
	for (uint32_t i = 0; i < detail->other_count; i++) {
		comma();
		put_string(cause_infos[detail->others[i]].id);
	}
	close_with(']');
	string("why", detail->why);
}

static void put_connection(const struct model *model, const struct detail *detail)
{
	const struct end *end = table_at(&model->ends, detail->end);
	comma();
	open_with('{');
	stamp("ts", end->error_us);
	put_process(model, end);
	string("side", side_name((enum side)end->side));
	address("local", &end->local);
	address("peer", &end->peer);
	put_life(end);
	count("errors", end->errors);
	put_verdict(end, detail);
	string("state", detail->state);
	put_known("idle_ms", detail->idle_ms);
	put_known("age_ms", detail->age_ms);
	put_known("inq", detail->inq);
	put_known("outq", detail->outq);
	put_known("retrans", detail->retrans);
	put_known("rtt_us", detail->rtt_us);
	put_known("req_bytes", detail->req_bytes);
	put_known("resp_bytes", detail->resp_bytes);
	put_history(detail);
	if (end->partner != 0) {
		put_other_end(model, end);
	}
	close_with('}');
}

static void put_connections(const struct model *model)
{
	uint32_t all;
	const struct detail **details = model_details(model, &all);
	uint64_t told = 0;
	key("connections");
	open_with('[');
	for (uint32_t i = 0; i < all; i++) {
		put_connection(model, details[i]);
	}
	close_with(']');
	free(details);
	for (uint32_t i = 0; i < model->ends.count; i++) {
		const struct end *end = table_at(&model->ends, i);
		told += end->errors > 0 && end->detail == 0;
	}
	count("connections_not_listed", told + model->unlisted);
}

static void put_rules(const struct model *model)
{
	static const char *const did[] = {"retried", "refused", "renewed"};
	key("rules");
	open_with('[');
	for (uint32_t i = 0; i < model->rules.count; i++) {
		const struct rule_sum *rule = table_at(&model->rules, i);
		comma();
		open_with('{');
		count("number", rule->number);
		string("rule", rule->text);
		string("action", rule->action);
		string("event", rule->kind == EVENT_ERROR    ? "none"
				: rule->kind == EVENT_INJECT ? "inject"
				: rule->kind == EVENT_RETRY  ? "retry"
							     : "mitigate");
		count("count", rule->tally.count);
		count("fired", rule->told);
		count("idle", rule->idle);
		for (unsigned k = 0; k < 3; k++) {
			count(did[k], rule->did[k]);
		}
		span(&rule->tally);
		string("by", rule->by);
		close_with('}');
	}
	close_with(']');
}

static void put_warnings(const struct model *model)
{
	key("warnings");
	open_with('[');
	for (uint32_t i = 0; i < model->notices.count; i++) {
		const struct notice *notice = table_at(&model->notices, i);
		comma();
		open_with('{');
		string("cause", notice->id);
		boolean("blind", notice->cause == CAUSE_UNKNOWN ||
					 cause_infos[notice->cause].kind == CAUSE_NOTICE);
		count("count", notice->tally.count);
		count("lines", notice->lines);
		span(&notice->tally);
		string("exe", model_process(model, notice->process)->exe);
		string("why", notice->why);
		close_with('}');
	}
	close_with(']');
}

static void put_clocks(const struct model *model)
{
	key("clocks");
	open_with('[');
	for (uint32_t i = 0; i < model->clock_count; i++) {
		const struct clock *clock = &model->clocks[i];
		comma();
		open_with('{');
		address("client", &clock->client);
		address("server", &clock->server);
		number("ahead_us", clock->ahead_us);
		number("spread_us", clock->spread_us);
		count("handshakes", clock->handshakes);
		close_with('}');
	}
	close_with(']');
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
	comma();
	open_with('{');
	stamp("ts", timeline->start_us + bin * timeline->width_us);
	count("count", sum);
	key("causes");
	open_with('{');
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		if (timeline->counts[bin][cause] > 0) {
			count(sentence_cause_id((enum cause)cause), timeline->counts[bin][cause]);
		}
	}
	close_with('}');
	close_with('}');
}

static void put_timeline(const struct timeline *timeline)
{
	key("timeline");
	open_with('{');
	count("width_ms", timeline->width_us / 1000);
	key("bins");
	open_with('[');
	for (unsigned bin = 0; timeline->used && bin < TIMELINE_BINS; bin++) {
		put_bin(timeline, bin);
	}
	close_with(']');
	close_with('}');
}

static void put_document(const struct report *report)
{
	const struct model *model = report->model;
	char sentence[SENTENCE_SIZE];
	struct text headline = text_in(sentence, sizeof sentence);
	open_with('{');
	count("version", VERSION);
	sentence_headline(model, &headline);
	string("headline", sentence);
	headline = text_in(sentence, sizeof sentence);
	sentence_advice(model, &headline);
	string("advice", sentence);
	put_totals(report);
	put_sources(report);
	put_causes(model);
	put_peers(model);
	put_connections(model);
	put_rules(model);
	put_warnings(model);
	put_clocks(model);
	put_timeline(&model->timeline);
	close_with('}');
}

void report_json(const struct report *report)
{
	first = true;
	put_document(report);
	putchar('\n');
}

void report_json_in_script(const struct report *report)
{
	first = true;
	in_script = true;
	put_document(report);
	in_script = false;
}
