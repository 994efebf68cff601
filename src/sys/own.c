#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "own.h"
#include "random.h"
#include "raw.h"
#include "self.h"

/* Ours live below the number that a select() loop can still bear, and leave room to each other. */
#define HIGH_LIMIT 1024u
#define HIGH_ROOM 128u
/* 0, 1 and 2 are the program's, whatever it does with them. */
#define LOWEST 3u

/*
 * One word a descriptor, so that number and identity change as one: the number plus 1 in the low
 * half (0: none), a hash of device and inode in the high half.
 */
static _Atomic uint64_t slots[OWN_COUNT];

_Atomic uint64_t own_hints[OWN_HINTS / 64];

static int slot_fd(uint64_t slot)
{
	return (int)(uint32_t)slot - 1;
}

/* Says what a slot for this descriptor must be; 0 when it is not open. */
static uint64_t slot_of(int fd, struct statx *status)
{
	if (raw_fstat(fd, status) < 0) {
		return 0;
	}
	uint64_t device = (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor;
	uint64_t identity = random_at(device, status->stx_ino, 0) >> 32;
	return identity << 32 | (uint32_t)(fd + 1);
}

static void hint(int fd)
{
	unsigned bit = (unsigned)fd % OWN_HINTS;
	atomic_fetch_or(&own_hints[bit / 64], (uint64_t)1 << bit % 64);
}

static bool slot_is_good(uint64_t slot)
{
	struct statx status = {.stx_ino = 0};
	return slot != 0 && (sandbox_closed || slot_of(slot_fd(slot), &status) == slot);
}

static unsigned high_number(void)
{
	struct rlimit limit = {.rlim_cur = HIGH_LIMIT};
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	unsigned end = limit.rlim_cur < HIGH_LIMIT ? (unsigned)limit.rlim_cur : HIGH_LIMIT;
	return end > 2 * HIGH_ROOM ? end - HIGH_ROOM : end / 2;
}

/* A CLOEXEC copy as high as there is room. */
static int copy_high(int fd)
{
	unsigned from = high_number();
	for (;;) {
		if (from < LOWEST) {
			from = LOWEST;
		}
		long copy = raw_fcntl(fd, F_DUPFD_CLOEXEC, from);
		if ((copy != -EMFILE && copy != -EINVAL) || from == LOWEST) {
			return (int)copy;
		}
		from /= 2;
	}
}

static int lift(int fd)
{
	int copy = copy_high(fd);
	if (copy == -EMFILE && fd >= (int)LOWEST) {
		/* The table is full to the last number, and that is where it is. */
		raw_fcntl(fd, F_SETFD, FD_CLOEXEC);
		return fd;
	}
	raw_close(fd);
	return copy;
}

int own_adopt(enum own which, int fd)
{
	int high = lift(fd);
	if (high < 0) {
		return high;
	}
	struct statx status = {.stx_ino = 0};
	uint64_t slot = slot_of(high, &status);
	if (slot == 0) {
		raw_close(high);
		return -EBADF;
	}
	uint64_t before = atomic_load(&slots[which]);
	do {
		if (slot_is_good(before)) {
			/* Another thread was first: its descriptor may be in use already. */
			if (slot_fd(before) != high) {
				raw_close(high);
			}
			return slot_fd(before);
		}
	} while (!atomic_compare_exchange_weak(&slots[which], &before, slot));
	hint(high);
	return high;
}

/*
 * A number that was closed unseen is the program's now, and its close must not be denied. A child of
 * vfork has closed its own copy only: the parent, whose memory this is, still has ours.
 */
static void lose(_Atomic uint64_t *place, uint64_t slot)
{
	if (!self_shares_memory()) {
		atomic_compare_exchange_strong(place, &slot, 0);
	}
}

int own_status(enum own which, struct statx *status)
{
	uint64_t slot = atomic_load(&slots[which]);
	if (slot == 0) {
		return -EBADF;
	}
	if (sandbox_closed) {
		/* May not be looked at; the hooks keep the program's calls away from it. */
		status->stx_mode = S_IFREG;
	} else if (slot_of(slot_fd(slot), status) != slot) {
		lose(&slots[which], slot);
		return -EBADF;
	}
	return slot_fd(slot);
}

int own_fd(enum own which)
{
	struct statx status = {.stx_ino = 0};
	return own_status(which, &status);
}

int own_number(enum own which)
{
	uint64_t slot = atomic_load_explicit(&slots[which], memory_order_relaxed);
	return slot == 0 ? -EBADF : slot_fd(slot);
}

static bool is_lost(_Atomic uint64_t *place, uint64_t slot)
{
	if (slot_is_good(slot)) {
		return false;
	}
	lose(place, slot);
	return true;
}

bool own_is_indeed(int fd)
{
	for (int i = 0; i < OWN_COUNT; i++) {
		uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);
		if (slot != 0 && slot_fd(slot) == fd) {
			return !is_lost(&slots[i], slot);
		}
	}
	return false;
}

void own_move(int fd)
{
	for (int i = 0; i < OWN_COUNT; i++) {
		uint64_t slot = atomic_load(&slots[i]);
		if (slot == 0 || slot_fd(slot) != fd) {
			continue;
		}
		uint64_t moved = 0;
		int copy = -EBADF;
		if (slot_is_good(slot)) {
			copy = copy_high(fd);
		}
		if (copy >= 0) {
			hint(copy);
			moved = (slot & ~(uint64_t)UINT32_MAX) | (uint32_t)(copy + 1);
		}
		if (atomic_compare_exchange_strong(&slots[i], &slot, moved)) {
			if (slot_is_good(slot)) {
				raw_close(fd);
			}
		} else if (copy >= 0) {
			raw_close(copy);
		}
	}
}

void own_drop(enum own which)
{
	uint64_t slot = atomic_exchange(&slots[which], 0);
	if (slot_is_good(slot)) {
		raw_close(slot_fd(slot));
	}
}

int own_next(int first)
{
	int next = -1;
	for (int i = 0; i < OWN_COUNT; i++) {
		uint64_t slot = atomic_load_explicit(&slots[i], memory_order_relaxed);
		int fd = slot_fd(slot);
		if (slot != 0 && fd >= first && (next < 0 || fd < next) &&
		    !is_lost(&slots[i], slot)) {
			next = fd;
		}
	}
	return next;
}
