#include <errno.h>
#include <string.h>
#include "../sys/errnames.h"
#include "../sys/scratch.h"
#include "../sys/self.h"
#include "escape.h"
#include "event.h"
#include "lane.h"
#include "leftover.h"
#include "line.h"
#include "line_conn.h"
#include "log.h"
#include "pending.h"
#include "sink.h"

#define WHY_SIZE 160
_Static_assert(EVENT_LARGE + WHY_SIZE <= SCRATCH_SIZE, "a line and why are on one scratch block");

enum log_level log_level = LOG_OFF;
enum log_format log_lines = LOG_TEXT;

static const char *exe = "";
static _Atomic uint64_t dropped;
static atomic_int last_error;

static int find_name(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(name, names[i]) == 0) {
			return i;
		}
	}
	return -EINVAL;
}

int log_level_read(const char *name)
{
	static const char *const names[] = {
		[LOG_OFF] = "off",
		[LOG_RESETS] = "resets",
		[LOG_CONNS] = "conns",
		[LOG_CALLS] = "calls",
	};
	return find_name(name, names, sizeof names / sizeof *names);
}

int log_format_read(const char *name)
{
	static const char *const names[] = {[LOG_TEXT] = "text", [LOG_JSON] = "json"};
	return find_name(name, names, sizeof names / sizeof *names);
}

void log_start(const char *path, enum log_level level, enum log_format format, const char *program)
{
	exe = program;
	log_lines = format;
	/* Heads that were kept hold another name or format. */
	self_renew();
	atomic_store(&dropped, 0);
	stderr_start();
	file_start(path, program);
	line_conn_forget();
	line_tail_start();
	log_level = level;
}

const char *log_exe(void)
{
	return exe;
}

void log_after_fork(void)
{
	/* First, before anything is mapped. */
	lanes_forked();
	/* Lines that the parent lost are the parent's to tell. */
	atomic_store(&dropped, 0);
	file_after_fork();
	leftover_after_fork();
	if (!file_names_pid()) {
		lanes_after_fork();
	}
}

/* Only `call` lines wait. */
static void close_pending(bool for_good)
{
	if (log_wants(LOG_CALLS)) {
		pending_close(for_good);
	}
}

void log_prepare(void)
{
	close_pending(true);
	file_prepare();
	stderr_prepare();
}

void log_prepare_server(void)
{
	if (log_wants(LOG_RESETS) && !sandbox_closed && !file_names_pid()) {
		file_prepare();
	}
}

void log_stderr_replaced(void)
{
	stderr_start();
}

void log_complain(const char *complaint)
{
	char *room = scratch_take();
	if (!room) {
		return;
	}
	struct text line = text_in(room, SCRATCH_SIZE - 1);
	text_string(&line, "resetby: ");
	escape_prose(&line, complaint);
	room[line.length] = '\n';
	stderr_write(room, line.length + 1);
	scratch_give(room);
}

uint64_t log_dropped(void)
{
	return atomic_load(&dropped);
}

static int put(const char *line, size_t length, bool relying)
{
	int result = file_write(line, length, relying);
	if (result == -EBADF) {
		result = stderr_write(line, length);
	}
	return result;
}

static void drop(uint64_t count, int error)
{
	atomic_fetch_add(&dropped, count);
	atomic_store(&last_error, error);
	file_complain_lost(error);
}

/* A frame of its own, which is gone before the line is written: stacks may be small. */
static __attribute__((noinline)) size_t make_dropped(uint64_t count, char *room)
{
	char *why_room = room + EVENT_LARGE;
	struct text why = text_in(why_room, WHY_SIZE);
	int error = -atomic_load(&last_error);
	text_format(&why, "%U %s not be written: ", count,
		    count == 1 ? "line could" : "lines could");
	errno_write(&why, error);
	const char *phrase = errno_text(error);
	text_format(&why, " (%s).", phrase ? phrase : "unknown error");
	struct event event;
	event_begin(&event, EVENT_WARN, room, EVENT_LARGE);
	event_string(&event, KEY_CAUSE, "lines-dropped");
	event_string(&event, KEY_SURE, "certain");
	event_string(&event, KEY_WHY, why_room);
	event_unsigned(&event, KEY_COUNT, count);
	return event_end(&event);
}

/* The gap is told before the line that comes after it. */
static int tell_dropped(void)
{
	char *room = scratch_take();
	if (!room) {
		return -ENOMEM;
	}
	uint64_t count = atomic_exchange(&dropped, 0);
	int result = count == 0 ? 0 : put(room, make_dropped(count, room), false);
	scratch_give(room);
	if (result < 0) {
		drop(count, result);
	}
	return result;
}

void log_lose(void)
{
	drop(1, -ENOMEM);
}

static void write_line(const char *line, size_t length, bool relying)
{
	int result = 0;
	if (atomic_load_explicit(&dropped, memory_order_relaxed) != 0) {
		result = tell_dropped();
	}
	if (result == 0) {
		result = put(line, length, relying);
	}
	if (result < 0) {
		drop(1, result);
	}
}

void log_write_lines(const char *lines, size_t length, _Atomic uint64_t *mark)
{
	size_t done = 0;
	if (atomic_load(&dropped) == 0) {
		long sent = file_write_lines(lines, length, mark);
		done = sent > 0 ? (size_t)sent : 0;
	}
	/* One by one, so that each is whole or counted. */
	while (done < length) {
		const char *end = memchr(lines + done, '\n', length - done);
		size_t next = end != NULL ? (size_t)(end - lines) + 1 : length;
		write_line(lines + done, next - done, false);
		done = next;
	}
}

/* A signal handler may have forked since the line began: then it is the parent's to tell. */
static bool is_still(const struct self *self)
{
	return self_now().pid == self->pid;
}

void log_write(const struct self *self, const char *line, size_t length)
{
	if (is_still(self)) {
		pending_flush();
		write_line(line, length, false);
	}
}

void log_write_soon(const struct self *self, uint64_t now_us, const char *line, size_t length)
{
	bool kept = log_wants(LOG_CALLS) && pending_append(self, now_us, line, length);
	if (!kept && is_still(self)) {
		/* A line now and then can be written with all care. */
		write_line(line, length, !pending_is_made(self));
	}
}

int log_due_ms(uint64_t now_us)
{
	return pending_due_ms(now_us);
}

void log_flush(void)
{
	pending_flush();
}

void log_before_exec(void)
{
	close_pending(false);
}

void log_exiting(void)
{
	close_pending(true);
}
