/*
 * A connection that came over a fork is told of by every process that has it, and each of them is an
 * end here: the parent, which accepted it, and the child, which served it. One of these stands for
 * all.
 */
#include "model.h"

/* A line tells an age in whole milliseconds, and is written a little after what it tells. */
#define SLACK_US UINT64_C(20000)

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && addr_same_host(a, b);
}

static bool overlap(const struct end *a, const struct end *b)
{
	return a->begun_us <= b->last_us + SLACK_US && b->begun_us <= a->last_us + SLACK_US;
}

/*
 * A child goes on from its parent's numbers, so that the number is the same in both; children that
 * were forked together also have the next ones in common, of connections of their own. Addresses
 * tell these apart where both are known, and time where they are used again. Who opened it twice
 * had two.
 */
static bool same_connection(const struct end *a, const struct end *b)
{
	return a->conn == b->conn && a->conn != 0 && a->pid != b->pid && a->side == b->side &&
	       (a->opened_us == 0 || b->opened_us == 0) && a->local.port != 0 &&
	       a->peer.port != 0 && same_addr(&a->local, &b->local) &&
	       same_addr(&a->peer, &b->peer) && overlap(a, b);
}

static uint64_t apart(const struct end *a, const struct end *b)
{
	return a->begun_us > b->begun_us ? a->begun_us - b->begun_us : b->begun_us - a->begun_us;
}

static struct end *find_other(const struct model *model, const struct end *end,
			      const uint32_t *order, uint32_t count)
{
	struct end *best = NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct end *other = table_at(&model->ends, order[i]);
		if (other != end && !other->folded && same_connection(end, other) &&
		    (!best || apart(end, other) < apart(end, best))) {
			best = other;
		}
	}
	return best;
}

/* The end that says most of how the connection went. */
static unsigned weight(const struct end *end)
{
	return end_failed(end) * 8u + (end->errors > 0) * 4u + (end->rule != 0) * 2u +
	       (end->ended != ENDED_OPEN);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A child's counts went on from its parent's: the larger are those of the whole connection. */
static void fill_in(struct end *end, const struct end *other)
{
	if (other->rule != 0 && end->rule == 0) {
		end->rule = other->rule;
		end->rule_us = other->rule_us;
	}
	if (end->ended == ENDED_OPEN) {
		end->ended = other->ended;
	}
	if (other->begun_us < end->begun_us) {
		end->begun_us = other->begun_us;
	}
	end->opened_us = larger(end->opened_us, other->opened_us);
	end->last_us = larger(end->last_us, other->last_us);
	end->closed_us = larger(end->closed_us, other->closed_us);
	end->bytes_out = larger(end->bytes_out, other->bytes_out);
	end->bytes_in = larger(end->bytes_in, other->bytes_in);
}

static void fold(struct model *model, struct end *end, struct end *other)
{
	fill_in(end, other);
	if (other->answered) {
		other->answered = false;
		model->answered--;
		model->causes[other->cause].answered--;
	}
	other->folded = true;
	model->folded++;
	model->failed_again += end_failed(other);
	struct peer *peer = peers_find(model, &other->peer, (enum side)other->side);
	if (peer && peer->connections > 0) {
		peer->connections--;
	}
}

void forks_fold(struct model *model, const uint32_t *order, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct end *end = table_at(&model->ends, order[i]);
		while (!end->folded && end->opened_us == 0) {
			struct end *other = find_other(model, end, order, count);
			if (!other) {
				break;
			}
			if (weight(end) > weight(other)) {
				fold(model, end, other);
			} else {
				fold(model, other, end);
			}
		}
	}
}
