/*
 * Where a thread keeps its lines, and its turn there. Threads that log at once would wait for one
 * another, so they are spread over lanes, each with a file of its own. The first thread has the first
 * lane, and nearly all processes have no other. What waits in them: pending.h.
 */
#ifndef RESETBY_LOG_LANE_H
#define RESETBY_LOG_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "../sys/hidden.h"
#include "../sys/self.h"
#include "pending_file.h"

#define LANES 8u

#define CACHE_LINE 64

/* Kept by whom `holder` names, but for what is atomic. */
struct lane {
	_Atomic uint32_t generation; /* of self_now: the process that maps `file`; 0: none */
	_Atomic uint32_t used;
	struct pending_file *file;
	_Atomic uint64_t turns; /* lines ever kept */
	_Atomic uint64_t stall_turns, stall_ms;
	atomic_uint tried;      /* the generation that has tried to make a file */
	_Atomic uint64_t maker; /* who is about it: generation and thread; 0: nobody */
	atomic_bool stranded;   /* `holder` will never leave */
	/* The thread that is at it; 0: none. Apart from the rest: others look at it meanwhile. */
	_Alignas(CACHE_LINE) _Atomic uint32_t holder;
};

extern HIDDEN struct lane lanes[LANES];

/** One above the last lane that has ever had a file: there are no others to look at. */
extern HIDDEN atomic_uint lanes_end;

/** When all lanes were last flushed, by clock_wall_us; 0: not since the first was made. */
extern HIDDEN _Atomic uint64_t lanes_flushed_us;

/** Has this process made it? */
static inline bool lane_is_ours(const struct lane *lane, const struct self *self)
{
	return self->generation != 0 &&
	       atomic_load_explicit(&lane->generation, memory_order_acquire) == self->generation;
}

/** The caller's lane: threads that are made one after the other have different ones. */
static inline struct lane *lane_of(const struct self *self)
{
	return &lanes[(unsigned)(self->tid - self->pid) % LANES];
}

/**
 * Make the caller's lane a file, or find it another lane.
 *
 * @return
 *         NULL where there can be none, this signal handler interrupted the making of one, or the caller
 *         is the child of a handler that has forked since it asked for `self`.
 */
struct lane *lane_make(const struct self *self);

/** Take away its file. The caller has taken the lane. */
void lane_remove(struct lane *lane);

/**
 * Wait until the lane is nobody's, and take it.
 *
 * @tid
 *         The calling thread.
 * @return
 *         False when it may not wait: the code that this signal handler interrupted is at it, or the
 *         other thread takes too long.
 */
bool lane_wait(struct lane *lane, uint32_t tid);

static inline void lane_give(struct lane *lane)
{
	atomic_store_explicit(&lane->holder, 0, memory_order_release);
}

/** Take it, waiting as lane_wait does; false also when it has been closed meanwhile. */
static inline bool lane_take(struct lane *lane, const struct self *self)
{
	uint32_t tid = (uint32_t)self->tid;
	uint32_t nobody = 0;
	if (!atomic_compare_exchange_strong(&lane->holder, &nobody, tid) && !lane_wait(lane, tid)) {
		return false;
	}
	if (!lane_is_ours(lane, self)) {
		lane_give(lane);
		return false;
	}
	return true;
}

/**
 * Let others get on: by looking away, by running, by sleeping.
 *
 * @tries
 *         How often the caller has waited already.
 * @return
 *         True when it was a sleep, of half a millisecond.
 */
bool lane_pass_time(unsigned tries);

/** In a forked child: the files are the parent's, also for code that a forking handler interrupted. */
void lanes_forked(void);

/** In a forked child whose parent had a file: make one now, while it is allowed to. */
void lanes_after_fork(void);

#endif
