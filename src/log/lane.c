#include "lane.h"

#include "../sys/clock.h"
#include "../sys/raw.h"

/*
 * How often a thread looks whether the other is done; then it lets others run between, and at last
 * sleeps between: a disk may hold up a flush for long. Who did not wait would overtake its own lines
 * with this one, and would wait for the same disk.
 */
#define SPINS 200u
#define YIELDS 2000u
#define NAP_NS 500000

/* Who has been in here for this long without doing anything has left by siglongjmp. */
#define STRANDED_MS 2000u

/*
 * A signal handler that leaves by siglongjmp may take the holder with it. Then nothing is kept from
 * there on; what was stays where it is, for the next process that opens the log. A flush that the
 * disk holds up for as long looks alike, until it ends.
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

bool lane_pass_time(unsigned tries)
{
	if (tries < SPINS) {
		relax();
	} else if (tries < SPINS + YIELDS) {
		raw0(SYS_sched_yield);
	} else {
		struct timespec nap = {.tv_nsec = NAP_NS};
		raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, NULL);
		return true;
	}
	return false;
}

bool lane_wait(struct lane *lane, uint32_t tid)
{
	for (unsigned tries = 0; !atomic_load(&lane->stranded); tries++) {
		uint32_t holder = atomic_load_explicit(&lane->holder, memory_order_relaxed);
		if (holder == 0 && atomic_compare_exchange_strong(&lane->holder, &holder, tid)) {
			atomic_store(&lane->stall_ms, 0);
			return true;
		}
		if (holder == tid) {
			/* This is a signal handler inside of it. */
			notice_stall(lane);
			break;
		}
		if (lane_pass_time(tries)) {
			notice_stall(lane);
		}
	}
	return false;
}
