#include <stdlib.h>
#include <string.h>
#include "model.h"

static bool same_peer(const void *entry, const void *key)
{
	const struct peer *peer = entry;
	const struct addr *wanted = key;
	return peer->addr.port == wanted->port && addr_same_host(&peer->addr, wanted);
}

static uint64_t hash_peer(const struct addr *addr)
{
	return table_hash(addr->port, addr->bytes, sizeof addr->bytes);
}

static int by_errors(const void *one, const void *other)
{
	const struct peer *a = one;
	const struct peer *b = other;
	if (a->errors.count != b->errors.count) {
		return a->errors.count < b->errors.count ? 1 : -1;
	}
	if (a->connections != b->connections) {
		return a->connections < b->connections ? 1 : -1;
	}
	int order = memcmp(a->addr.bytes, b->addr.bytes, sizeof a->addr.bytes);
	return order != 0 ? order : (int)a->addr.port - (int)b->addr.port;
}

/* The half with fewer errors goes: one that fails often later is noticed all the same. */
static void make_room(struct model *model)
{
	struct table *peers = &model->peers;
	qsort(peers->entries, peers->count, peers->size, by_errors);
	for (uint32_t i = peers->count / 2; i < peers->count; i++) {
		model->peers_more++;
		model->peers_more_errors += ((const struct peer *)table_at(peers, i))->errors.count;
	}
	peers->count /= 2;
	table_clear_index(peers);
	for (uint32_t i = 0; i < peers->count; i++) {
		const struct addr *addr = &((struct peer *)table_at(peers, i))->addr;
		table_put(peers, hash_peer(addr), same_peer, addr, i);
	}
}

/* A server's clients have a port each, and are told by their address. */
static struct addr key_of(const struct addr *addr, enum side side)
{
	struct addr key = *addr;
	if (side != SIDE_CLIENT) {
		key.port = 0;
	}
	return key;
}

struct peer *peers_find(const struct model *model, const struct addr *addr, enum side side)
{
	struct addr key = key_of(addr, side);
	return table_find(&model->peers, hash_peer(&key), same_peer, &key);
}

struct peer *peers_of(struct model *model, const struct addr *addr, enum side side)
{
	struct addr key = key_of(addr, side);
	struct peer *peer = peers_find(model, addr, side);
	if (!peer) {
		if (model->peers.count == model->peers.most) {
			make_room(model);
		}
		peer = table_add(&model->peers, hash_peer(&key), same_peer, &key);
		if (peer) {
			peer->addr = key;
		}
	}
	return peer;
}

static int by_errors_of(const void *one, const void *other)
{
	return by_errors(*(const struct peer *const *)one, *(const struct peer *const *)other);
}

const struct peer **model_peers(const struct model *model, uint32_t *count)
{
	const struct peer **list = calloc(model->peers.count + 1, sizeof(void *));
	*count = list ? model->peers.count : 0;
	for (uint32_t i = 0; i < *count; i++) {
		list[i] = table_at(&model->peers, i);
	}
	if (list) {
		qsort(list, *count, sizeof(void *), by_errors_of);
	}
	return list;
}

uint32_t model_peers_of(const struct model *model, enum cause cause, const struct peer **list,
			uint32_t most)
{
	uint32_t all = 0;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < model->peers.count; i++) {
		const struct peer *peer = table_at(&model->peers, i);
		if (peer->causes[cause] == 0) {
			continue;
		}
		all++;
		uint32_t at = kept;
		while (at > 0 && list[at - 1]->causes[cause] < peer->causes[cause]) {
			at--;
		}
		if (at < most) {
			kept += kept < most;
			memmove(&list[at + 1], &list[at], (kept - at - 1) * sizeof(void *));
			list[at] = peer;
		}
	}
	return all;
}
