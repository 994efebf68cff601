/*
 * Connections, one entry for each end. All that failed are kept; of those that did not, as many as
 * there is room for. Both ends of one connection hash alike, so that when some must go, both do.
 */
#include <string.h>
#include "model.h"

/* When so much is left after throwing out, it is worth going on. */
#define ROOM_MIN (ENDS_MAX / 8)

/* In containers all processes may have one number: of so many the lines may be mixed in one log. */
#define NAMESAKES_MAX 64u

static int compare_addr(const struct addr *a, const struct addr *b)
{
	int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
	return order != 0 ? order : (int)a->port - (int)b->port;
}

static uint64_t hash_addr(uint64_t seed, const struct addr *addr)
{
	return table_hash(seed ^ addr->port, addr->bytes, sizeof addr->bytes);
}

uint64_t ends_tuple(const struct end *end)
{
	bool swap = compare_addr(&end->local, &end->peer) > 0;
	const struct addr *low = swap ? &end->peer : &end->local;
	const struct addr *high = swap ? &end->local : &end->peer;
	return hash_addr(hash_addr(0, low), high);
}

struct end_key {
	uint64_t conn;
	uint32_t process;
	uint32_t pid;
};

static bool same_end(const void *entry, const void *key)
{
	const struct end *end = entry;
	const struct end_key *wanted = key;
	return end->conn == wanted->conn && end->process == wanted->process &&
	       end->pid == wanted->pid;
}

static uint64_t hash_end(const struct end_key *key)
{
	uint64_t words[2] = {key->conn, (uint64_t)key->process << 32 | key->pid};
	return table_hash(0, words, sizeof words);
}

static struct end_key key_of(const struct end *end)
{
	return (struct end_key){.conn = end->conn, .process = end->process, .pid = end->pid};
}

static bool is_notable(const struct end *end)
{
	if (end->answered) {
		return end->detail != 0;
	}
	return end->errors > 0 || end->rule != 0 || end->ended == ENDED_RST ||
	       end->ended == ENDED_PEER_RST || end->ended == ENDED_TIMEOUT;
}

static struct end *older_of(const struct model *model, const struct end *end)
{
	return end->older != 0 ? table_at(&model->ends, end->older - 1) : NULL;
}

/* The youngest with this key that has not been closed: 1 + index, or 0. */
static uint32_t youngest_open(const struct model *model, const struct end_key *key)
{
	const struct end *end = table_find(&model->ends, hash_end(key), same_end, key);
	while (end && end->closed_us != 0) {
		end = older_of(model, end);
	}
	return end ? 1 + table_index(&model->ends, end) : 0;
}

static void rebuild(struct model *model, uint32_t kept)
{
	struct table *ends = &model->ends;
	ends->count = kept;
	table_clear_index(ends);
	for (uint32_t i = 0; i < kept; i++) {
		struct end *end = table_at(ends, i);
		struct end_key key = key_of(end);
		end->older = youngest_open(model, &key);
		table_put(ends, hash_end(&key), same_end, &key, i);
		if (end->detail != 0) {
			model->details[end->detail - 1].end = i;
		}
	}
}

/* Half of the connections that did not fail go, until there is room. */
static void make_room(struct model *model)
{
	struct table *ends = &model->ends;
	model->sampled = true;
	if (model->sample_limit > 0) {
		/* What is to go may be what answered. */
		answers_find(model);
	}
	while (ends->most - ends->count < ROOM_MIN && model->sample_limit > 0) {
		uint32_t kept = 0;
		model->sample_limit /= 2;
		for (uint32_t i = 0; i < ends->count; i++) {
			struct end *end = table_at(ends, i);
			if (is_notable(end) || ends_tuple(end) <= model->sample_limit) {
				*(struct end *)table_at(ends, kept++) = *end;
			} else {
				model->answered_unlisted += end->answered;
			}
		}
		rebuild(model, kept);
	}
}

static struct end *add(struct model *model, const struct line *line, uint32_t process)
{
	struct addr local;
	struct addr peer;
	model->ends_seen++;
	if (!line_addresses(line, &local, &peer)) {
		return NULL;
	}
	enum side side = line_side(line);
	struct peer *known = peers_of(model, &peer, side);
	if (known) {
		known->connections++;
	}
	if (model->ends.count == model->ends.most) {
		make_room(model);
	}
	struct end_key key = {(uint64_t)line_number(line, KEY_CONN), process, line->pid};
	uint32_t older = youngest_open(model, &key);
	struct end *end = table_add(&model->ends, hash_end(&key), same_end, &key);
	if (end) {
		end->older = older;
		end->conn = key.conn;
		end->process = process;
		end->pid = key.pid;
		end->local = local;
		end->peer = peer;
		end->side = (uint8_t)side;
		end->cause = CAUSE_UNKNOWN;
		end->begun_us = line->us;
		end->last_us = line->us;
	}
	return end;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_host(a, b);
}

/*
 * A number is used again by a later process of the same pid, and at the same time by those of other
 * containers. Addresses tell them apart; the own one is chosen by connect.
 */
static struct end *find(const struct model *model, const struct line *line, uint32_t process)
{
	struct addr local;
	struct addr peer;
	if (!line_addresses(line, &local, &peer)) {
		return NULL;
	}
	struct end_key key = {(uint64_t)line_number(line, KEY_CONN), process, line->pid};
	struct end *end = table_find(&model->ends, hash_end(&key), same_end, &key);
	struct end *before_connect = NULL;
	for (unsigned i = 0; end && i < NAMESAKES_MAX; i++, end = older_of(model, end)) {
		if (end->closed_us != 0 || !same_addr(&end->peer, &peer)) {
			continue;
		}
		if (same_addr(&end->local, &local)) {
			return end;
		}
		if (!before_connect && (end->local.port == 0 || local.port == 0)) {
			before_connect = end;
		}
	}
	return before_connect;
}

/* What a rule did to the connect, and a connect that took long, is told before the `open`. */
struct end *ends_open(struct model *model, const struct line *line, uint32_t process)
{
	struct end *end = find(model, line, process);
	if (!end || end->opened_us != 0) {
		end = add(model, line, process);
	}
	if (end) {
		int64_t ms = line_number(line, KEY_MS);
		end->connect_ms = ms < 0 ? 0 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
		end->opened_us = line->us;
		end->last_us = line->us;
	}
	return end;
}

struct end *ends_find(struct model *model, const struct line *line, uint32_t process)
{
	if (!line_has(line, KEY_CONN)) {
		return NULL;
	}
	struct end *end = find(model, line, process);
	if (!end) {
		end = add(model, line, process);
	}
	if (!end) {
		return NULL;
	}
	if (end->local.port == 0) {
		/* An event before connect; the address is chosen by it. */
		struct addr peer;
		line_addresses(line, &end->local, &peer);
	}
	if (end->opened_us == 0) {
		enum key age = line->kind == EVENT_CLOSE ? KEY_MS : KEY_AGE_MS;
		uint64_t age_us = (uint64_t)line_number(line, age) * 1000;
		if (age_us < line->us && line->us - age_us < end->begun_us) {
			end->begun_us = line->us - age_us;
		}
	}
	end->last_us = line->us;
	return end;
}
