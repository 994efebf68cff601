#include "conn.h"

static _Atomic uint32_t epoch;

uint32_t process_epoch(void)
{
	return atomic_load_explicit(&epoch, memory_order_relaxed);
}

void process_forked(void)
{
	atomic_fetch_add_explicit(&epoch, 1, memory_order_relaxed);
}
