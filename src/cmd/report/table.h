/* Entries in a row, found by a hash: open addressing, bounded from the start. */
#ifndef RESETBY_CMD_REPORT_TABLE_H
#define RESETBY_CMD_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
	char *entries;
	uint32_t *slots; /* 1 + index; 0: empty */
	size_t size;     /* of an entry */
	uint32_t count, most;
	uint32_t mask;
};

/** @return 0, or -ENOMEM. */
int table_start(struct table *table, size_t size, uint32_t most);
void table_free(struct table *table);

static inline void *table_at(const struct table *table, uint32_t index)
{
	return table->entries + table->size * index;
}

static inline uint32_t table_index(const struct table *table, const void *entry)
{
	return (uint32_t)((size_t)((const char *)entry - table->entries) / table->size);
}

typedef bool table_same(const void *entry, const void *key);

/** The entry of a key, the youngest of several; NULL when there is none. */
void *table_find(const struct table *table, uint64_t hash, table_same *same, const void *key);

/** Add an entry of zeros; an older one with the same key is not found any more. NULL: full. */
void *table_add(struct table *table, uint64_t hash, table_same *same, const void *key);

/** Forget where entries are: before each of them is put in anew with table_put, the oldest first. */
void table_clear_index(struct table *table);
void table_put(struct table *table, uint64_t hash, table_same *same, const void *key,
	       uint32_t index);

uint64_t table_hash(uint64_t seed, const void *bytes, size_t length);

#endif
