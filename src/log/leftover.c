#include "leftover.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/self.h"
#include "pending_file.h"
#include "sink.h"

#define DIRENTS_SIZE 8192
#define SUFFIX ".pending"

/* What the log may have got from others between a flush's look at its size and its write. */
#define WINDOW_SIZE ((size_t)1 << 20)

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

static size_t common(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t length = 0;
	while (length < a_length && length < b_length && a[length] == b[length]) {
		length++;
	}
	return length;
}

static size_t read_window(struct desk *desk, int log, uint64_t from)
{
	size_t got = 0;
	while (got < WINDOW_SIZE) {
		long more =
			raw4(SYS_pread64, log, desk->window + got, WINDOW_SIZE - got, from + got);
		if (more <= 0) {
			break;
		}
		got += (size_t)more;
	}
	return got;
}

static bool begins(const char *at, size_t room, const char *beginning)
{
	size_t length = strlen(beginning);
	return room >= length && memcmp(at, beginning, length) == 0;
}

/*
 * What follows half a line may go on as that line would have, for a few bytes: another line's first.
 * Returns where half a line ends that begins at `whole` and seems to end at `there`; 0 when no line
 * follows it.
 */
static size_t end_of_half(const char *at, size_t got, size_t whole, size_t there)
{
	for (size_t end = there; end > whole; end--) {
		if (begins(at + end, got - end, "resetby[") ||
		    begins(at + end, got - end, "{\"ts\":\"")) {
			return end;
		}
	}
	return 0;
}

/* Half of the first line, with another line behind it and perhaps others before it. */
static const char *find_half(const char *window, size_t got, const char *lines, size_t length)
{
	const char *at = window;
	while (at != NULL) {
		size_t rest = got - (size_t)(at - window);
		if (end_of_half(at, rest, 0, common(at, rest, lines, length)) > 0) {
			return at;
		}
		const char *newline = memchr(at, '\n', rest);
		at = newline != NULL && (size_t)(newline + 1 - window) < got ? newline + 1 : NULL;
	}
	return NULL;
}

/* memmem, which takes 2 KiB of the stack for what is longer than 256 bytes. */
static const char *find_bytes(const char *window, size_t got, const char *bytes, size_t length)
{
	while (got >= length) {
		const char *at = memchr(window, bytes[0], got - length + 1);
		if (at == NULL || memcmp(at, bytes, length) == 0) {
			return at;
		}
		got -= (size_t)(at + 1 - window);
		window = at + 1;
	}
	return NULL;
}

/* Where the lines begin in the window, also when only the beginning of the first is there. */
static const char *find_lines(const char *window, size_t got, const char *lines, size_t length)
{
	const char *first_end = memchr(lines, '\n', length);
	size_t first = (size_t)(first_end - lines) + 1;
	const char *found = find_bytes(window, got, lines, first);
	if (found != NULL || got == 0) {
		return found;
	}
	const char *half = find_half(window, got, lines, length);
	if (half != NULL) {
		return half;
	}
	const char *newline = memrchr(window, '\n', got);
	const char *tail = newline != NULL ? newline + 1 : window;
	size_t rest = got - (size_t)(tail - window);
	return rest > 0 && common(tail, rest, lines, length) == rest ? tail : NULL;
}

/*
 * A kill within write(2) may leave half a line, and another process may have gone on behind it: that
 * process's line is made whole by making a blank line of the half.
 */
static void blank_out(int log, uint64_t from, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		raw4(SYS_pwrite64, log, i + 1 < length ? " " : "\n", 1, from + i);
	}
}

/*
 * How many bytes of the lines, whole ones, a flush that was cut short has brought into the log.
 *
 * @half
 *         Where the next of them was cut off, at the end of the log; 0 when it was not. It may still
 *         be the beginning of what another process is writing just now.
 */
static size_t already_there(struct desk *desk, uint64_t from, const char *lines, size_t length,
			    bool mend, uint64_t *half)
{
	*half = 0;
	long log = raw_open(desk->log,
			    (mend ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (log < 0) {
		return 0;
	}
	size_t got = read_window(desk, (int)log, from);
	const char *at = find_lines(desk->window, got, lines, length);
	size_t whole = 0;
	if (at != NULL) {
		size_t place = (size_t)(at - desk->window);
		size_t there = common(at, got - place, lines, length);
		const char *newline = memrchr(lines, '\n', there);
		whole = newline != NULL ? (size_t)(newline - lines) + 1 : 0;
		size_t end = whole < there ? end_of_half(at, got - place, whole, there) : 0;
		if (mend && end > 0) {
			blank_out((int)log, from + place + whole, end - whole);
		} else if (whole < there && place + there == got && got < WINDOW_SIZE) {
			*half = from + place + whole;
		}
	}
	raw_close((int)log);
	return whole;
}

/*
 * Lines have been brought in behind what looked like half a line: who was still writing there has
 * ended by now, for the kernel lets one writer at a time append. If it is half a line, it shows.
 */
static void mend_behind(struct desk *desk, uint64_t half, const char *line, size_t length)
{
	long log = raw_open(desk->log, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (log < 0) {
		return;
	}
	size_t got = read_window(desk, (int)log, half);
	size_t end = end_of_half(desk->window, got, 0, common(desk->window, got, line, length));
	if (end > 0) {
		blank_out((int)log, half, end);
	}
	raw_close((int)log);
}

/* Returns true when nothing is left to bring in. */
static bool bring_in(struct desk *desk, struct pending_file *file)
{
	size_t length = lines_length(file);
	uint64_t mark = atomic_load(&file->mark);
	size_t there = 0;
	uint64_t half = 0;
	if (length > 0 && mark != 0) {
		there = already_there(desk, mark - 1, file->lines, length, true, &half);
	}
	if (there < length) {
		/* The first mark stays: all that was brought in since stands behind it. */
		long sent = file_write_lines(file->lines + there, length - there,
					     mark == 0 ? &file->mark : NULL);
		if (sent != (long)(length - there)) {
			return false;
		}
	}
	if (half != 0) {
		mend_behind(desk, half, file->lines + there, length - there);
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
	if (mapped < 0) {
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
	long got = raw4(SYS_pread64, fd, &desk->copy, sizeof desk->copy, 0);
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
		uint64_t half;
		size_t there = already_there(desk, mark - 1, leftover.lines, leftover.length, false,
					     &half);
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
