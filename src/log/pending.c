#include "pending.h"

#include <limits.h>
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

#define EXIT_YIELDS 1000u

#define US_PER_MS 1000u
#define SET_BACK_US 1000000u

/* Who has been about a file for so many naps of another thread has left by siglongjmp: 2 s. */
#define MAKING_NAPS 4000u

/* What other processes left is looked for this often. */
#define RECLAIM_US 10000000u

/*
 * Threads that log at once would wait for one another, so they are spread over lanes, each with a
 * file of its own. The first thread has the first lane, and nearly all processes have no other.
 */
#define LANES 8u

static struct lane lanes[LANES];

/* Of their files. Apart from the lanes, all of which are looked at: most processes need one of them. */
static char paths[LANES][PATH_MAX];

/* One above the last lane that has ever had a file: there are no others to look at. */
static atomic_uint lanes_end;

/* When all lanes were last flushed, and other processes' looked for; of clock_wall_us. */
static _Atomic uint64_t flushed_us, reclaimed_us;

/* The caller is the one that tries. */
static void begin(struct lane *lane, const struct self *self)
{
	struct pending_file *file = NULL;
	if (file_is_plain()) {
		file = pending_file_make(paths[lane - lanes], self->pid);
	}
	if (file == NULL) {
		return;
	}
	lane->file = file;
	atomic_store(&lane->used, 0);
	if (lane == lanes) {
		/* So long ago that the first line is written at once. */
		atomic_store(&flushed_us, 0);
		atomic_store(&reclaimed_us, clock_wall_us());
	}
	atomic_store(&lane->holder, 0);
	atomic_store(&lane->stranded, false);
	atomic_store(&lane->generation, self->generation);
	unsigned end = atomic_load(&lanes_end);
	unsigned above = (unsigned)(lane - lanes) + 1;
	while (end < above && !atomic_compare_exchange_weak(&lanes_end, &end, above)) {
	}
}

static inline bool is_ours(const struct lane *lane, const struct self *self)
{
	return self->generation != 0 &&
	       atomic_load_explicit(&lane->generation, memory_order_acquire) == self->generation;
}

/* Threads that are made one after the other have different lanes. */
static inline struct lane *lane_of(const struct self *self)
{
	return &lanes[(unsigned)(self->tid - self->pid) % LANES];
}

enum making { MAKING_FAILED, MAKING_HERE, MAKING_DONE };

/* One thread of a process tries, once; others wait, or their next lines would overtake this one. */
static enum making make_lane(struct lane *lane, const struct self *self)
{
	uint64_t me = (uint64_t)self->generation << 32 | (uint32_t)self->tid;
	unsigned tries = 0;
	unsigned naps = 0;
	while (self->generation != 0 && !is_ours(lane, self)) {
		uint64_t maker = atomic_load(&lane->maker);
		if (maker == me) {
			/* This is a signal handler inside of it. */
			return MAKING_HERE;
		}
		if (maker >> 32 == self->generation) {
			naps += lane_pass_time(tries++);
			if (naps == MAKING_NAPS) {
				atomic_compare_exchange_strong(&lane->maker, &maker, 0);
			}
		} else if (atomic_load(&lane->tried) == self->generation) {
			break;
		} else if (atomic_compare_exchange_strong(&lane->maker, &maker, me)) {
			atomic_store(&lane->tried, self->generation);
			begin(lane, self);
			atomic_store(&lane->maker, 0);
		}
	}
	return is_ours(lane, self) ? MAKING_DONE : MAKING_FAILED;
}

/* A process that has given up its rights meanwhile can make no further files: the first has to do. */
static struct lane *lane_made(const struct self *self)
{
	struct lane *lane = lane_of(self);
	enum making making = make_lane(lane, self);
	if (making == MAKING_FAILED) {
		lane = lanes;
		making = make_lane(lane, self);
	}
	return making == MAKING_DONE ? lane : NULL;
}

static inline bool take(struct lane *lane, const struct self *self)
{
	uint32_t tid = (uint32_t)self->tid;
	uint32_t nobody = 0;
	if (!atomic_compare_exchange_strong(&lane->holder, &nobody, tid) && !lane_wait(lane, tid)) {
		return false;
	}
	/* Closed meanwhile? */
	if (!is_ours(lane, self)) {
		atomic_store_explicit(&lane->holder, 0, memory_order_release);
		return false;
	}
	return true;
}

static inline void give(struct lane *lane)
{
	atomic_store_explicit(&lane->holder, 0, memory_order_release);
}

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
	long result = raw4(SYS_rt_sigprocmask, SIG_BLOCK, &signals, &mask, RAW_SIGSET_SIZE);
	return result < 0 ? NOT_HELD : mask;
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
	return atomic_load_explicit(&lane->used, memory_order_relaxed) > 0 && is_ours(lane, self) &&
	       !atomic_load_explicit(&lane->stranded, memory_order_relaxed);
}

static void flush_all(const struct self *self)
{
	bool flushed = false;
	struct lane *end = lanes + atomic_load(&lanes_end);
	for (struct lane *lane = lanes; lane < end; lane++) {
		if (has_lines(lane, self) && take(lane, self)) {
			flush(lane);
			give(lane);
			flushed = true;
		}
	}
	if (flushed) {
		atomic_store_explicit(&flushed_us, clock_wall_us(), memory_order_relaxed);
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

static void reclaim_sometimes(uint64_t now_us)
{
	uint64_t last = atomic_load_explicit(&reclaimed_us, memory_order_relaxed);
	if (now_us - last >= RECLAIM_US &&
	    atomic_compare_exchange_strong(&reclaimed_us, &last, now_us)) {
		leftover_reclaim();
	}
}

/*
 * Since the last flush. Another thread may have flushed since `now_us` was asked for; when that is
 * later by more than a wait lasts, the clock was set back.
 */
static inline uint64_t waited_us(uint64_t now_us)
{
	uint64_t last_us = atomic_load_explicit(&flushed_us, memory_order_relaxed);
	if (now_us >= last_us) {
		return now_us - last_us;
	}
	return last_us - now_us < SET_BACK_US ? 0 : UINT64_MAX;
}

/* Of threads that find it so at once, one has to do it. */
static bool is_due(uint64_t now_us)
{
	uint64_t last = atomic_load_explicit(&flushed_us, memory_order_relaxed);
	return waited_us(now_us) >= PENDING_MS * US_PER_MS &&
	       atomic_compare_exchange_strong(&flushed_us, &last, now_us);
}

bool pending_append(const struct self *self, uint64_t now_us, const char *line, size_t length)
{
	struct lane *lane = lane_of(self);
	if (!is_ours(lane, self)) {
		lane = lane_made(self);
	}
	if (lane == NULL || length == 0 || length >= PENDING_FULL || !take(lane, self)) {
		return false;
	}
	if (atomic_load_explicit(&lane->used, memory_order_relaxed) + length >= PENDING_FULL) {
		flush(lane);
	}
	keep(lane, line, length);
	give(lane);
	if (is_due(now_us)) {
		flush_all(self);
		reclaim_sometimes(now_us);
	}
	return true;
}

bool pending_is_made(const struct self *self)
{
	return is_ours(lanes, self);
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

/* What cannot be had now, because a thread of ours is at it, is left to others. */
static bool take_surely(struct lane *lane, const struct self *self)
{
	for (unsigned yield = 0; yield < EXIT_YIELDS; yield++) {
		if (take(lane, self)) {
			return true;
		}
		if (!is_ours(lane, self) || atomic_load(&lane->stranded) ||
		    atomic_load(&lane->holder) == (uint32_t)self->tid) {
			return false;
		}
		raw0(SYS_sched_yield);
	}
	return false;
}

static void close_lane(struct lane *lane, const struct self *self)
{
	if (take_surely(lane, self)) {
		flush(lane);
		atomic_store(&lane->generation, 0);
		pending_file_remove(lane->file, paths[lane - lanes]);
		give(lane);
	}
}

void pending_close(bool for_good)
{
	struct self self = self_now();
	bool kept = false;
	for (struct lane *lane = lanes; lane < lanes + LANES; lane++) {
		if (is_ours(lane, &self)) {
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

/*
 * Where a handler has forked, the code that it interrupted goes on in the child too, about to write its
 * line to the parent's file: it finds memory there that nobody reads, and that lane stays as it is.
 */
static void cover(struct lane *lane, const struct self *self)
{
	atomic_store(&lane->used, 0);
	atomic_store(&lane->tried, self->generation);
	raw6(SYS_mmap, lane->file, PENDING_SIZE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
}

void pending_forked(void)
{
	if (atomic_load(&lanes_end) == 0) {
		return;
	}
	struct self self = self_now();
	uint32_t before = self_tid_before();
	struct lane *end = lanes + atomic_load(&lanes_end);
	for (struct lane *lane = lanes; lane < end; lane++) {
		/* A fork that no hook saw may be noticed late: the child has lines of its own by then. */
		if (is_ours(lane, &self)) {
			continue;
		}
		atomic_store(&lane->generation, 0);
		if (before != 0 && atomic_load(&lane->holder) == before) {
			cover(lane, &self);
		}
	}
}

void pending_after_fork(void)
{
	struct self self = self_now();
	if (atomic_load(&lanes_end) > 0) {
		make_lane(lanes, &self);
	}
}

void pending_start(void)
{
	if (atomic_load(&lanes_end) > 0) {
		pending_close(false);
	}
	for (struct lane *lane = lanes; lane < lanes + LANES; lane++) {
		atomic_store(&lane->tried, 0);
	}
}
