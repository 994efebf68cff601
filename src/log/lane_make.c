#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include "../sys/raw.h"
#include "lane.h"
#include "sink.h"

/* Who has been about a file for so many naps of another thread has left by siglongjmp: 2 s. */
#define MAKING_NAPS 4000u

struct lane lanes[LANES];
atomic_uint lanes_end;
_Atomic uint64_t lanes_flushed_us;

/* Of their files. Apart from the lanes, all of which are looked at: most processes need one of them. */
static char paths[LANES][PATH_MAX];

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
		atomic_store(&lanes_flushed_us, 0);
	}
	atomic_store(&lane->holder, 0);
	atomic_store(&lane->stranded, false);
	atomic_store(&lane->generation, self->generation);
	unsigned end = atomic_load(&lanes_end);
	unsigned above = (unsigned)(lane - lanes) + 1;
	while (end < above && !atomic_compare_exchange_weak(&lanes_end, &end, above)) {
	}
}

enum making { MAKING_FAILED, MAKING_HERE, MAKING_DONE };

/* One thread of a process tries, once; others wait, or their next lines would overtake this one. */
static enum making make(struct lane *lane, const struct self *self)
{
	uint64_t me = (uint64_t)self->generation << 32 | (uint32_t)self->tid;
	unsigned tries = 0;
	unsigned naps = 0;
	while (self->generation != 0 && !lane_is_ours(lane, self)) {
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
	return lane_is_ours(lane, self) ? MAKING_DONE : MAKING_FAILED;
}

/* A process that has given up its rights meanwhile can make no further files: the first has to do. */
struct lane *lane_make(const struct self *self)
{
	struct lane *lane = lane_of(self);
	if (self_now().generation != self->generation) {
		return NULL;
	}
	enum making making = make(lane, self);
	if (making == MAKING_FAILED) {
		lane = lanes;
		making = make(lane, self);
	}
	return making == MAKING_DONE ? lane : NULL;
}

void lane_remove(struct lane *lane)
{
	atomic_store(&lane->generation, 0);
	pending_file_remove(lane->file, paths[lane - lanes]);
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

void lanes_forked(void)
{
	if (atomic_load(&lanes_end) == 0) {
		return;
	}
	struct self self = self_now();
	uint32_t before = self_tid_before();
	struct lane *end = lanes + atomic_load(&lanes_end);
	for (struct lane *lane = lanes; lane < end; lane++) {
		/* A fork that no hook saw may be noticed late: the child has lines of its own by then. */
		if (lane_is_ours(lane, &self)) {
			continue;
		}
		atomic_store(&lane->generation, 0);
		if (before != 0 && atomic_load(&lane->holder) == before) {
			cover(lane, &self);
		}
	}
}

void lanes_after_fork(void)
{
	struct self self = self_now();
	if (atomic_load(&lanes_end) > 0) {
		make(lanes, &self);
	}
}
