#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int table_start(struct table *table, size_t size, uint32_t most)
{
	uint32_t slots = 1;
	while (slots < 2 * most) {
		slots *= 2;
	}
	/* Fresh pages of zeros: what is never used is never touched. */
	*table = (struct table){
		.entries = calloc(most, size),
		.slots = calloc(slots, sizeof *table->slots),
		.size = size,
		.most = most,
		.mask = slots - 1,
	};
	return table->entries && table->slots ? 0 : -ENOMEM;
}

void table_free(struct table *table)
{
	free(table->entries);
	free(table->slots);
	*table = (struct table){.entries = NULL};
}

static uint32_t slot_of(const struct table *table, uint64_t hash, table_same *same, const void *key)
{
	uint32_t slot = (uint32_t)hash & table->mask;
	while (table->slots[slot] != 0 && !same(table_at(table, table->slots[slot] - 1), key)) {
		slot = (slot + 1) & table->mask;
	}
	return slot;
}

void *table_find(const struct table *table, uint64_t hash, table_same *same, const void *key)
{
	uint32_t slot = slot_of(table, hash, same, key);
	return table->slots[slot] == 0 ? NULL : table_at(table, table->slots[slot] - 1);
}

void *table_add(struct table *table, uint64_t hash, table_same *same, const void *key)
{
	if (table->count == table->most) {
		return NULL;
	}
	uint32_t slot = slot_of(table, hash, same, key);
	void *entry = table_at(table, table->count);
	memset(entry, 0, table->size);
	table->slots[slot] = ++table->count;
	return entry;
}

void table_clear_index(struct table *table)
{
	memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof *table->slots);
}

void table_put(struct table *table, uint64_t hash, table_same *same, const void *key,
	       uint32_t index)
{
	table->slots[slot_of(table, hash, same, key)] = index + 1;
}

static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

/* Eight bytes at a time, each mixed into all that follow. */
uint64_t table_hash(uint64_t seed, const void *bytes, size_t length)
{
	const char *at = bytes;
	uint64_t hash = seed ^ length * 0x9e3779b97f4a7c15u;
	while (length > 0) {
		uint64_t word = 0;
		size_t part = length < sizeof word ? length : sizeof word;
		memcpy(&word, at, part);
		hash = mix(hash ^ word);
		at += part;
		length -= part;
	}
	return mix(hash);
}
