/*
 * Two machines, two clocks. A client's `open` is written when its connect has succeeded, the
 * server's when accept returns: but for the time that the server takes to accept, the same moment.
 * The median over all handshakes of a pair of machines is how far the clocks are apart. A machine is
 * told by its address; connections of an address with itself need no estimate.
 */
#include <stdlib.h>
#include <string.h>
#include "model.h"

#define SAMPLES_MAX 4096u

struct sample {
	uint32_t client, server; /* ends */
	int64_t ahead_us;
};

static bool same_pair(const struct clock *clock, const struct addr *client,
		      const struct addr *server)
{
	return addr_same_host(&clock->client, client) && addr_same_host(&clock->server, server);
}

static struct clock *clock_of(struct model *model, const struct end *client)
{
	for (uint32_t i = 0; i < model->clock_count; i++) {
		if (same_pair(&model->clocks[i], &client->local, &client->peer)) {
			return &model->clocks[i];
		}
	}
	if (model->clock_count == CLOCKS_MAX) {
		return NULL;
	}
	struct clock *clock = &model->clocks[model->clock_count++];
	*clock = (struct clock){.client = client->local, .server = client->peer};
	clock->client.port = clock->server.port = 0;
	return clock;
}

static int by_value(const void *one, const void *other)
{
	int64_t a = *(const int64_t *)one;
	int64_t b = *(const int64_t *)other;
	return (a > b) - (a < b);
}

static void settle(struct clock *clock, int64_t *samples, uint32_t count)
{
	qsort(samples, count, sizeof *samples, by_value);
	clock->ahead_us = samples[count / 2];
	clock->spread_us = (samples[count - 1 - count / 10] - samples[count / 10]) / 2;
	clock->handshakes = count;
}

/* The two ends of addresses that were used once; or NULL when there are others. */
static const struct end *lone_opening(const struct model *model, const uint32_t *order,
				      uint32_t count, enum side side)
{
	const struct end *found = NULL;
	for (uint32_t i = 0; i < count; i++) {
		const struct end *end = table_at(&model->ends, order[i]);
		if (end->side != side || end->opened_us == 0) {
			continue;
		}
		if (found) {
			return NULL;
		}
		found = end;
	}
	return found;
}

static uint32_t run_of(const struct model *model, const uint32_t *order, uint32_t count)
{
	uint64_t tuple = ends_tuple(table_at(&model->ends, order[0]));
	uint32_t run = 1;
	while (run < count && ends_tuple(table_at(&model->ends, order[run])) == tuple) {
		run++;
	}
	return run;
}

struct samples {
	uint32_t counts[CLOCKS_MAX];
	int64_t values[CLOCKS_MAX][SAMPLES_MAX];
};

static void take_handshake(struct model *model, struct samples *samples, const struct end *client,
			   const struct end *server)
{
	if (addr_same_host(&client->local, &client->peer) ||
	    !addr_same_host(&client->local, &server->peer) ||
	    !addr_same_host(&client->peer, &server->local)) {
		return;
	}
	struct clock *clock = clock_of(model, client);
	if (!clock) {
		return;
	}
	size_t number = (size_t)(clock - model->clocks);
	if (samples->counts[number] < SAMPLES_MAX) {
		samples->values[number][samples->counts[number]++] =
			(int64_t)(server->opened_us - client->opened_us);
	}
}

void clocks_estimate(struct model *model, const uint32_t *order, uint32_t count)
{
	struct samples *samples = calloc(1, sizeof *samples);
	for (uint32_t at = 0; samples && at < count;) {
		uint32_t run = run_of(model, &order[at], count - at);
		const struct end *client = lone_opening(model, &order[at], run, SIDE_CLIENT);
		const struct end *server = lone_opening(model, &order[at], run, SIDE_SERVER);
		if (client && server) {
			take_handshake(model, samples, client, server);
		}
		at += run;
	}
	for (uint32_t i = 0; samples && i < model->clock_count; i++) {
		settle(&model->clocks[i], samples->values[i], samples->counts[i]);
	}
	free(samples);
}

bool clocks_ahead(const struct model *model, const struct addr *a, const struct addr *b,
		  int64_t *ahead_us, int64_t *spread_us)
{
	*ahead_us = 0;
	*spread_us = 0;
	if (addr_same_host(a, b)) {
		return true;
	}
	for (uint32_t i = 0; i < model->clock_count; i++) {
		const struct clock *clock = &model->clocks[i];
		bool forward = same_pair(clock, a, b);
		if (forward || same_pair(clock, b, a)) {
			*ahead_us = forward ? clock->ahead_us : -clock->ahead_us;
			*spread_us = clock->spread_us;
			return true;
		}
	}
	return false;
}
