#include "pending.h"

#include <signal.h>
#include <string.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/self.h"
#include "lane.h"
#include "leftover.h"
#include "pending_file.h"
#include "sink.h"

/* Lines are cleared in steps of this; the step that the mark is in stays empty. */
#define CLEAR_BLOCK ((size_t)64)
#define PENDING_FULL (PENDING_SIZE - CLEAR_BLOCK)

#define US_PER_MS 1000u
#define SET_BACK_US 1000000u

/* What other processes left is looked for this often. */
#define RECLAIM_US 10000000u

/* When that was last done, by clock_wall_us; 0: never. */
static _Atomic uint64_t reclaimed_us;

/* Block by block, which compilers write out. */
static void clear(struct pending_file *file, uint32_t used)
{
	for (size_t at = 0; at < used; at += CLEAR_BLOCK) {
		memset((char *)file + at, 0, CLEAR_BLOCK);
	}
}

#define BIT(signal) ((uint64_t)1 << ((signal)-1))

/*
 * All but what this thread's own instructions raise, which would end the process then, and but the two
 * that libc keeps for itself.
 */
#define FLUSH_SIGNALS                                                                              \
	~(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGSYS) |    \
	  BIT(32) | BIT(33))

/* No mask of a thread: SIGKILL cannot be blocked. */
#define NOT_HELD UINT64_MAX

static __attribute__((noinline)) uint64_t hold_signals(void)
{
	uint64_t signals = FLUSH_SIGNALS;
	uint64_t mask = NOT_HELD;
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &signals, &mask, RAW_SIGSET_SIZE);
	return mask;
}

static __attribute__((noinline)) void release_signals(uint64_t mask)
{
	if (mask != NOT_HELD) {
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, RAW_SIGSET_SIZE);
	}
}

/* The child of a handler that forked in here would write the lines again, or what it finds for them. */
static void flush(struct lane *lane)
{
	uint64_t mask = hold_signals();
	struct pending_file *file = lane->file;
	uint32_t used = atomic_load_explicit(&lane->used, memory_order_relaxed);
	if (used > 0) {
		log_write_lines(file->lines, used, &file->mark);
		file->lines[0] = '\0';
		atomic_signal_fence(memory_order_seq_cst);
		clear(file, used);
		atomic_store(&file->mark, 0);
		atomic_store(&lane->used, 0);
		/* Who comes back from a slow disk has not left. */
		atomic_store(&lane->stranded, false);
	}
	release_signals(mask);
}

static inline bool has_lines(const struct lane *lane, const struct self *self)
{
	return atomic_load_explicit(&lane->used, memory_order_relaxed) > 0 &&
	       lane_is_ours(lane, self) &&
	       !atomic_load_explicit(&lane->stranded, memory_order_relaxed);
}

static void flush_all(const struct self *self)
{
	bool flushed = false;
	struct lane *end = lanes + atomic_load(&lanes_end);
	for (struct lane *lane = lanes; lane < end; lane++) {
		if (has_lines(lane, self) && lane_take(lane, self)) {
			flush(lane);
			lane_give(lane);
			flushed = true;
		}
	}
	if (flushed) {
		atomic_store_explicit(&lanes_flushed_us, clock_wall_us(), memory_order_relaxed);
	}
}

static inline void keep(struct lane *lane, const char *line, size_t length)
{
	uint32_t used = atomic_load_explicit(&lane->used, memory_order_relaxed);
	char *at = lane->file->lines + used;
	memcpy(at + 1, line + 1, length - 1);
	/* A kill comes between two instructions: their order is all that counts. */
	atomic_signal_fence(memory_order_release);
	*(volatile char *)at = line[0];
	atomic_store_explicit(&lane->used, used + (uint32_t)length, memory_order_relaxed);
	atomic_store_explicit(&lane->turns,
			      atomic_load_explicit(&lane->turns, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/* The first time begins the wait: who opened the log has just looked (file.c). */
static void reclaim_sometimes(uint64_t now_us)
{
	uint64_t last = atomic_load_explicit(&reclaimed_us, memory_order_relaxed);
	if (now_us - last >= RECLAIM_US &&
	    atomic_compare_exchange_strong(&reclaimed_us, &last, now_us) && last != 0) {
		leftover_reclaim();
	}
}

/*
 * Since the last flush. Another thread may have flushed since `now_us` was asked for; when that is
 * later by more than a wait lasts, the clock was set back.
 */
static inline uint64_t waited_us(uint64_t now_us)
{
	uint64_t last_us = atomic_load_explicit(&lanes_flushed_us, memory_order_relaxed);
	if (now_us >= last_us) {
		return now_us - last_us;
	}
	return last_us - now_us < SET_BACK_US ? 0 : UINT64_MAX;
}

/* Of threads that find it so at once, one has to do it. */
static bool is_due(uint64_t now_us)
{
	uint64_t last = atomic_load_explicit(&lanes_flushed_us, memory_order_relaxed);
	return waited_us(now_us) >= PENDING_MS * US_PER_MS &&
	       atomic_compare_exchange_strong(&lanes_flushed_us, &last, now_us);
}

bool pending_append(const struct self *self, uint64_t now_us, const char *line, size_t length)
{
	struct lane *lane = lane_of(self);
	if (!lane_is_ours(lane, self)) {
		lane = lane_make(self);
	}
	if (lane == NULL || length == 0 || length >= PENDING_FULL || !lane_take(lane, self)) {
		return false;
	}
	if (atomic_load_explicit(&lane->used, memory_order_relaxed) + length >= PENDING_FULL) {
		flush(lane);
	}
	keep(lane, line, length);
	lane_give(lane);
	if (is_due(now_us)) {
		flush_all(self);
		reclaim_sometimes(now_us);
	}
	return true;
}

bool pending_is_made(const struct self *self)
{
	return lane_is_ours(lanes, self);
}

/* Its own lane first: others' are busy elsewhere. */
static bool anything_waits(const struct self *self)
{
	if (has_lines(lane_of(self), self)) {
		return true;
	}
	const struct lane *end = lanes + atomic_load_explicit(&lanes_end, memory_order_relaxed);
	for (const struct lane *lane = lanes; lane < end; lane++) {
		if (has_lines(lane, self)) {
			return true;
		}
	}
	return false;
}

int pending_due_ms(uint64_t now_us)
{
	struct self self = self_now();
	if (!anything_waits(&self)) {
		return -1;
	}
	uint64_t age_ms = waited_us(now_us) / US_PER_MS;
	return age_ms >= PENDING_MS ? 0 : (int)(PENDING_MS - age_ms);
}

void pending_flush(void)
{
	if (atomic_load_explicit(&lanes_end, memory_order_relaxed) > 0) {
		struct self self = self_now();
		flush_all(&self);
	}
}

/* What cannot be had, because a thread of ours is at it and stays, is left to others. */
static void close_lane(struct lane *lane, const struct self *self)
{
	if (lane_take(lane, self)) {
		flush(lane);
		lane_remove(lane);
		lane_give(lane);
	}
}

void pending_close(bool for_good)
{
	struct self self = self_now();
	bool kept = false;
	for (struct lane *lane = lanes; lane < lanes + LANES; lane++) {
		if (lane_is_ours(lane, &self)) {
			kept = true;
			close_lane(lane, &self);
			atomic_store(&lane->tried, 0);
		}
		if (for_good) {
			atomic_store(&lane->tried, self.generation);
		}
	}
	if (for_good && kept) {
		/* Children that gave up their rights could not remove theirs. */
		leftover_reclaim();
	}
}
