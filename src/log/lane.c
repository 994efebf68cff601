#include "lane.h"

#include "../sys/clock.h"
#include "../sys/raw.h"

/*
 * How often a thread looks whether the other is done, and then lets others run between: longer than a
 * flush takes. Who gave up too early would write to the file that is being flushed to, and the kernel
 * favours many small writers of a file over one that waits for its turn.
 */
#define SPINS 200u
#define YIELDS 50000u

/* Who has been in here for this long without doing anything has left by siglongjmp. */
#define STRANDED_MS 1000u

/*
 * A signal handler that leaves by siglongjmp may take the holder with it. Then nothing is kept from
 * there on; what was stays where it is, for the next process that opens the log. A flush that the
 * disk holds up looks alike, and ends, with the same result.
 */
static void notice_stall(struct lane *lane)
{
	uint64_t turns = atomic_load(&lane->turns);
	uint64_t now_ms = clock_coarse_ms();
	if (atomic_load(&lane->stall_ms) == 0 || atomic_load(&lane->stall_turns) != turns) {
		atomic_store(&lane->stall_turns, turns);
		atomic_store(&lane->stall_ms, now_ms);
	} else if (now_ms - atomic_load(&lane->stall_ms) > STRANDED_MS) {
		atomic_store(&lane->stranded, true);
	}
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

bool lane_wait(struct lane *lane, uint32_t tid)
{
	for (unsigned spin = 0; spin < SPINS + YIELDS && !atomic_load(&lane->stranded); spin++) {
		uint32_t holder = atomic_load_explicit(&lane->holder, memory_order_relaxed);
		if (holder == 0 && atomic_compare_exchange_strong(&lane->holder, &holder, tid)) {
			return true;
		}
		if (holder == tid) {
			/* This is a signal handler inside of it. */
			break;
		}
		if (spin < SPINS) {
			relax();
		} else {
			raw0(SYS_sched_yield);
		}
	}
	notice_stall(lane);
	return false;
}
