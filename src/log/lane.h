/*
 * Where a thread keeps its lines, and its turn there: threads that log at once would wait for one
 * another, so they are spread over lanes, each with a file of its own (pending.c).
 */
#ifndef RESETBY_LOG_LANE_H
#define RESETBY_LOG_LANE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "pending_file.h"

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

/**
 * Let others get on: by looking away, by running, by sleeping.
 *
 * @tries
 *         How often the caller has waited already.
 * @return
 *         True when it was a sleep, of half a millisecond.
 */
bool lane_pass_time(unsigned tries);

#endif
