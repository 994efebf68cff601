/*
 * Waiting: observed, never altered. What is waited for tells which way the program was going when
 * an error comes through SO_ERROR.
 */
#include "hook.h"

#include <limits.h>
#include "flow.h"

static void waits(struct conn *conn, bool in, bool out)
{
	enum direction direction = in ? DIRECTION_READ : out ? DIRECTION_WRITE : DIRECTION_NONE;
	atomic_store_explicit(&conn->waiting, (uint8_t)direction, memory_order_relaxed);
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
		struct conn *conn = fds[i].fd >= 0 ? conn_known(fds[i].fd) : NULL;
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
	poll_begins(fds, count);
	return poll_ends(fds, count, real.poll(fds, count, timeout));
}

int hook___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room)
{
	if (count <= room / sizeof *fds) {
		poll_begins(fds, count);
	}
	return poll_ends(fds, count, real.__poll_chk(fds, count, timeout, room));
}

int hook_ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask)
{
	poll_begins(fds, count);
	return poll_ends(fds, count, real.ppoll(fds, count, timeout, mask));
}

int hook___ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		     const sigset_t *mask, size_t room)
{
	if (count <= room / sizeof *fds) {
		poll_begins(fds, count);
	}
	return poll_ends(fds, count, real.__ppoll_chk(fds, count, timeout, mask, room));
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

int hook_select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	select_begins(count, in, out);
	return select_ends(count, out, real.select(count, in, out, except, timeout));
}

int hook_pselect(int count, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
		 const sigset_t *mask)
{
	select_begins(count, in, out);
	return select_ends(count, out, real.pselect(count, in, out, except, timeout, mask));
}

int hook_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event)
{
	struct conn *conn = conn_known(fd);
	if (conn != NULL && event != NULL && operation != EPOLL_CTL_DEL) {
		waits(conn, (event->events & EPOLLIN) != 0, (event->events & EPOLLOUT) != 0);
	}
	return real.epoll_ctl(epoll, operation, fd, event);
}

/* What epoll gives back is the program's own data and names no descriptor. */
int hook_epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
	return waited(real.epoll_wait(epoll, events, count, timeout));
}

int hook_epoll_pwait(int epoll, struct epoll_event *events, int count, int timeout,
		     const sigset_t *mask)
{
	return waited(real.epoll_pwait(epoll, events, count, timeout, mask));
}

int hook_epoll_pwait2(int epoll, struct epoll_event *events, int count,
		      const struct timespec *timeout, const sigset_t *mask)
{
	return waited(real.epoll_pwait2(epoll, events, count, timeout, mask));
}
