#include <stdatomic.h>
#include <sys/mman.h>
#include "raw.h"
#include "scratch.h"

static void *_Atomic kept;

void *scratch_take(void)
{
	void *block = atomic_exchange(&kept, NULL);
	if (block) {
		return block;
	}
	long mapped = raw6(SYS_mmap, NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mapped < 0 ? NULL : (void *)mapped;
}

void scratch_give(void *block)
{
	/* The block that was given last is the warmest: it is kept, an older one goes. */
	void *older = block ? atomic_exchange(&kept, block) : NULL;
	if (older) {
		raw2(SYS_munmap, older, SCRATCH_SIZE);
	}
}
