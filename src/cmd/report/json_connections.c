#include "json.h"

#include <stdlib.h>
#include "sentence.h"

static void put_process(const struct model *model, const struct end *end)
{
	json_count("pid", end->pid);
	json_string("exe", model_process(model, end->process)->exe);
	json_count("conn", end->conn);
}

static void put_known(const char *name, int64_t value)
{
	if (value >= 0) {
		json_number(name, value);
	}
}

/* What a connection carried is known once it was closed. */
static void put_life(const struct end *end)
{
	json_stamp("begun", end->begun_us);
	json_stamp("opened", end->opened_us);
	json_stamp("closed", end->closed_us);
	json_string("ended", ended_name((enum ended)end->ended));
	if (end->closed_us != 0) {
		json_count("bytes_out", end->bytes_out);
		json_count("bytes_in", end->bytes_in);
	}
}

static void put_history(const struct detail *detail)
{
	json_key("history");
	json_open('[');
	for (uint32_t i = 0; i < detail->call_count; i++) {
		json_comma();
		json_open('{');
		json_string("op", op_name(detail->calls[i].op));
		json_number("result", detail->calls[i].result);
		json_error("errno", detail->calls[i].error);
		json_count("ms", detail->calls[i].ms);
		json_close('}');
	}
	json_close(']');
}

static void put_other_end(const struct model *model, const struct end *end)
{
	const struct end *theirs = table_at(&model->ends, end->partner - 1);
	json_key("other_end");
	json_open('{');
	json_string("finding", finding_name((enum finding)end->finding));
	put_process(model, theirs);
	put_life(theirs);
	int64_t ahead_us;
	int64_t spread_us;
	if (clocks_ahead(model, &end->local, &theirs->local, &ahead_us, &spread_us)) {
		json_number("ahead_us", ahead_us);
	}
	if (theirs->errors > 0) {
		json_stamp("ts", theirs->error_us);
		json_string("op", op_name((enum op)theirs->op));
		json_error("errno", theirs->error);
		json_string("cause", sentence_cause_id((enum cause)theirs->cause));
	}
	if (theirs->detail != 0) {
		const struct detail *detail = &model->details[theirs->detail - 1];
		json_string("why", detail->why);
		put_history(detail);
	}
	if (theirs->rule != 0) {
		json_string("rule",
			    ((struct rule_sum *)table_at(&model->rules, theirs->rule - 1u))->text);
	}
	if (end->before_known) {
		json_number("before_us", end->before_us);
	}
	char sentence[SENTENCE_SIZE];
	struct text text = text_in(sentence, sizeof sentence);
	sentence_other_end(model, end, &text);
	json_string("says", sentence);
	json_close('}');
}

static void put_verdict(const struct end *end, const struct detail *detail)
{
	json_string("op", op_name((enum op)end->op));
	json_error("errno", end->error);
	json_string("doc", detail->doc);
	json_string("cause", sentence_cause_id(end_cause(end)));
	json_string("sure", sure_name(end_sure(end)));
	json_string("logged_cause", sentence_cause_id((enum cause)end->cause));
	json_string("logged_sure", sure_name((enum sure)end->sure));
	json_key("else");
	json_open('[');
	for (uint32_t i = 0; i < detail->other_count; i++) {
		json_comma();
		json_put_string(cause_infos[detail->others[i]].id);
	}
	json_close(']');
	json_string("why", detail->why);
}

static void put_connection(const struct model *model, const struct detail *detail)
{
	const struct end *end = table_at(&model->ends, detail->end);
	json_comma();
	json_open('{');
	json_stamp("ts", end->error_us);
	put_process(model, end);
	json_string("side", side_name((enum side)end->side));
	json_address("local", &end->local);
	json_address("peer", &end->peer);
	put_life(end);
	json_count("errors", end->errors);
	json_boolean("answered_elsewhere", end->answered);
	put_verdict(end, detail);
	json_string("state", detail->state);
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
	json_close('}');
}

void json_connections(const struct model *model)
{
	uint32_t all;
	const struct detail **details = model_details(model, &all);
	uint64_t told = 0;
	json_key("connections");
	json_open('[');
	for (uint32_t i = 0; i < all; i++) {
		put_connection(model, details[i]);
	}
	json_close(']');
	free(details);
	for (uint32_t i = 0; i < model->ends.count; i++) {
		const struct end *end = table_at(&model->ends, i);
		told += end->errors > 0 && end->detail == 0;
	}
	json_count("connections_not_listed", told + model->unlisted + model->answered_unlisted);
}
