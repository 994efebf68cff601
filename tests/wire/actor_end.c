#include "actor.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

static void run_shutdown(const struct words *words, struct outcome *outcome)
{
	const char *how = word_at(words, 2, NULL);
	CALL(outcome, shutdown(fd_at(words, 1), strcmp(how, "r") == 0   ? SHUT_RD
						: strcmp(how, "w") == 0 ? SHUT_WR
									: SHUT_RDWR));
}

static void run_close(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "__close") == 0) {
		extern int __close(int);
		CALL(outcome, __close(fd));
	} else if (strcmp(words->w[0], "sys_close") == 0) {
		CALL(outcome, syscall(SYS_close, fd));
	} else {
		CALL(outcome, close(fd));
	}
}

static void run_dup(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 2, NULL), dup(fd_at(words, 1)));
}

static void run_dupfd(const struct words *words, struct outcome *outcome)
{
	int command = has_word(words, "cloexec") ? F_DUPFD_CLOEXEC : F_DUPFD;
	CALL_SLOT(outcome, word_at(words, 2, NULL), fcntl(fd_at(words, 1), command, 3));
}

/** The second descriptor's number, told as 0, becomes another name of the first. */
static void run_dup2(const struct words *words, struct outcome *outcome)
{
	int from = fd_at(words, 1);
	int to = fd_at(words, 2);
	if (strcmp(words->w[0], "dup3") == 0) {
		CALL(outcome, dup3(from, to,
				   has_word(words, "cloexec") ? O_CLOEXEC
				   : has_word(words, "bad")   ? O_APPEND
							      : 0));
	} else {
		CALL(outcome, dup2(from, to));
	}
	outcome->result = outcome->result == to ? 0 : outcome->result;
}

static void run_close_range(const struct words *words, struct outcome *outcome)
{
	unsigned first = (unsigned)fd_at(words, 1);
	unsigned end = (unsigned)fd_at(words, 2);
	if (strcmp(words->w[0], "sys_close_range") == 0) {
		CALL(outcome, syscall(SYS_close_range, first, end, 0));
	} else {
		CALL(outcome, close_range(first, end,
					  has_word(words, "cloexec") ? CLOSE_RANGE_CLOEXEC
					  : has_word(words, "bad")   ? 1 << 30
								     : 0));
	}
}

static void run_closefrom(const struct words *words, struct outcome *outcome)
{
	closefrom(fd_at(words, 1));
	outcome->result = 0;
}

static void run_fclose(const struct words *words, struct outcome *outcome)
{
	FILE *stream = fdopen(fd_at(words, 1), "r+");
	if (stream == NULL) {
		confused("fdopen: %s", strerror(errno));
	}
	CALL(outcome, fclose(stream));
}

/** A text that is still in the stream's buffer when it is closed. */
static void run_fclose_text(const struct words *words, struct outcome *outcome)
{
	FILE *stream = fdopen(fd_at(words, 1), "w");
	if (stream == NULL || fputs(words->rest, stream) < 0) {
		confused("fdopen: %s", strerror(errno));
	}
	CALL(outcome, fclose(stream));
}

/** poll and epoll have the same bits under other names. */
static const struct {
	const char *name;
	unsigned bit;
} events[] = {
	{"in", POLLIN},     {"pri", POLLPRI}, {"out", POLLOUT},
	{"err", POLLERR},   {"hup", POLLHUP}, {"rdhup", POLLRDHUP},
	{"nval", POLLNVAL}, {"et", EPOLLET},  {"oneshot", EPOLLONESHOT},
};

#define EVENTS (sizeof(events) / sizeof(events[0]))

static unsigned events_from(const struct words *words)
{
	unsigned bits = 0;
	for (size_t i = 0; i < EVENTS; i++) {
		bits |= has_word(words, events[i].name) ? events[i].bit : 0;
	}
	return bits;
}

static void tell_events(struct outcome *outcome, unsigned bits)
{
	for (size_t i = 0; i < EVENTS; i++) {
		if (bits & events[i].bit) {
			tell(outcome, "%s%s", outcome->extra[0] ? " " : "", events[i].name);
		}
	}
}

/** The last word is the time to wait in milliseconds. */
static void run_poll(const struct words *words, struct outcome *outcome)
{
	extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
	struct pollfd entry = {.fd = fd_at(words, 1), .events = (short)events_from(words)};
	int ms = (int)number_at(words, words->count - 1, 0);
	if (strcmp(words->w[0], "ppoll") == 0) {
		struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
		CALL(outcome, ppoll(&entry, 1, ms < 0 ? NULL : &limit, NULL));
	} else if (strcmp(words->w[0], "__poll_chk") == 0) {
		CALL(outcome, __poll_chk(&entry, 1, ms, sizeof(entry)));
	} else {
		CALL(outcome, poll(&entry, 1, ms));
	}
	tell_events(outcome, (unsigned short)entry.revents);
}

static void run_select(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	int ms = (int)number_at(words, words->count - 1, 0);
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	struct timespec precise = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	fd_set in;
	fd_set out;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(fd, has_word(words, "out") ? &out : &in);
	if (strcmp(words->w[0], "pselect") == 0) {
		CALL(outcome, pselect(fd + 1, &in, &out, NULL, ms < 0 ? NULL : &precise, NULL));
	} else {
		CALL(outcome, select(fd + 1, &in, &out, NULL, ms < 0 ? NULL : &limit));
	}
	if (outcome->result > 0) {
		tell(outcome, "%s", FD_ISSET(fd, &in) ? "in" : "out");
	}
	if (has_word(words, "left")) {
		tell(outcome, "%ld.%06ld", (long)limit.tv_sec, (long)limit.tv_usec);
	}
}

/** Wait to write to some of these: how many there are. */
static void run_wait_for_many(const struct words *words, struct outcome *outcome)
{
	struct pollfd entries[WORDS_MAX];
	fd_set out;
	int count = 0;
	int highest = -1;
	int ms = (int)number_at(words, 1, 0);
	struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	FD_ZERO(&out);
	for (; count + 2 < words->count; count++) {
		int fd = fd_at(words, count + 2);
		entries[count] = (struct pollfd){.fd = fd, .events = POLLOUT};
		FD_SET(fd, &out);
		highest = fd > highest ? fd : highest;
	}
	if (strcmp(words->w[0], "poll_many") == 0) {
		CALL(outcome, poll(entries, (nfds_t)count, ms));
	} else {
		CALL(outcome, select(highest + 1, NULL, &out, NULL, &limit));
	}
}

static void run_epoll_create(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL), epoll_create1(EPOLL_CLOEXEC));
}

/** Every registration's data begins so; the second half is 0, or the descriptor. */
#define DATA (UINT64_C(1) << 63)

/** What stands behind the room for events: the end of the last registration with a name. */
static struct epoll_event behind;

static void run_epoll_ctl(const struct words *words, struct outcome *outcome)
{
	const char *name = words->w[0];
	struct epoll_event event = {.events = events_from(words), .data.u64 = DATA};
	if (has_word(words, "named")) {
		event.data.u64 |= (uint64_t)fd_at(words, 2);
		behind = (struct epoll_event){.events = EPOLLIN | EPOLLHUP, .data = event.data};
	}
	bool deletes = strcmp(name, "epoll_del") == 0;
	int operation = deletes                          ? EPOLL_CTL_DEL
			: strcmp(name, "epoll_mod") == 0 ? EPOLL_CTL_MOD
							 : EPOLL_CTL_ADD;
	bool without = deletes || has_word(words, "nothing");
	CALL(outcome,
	     epoll_ctl(fd_at(words, 1), operation, fd_at(words, 2), without ? NULL : &event));
}

static void run_epoll_wait(const struct words *words, struct outcome *outcome)
{
	struct epoll_event room[] = {{0}, behind};
	int ms = (int)number_at(words, 2, 0);
	if (strcmp(words->w[0], "epoll_pwait") == 0) {
		CALL(outcome, epoll_pwait(fd_at(words, 1), room, 1, ms, NULL));
	} else {
		CALL(outcome, epoll_wait(fd_at(words, 1), room, 1, ms));
	}
	if (outcome->result > 0 && room[0].data.u64 >> 32 != DATA >> 32) {
		confused("the event's data was changed");
	}
	if (room[1].events != behind.events) {
		confused("what stands behind the events was changed");
	}
	tell_events(outcome, room[0].events);
}

const struct command end_commands[] = {
	{"shutdown", "FD r|w|rw", run_shutdown},
	{"close", "FD", run_close},
	{"__close", "FD", run_close},
	{"sys_close", "FD", run_close},
	{"dup", "FD SLOT", run_dup},
	{"dupfd", "FD SLOT [cloexec]", run_dupfd},
	{"dup2", "FD FD", run_dup2},
	{"dup3", "FD FD [cloexec|bad]", run_dup2},
	{"close_range", "FD FD|max [cloexec|bad]", run_close_range},
	{"sys_close_range", "FD FD|max", run_close_range},
	{"closefrom", "FD", run_closefrom},
	{"fclose", "FD", run_fclose},
	{"fclose_text", "FD TEXT", run_fclose_text},
	{"poll", "FD [EVENT...] MS", run_poll},
	{"ppoll", "FD [EVENT...] MS", run_poll},
	{"poll_many", "MS FD...", run_wait_for_many},
	{"select_many", "MS FD...", run_wait_for_many},
	{"__poll_chk", "FD [EVENT...] MS", run_poll},
	{"select", "FD in|out [left] MS", run_select},
	{"pselect", "FD in|out MS", run_select},
	{"epoll_create", "SLOT", run_epoll_create},
	{"epoll_add", "FD FD nothing|[EVENT...] [named]", run_epoll_ctl},
	{"epoll_mod", "FD FD nothing|[EVENT...] [named]", run_epoll_ctl},
	{"epoll_del", "FD FD", run_epoll_ctl},
	{"epoll_wait", "FD MS", run_epoll_wait},
	{"epoll_pwait", "FD MS", run_epoll_wait},
	{0},
};
