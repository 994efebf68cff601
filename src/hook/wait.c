/*
 * Waiting: observed, and made in parts where something of ours must not wait as long (doze.h). What
 * was waited for tells which way the program was going when an error comes through SO_ERROR. Its
 * arrays and sets are looked at when the kernel has done so.
 */
#include "hook.h"

#include "../act/retry/retry.h"
#include "doze.h"
#include "flow.h"
#include "sets.h"
#include "straight.h"

#define NS_PER_US 1000

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
static ALWAYS_INLINE int waited(int ready)
{
	uint32_t now_ms;
	if (UNLIKELY(!clock_is_known(&now_ms))) {
		now_ms = clock_recent_ms();
	}
	if (watch_is_due(now_ms)) {
		flow_keep_house(now_ms);
	}
	return ready;
}

static bool is_connecting(const struct conn *conn)
{
	return atomic_load_explicit(&conn->phase, memory_order_relaxed) == PHASE_CONNECTING;
}

static ALWAYS_INLINE void poll_showed(struct conn *conn, const struct pollfd *poll)
{
	waits(conn, (poll->events & POLLIN) != 0, (poll->events & POLLOUT) != 0);
	if ((poll->revents & (POLLOUT | POLLERR)) == POLLOUT && UNLIKELY(is_connecting(conn))) {
		flow_ready(conn, poll->fd, OP_POLL);
	}
	if (UNLIKELY((poll->revents & (POLLERR | POLLHUP)) != 0)) {
		/* The next call meets its end. */
		conn_stir(conn);
	}
}

static ALWAYS_INLINE int poll_ends(const struct pollfd *fds, nfds_t count, int ready)
{
	for (nfds_t i = 0; ready >= 0 && i < count; i++) {
		struct conn *conn = conn_known(fds[i].fd);
		if (conn != NULL) {
			poll_showed(conn, &fds[i]);
		}
	}
	return waited(ready);
}

/* The first part, which only looks, has returned. */
static int poll_in_parts(struct doze *doze, int ready, struct pollfd *fds, nfds_t count,
			 const sigset_t *mask)
{
	while (doze_goes_on(doze, ready)) {
		ready = real.ppoll(fds, count, doze->part, doze_mask(doze, mask));
	}
	return poll_ends(fds, count, ready);
}

static NOINLINE int poll_dozing(struct pollfd *fds, nfds_t count, int timeout)
{
	struct doze doze;
	if (!doze_splits(&doze, doze_ms(timeout))) {
		return poll_ends(fds, count, straight_poll(fds, count, timeout));
	}
	return poll_in_parts(&doze, straight_poll(fds, count, 0), fds, count, NULL);
}

HOT int hook_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (is_idle()) {
		return real.poll(fds, count, timeout);
	}
	if (UNLIKELY(doze_wanted())) {
		return poll_dozing(fds, count, timeout);
	}
	return poll_ends(fds, count, straight_poll(fds, count, timeout));
}

int hook___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (count <= room / sizeof *fds) {
		return hook_poll(fds, count, timeout);
	}
	return real.__poll_chk(fds, count, timeout, room);
}

static NOINLINE int ppoll_dozing(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
				 const sigset_t *mask)
{
	struct doze doze;
	if (!doze_splits(&doze, doze_timespec(timeout))) {
		return poll_ends(fds, count, real.ppoll(fds, count, timeout, mask));
	}
	int ready = real.ppoll(fds, count, doze.part, mask);
	return poll_in_parts(&doze, ready, fds, count, mask);
}

int hook_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask)
{
	if (is_idle()) {
		return real.ppoll(fds, count, timeout, mask);
	}
	if (UNLIKELY(doze_wanted())) {
		return ppoll_dozing(fds, count, timeout, mask);
	}
	return poll_ends(fds, count, real.ppoll(fds, count, timeout, mask));
}

int hook___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		     const sigset_t *mask, size_t room)
{
	if (count <= room / sizeof *fds) {
		return hook_ppoll(fds, count, timeout, mask);
	}
	return real.__ppoll_chk(fds, count, timeout, mask, room);
}

/*
 * How far a set is read. Programs pass the limit of open files with a set of a few words: the kernel
 * reads no further than its own table of descriptors, we no further than where connections were.
 */
static int set_end(int count)
{
	int end = table_end();
	return count < end ? count : end;
}

static void select_showed(int fd, bool in, bool out)
{
	struct conn *conn = conn_known(fd);
	if (conn == NULL) {
		return;
	}
	waits(conn, in, out);
	if (out && UNLIKELY(is_connecting(conn))) {
		flow_ready(conn, fd, OP_SELECT);
	}
}

static int select_ends(const struct sets *sets, int ready)
{
	int end = set_end(sets->count);
	for (int word = 0; ready > 0 && word * SET_WORD_BITS < end; word++) {
		unsigned long in = set_word(sets->in, word);
		unsigned long out = set_word(sets->out, word);
		for (unsigned long left = in | out; left != 0; left &= left - 1) {
			int bit = __builtin_ctzl(left);
			select_showed(word * SET_WORD_BITS + bit, (in >> bit & 1) != 0,
				      (out >> bit & 1) != 0);
		}
	}
	return waited(ready);
}

/* Sets that cannot be kept are waited for once, after what is to be done. */
static bool select_splits(struct doze *doze, struct kept_sets *kept, const struct sets *sets,
			  int64_t timeout_ns)
{
	if (!doze_splits(doze, timeout_ns)) {
		return false;
	}
	if (!sets_keep(kept, sets)) {
		doze_chores();
		return false;
	}
	/* It says what is left of its time, also when it waits for nothing. */
	doze->begun_ns = clock_exact_ns();
	return true;
}

static int select_in_parts(struct doze *doze, const struct kept_sets *kept, const struct sets *sets,
			   const sigset_t *mask)
{
	int ready = real.pselect(sets->count, sets->in, sets->out, sets->except, doze->part, mask);
	while (doze_goes_on(doze, ready)) {
		sets_put_back(kept, sets);
		ready = real.pselect(sets->count, sets->in, sets->out, sets->except, doze->part,
				     doze_mask(doze, mask));
	}
	return select_ends(sets, ready);
}

static int select_at_once(const struct sets *sets, struct timeval *timeout)
{
	return select_ends(sets,
			   real.select(sets->count, sets->in, sets->out, sets->except, timeout));
}

static NOINLINE int select_dozing(const struct sets *sets, struct timeval *timeout)
{
	struct doze doze;
	struct kept_sets kept;
	if (!select_splits(&doze, &kept, sets, doze_timeval(timeout))) {
		return select_at_once(sets, timeout);
	}
	int ready = select_in_parts(&doze, &kept, sets, NULL);
	if (timeout != NULL) {
		/* Linux says what is left: select(2). */
		struct timespec all = {timeout->tv_sec, timeout->tv_usec * NS_PER_US};
		struct timespec rest = doze_rest(&doze, all);
		timeout->tv_sec = rest.tv_sec;
		timeout->tv_usec = rest.tv_nsec / NS_PER_US;
	}
	return ready;
}

int hook_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	if (is_idle()) {
		return real.select(count, in, out, except, timeout);
	}
	struct sets sets = {count, in, out, except};
	return UNLIKELY(doze_wanted()) ? select_dozing(&sets, timeout)
				       : select_at_once(&sets, timeout);
}

static int pselect_at_once(const struct sets *sets, const struct timespec *timeout,
			   const sigset_t *mask)
{
	return select_ends(
		sets, real.pselect(sets->count, sets->in, sets->out, sets->except, timeout, mask));
}

static NOINLINE int pselect_dozing(const struct sets *sets, const struct timespec *timeout,
				   const sigset_t *mask)
{
	struct doze doze;
	struct kept_sets kept;
	return select_splits(&doze, &kept, sets, doze_timespec(timeout))
		       ? select_in_parts(&doze, &kept, sets, mask)
		       : pselect_at_once(sets, timeout, mask);
}

int hook_pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
		 const sigset_t *mask)
{
	if (is_idle()) {
		return real.pselect(count, in, out, except, timeout, mask);
	}
	struct sets sets = {count, in, out, except};
	return UNLIKELY(doze_wanted()) ? pselect_dozing(&sets, timeout, mask)
				       : pselect_at_once(&sets, timeout, mask);
}

int hook_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	int result = real.epoll_ctl(epoll, operation, fd, event);
	struct conn *conn = result == 0 && operation != EPOLL_CTL_DEL ? conn_known(fd) : NULL;
	if (conn != NULL) {
		waits(conn, (event->events & EPOLLIN) != 0, (event->events & EPOLLOUT) != 0);
		if ((event->events & EPOLLET) != 0) {
			conn_set(conn, CONN_EDGES);
		}
	}
	return result;
}

/* What epoll gives back is the program's own data, which is the descriptor with most programs. */
static void epoll_showed_end(struct epoll_event *event)
{
	struct conn *conn = conn_known(event->data.fd);
	if (conn != NULL) {
		/* The next call meets it. */
		conn_stir(conn);
	}
	if ((event->events & EPOLLIN) != 0 && retry_hides_end(event->data.fd)) {
		event->events &= ~(uint32_t)(EPOLLHUP | EPOLLERR);
	}
}

static ALWAYS_INLINE int epoll_ends(struct epoll_event *events, int ready)
{
	for (int i = 0; i < ready; i++) {
		if (UNLIKELY((events[i].events & (EPOLLHUP | EPOLLERR)) != 0)) {
			epoll_showed_end(&events[i]);
		}
	}
	return waited(ready);
}

/* The first part, which only looks, has returned. */
static int epoll_in_parts(struct doze *doze, int ready, int epoll, struct epoll_event *events,
			  int count, const sigset_t *mask)
{
	while (doze_goes_on(doze, ready)) {
		ready = real.epoll_pwait(epoll, events, count, doze_part_ms(doze),
					 doze_mask(doze, mask));
	}
	return epoll_ends(events, ready);
}

static NOINLINE int epoll_dozing(int epoll, struct epoll_event *events, int count, int timeout)
{
	struct doze doze;
	if (!doze_splits(&doze, doze_ms(timeout))) {
		return epoll_ends(events, straight_epoll_wait(epoll, events, count, timeout));
	}
	int ready = straight_epoll_wait(epoll, events, count, 0);
	return epoll_in_parts(&doze, ready, epoll, events, count, NULL);
}

HOT int hook_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	if (is_idle()) {
		return real.epoll_wait(epoll, events, count, timeout);
	}
	if (UNLIKELY(doze_wanted())) {
		return epoll_dozing(epoll, events, count, timeout);
	}
	return epoll_ends(events, straight_epoll_wait(epoll, events, count, timeout));
}

static NOINLINE int epoll_pwait_dozing(int epoll, struct epoll_event *events, int count,
				       int timeout, const sigset_t *mask)
{
	struct doze doze;
	if (!doze_splits(&doze, doze_ms(timeout))) {
		return epoll_ends(events, real.epoll_pwait(epoll, events, count, timeout, mask));
	}
	int ready = real.epoll_pwait(epoll, events, count, 0, mask);
	return epoll_in_parts(&doze, ready, epoll, events, count, mask);
}

int hook_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		     const sigset_t *mask)
{
	if (is_idle()) {
		return real.epoll_pwait(epoll, events, count, timeout, mask);
	}
	if (UNLIKELY(doze_wanted())) {
		return epoll_pwait_dozing(epoll, events, count, timeout, mask);
	}
	return epoll_ends(events, real.epoll_pwait(epoll, events, count, timeout, mask));
}

/* Its further parts are not epoll_pwait's: milliseconds are not what the program counts in. */
static NOINLINE int epoll_pwait2_dozing(int epoll, struct epoll_event *events, int count,
					const struct timespec *timeout, const sigset_t *mask)
{
	struct doze doze;
	if (!doze_splits(&doze, doze_timespec(timeout))) {
		return epoll_ends(events, real.epoll_pwait2(epoll, events, count, timeout, mask));
	}
	int ready;
	do {
		ready = real.epoll_pwait2(epoll, events, count, doze.part, doze_mask(&doze, mask));
	} while (doze_goes_on(&doze, ready));
	return epoll_ends(events, ready);
}

int hook_epoll_pwait2(int epoll, struct epoll_event *events, int count,
		      const struct timespec *timeout, const sigset_t *mask)
{
	if (is_idle()) {
		return real.epoll_pwait2(epoll, events, count, timeout, mask);
	}
	if (UNLIKELY(doze_wanted())) {
		return epoll_pwait2_dozing(epoll, events, count, timeout, mask);
	}
	return epoll_ends(events, real.epoll_pwait2(epoll, events, count, timeout, mask));
}
