#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include "guard.h"
#include "sink.h"

static uint64_t signals_of(uint16_t mode)
{
	if (S_ISSOCK(mode)) {
		return 0;
	}
	if (!S_ISREG(mode)) {
		/* A terminal stops a background program with SIGTTOU when `stty tostop` is set. */
		return GUARD_BIT(SIGPIPE) | GUARD_BIT(SIGTTOU);
	}
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
	raw4(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
	return limit.rlim_cur == RLIM_INFINITY ? 0 : GUARD_BIT(SIGXFSZ);
}

void sink_look(struct sink *sink, const struct statx *status)
{
	sink->size = status->stx_size;
	sink_expect(sink, status->stx_mode);
}

void sink_expect(struct sink *sink, uint16_t mode)
{
	sink->mode = mode;
	sink->signals = signals_of(mode);
}

bool sink_is_limited(const struct sink *sink)
{
	return S_ISREG(sink->mode) && sink->signals != 0;
}

static uint64_t raised_by(long error)
{
	return error == -EPIPE ? GUARD_BIT(SIGPIPE) : error == -EFBIG ? GUARD_BIT(SIGXFSZ) : 0;
}

static int wait_free(const struct sink *sink)
{
	if (S_ISREG(sink->mode)) {
		return 0;
	}
	struct pollfd poll = {.fd = sink->fd, .events = POLLOUT};
	raw_poll(&poll, 1, 0);
	return poll.revents == 0 ? -EAGAIN : 0;
}

static long transmit(const struct sink *sink, struct iovec *parts, size_t count)
{
	if (S_ISSOCK(sink->mode)) {
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
		return raw3(SYS_sendmsg, sink->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	long sent;
	do {
		sent = count == 1 ? raw_write(sink->fd, parts->iov_base, parts->iov_len)
				  : raw3(SYS_writev, sink->fd, parts, count);
	} while (sent == -EINTR);
	return sent;
}

/*
 * An appending write leaves the descriptor's position at its own end. When that is the file's end
 * too, our fragment is the last thing in the file, and what was before it can be had back.
 */
static bool take_back(const struct sink *sink, size_t excess)
{
	if (!sink->ours || !S_ISREG(sink->mode)) {
		return false;
	}
	long end = raw3(SYS_lseek, sink->fd, 0, SEEK_CUR);
	return end >= (long)excess && raw3(SYS_lseek, sink->fd, 0, SEEK_END) == end &&
	       raw2(SYS_ftruncate, sink->fd, end - (long)excess) == 0;
}

/* Why a write ended early is told to the next write only: this is what it would be. */
static int early_end(const struct sink *sink)
{
	if (!S_ISREG(sink->mode)) {
		return -EAGAIN;
	}
	return sink->signals != 0 ? -EFBIG : -ENOSPC;
}

static size_t whole_lines(const char *lines, size_t length)
{
	const char *newline = length > 0 ? memrchr(lines, '\n', length) : NULL;
	return newline != NULL ? (size_t)(newline - lines) + 1 : 0;
}

/* Returns the bytes that were sent of the lines, without the newline that ends a torn one. */
static long send_lines(const struct sink *sink, const char *lines, size_t length)
{
	struct iovec parts[] = {
		{.iov_base = (char[]){'\n'}, .iov_len = 1},
		{.iov_base = (void *)(uintptr_t)lines, .iov_len = length},
	};
	bool torn = !sandbox_closed && atomic_load_explicit(sink->torn, memory_order_relaxed) &&
		    atomic_exchange(sink->torn, false);
	struct guard guard;
	guard_begin(&guard, sink->signals);
	long sent = torn ? transmit(sink, parts, 2) : transmit(sink, parts + 1, 1);
	guard_end(&guard, sink->signals, raised_by(sent));
	if (torn && sent <= 0) {
		atomic_store(sink->torn, true);
	}
	return torn && sent > 0 ? sent - 1 : sent;
}

long sink_write_lines(const struct sink *sink, const char *lines, size_t length)
{
	int busy = wait_free(sink);
	if (busy < 0) {
		return busy;
	}
	long sent = send_lines(sink, lines, length);
	if (sent < 0 || sent == (long)length) {
		return sent;
	}
	size_t whole = whole_lines(lines, (size_t)sent);
	size_t excess = (size_t)sent - whole;
	if (excess > 0 && !take_back(sink, excess)) {
		atomic_store(sink->torn, true);
	}
	return whole > 0 ? (long)whole : early_end(sink);
}

int sink_write(const struct sink *sink, const char *line, size_t length)
{
	long sent = sink_write_lines(sink, line, length);
	return sent < 0 ? (int)sent : sent == (long)length ? 0 : early_end(sink);
}
