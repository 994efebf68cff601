/*
 * Waiting: observed, and made in parts where something of ours must not wait as long (doze.h). What
 * is waited for tells which way the program was going when an error comes through SO_ERROR.
 */
#include "hook.h"

#include <limits.h>
#include <string.h>
#include "../act/retry/retry.h"
#include "doze.h"
#include "flow.h"

#define NS_PER_MS 1000000
#define NS_PER_US 1000
#define US_PER_MS 1000

static void waits(struct conn *conn, bool in, bool out)
{
	enum direction direction = in ? DIRECTION_READ : out ? DIRECTION_WRITE : DIRECTION_NONE;
	atomic_store_explicit(&conn->waiting, (uint8_t)direction, memory_order_relaxed);
}

/* A process that has no connection, and has had none, waits as without us. */
static bool is_idle(void)
{
	return table_end() == 0;
}

/* The end of a wait is a good moment to look at what went on meanwhile. */
static int waited(int ready)
{
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	if (UNLIKELY((int32_t)(now_ms -
			       atomic_load_explicit(&watch_due_ms, memory_order_relaxed)) >= 0)) {
		int saved = errno;
		flow_keep_house(now_ms);
		errno = saved;
	}
	return ready;
}

static void poll_begins(const struct pollfd *fds, nfds_t count)
{
	for (nfds_t i = 0; i < count && fds != NULL; i++) {
		struct conn *conn = conn_known(fds[i].fd);
		if (conn != NULL) {
			waits(conn, (fds[i].events & POLLIN) != 0, (fds[i].events & POLLOUT) != 0);
		}
	}
}

static bool is_connecting(const struct conn *conn)
{
	return atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_CONNECTING;
}

static int poll_ends(const struct pollfd *fds, nfds_t count, int ready)
{
	for (nfds_t i = 0; ready > 0 && i < count; i++) {
		if ((fds[i].revents & POLLOUT) == 0 || (fds[i].revents & POLLERR) != 0) {
			continue;
		}
		struct conn *conn = conn_known(fds[i].fd);
		if (conn != NULL && UNLIKELY(is_connecting(conn))) {
			flow_ready(conn, fds[i].fd, OP_POLL);
		}
	}
	return waited(ready);
}

int hook_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (is_idle()) {
		return real.poll(fds, count, timeout);
	}
	struct doze doze;
	poll_begins(fds, count);
	if (LIKELY(!doze_begin(&doze, doze_ms(timeout)))) {
		return poll_ends(fds, count, real.poll(fds, count, timeout));
	}
	int ready = real.poll(fds, count, doze.first_ms);
	while (ready == 0 && doze_goes_on(&doze)) {
		ready = real.ppoll(fds, count, doze.part, &doze.mask);
	}
	doze_end(&doze);
	return poll_ends(fds, count, ready);
}

int hook___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (count <= room / sizeof *fds) {
		return hook_poll(fds, count, timeout);
	}
	return real.__poll_chk(fds, count, timeout, room);
}

int hook_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask)
{
	if (is_idle()) {
		return real.ppoll(fds, count, timeout, mask);
	}
	struct doze doze;
	poll_begins(fds, count);
	if (LIKELY(!doze_begin(&doze, doze_timespec(timeout)))) {
		return poll_ends(fds, count, real.ppoll(fds, count, timeout, mask));
	}
	struct timespec limit = {.tv_nsec = doze.first_ms * NS_PER_MS};
	int ready = real.ppoll(fds, count, &limit, mask);
	while (ready == 0 && doze_goes_on(&doze)) {
		ready = real.ppoll(fds, count, doze.part, mask != NULL ? mask : &doze.mask);
	}
	doze_end(&doze);
	return poll_ends(fds, count, ready);
}

int hook___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		     const sigset_t *mask, size_t room)
{
	if (count <= room / sizeof *fds) {
		return hook_ppoll(fds, count, timeout, mask);
	}
	return real.__ppoll_chk(fds, count, timeout, mask, room);
}

/* A set of select, word by word: programs pass sets larger than FD_SETSIZE. */
static unsigned long set_word(const fd_set *set, int word)
{
	return set == NULL ? 0 : (unsigned long)((const __fd_mask *)(const void *)set)[word];
}

#define WORD_BITS ((int)(sizeof(__fd_mask) * CHAR_BIT))

/*
 * How far a set is read. Programs pass the limit of open files with a set of a few words: the kernel
 * reads no further than its own table of descriptors, we no further than where connections were.
 */
static int set_end(int count)
{
	int end = table_end();
	return count < end ? count : end;
}

static void select_begins(int count, const fd_set *in, const fd_set *out)
{
	int end = set_end(count);
	for (int word = 0; word * WORD_BITS < end; word++) {
		unsigned long reads = set_word(in, word);
		unsigned long writes = set_word(out, word);
		for (unsigned long left = reads | writes; left != 0; left &= left - 1) {
			int bit = __builtin_ctzl(left);
			struct conn *conn = conn_known(word * WORD_BITS + bit);
			if (conn != NULL) {
				waits(conn, (reads >> bit & 1) != 0, (writes >> bit & 1) != 0);
			}
		}
	}
}

static int select_ends(int count, const fd_set *out, int ready)
{
	int end = set_end(count);
	for (int word = 0; ready > 0 && word * WORD_BITS < end; word++) {
		for (unsigned long left = set_word(out, word); left != 0; left &= left - 1) {
			int fd = word * WORD_BITS + __builtin_ctzl(left);
			struct conn *conn = conn_known(fd);
			if (conn != NULL && UNLIKELY(is_connecting(conn))) {
				flow_ready(conn, fd, OP_SELECT);
			}
		}
	}
	return waited(ready);
}

/* A wait that was in vain has emptied the sets. */
struct sets {
	fd_set in, out, except;
};

static size_t set_size(int count)
{
	return (size_t)((count + WORD_BITS - 1) / WORD_BITS) * sizeof(__fd_mask);
}

static void set_copy(fd_set *to, const fd_set *from, int count)
{
	if (to != NULL && from != NULL) {
		memcpy(to, from, set_size(count));
	}
}

static void sets_keep(struct sets *sets, int count, const fd_set *in, const fd_set *out,
		      const fd_set *except)
{
	set_copy(&sets->in, in, count);
	set_copy(&sets->out, out, count);
	set_copy(&sets->except, except, count);
}

static void sets_put_back(const struct sets *sets, int count, fd_set *in, fd_set *out,
			  fd_set *except)
{
	set_copy(in, &sets->in, count);
	set_copy(out, &sets->out, count);
	set_copy(except, &sets->except, count);
}

/* Sets that have no room here are waited for once, after what is to be done. */
static bool select_splits(struct doze *doze, int count, int64_t timeout_ns)
{
	if (LIKELY(!doze_begin(doze, timeout_ns))) {
		return false;
	}
	if (count < 0 || count > FD_SETSIZE) {
		doze_chores();
		return false;
	}
	return true;
}

int hook_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	if (is_idle()) {
		return real.select(count, in, out, except, timeout);
	}
	struct doze doze;
	select_begins(count, in, out);
	if (LIKELY(!select_splits(&doze, count, doze_timeval(timeout)))) {
		return select_ends(count, out, real.select(count, in, out, except, timeout));
	}
	struct sets sets;
	sets_keep(&sets, count, in, out, except);
	struct timeval limit = {.tv_usec = doze.first_ms * US_PER_MS};
	int ready = real.select(count, in, out, except, &limit);
	while (ready == 0 && doze_goes_on(&doze)) {
		sets_put_back(&sets, count, in, out, except);
		ready = real.pselect(count, in, out, except, doze.part, &doze.mask);
	}
	doze_end(&doze);
	if (timeout != NULL) {
		/* Linux says what is left: select(2). */
		struct timespec rest = doze_rest(&doze);
		timeout->tv_sec = rest.tv_sec;
		timeout->tv_usec = rest.tv_nsec / NS_PER_US;
	}
	return select_ends(count, out, ready);
}

int hook_pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
		 const sigset_t *mask)
{
	if (is_idle()) {
		return real.pselect(count, in, out, except, timeout, mask);
	}
	struct doze doze;
	select_begins(count, in, out);
	if (LIKELY(!select_splits(&doze, count, doze_timespec(timeout)))) {
		return select_ends(count, out, real.pselect(count, in, out, except, timeout, mask));
	}
	struct sets sets;
	sets_keep(&sets, count, in, out, except);
	struct timespec limit = {.tv_nsec = doze.first_ms * NS_PER_MS};
	int ready = real.pselect(count, in, out, except, &limit, mask);
	while (ready == 0 && doze_goes_on(&doze)) {
		sets_put_back(&sets, count, in, out, except);
		ready = real.pselect(count, in, out, except, doze.part,
				     mask != NULL ? mask : &doze.mask);
	}
	doze_end(&doze);
	return select_ends(count, out, ready);
}

int hook_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	struct conn *conn = conn_known(fd);
	if (conn != NULL && event != NULL && operation != EPOLL_CTL_DEL) {
		waits(conn, (event->events & EPOLLIN) != 0, (event->events & EPOLLOUT) != 0);
		conn->edges = conn->edges || (event->events & EPOLLET) != 0;
	}
	return real.epoll_ctl(epoll, operation, fd, event);
}

/* What epoll gives back is the program's own data, which is the descriptor with most programs. */
static int epoll_ends(struct epoll_event *events, int ready)
{
	for (int i = 0; i < ready; i++) {
		if (UNLIKELY((events[i].events & (EPOLLHUP | EPOLLERR)) != 0) &&
		    (events[i].events & EPOLLIN) != 0 && retry_hides_end(events[i].data.fd)) {
			events[i].events &= ~(uint32_t)(EPOLLHUP | EPOLLERR);
		}
	}
	return waited(ready);
}

int hook_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	if (is_idle()) {
		return real.epoll_wait(epoll, events, count, timeout);
	}
	struct doze doze;
	if (LIKELY(!doze_begin(&doze, doze_ms(timeout)))) {
		return epoll_ends(events, real.epoll_wait(epoll, events, count, timeout));
	}
	int ready = real.epoll_wait(epoll, events, count, doze.first_ms);
	while (ready == 0 && doze_goes_on(&doze)) {
		ready = real.epoll_pwait(epoll, events, count, doze_part_ms(&doze), &doze.mask);
	}
	doze_end(&doze);
	return epoll_ends(events, ready);
}

int hook_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		     const sigset_t *mask)
{
	if (is_idle()) {
		return real.epoll_pwait(epoll, events, count, timeout, mask);
	}
	struct doze doze;
	if (LIKELY(!doze_begin(&doze, doze_ms(timeout)))) {
		return epoll_ends(events, real.epoll_pwait(epoll, events, count, timeout, mask));
	}
	int ready = real.epoll_pwait(epoll, events, count, doze.first_ms, mask);
	while (ready == 0 && doze_goes_on(&doze)) {
		ready = real.epoll_pwait(epoll, events, count, doze_part_ms(&doze),
					 mask != NULL ? mask : &doze.mask);
	}
	doze_end(&doze);
	return epoll_ends(events, ready);
}

int hook_epoll_pwait2(int epoll, struct epoll_event *events, int count,
		      const struct timespec *timeout, const sigset_t *mask)
{
	if (is_idle()) {
		return real.epoll_pwait2(epoll, events, count, timeout, mask);
	}
	struct doze doze;
	if (LIKELY(!doze_begin(&doze, doze_timespec(timeout)))) {
		return epoll_ends(events, real.epoll_pwait2(epoll, events, count, timeout, mask));
	}
	struct timespec limit = {.tv_nsec = doze.first_ms * NS_PER_MS};
	int ready = real.epoll_pwait2(epoll, events, count, &limit, mask);
	while (ready == 0 && doze_goes_on(&doze)) {
		ready = real.epoll_pwait2(epoll, events, count, doze.part,
					  mask != NULL ? mask : &doze.mask);
	}
	doze_end(&doze);
	return epoll_ends(events, ready);
}
