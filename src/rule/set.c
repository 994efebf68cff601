#include "grammar.h"
#include "../sys/raw.h"

static _Atomic uint32_t last_generation;

static uint32_t next_generation(void)
{
	uint32_t generation;
	do {
		generation =
			atomic_fetch_add_explicit(&last_generation, 1, memory_order_relaxed) + 1;
	} while (generation == 0);
	return generation;
}

struct rules *set_new(size_t rules, size_t bytes, char **text)
{
	size_t head = sizeof(struct rules) + rules * sizeof(struct rule);
	struct rules *set = raw_map(head + bytes);
	if (set == NULL) {
		return NULL;
	}
	set->memory = head + bytes;
	set->generation = next_generation();
	*text = (char *)set + head;
	return set;
}

void rules_free(struct rules *set)
{
	if (set) {
		raw_unmap(set, set->memory);
	}
}
