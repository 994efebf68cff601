#include <stdatomic.h>
#include "raw.h"
#include "scratch.h"

/*
 * As many threads may have a block at once without mapping one each time: to unmap is to stop all
 * processors that run the process.
 */
#define KEPT_MOST 8

static void *_Atomic kept[KEPT_MOST];

void *scratch_take(void)
{
	for (int i = 0; i < KEPT_MOST; i++) {
		void *block = atomic_load_explicit(&kept[i], memory_order_relaxed);
		if (block != NULL) {
			block = atomic_exchange(&kept[i], NULL);
		}
		if (block != NULL) {
			return block;
		}
	}
	return raw_map(SCRATCH_SIZE);
}

void scratch_give(void *block)
{
	if (block == NULL) {
		return;
	}
	for (int i = 0; i < KEPT_MOST; i++) {
		void *nothing = NULL;
		if (atomic_compare_exchange_strong(&kept[i], &nothing, block)) {
			return;
		}
	}
	raw_unmap(block, SCRATCH_SIZE);
}
