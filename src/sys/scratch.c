#include <stdatomic.h>
#include "raw.h"
#include "scratch.h"

static void *_Atomic kept;

void *scratch_take(void)
{
	void *block = atomic_exchange(&kept, NULL);
	if (block) {
		return block;
	}
	return raw_map(SCRATCH_SIZE);
}

void scratch_give(void *block)
{
	/* The block that was given last is the warmest: it is kept, an older one goes. */
	void *older = block ? atomic_exchange(&kept, block) : NULL;
	if (older) {
		raw_unmap(older, SCRATCH_SIZE);
	}
}
