#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "../sys/clock.h"
#include "../sys/errnames.h"
#include "../sys/own.h"
#include "../sys/scratch.h"
#include "../sys/self.h"
#include "../sys/text.h"
#include "leftover.h"
#include "log.h"
#include "mend.h"
#include "sink.h"

static const char *path_template; /* NULL: lines go to stderr */
static const char *program;
static char directory[PATH_MAX]; /* where a relative path begins; empty: an absolute path */
static atomic_bool refused;      /* it could not be opened, and that was said */
static atomic_bool complained_lost;
static atomic_bool torn;
static atomic_bool mends; /* it can be read, and half a line in it is nobody's (mend.h) */
static atomic_int opener; /* the process that opened it; 0: nobody yet */
static atomic_bool
	limited; /* of sandbox_closed: a write could raise SIGXFSZ, which cannot be held */

/* How long a `call` line relies on the last look at the file, by the coarse clock. */
#define RELY_MS 100u

/* When the last look found a file to rely on, by the coarse clock; 0: none. */
static _Atomic uint64_t looked;
static atomic_uint looked_generation; /* of self_now */

static void remember_directory(void)
{
	long length = raw2(SYS_getcwd, directory, sizeof directory);
	/* The kernel says "(unreachable)/..." of a directory outside of the root. */
	if (length < 0 || directory[0] != '/') {
		directory[0] = '\0';
	}
}

static void forget(void)
{
	own_drop(OWN_LOG);
	atomic_store(&refused, false);
	atomic_store(&torn, false);
}

void file_start(const char *path, const char *exe)
{
	forget();
	atomic_store(&complained_lost, false);
	path_template = strcmp(path, "stderr") == 0 ? NULL : path;
	program = exe;
	directory[0] = '\0';
	if (path_template && path[0] != '/') {
		remember_directory();
	}
}

/* A program's name is part of a file's name here, not a way to another directory. */
static void write_program(struct text *text, const char *exe)
{
	for (const char *at = exe; *at != '\0'; at++) {
		text_bytes(text, *at == '/' ? "_" : at, 1);
	}
}

void log_path_write(struct text *text, const char *path, const char *exe)
{
	for (const char *at = path; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'p') {
			text_number(text, raw0(SYS_getpid));
		} else if (at[0] == '%' && at[1] == 'e') {
			write_program(text, exe);
		} else {
			text_char(text, *at);
			if (at[0] != '%' || at[1] != '%') {
				continue;
			}
		}
		at++;
	}
}

void file_path(struct text *text)
{
	if (directory[0] != '\0') {
		text_format(text, "%s/", directory);
	}
	log_path_write(text, path_template, program);
}

bool file_names_pid(void)
{
	for (const char *at = path_template; at && *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 'p') {
			return true;
		}
		/* What follows a percent sign is taken: `%%p` is no pid. */
		at += at[0] == '%' && at[1] != '\0';
	}
	return false;
}

void file_after_fork(void)
{
	if (file_names_pid()) {
		forget();
	}
}

static void complain(const char *what, int error, const char *then)
{
	char *room = scratch_take();
	if (!room) {
		return;
	}
	struct text path = text_in(room, SCRATCH_SIZE / 2);
	struct text text = text_in(room + SCRATCH_SIZE / 2, SCRATCH_SIZE / 2);
	file_path(&path);
	const char *phrase = errno_text(-error);
	text_format(&text, "cannot %s log file %s: ", what, path.start);
	errno_write(&text, -error);
	text_format(&text, " (%s); %s", phrase ? phrase : "unknown error", then);
	log_complain(text.start);
	scratch_give(room);
}

void file_complain_lost(int error)
{
	if (path_template && !atomic_load(&refused) && !atomic_exchange(&complained_lost, true)) {
		complain("write", error, "lines are dropped until it can be written");
	}
}

/* A frame of its own: stacks may be small. */
static __attribute__((noinline)) bool may_be_file(const char *path)
{
	struct statx status = {.stx_mode = S_IFREG};
	return raw_stat(path, &status) < 0 || S_ISREG(status.stx_mode);
}

/*
 * Also to read, for what stands before our lines; where that is not allowed, only to append. Not so
 * what is no file: a FIFO that is open both ways has a reader, us.
 */
static long open_to_append(const char *path)
{
	/* O_NONBLOCK: a FIFO that nobody reads must not hold the program. */
	int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	if (may_be_file(path)) {
		long fd = raw_open(path, flags | O_RDWR, FILE_MODE);
		if (fd >= 0) {
			atomic_store(&mends, mend_can((int)fd));
			return fd;
		}
	}
	atomic_store(&mends, false);
	return raw_open(path, flags | O_WRONLY, FILE_MODE);
}

static int open_path(void)
{
	char *room = scratch_take();
	if (!room) {
		return -ENOMEM;
	}
	struct text path = text_in(room, PATH_MAX);
	file_path(&path);
	long fd = path.cut ? -ENAMETOOLONG : open_to_append(room);
	scratch_give(room);
	return fd < 0 ? (int)fd : own_adopt(OWN_LOG, (int)fd);
}

/* libc forks inside (daemon, forkpty) where no hook sees it; vfork's child goes on with the parent's. */
static void follow_process(void)
{
	int pid = self_now().pid;
	int before = atomic_exchange(&opener, pid);
	if (before != 0 && before != pid) {
		file_after_fork();
	}
}

/* A frame of its own, which is gone before the line is written: stacks may be small. */
static __attribute__((noinline)) int look_at_open(struct sink *sink)
{
	struct statx status = {.stx_ino = 0};
	sink->fd = own_status(OWN_LOG, &status);
	if (sink->fd >= 0) {
		sink_look(sink, &status);
	}
	return sink->fd;
}

/* Opens the file when it is not open: at the first line, and when the program closed it. */
static int look(struct sink *sink)
{
	follow_process();
	if (look_at_open(sink) >= 0) {
		return sink->fd;
	}
	int fd = open_path();
	sink->fd = fd < 0 ? fd : look_at_open(sink);
	if (sink->fd >= 0 && S_ISREG(sink->mode)) {
		leftover_reclaim();
		look_at_open(sink);
	}
	return sink->fd;
}

/* The same; when it cannot be opened, that is said once. */
static bool look_or_complain(struct sink *sink)
{
	if (look(sink) >= 0) {
		return true;
	}
	if (!atomic_exchange(&refused, true)) {
		complain("open", sink->fd, "logging to stderr");
	}
	return false;
}

static bool is_wanted(void)
{
	return path_template && !atomic_load_explicit(&refused, memory_order_relaxed);
}

/*
 * The hooks keep every call of libc away from our descriptor, and own_number follows when they move
 * it: only a raw system call, or io_uring, could put another file under its number. So it need not
 * be looked at for each of very many lines. The limit of file sizes is: any program may set it, and
 * would be killed by our write.
 */
static bool relies(struct sink *sink)
{
	uint32_t generation = self_now().generation;
	if (generation == 0 ||
	    atomic_load_explicit(&looked_generation, memory_order_acquire) != generation) {
		return false;
	}
	uint64_t last = atomic_load_explicit(&looked, memory_order_relaxed);
	uint64_t age_ms = clock_coarse_ms() - last;
	sink->fd = own_number(OWN_LOG);
	if (last == 0 || age_ms >= RELY_MS || sink->fd < 0) {
		return false;
	}
	sink_expect(sink, S_IFREG);
	return true;
}

/* Only a regular file without a limit is written to without any care. */
static bool is_carefree(const struct sink *sink)
{
	return S_ISREG(sink->mode) && sink->signals == 0;
}

static void remember_look(const struct sink *sink)
{
	atomic_store(&looked, is_carefree(sink) ? clock_coarse_ms() : 0);
	/* Last: who reads this generation reads no look of the parent's. */
	atomic_store(&looked_generation, self_now().generation);
}

void file_prepare(void)
{
	struct sink sink = {.ours = true, .torn = &torn};
	if (is_wanted() && look_or_complain(&sink)) {
		limited = sink_is_limited(&sink);
	}
}

/* The file was looked at before the text was written to it. */
static void mend(const struct sink *sink, const char *text, size_t length)
{
	if (S_ISREG(sink->mode) && atomic_load_explicit(&mends, memory_order_relaxed)) {
		mend_before_text(sink->fd, sink->size, text, length);
	}
}

int file_write(const char *line, size_t length, bool relying)
{
	if (!is_wanted()) {
		return -EBADF;
	}
	if (sandbox_closed && limited) {
		return -EFBIG;
	}
	struct sink sink = {.ours = true, .torn = &torn};
	bool look_now = !relying || !relies(&sink);
	if (look_now) {
		if (!look_or_complain(&sink)) {
			return -EBADF;
		}
		remember_look(&sink);
	}
	int result = sink_write(&sink, line, length);
	if (result < 0) {
		atomic_store(&looked, 0);
	} else if (look_now) {
		mend(&sink, line, length);
	}
	/* Closed by another thread a moment ago: the next line opens it again. */
	return result == -EBADF ? -EAGAIN : result;
}

long file_write_lines(const char *lines, size_t length, _Atomic uint64_t *mark)
{
	struct sink sink = {.ours = true, .torn = &torn};
	if (!is_wanted() || !look_or_complain(&sink)) {
		return -EBADF;
	}
	if (mark != NULL) {
		atomic_store(mark, sink.size + 1);
	}
	long sent = sink_write_lines(&sink, lines, length);
	if (sent > 0) {
		mend(&sink, lines, (size_t)sent);
	}
	return sent;
}

bool file_is_plain(void)
{
	struct sink sink = {.ours = true, .torn = &torn};
	return is_wanted() && look_or_complain(&sink) && is_carefree(&sink);
}
