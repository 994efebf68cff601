#include "leftover.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/self.h"
#include "find.h"
#include "mend.h"
#include "pending_file.h"
#include "sink.h"

#define DIRENTS_SIZE 8192
#define SUFFIX ".pending"

#define WINDOW_SIZE ((size_t)1 << 20)

/*
 * What the log may have got from others between a flush's look at its size and its write, and since
 * somebody who brought these lines in was killed.
 */
#define SEARCH_MAX ((uint64_t)256 << 20)

/* A file that is still empty after this long belongs to nobody: who makes one is quick. */
#define MAKING_US 10000000u

#define US_PER_S 1000000u

struct dirent64 {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Mapped for one walk; pages are touched as they are needed. */
struct desk {
	char log[PATH_MAX];
	char path[PATH_MAX];
	_Alignas(struct dirent64) char dirents[DIRENTS_SIZE];
	struct pending_file copy;
	char window[WINDOW_SIZE];
	struct statx status;
	uint32_t log_owner;
	void (*visit)(const struct leftover *leftover, void *context);
	void *context;
	int found;
};

static atomic_bool busy;

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

/* Is it `.BASE.` and `.pending` with something between that is no further dot? */
static bool is_pending_name(const char *name, const char *base)
{
	size_t length = strlen(name);
	size_t base_length = strlen(base);
	size_t around = base_length + 2;
	size_t end = sizeof SUFFIX - 1;
	return length > around + end && name[0] == '.' &&
	       strncmp(name + 1, base, base_length) == 0 && name[around - 1] == '.' &&
	       strcmp(name + length - end, SUFFIX) == 0 &&
	       memchr(name + around, '.', length - around - end) == NULL;
}

/* Only whole lines. */
static size_t lines_length(const struct pending_file *file)
{
	size_t length = strnlen(file->lines, PENDING_ROOM);
	const char *end = length > 0 ? memrchr(file->lines, '\n', length) : NULL;
	return end != NULL ? (size_t)(end - file->lines) + 1 : 0;
}

/*
 * How many bytes of the lines a flush that was cut short has brought into the log.
 *
 * @mend
 *         Make blank lines of the half ones there: the first of those that are missing may be one.
 */
static size_t already_there(struct desk *desk, uint64_t from, const char *lines, size_t length,
			    bool mend)
{
	long log = raw_open(desk->log, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (log < 0) {
		return 0;
	}
	struct window window = {desk->window, sizeof desk->window};
	uint64_t end = from + SEARCH_MAX;
	size_t there = find_lines((int)log, from, end, lines, length, &window);
	if (mend && mend_can((int)log)) {
		mend_from((int)log, from, end, window);
	}
	raw_close((int)log);
	return there;
}

/* Returns true when nothing is left to bring in. */
static bool bring_in(struct desk *desk, struct pending_file *file)
{
	size_t length = lines_length(file);
	uint64_t mark = atomic_load(&file->mark);
	size_t there = 0;
	if (length > 0 && mark != 0) {
		there = already_there(desk, mark - 1, file->lines, length, true);
	}
	if (there < length) {
		/* The first mark stays: all that was brought in since stands behind it. */
		long sent = file_write_lines(file->lines + there, length - there,
					     mark == 0 ? &file->mark : NULL);
		if (sent != (long)(length - there)) {
			return false;
		}
	}
	file->lines[0] = '\0';
	atomic_store(&file->mark, 0);
	return true;
}

/* In a directory where everybody may make files, only those that we may trust are read. */
static bool is_trusted(const struct desk *desk)
{
	const struct statx *status = &desk->status;
	return S_ISREG(status->stx_mode) && status->stx_nlink == 1 &&
	       (status->stx_uid == 0 || status->stx_uid == desk->log_owner ||
		status->stx_uid == (uint32_t)raw0(SYS_geteuid));
}

static bool is_old(const struct statx *status)
{
	return clock_wall_us() > (uint64_t)status->stx_ctime.tv_sec * US_PER_S + MAKING_US;
}

/* The caller has locked it. Returns true when the file can go. */
static bool settle(struct desk *desk, int fd)
{
	const struct statx *status = &desk->status;
	if (raw5(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, status) < 0 ||
	    !is_trusted(desk)) {
		return false;
	}
	if (status->stx_size != PENDING_SIZE) {
		return status->stx_size == 0 && is_old(status);
	}
	long mapped = raw6(SYS_mmap, NULL, PENDING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped <= 0) {
		return false;
	}
	struct pending_file *file = (struct pending_file *)mapped;
	bool done = bring_in(desk, file);
	raw_unmap(file, PENDING_SIZE);
	return done;
}

static void reclaim_open(struct desk *desk, int fd)
{
	if (raw2(SYS_flock, fd, LOCK_EX | LOCK_NB) == 0 && settle(desk, fd)) {
		raw3(SYS_unlinkat, AT_FDCWD, desk->path, 0);
	}
	raw_close(fd);
}

static long open_pending(const struct desk *desk)
{
	return raw_open(desk->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

static void reclaim_one(struct desk *desk)
{
	long fd = open_pending(desk);
	if (fd >= 0) {
		reclaim_open(desk, (int)fd);
	}
}

/*
 * Where each process has a log of its own, only one with the same id can have left anything beside
 * it; and the directory may hold the logs of very many.
 */
static void reclaim_own(struct desk *desk)
{
	int pid = self_now().pid;
	long fd = 0;
	for (unsigned nth = 0; fd >= 0 && nth < PENDING_NTH_MAX; nth++) {
		struct text path = text_in(desk->path, sizeof desk->path);
		pending_path(&path, desk->log, pid, nth);
		fd = path.cut ? -ENAMETOOLONG : open_pending(desk);
		if (fd >= 0) {
			reclaim_open(desk, (int)fd);
		}
	}
}

static void read_one(struct desk *desk)
{
	long fd =
		raw_open(desk->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	if (fd < 0) {
		return;
	}
	bool alive = raw2(SYS_flock, fd, LOCK_SH | LOCK_NB) < 0;
	long got = raw_pread((int)fd, &desk->copy, sizeof desk->copy, 0);
	raw_close((int)fd);
	if (got != (long)sizeof desk->copy) {
		return;
	}
	struct leftover leftover = {
		.path = desk->path,
		.alive = alive,
		.lines = desk->copy.lines,
		.length = lines_length(&desk->copy),
	};
	uint64_t mark = atomic_load(&desk->copy.mark);
	if (leftover.length > 0 && mark != 0) {
		size_t there =
			already_there(desk, mark - 1, leftover.lines, leftover.length, false);
		leftover.lines += there;
		leftover.length -= there;
	}
	if (leftover.length > 0) {
		desk->found++;
		desk->visit(&leftover, desk->context);
	}
}

static void each_entry(struct desk *desk, size_t size, void (*act)(struct desk *desk))
{
	const char *base = base_of(desk->log);
	for (size_t at = 0; at < size;) {
		const struct dirent64 *entry = (const void *)(desk->dirents + at);
		at += entry->length;
		if (!is_pending_name(entry->name, base)) {
			continue;
		}
		struct text path = text_in(desk->path, sizeof desk->path);
		text_bytes(&path, desk->log, (size_t)(base - desk->log));
		text_string(&path, entry->name);
		if (!path.cut) {
			act(desk);
		}
	}
}

static int walk(struct desk *desk, void (*act)(struct desk *desk))
{
	struct text text = text_in(desk->path, sizeof desk->path);
	text_bytes(&text, desk->log, (size_t)(base_of(desk->log) - desk->log));
	text_char(&text, '.');
	long directory = raw_open(desk->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0) {
		return (int)directory;
	}
	long got;
	while ((got = raw3(SYS_getdents64, directory, desk->dirents, sizeof desk->dirents)) > 0) {
		each_entry(desk, (size_t)got, act);
	}
	raw_close((int)directory);
	return (int)got;
}

void leftover_reclaim(void)
{
	if (atomic_exchange(&busy, true)) {
		return;
	}
	struct desk *desk = raw_map(sizeof *desk);
	if (desk != NULL) {
		struct text log = text_in(desk->log, sizeof desk->log);
		file_path(&log);
		if (!log.cut && raw_stat(desk->log, &desk->status) == 0) {
			desk->log_owner = desk->status.stx_uid;
			if (file_names_pid()) {
				reclaim_own(desk);
			} else {
				walk(desk, reclaim_one);
			}
		}
		raw_unmap(desk, sizeof *desk);
	}
	atomic_store(&busy, false);
}

void leftover_after_fork(void)
{
	atomic_store(&busy, false);
}

int leftover_read(const char *log, void (*visit)(const struct leftover *leftover, void *context),
		  void *context)
{
	struct desk *desk = raw_map(sizeof *desk);
	if (desk == NULL) {
		return -ENOMEM;
	}
	struct text text = text_in(desk->log, sizeof desk->log);
	text_string(&text, log);
	desk->visit = visit;
	desk->context = context;
	int result = text.cut ? -ENAMETOOLONG : walk(desk, read_one);
	int found = desk->found;
	raw_unmap(desk, sizeof *desk);
	return result < 0 ? result : found;
}
