#include "pending.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/self.h"
#include "leftover.h"
#include "sink.h"

/* Files of one process, and of others of its id on the same log: each container has its own ids. */
#define NTH_MAX 64u

/* Lines are cleared in steps of this; the step that the mark is in stays empty. */
#define CLEAR_BLOCK ((size_t)64)
#define PENDING_FULL (PENDING_SIZE - CLEAR_BLOCK)

/*
 * How often a thread looks whether the other is done, and then lets others run between: longer than a
 * flush takes. Who gave up too early would write to the file that is being flushed to, and the kernel
 * favours many small writers of a file over one that waits for its turn.
 */
#define SPINS 200u
#define YIELDS 50000u
#define EXIT_YIELDS 1000u

#define US_PER_MS 1000u
#define SET_BACK_US 1000000u
#define CACHE_LINE 64

/* Who has been in here for this long without doing anything has left by siglongjmp. */
#define STRANDED_MS 1000u

/* What other processes left is looked for this often. */
#define RECLAIM_US 10000000u

/*
 * Threads that log at once would wait for one another, so they are spread over lanes, each with a
 * file of its own. The first thread has the first lane, and nearly all processes have no other.
 */
#define LANES 8u

/* Kept by whom `holder` names, but for what is atomic. */
struct lane {
	_Atomic uint32_t generation; /* of self_now: the process that maps `file`; 0: none */
	_Atomic uint32_t used;
	struct pending_file *file;
	_Atomic uint64_t turns; /* lines ever kept */
	_Atomic uint64_t stall_turns, stall_ms;
	atomic_uint tried;    /* the generation that has tried to make a file */
	atomic_bool stranded; /* `holder` will never leave */
	char path[PATH_MAX];  /* of the file */
	/* The thread that is at it; 0: none. Apart from the rest: others look at it meanwhile. */
	_Alignas(CACHE_LINE) _Atomic uint32_t holder;
};

static struct lane lanes[LANES];

/* One above the last lane that has ever had a file: there are no others to look at. */
static atomic_uint lanes_end;

/* When all lanes were last flushed, and other processes' looked for; of clock_wall_us. */
static _Atomic uint64_t flushed_us, reclaimed_us;

void pending_path(struct text *text, const char *log, int pid, unsigned nth)
{
	const char *slash = strrchr(log, '/');
	const char *base = slash != NULL ? slash + 1 : log;
	text_bytes(text, log, (size_t)(base - log));
	text_format(text, ".%s.%d", base, pid);
	if (nth > 0) {
		text_format(text, "-%u", nth);
	}
	text_string(text, ".pending");
}

/*
 * Once the room is there, a mapped page can always be written: a file system that writes elsewhere
 * each time (btrfs) may have none left by then, and the program would get a SIGBUS.
 */
static bool reserve(int fd)
{
	struct statfs status = {.f_type = 0};
	if (raw2(SYS_fstatfs, fd, &status) < 0 ||
	    (status.f_type != EXT4_SUPER_MAGIC && status.f_type != XFS_SUPER_MAGIC &&
	     status.f_type != TMPFS_MAGIC)) {
		return false;
	}
	return raw4(SYS_fallocate, fd, 0, 0, PENDING_SIZE) == 0;
}

/* A child of fork has no part in it; vfork's shares all memory. */
static struct pending_file *map(int fd)
{
	if (raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) < 0 || !reserve(fd)) {
		return NULL;
	}
	struct statx status = {.stx_nlink = 0};
	if (raw5(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_NLINK, &status) < 0 ||
	    status.stx_nlink != 1) {
		return NULL;
	}
	long mapped = raw6(SYS_mmap, NULL, PENDING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped < 0) {
		return NULL;
	}
	raw3(SYS_madvise, mapped, PENDING_SIZE, MADV_DONTFORK);
	return (struct pending_file *)mapped;
}

/* Not so on overlayfs, whose mapping keeps another file open than the one that was locked. */
static bool is_still_locked(const char *path)
{
	long fd = raw_open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0);
	if (fd < 0) {
		return false;
	}
	bool locked = raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK;
	raw_close((int)fd);
	return locked;
}

static long create(char path[PATH_MAX], int pid)
{
	char *log = scratch_take();
	if (log == NULL) {
		return -ENOMEM;
	}
	struct text log_path = text_in(log, PATH_MAX);
	file_path(&log_path);
	long fd = -EEXIST;
	for (unsigned nth = 0; fd == -EEXIST && nth < NTH_MAX; nth++) {
		struct text text = text_in(path, PATH_MAX);
		pending_path(&text, log, pid, nth);
		fd = text.cut ? -ENAMETOOLONG
			      : raw_open(path,
					 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY |
						 O_NOFOLLOW,
					 FILE_MODE);
	}
	scratch_give(log);
	return fd;
}

static struct pending_file *make(char path[PATH_MAX], int pid)
{
	long fd = create(path, pid);
	if (fd < 0) {
		return NULL;
	}
	struct pending_file *file = map((int)fd);
	raw_close((int)fd);
	if (file != NULL && !is_still_locked(path)) {
		raw_unmap(file, PENDING_SIZE);
		file = NULL;
	}
	if (file == NULL) {
		raw3(SYS_unlinkat, AT_FDCWD, path, 0);
	}
	return file;
}

/* One thread of a process tries, once. */
static bool begin(struct lane *lane, const struct self *self)
{
	uint32_t before = atomic_load(&lane->tried);
	if (self->generation == 0 || before == self->generation ||
	    !atomic_compare_exchange_strong(&lane->tried, &before, self->generation) ||
	    !file_is_plain()) {
		return false;
	}
	struct pending_file *file = make(lane->path, self->pid);
	if (file == NULL) {
		return false;
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
	return true;
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

/* A process that has given up its rights meanwhile can make no further files: the first has to do. */
static struct lane *lane_made(const struct self *self)
{
	struct lane *lane = lane_of(self);
	if (is_ours(lane, self) || begin(lane, self)) {
		return lane;
	}
	return is_ours(lanes, self) || begin(lanes, self) ? lanes : NULL;
}

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

static bool wait_for_turn(struct lane *lane, uint32_t tid)
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

static inline bool take(struct lane *lane, const struct self *self)
{
	uint32_t tid = (uint32_t)self->tid;
	uint32_t nobody = 0;
	if (!atomic_compare_exchange_strong(&lane->holder, &nobody, tid) &&
	    !wait_for_turn(lane, tid)) {
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

static void flush(struct lane *lane)
{
	struct pending_file *file = lane->file;
	uint32_t used = atomic_load_explicit(&lane->used, memory_order_relaxed);
	if (used > 0) {
		log_write_lines(file->lines, used, &file->mark);
		file->lines[0] = '\0';
		atomic_signal_fence(memory_order_seq_cst);
		clear(file, used);
		atomic_store(&file->mark, 0);
		atomic_store(&lane->used, 0);
	}
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

int pending_due_ms(void)
{
	struct self self = self_now();
	if (!anything_waits(&self)) {
		return -1;
	}
	uint64_t age_ms = waited_us(clock_wall_us()) / US_PER_MS;
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
		raw3(SYS_unlinkat, AT_FDCWD, lane->path, 0);
		raw_unmap(lane->file, PENDING_SIZE);
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

void pending_after_fork(void)
{
	struct self self = self_now();
	if (atomic_load(&lanes_end) > 0) {
		begin(lanes, &self);
	}
}

void pending_start(void)
{
	pending_close(false);
	for (struct lane *lane = lanes; lane < lanes + LANES; lane++) {
		atomic_store(&lane->tried, 0);
	}
}
