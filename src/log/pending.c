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

/* Processes of one id on one log, in as many containers. */
#define NTH_MAX 8u

/* Lines are cleared in steps of this; the step that the mark is in stays empty. */
#define CLEAR_BLOCK ((size_t)64)
#define PENDING_FULL (PENDING_SIZE - CLEAR_BLOCK)

/*
 * How often a thread looks whether the other is done, and then lets others run between: longer than a
 * flush takes. Who gave up too early would write to the file that is being flushed to, and the kernel
 * favours many small writers of a file over one that waits for its turn.
 */
#define SPINS 200u
#define YIELDS 2000u
#define EXIT_YIELDS 1000u

#define US_PER_MS 1000u
#define SET_BACK_US 1000000u
#define CACHE_LINE 64

/* Who has been in here for this long without doing anything has left by siglongjmp. */
#define STRANDED_MS 1000u

/* What other processes left is looked for this often. */
#define RECLAIM_US 10000000u

/* Kept by whom `holder` names, but for what is atomic. */
static struct {
	_Atomic uint32_t generation; /* of self_now: the process that maps `file`; 0: none */
	struct pending_file *file;
	_Atomic uint32_t used;
	_Atomic uint64_t turns;      /* lines ever kept */
	_Atomic uint64_t flushed_us; /* of clock_wall_us */
	_Atomic uint64_t reclaimed_us;
	/* The thread that is at it; 0: none. Apart from the rest: others look at it meanwhile. */
	_Alignas(CACHE_LINE) _Atomic uint32_t holder;
} pending;

static atomic_uint tried;    /* the generation that has tried to make a file */
static char path[PATH_MAX];  /* of the file */
static atomic_bool stranded; /* `holder` will never leave */
static _Atomic uint64_t stall_turns, stall_ms;

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
static bool is_still_locked(void)
{
	long fd = raw_open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0);
	if (fd < 0) {
		return false;
	}
	bool locked = raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) == -EWOULDBLOCK;
	raw_close((int)fd);
	return locked;
}

static long create(int pid)
{
	char *log = scratch_take();
	if (log == NULL) {
		return -ENOMEM;
	}
	struct text log_path = text_in(log, PATH_MAX);
	file_path(&log_path);
	long fd = -EEXIST;
	for (unsigned nth = 0; fd == -EEXIST && nth < NTH_MAX; nth++) {
		struct text text = text_in(path, sizeof path);
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

static struct pending_file *make(int pid)
{
	long fd = create(pid);
	if (fd < 0) {
		return NULL;
	}
	struct pending_file *file = map((int)fd);
	raw_close((int)fd);
	if (file != NULL && !is_still_locked()) {
		raw_unmap(file, PENDING_SIZE);
		file = NULL;
	}
	if (file == NULL) {
		raw3(SYS_unlinkat, AT_FDCWD, path, 0);
	}
	return file;
}

/* One thread of a process tries, once. */
static bool begin(const struct self *self)
{
	uint32_t before = atomic_load(&tried);
	if (self->generation == 0 || before == self->generation ||
	    !atomic_compare_exchange_strong(&tried, &before, self->generation) ||
	    !file_is_plain()) {
		return false;
	}
	struct pending_file *file = make(self->pid);
	if (file == NULL) {
		return false;
	}
	pending.file = file;
	atomic_store(&pending.used, 0);
	/* So long ago that the first line is written at once. */
	atomic_store(&pending.flushed_us, 0);
	atomic_store(&pending.reclaimed_us, clock_wall_us());
	atomic_store(&pending.holder, 0);
	atomic_store(&stranded, false);
	atomic_store(&pending.generation, self->generation);
	return true;
}

static inline bool is_ours(const struct self *self)
{
	return self->generation != 0 &&
	       atomic_load_explicit(&pending.generation, memory_order_acquire) == self->generation;
}

/*
 * A signal handler that leaves by siglongjmp may take the holder with it. Then nothing is kept from
 * there on; what was stays where it is, for the next process that opens the log. A flush that the
 * disk holds up looks alike, and ends, with the same result.
 */
static void notice_stall(void)
{
	uint64_t turns = atomic_load(&pending.turns);
	uint64_t now_ms = clock_coarse_ms();
	if (atomic_load(&stall_ms) == 0 || atomic_load(&stall_turns) != turns) {
		atomic_store(&stall_turns, turns);
		atomic_store(&stall_ms, now_ms);
	} else if (now_ms - atomic_load(&stall_ms) > STRANDED_MS) {
		atomic_store(&stranded, true);
	}
}

static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static bool wait_for_turn(uint32_t tid)
{
	for (unsigned spin = 0; spin < SPINS + YIELDS && !atomic_load(&stranded); spin++) {
		uint32_t holder = atomic_load_explicit(&pending.holder, memory_order_relaxed);
		if (holder == 0 && atomic_compare_exchange_strong(&pending.holder, &holder, tid)) {
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
	notice_stall();
	return false;
}

static inline bool take(const struct self *self)
{
	uint32_t tid = (uint32_t)self->tid;
	uint32_t nobody = 0;
	if (!atomic_compare_exchange_strong(&pending.holder, &nobody, tid) && !wait_for_turn(tid)) {
		return false;
	}
	/* Closed meanwhile? */
	if (!is_ours(self)) {
		atomic_store_explicit(&pending.holder, 0, memory_order_release);
		return false;
	}
	return true;
}

static inline void give(void)
{
	atomic_store_explicit(&pending.holder, 0, memory_order_release);
}

/* Block by block, which compilers write out. */
static void clear(struct pending_file *file, uint32_t used)
{
	for (size_t at = 0; at < used; at += CLEAR_BLOCK) {
		memset((char *)file + at, 0, CLEAR_BLOCK);
	}
}

static void flush(void)
{
	struct pending_file *file = pending.file;
	uint32_t used = atomic_load_explicit(&pending.used, memory_order_relaxed);
	if (used > 0) {
		log_write_lines(file->lines, used, &file->mark);
		file->lines[0] = '\0';
		atomic_signal_fence(memory_order_seq_cst);
		clear(file, used);
		atomic_store(&file->mark, 0);
		atomic_store(&pending.used, 0);
	}
	atomic_store_explicit(&pending.flushed_us, clock_wall_us(), memory_order_relaxed);
}

static inline void keep(const char *line, size_t length)
{
	uint32_t used = atomic_load_explicit(&pending.used, memory_order_relaxed);
	char *at = pending.file->lines + used;
	memcpy(at + 1, line + 1, length - 1);
	/* A kill comes between two instructions: their order is all that counts. */
	atomic_signal_fence(memory_order_release);
	*(volatile char *)at = line[0];
	atomic_store_explicit(&pending.used, used + (uint32_t)length, memory_order_relaxed);
	atomic_store_explicit(&pending.turns,
			      atomic_load_explicit(&pending.turns, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void reclaim_sometimes(uint64_t now_us)
{
	uint64_t last = atomic_load_explicit(&pending.reclaimed_us, memory_order_relaxed);
	if (now_us - last >= RECLAIM_US &&
	    atomic_compare_exchange_strong(&pending.reclaimed_us, &last, now_us)) {
		leftover_reclaim();
	}
}

/*
 * Since the last flush. Another thread may have flushed since `now_us` was asked for; when that is
 * later by more than a wait lasts, the clock was set back.
 */
static inline uint64_t waited_us(uint64_t now_us)
{
	uint64_t flushed_us = atomic_load_explicit(&pending.flushed_us, memory_order_relaxed);
	if (now_us >= flushed_us) {
		return now_us - flushed_us;
	}
	return flushed_us - now_us < SET_BACK_US ? 0 : UINT64_MAX;
}

bool pending_append(const struct self *self, uint64_t now_us, const char *line, size_t length)
{
	if ((!is_ours(self) && !begin(self)) || length == 0 || length >= PENDING_FULL ||
	    !take(self)) {
		return false;
	}
	if (atomic_load_explicit(&pending.used, memory_order_relaxed) + length >= PENDING_FULL) {
		flush();
	}
	keep(line, length);
	bool due = waited_us(now_us) >= PENDING_MS * US_PER_MS;
	if (due) {
		flush();
	}
	give();
	if (due) {
		reclaim_sometimes(now_us);
	}
	return true;
}

int pending_due_ms(void)
{
	struct self self = self_now();
	if (atomic_load_explicit(&pending.used, memory_order_relaxed) == 0 || !is_ours(&self) ||
	    atomic_load_explicit(&stranded, memory_order_relaxed)) {
		return -1;
	}
	uint64_t age_ms = waited_us(clock_wall_us()) / US_PER_MS;
	return age_ms >= PENDING_MS ? 0 : (int)(PENDING_MS - age_ms);
}

void pending_flush(void)
{
	struct self self = self_now();
	if (atomic_load_explicit(&pending.used, memory_order_relaxed) > 0 && is_ours(&self) &&
	    take(&self)) {
		flush();
		give();
	}
}

/* What cannot be had now, because a thread of ours is at it, is left to others. */
static bool take_surely(const struct self *self)
{
	for (unsigned yield = 0; yield < EXIT_YIELDS; yield++) {
		if (take(self)) {
			return true;
		}
		if (!is_ours(self) || atomic_load(&stranded) ||
		    atomic_load(&pending.holder) == (uint32_t)self->tid) {
			return false;
		}
		raw0(SYS_sched_yield);
	}
	return false;
}

void pending_close(bool for_good)
{
	struct self self = self_now();
	if (!is_ours(&self)) {
		return;
	}
	if (take_surely(&self)) {
		flush();
		atomic_store(&pending.generation, 0);
		raw3(SYS_unlinkat, AT_FDCWD, path, 0);
		raw_unmap(pending.file, PENDING_SIZE);
		give();
	}
	if (for_good) {
		/* Children that gave up their rights could not remove theirs. */
		leftover_reclaim();
	} else {
		atomic_store(&tried, 0);
	}
}

void pending_after_fork(void)
{
	struct self self = self_now();
	if (atomic_load(&pending.generation) != 0) {
		begin(&self);
	}
}

void pending_start(void)
{
	pending_close(false);
	atomic_store(&tried, 0);
}
