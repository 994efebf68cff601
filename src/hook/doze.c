#include "doze.h"

#include <errno.h>
#include "../sys/clock.h"
#include "../sys/memory.h"
#include "../sys/raw.h"
#include "../sys/sandbox.h"

#define NS_PER_S ((int64_t)1000000000)
#define NS_PER_MS ((int64_t)1000000)
#define NS_PER_US ((int64_t)1000)

/* How far behind the coarse clock may be: at 100 Hz. */
#define TICK_MS 10

/* Longer is for ever, as far as anybody will know. */
#define LONGEST_S ((int64_t)1 << 32)

/* Signals that libc keeps for itself: a cancelled thread must hear of it. */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

/* The kernel's least send buffer takes as much without waiting (net.ipv4.tcp_wmem). */
#define SENT_AT_ONCE 4096u
/* A socket that poll calls writable has a third of its buffer free, of 64 KiB as a rule. */
#define ROOM_WHEN_WRITABLE 16384u

int64_t doze_ms(int timeout)
{
	return timeout < 0 ? DOZE_FOREVER : timeout * NS_PER_MS;
}

static int64_t nanoseconds(int64_t seconds, int64_t parts, int64_t per_part)
{
	if (seconds < 0 || parts < 0 || parts >= NS_PER_S / per_part) {
		return DOZE_INVALID;
	}
	return seconds > LONGEST_S ? DOZE_FOREVER : seconds * NS_PER_S + parts * per_part;
}

int64_t doze_timespec(const struct timespec *timeout)
{
	if (timeout == NULL) {
		return DOZE_FOREVER;
	}
	return memory_readable(timeout, sizeof *timeout)
		       ? nanoseconds(timeout->tv_sec, timeout->tv_nsec, 1)
		       : DOZE_INVALID;
}

int64_t doze_timeval(const struct timeval *timeout)
{
	if (timeout == NULL) {
		return DOZE_FOREVER;
	}
	return memory_readable(timeout, sizeof *timeout)
		       ? nanoseconds(timeout->tv_sec, timeout->tv_usec, NS_PER_US)
		       : DOZE_INVALID;
}

/* How soon something has to be done, now being so late by the clock of the wall; -1: nothing. */
static int due_ms(uint64_t now_us)
{
	if (sandbox_closed) {
		return -1;
	}
	int log_ms = log_due_ms(now_us);
	int chores_ms = chores_due_ms();
	return log_ms < 0 || (chores_ms >= 0 && chores_ms < log_ms) ? chores_ms : log_ms;
}

void doze_chores(void)
{
	if (log_due_ms(clock_wall_us()) == 0) {
		log_flush();
	}
	if (chores_due_ms() == 0) {
		chores_do();
	}
}

static int64_t rest_ns(const struct doze *doze)
{
	int64_t rest = doze->timeout_ns - (int64_t)clock_since_ns(doze->begun_ns);
	return rest > 0 ? rest : 0;
}

static struct timespec to_timespec(int64_t ns)
{
	return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

bool doze_splits(struct doze *doze, int64_t timeout_ns)
{
	int first_ms = due_ms(clock_wall_coarse_us());
	if (first_ms >= 0 && first_ms <= TICK_MS) {
		first_ms = due_ms(clock_wall_us());
	}
	if (first_ms == 0) {
		int saved = errno;
		doze_chores();
		errno = saved;
		first_ms = due_ms(clock_wall_us());
	}
	if (first_ms < 0 || timeout_ns == 0 ||
	    (timeout_ns > 0 && timeout_ns <= first_ms * NS_PER_MS)) {
		return false;
	}
	doze->begun_ns = 0;
	doze->timeout_ns = timeout_ns;
	/*
	 * The first part only looks: the time counts from its end, rather late than early. A signal
	 * that comes later ends the wait, and would not when it came after a part that was in vain,
	 * before signals are held.
	 */
	doze->part_room = to_timespec(0);
	doze->part = &doze->part_room;
	doze->masked = false;
	return true;
}

/* The rest of the wait, or until something is due. */
static void choose_part(struct doze *doze)
{
	int next_ms = due_ms(clock_wall_us());
	int64_t part = doze->timeout_ns < 0 ? DOZE_FOREVER : rest_ns(doze);
	if (next_ms >= 0 && (part < 0 || part > next_ms * NS_PER_MS)) {
		part = next_ms * NS_PER_MS;
	}
	doze->part_room = to_timespec(part);
	doze->part = part < 0 ? NULL : &doze->part_room;
}

static void hold_signals(struct doze *doze)
{
	uint64_t all = ~LIBC_SIGNALS;
	sigemptyset(&doze->mask);
	doze->masked = raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &doze->mask, RAW_SIGSET_SIZE) == 0;
}

static void put_signals_back(const struct doze *doze)
{
	if (doze->masked) {
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &doze->mask, NULL, RAW_SIGSET_SIZE);
	}
}

bool doze_part_ended(struct doze *doze, int ready)
{
	if (ready == 0) {
		int saved = errno;
		if (doze->begun_ns == 0) {
			doze->begun_ns = clock_exact_ns();
		}
		if (!doze->masked) {
			hold_signals(doze);
		}
		doze_chores();
		choose_part(doze);
		errno = saved;
	}
	bool goes_on = ready == 0 && (doze->timeout_ns < 0 || rest_ns(doze) > 0);
	if (!goes_on) {
		put_signals_back(doze);
	}
	return goes_on;
}

struct timespec doze_rest(const struct doze *doze, struct timespec timeout)
{
	int64_t waited = (int64_t)clock_since_ns(doze->begun_ns);
	timeout.tv_sec -= waited / NS_PER_S;
	timeout.tv_nsec -= waited % NS_PER_S;
	if (timeout.tv_nsec < 0) {
		timeout.tv_sec--;
		timeout.tv_nsec += NS_PER_S;
	}
	return timeout.tv_sec < 0 ? to_timespec(0) : timeout;
}

int doze_part_ms(const struct doze *doze)
{
	/* Rather late than early, as the kernel has it. */
	return doze->part == NULL ? -1
				  : (int)(doze->part->tv_sec * 1000 +
					  (doze->part->tv_nsec + NS_PER_MS - 1) / NS_PER_MS);
}

/* May the call wait, and what for? No events: for what poll cannot see. */
static bool may_wait(const struct call *call, short *events)
{
	*events = 0;
	switch (op_direction(call->op)) {
	case DIRECTION_READ:
		*events = POLLIN;
		return true;
	case DIRECTION_WRITE:
		*events = call->asked > ROOM_WHEN_WRITABLE ? 0 : POLLOUT;
		return atomic_load_explicit(&call->conn->bytes_out, memory_order_relaxed) +
			       call->asked >
		       SENT_AT_ONCE;
	default:
		*events = call->op == OP_CONNECT ? 0 : POLLIN;
		return call->op == OP_CONNECT || call->op == OP_ACCEPT || call->op == OP_ACCEPT4;
	}
}

static bool is_ready(int fd, short events)
{
	struct pollfd poll = {.fd = fd, .events = events};
	return raw_poll(&poll, 1, 0) != 0;
}

/* A socket may have been made non-blocking unseen: the kernel is asked, and its yes is kept. */
static bool never_waits(struct conn *conn, int fd)
{
	if (!conn_is(conn, CONN_NONBLOCKING)) {
		long flags = raw_fcntl(fd, F_GETFL, 0);
		if (flags >= 0 && (flags & O_NONBLOCK) != 0) {
			conn_set(conn, CONN_NONBLOCKING);
		}
	}
	return conn_is(conn, CONN_NONBLOCKING);
}

void doze_before_wait(struct call *call)
{
	short events;
	if (!may_wait(call, &events) || log_due_ms(clock_wall_coarse_us()) < 0 ||
	    (events != 0 && is_ready(call->fd, events))) {
		return;
	}
	if (!never_waits(call->conn, call->fd)) {
		log_flush();
	}
}
