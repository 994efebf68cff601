/*
 * The way of a call on a calm connection, which nearly all calls are:
 *
 *     uintptr_t slot = table_get_near(fd);
 *     struct conn *conn = conn_calm(slot);
 *     if (conn == NULL) {                                              no connection, or one that
 *             return slot == SLOT_OTHER ? real.recv(fd, buffer, size, flags)          needs care
 *                                       : recv_with_care(fd, buffer, size, flags);
 *     }
 *     if (!goes_silently(conn, flags)) {                               logged, or made by libc
 *             return recv_aloud(conn, fd, buffer, size, flags);
 *     }
 *     uint32_t generation = conn_generation(conn);
 *     long result = kernel_recv(fd, buffer, size, flags);
 *     return passes_read(conn, generation, OP_RECV, result, flags)     counted and remembered
 *                    ? libcs(result)
 *                    : recv_ended(conn, generation, fd, buffer, size, flags, result);
 *
 * That is all that a call costs that succeeds: no second system call, no lock, no heap, no frame.
 *
 * It is made as the bare system call, where nobody could tell it from libc's function. A function
 * that returns behind a system call costs 15 to 20 ns on processors whose kernel keeps returns from
 * being predicted (spec_rstack_overflow, retbleed): ours is one such return more than the program has
 * alone, and without libc's it is none. libc's functions are that system call and most of them one thing
 * beside it: they are cancellation points. So libc is left out only
 *
 *     - when the function next in line is libc's own, and no other library's
 *     - while nobody has called pthread_cancel
 *     - when the call does not wait, or there is no other thread: a cancellation that comes while it
 *       waits has to end it
 */
#ifndef RESETBY_HOOK_STRAIGHT_H
#define RESETBY_HOOK_STRAIGHT_H

#include "../sys/raw.h"
#include "flow.h"
#include "real.h"

/** How calls on calm connections are made. */
enum straight {
	STRAIGHT_NEVER,   /* by libc, or what is next in line */
	STRAIGHT_LOGGED,  /* straight, and each has its line */
	STRAIGHT_SILENTLY /* straight, without a word */
};

/** No more than this (enum straight). */
extern HIDDEN atomic_uchar straight_most;

/** libc's __libc_single_threaded (glibc 2.32), or what is always 0. */
extern HIDDEN const volatile char *straight_single;

/** Look whose the functions are; after real_resolve. */
void straight_start(void);

/** The connection in a slot, if there is one and it is calm. */
static ALWAYS_INLINE struct conn *conn_calm(uintptr_t slot)
{
	if (UNLIKELY(slot <= SLOT_OTHER)) {
		return NULL;
	}
	struct conn *conn = (struct conn *)slot;
	bool calm = atomic_load_explicit(&conn->calm, memory_order_relaxed) ==
		    atomic_load_explicit(&flow_calm, memory_order_relaxed);
	return LIKELY(calm) ? conn : NULL;
}

/** Has nobody else to be able to end a call with these flags? */
static ALWAYS_INLINE bool stays_ours(const struct conn *conn, int flags)
{
	return *straight_single != 0 || conn_is(conn, CONN_NONBLOCKING) ||
	       (flags & MSG_DONTWAIT) != 0;
}

/** May a call that never waits be made without libc and without a word? */
static ALWAYS_INLINE bool passes_silently(void)
{
	return LIKELY(atomic_load_explicit(&straight_most, memory_order_relaxed) ==
		      STRAIGHT_SILENTLY);
}

/** May a call with these flags be made without libc? */
static ALWAYS_INLINE bool goes_straight(const struct conn *conn, int flags)
{
	return atomic_load_explicit(&straight_most, memory_order_relaxed) != STRAIGHT_NEVER &&
	       stays_ours(conn, flags);
}

/** And without a word? */
static ALWAYS_INLINE bool goes_silently(const struct conn *conn, int flags)
{
	return passes_silently() && stays_ours(conn, flags);
}

/** What the kernel would have said of libc's result. */
static ALWAYS_INLINE long kernels(ssize_t result)
{
	return LIKELY(result >= 0) ? result : -errno;
}

/** What libc makes of the kernel's result. */
static ALWAYS_INLINE ssize_t libcs(long result)
{
	if (UNLIKELY(result < 0)) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

/* ---- the system calls: >= 0, or a negative errno ---- */

static ALWAYS_INLINE long kernel_recv(int fd, void *buffer, size_t size, int flags)
{
	long got = raw_syscall(SYS_recvfrom, fd, RAW_ARG(buffer), RAW_ARG(size), flags, 0, 0);
	SANITIZER_WRITTEN(buffer, got > 0 ? (size_t)got : 0);
	return got;
}

static ALWAYS_INLINE long kernel_read(int fd, void *buffer, size_t size)
{
	long got = raw_syscall(SYS_read, fd, RAW_ARG(buffer), RAW_ARG(size), 0, 0, 0);
	SANITIZER_WRITTEN(buffer, got > 0 ? (size_t)got : 0);
	return got;
}

static ALWAYS_INLINE long kernel_readv(int fd, const struct iovec *pieces, int count)
{
	return raw_syscall(SYS_readv, fd, RAW_ARG(pieces), count, 0, 0, 0);
}

static ALWAYS_INLINE long kernel_recvmsg(int fd, struct msghdr *message, int flags)
{
	return raw_syscall(SYS_recvmsg, fd, RAW_ARG(message), flags, 0, 0, 0);
}

static ALWAYS_INLINE long kernel_send(int fd, const void *buffer, size_t size, int flags)
{
	return raw_syscall(SYS_sendto, fd, RAW_ARG(buffer), RAW_ARG(size), flags, 0, 0);
}

static ALWAYS_INLINE long kernel_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return raw_syscall(SYS_sendmsg, fd, RAW_ARG(message), flags, 0, 0, 0);
}

static ALWAYS_INLINE long kernel_setsockopt(int fd, int level, int name, const void *value,
					    socklen_t size)
{
	return raw_syscall(SYS_setsockopt, fd, level, name, RAW_ARG(value), (long)size, 0);
}

/* Where the kernel has only the calls with a signal mask (aarch64), libc's make of one the other. */
static ALWAYS_INLINE long kernel_poll(struct pollfd *fds, nfds_t count, int timeout)
{
#ifdef SYS_poll
	return raw_syscall(SYS_poll, RAW_ARG(fds), (long)count, timeout, 0, 0, 0);
#else
	return kernels(real.poll(fds, count, timeout));
#endif
}

static ALWAYS_INLINE long kernel_epoll_wait(int epoll, struct epoll_event *events, int count,
					    int timeout)
{
#ifdef SYS_epoll_wait
	return raw_syscall(SYS_epoll_wait, epoll, RAW_ARG(events), count, timeout, 0, 0);
#else
	return kernels(real.epoll_wait(epoll, events, count, timeout));
#endif
}

/* ---- with care, but straight where that is possible: as libc's functions ---- */

/** May a wait be made without libc? */
static ALWAYS_INLINE bool waits_straight(int timeout)
{
	return LIKELY(atomic_load_explicit(&straight_most, memory_order_relaxed) !=
		      STRAIGHT_NEVER) &&
	       (timeout == 0 || *straight_single != 0);
}

static ALWAYS_INLINE int straight_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return waits_straight(timeout) ? (int)libcs(kernel_poll(fds, count, timeout))
				       : real.poll(fds, count, timeout);
}

static ALWAYS_INLINE int straight_epoll_wait(int epoll, struct epoll_event *events, int count,
					     int timeout)
{
	return waits_straight(timeout)
		       ? (int)libcs(kernel_epoll_wait(epoll, events, count, timeout))
		       : real.epoll_wait(epoll, events, count, timeout);
}

static ALWAYS_INLINE ssize_t straight_recv(const struct conn *conn, int fd, void *buffer,
					   size_t size, int flags)
{
	return goes_straight(conn, flags) ? libcs(kernel_recv(fd, buffer, size, flags))
					  : real.recv(fd, buffer, size, flags);
}

static ALWAYS_INLINE ssize_t straight_read(const struct conn *conn, int fd, void *buffer,
					   size_t size)
{
	return goes_straight(conn, 0) ? libcs(kernel_read(fd, buffer, size))
				      : real.read(fd, buffer, size);
}

static ALWAYS_INLINE ssize_t straight_send(const struct conn *conn, int fd, const void *buffer,
					   size_t size, int flags)
{
	return goes_straight(conn, flags) ? libcs(kernel_send(fd, buffer, size, flags))
					  : real.send(fd, buffer, size, flags);
}

static ALWAYS_INLINE ssize_t straight_sendmsg(const struct conn *conn, int fd,
					      const struct msghdr *message, int flags)
{
	return goes_straight(conn, flags) ? libcs(kernel_sendmsg(fd, message, flags))
					  : real.sendmsg(fd, message, flags);
}

/* ---- a calm call has returned ---- */

static ALWAYS_INLINE uint32_t conn_generation(const struct conn *conn)
{
	return atomic_load_explicit(&conn->generation, memory_order_relaxed);
}

/** Did bytes move, and as many as the history can say? The kernel moves less in any one call. */
static ALWAYS_INLINE bool has_moved(long result)
{
	return LIKELY((size_t)result - 1 < INT32_MAX);
}

/** Is the connection still what it was, is the time known, and nothing due by now? */
static ALWAYS_INLINE bool stays_quiet(const struct conn *conn, uint32_t generation,
				      uint32_t *now_ms)
{
	if (UNLIKELY(!conn_same(conn, generation)) || UNLIKELY(!clock_is_known(now_ms))) {
		return false;
	}
	return !watch_is_due(*now_ms);
}

/** Is there no more to do for a call that moves no bytes than to remember it? Then that is done. */
static ALWAYS_INLINE bool passes(struct conn *conn, uint32_t generation, enum op op, long result)
{
	uint32_t now_ms;
	if (UNLIKELY(result != 0) || !stays_quiet(conn, generation, &now_ms)) {
		return false;
	}
	conn_remember(conn, op, 0, 0, now_ms);
	return true;
}

/** Did it come too early, as every second read of an event loop does? */
static ALWAYS_INLINE bool finds_nothing(struct conn *conn, enum op op, long result, uint32_t now_ms)
{
	if (result != -EAGAIN) {
		return false;
	}
	conn_remember(conn, op, -1, EAGAIN, now_ms);
	return true;
}

/** Is there no more to do for a read than to count and remember it? Then that is done. */
static ALWAYS_INLINE bool passes_read(struct conn *conn, uint32_t generation, enum op op,
				      long result, int flags)
{
	uint32_t now_ms;
	if (!stays_quiet(conn, generation, &now_ms)) {
		return false;
	}
	if (!has_moved(result)) {
		return finds_nothing(conn, op, result, now_ms);
	}
	if (!call_moves(flags) || (flags & MSG_OOB) != 0 ||
	    UNLIKELY(!conn_goes_on(conn, DIRECTION_READ, now_ms))) {
		return false;
	}
	conn_remember(conn, op, result, 0, now_ms);
	conn_count32(&conn->calls_in);
	conn_moved(conn, &conn->bytes_in, (size_t)result, now_ms);
	return true;
}

/** The same of a write. */
static ALWAYS_INLINE bool passes_write(struct conn *conn, uint32_t generation, enum op op,
				       long result)
{
	uint32_t now_ms;
	if (!stays_quiet(conn, generation, &now_ms)) {
		return false;
	}
	if (!has_moved(result)) {
		return finds_nothing(conn, op, result, now_ms);
	}
	if (UNLIKELY(!conn_goes_on(conn, DIRECTION_WRITE, now_ms))) {
		return false;
	}
	conn_remember(conn, op, result, 0, now_ms);
	conn_count32(&conn->calls_out);
	conn_moved(conn, &conn->bytes_out, (size_t)result, now_ms);
	return true;
}

/* ---- a call that is told, or has not passed ---- */

static ALWAYS_INLINE struct call call_of(struct conn *conn, uint32_t generation, enum op op, int fd,
					 const void *bytes, size_t asked, int flags)
{
	return (struct call){
		.conn = conn,
		.generation = generation,
		.op = op,
		.fd = fd,
		.asked = asked,
		.flags = flags,
		.bytes = bytes,
	};
}

/** It begins; when calls are logged, that is noted. */
void straight_begin(struct call *call);

/** It has returned, and may have failed; returns as libc would. */
ssize_t straight_end_read(struct call *call, long result);
ssize_t straight_end_write(struct call *call, long result);

#endif
