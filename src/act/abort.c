#include "abort.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../conn/evidence.h"
#include "../sys/memory.h"
#include "../sys/raw.h"

/* Connections that have died with bytes unread and not yet been read to the end. */
#define STASHES_MAX 64

/*
 * Whoever looks into a stash or changes it holds it: its owner is BUSY meanwhile, and any other
 * thread or signal handler passes it by.
 */
static struct stash {
	const struct conn *_Atomic owner; /* NULL: free */
	_Atomic uint32_t generation;      /* of the owner's record */
	char *bytes;
	size_t mapped, length, taken;
} stashes[STASHES_MAX];

static const struct conn busy;
#define BUSY (&busy)

static bool stash_hold(struct stash *stash, const struct conn *owner)
{
	return atomic_compare_exchange_strong(&stash->owner, &owner, BUSY);
}

static void stash_release(struct stash *stash, const struct conn *owner)
{
	atomic_store_explicit(&stash->owner, owner, memory_order_release);
}

/* Give back what a stash that is held has in it. */
static void stash_empty(struct stash *stash)
{
	raw_unmap(stash->bytes, stash->mapped);
	stash->bytes = NULL;
	stash->mapped = stash->length = stash->taken = 0;
}

static bool is_of(const struct stash *stash, const struct conn *conn)
{
	return atomic_load_explicit(&stash->owner, memory_order_acquire) == conn &&
	       conn_same(conn, atomic_load_explicit(&stash->generation, memory_order_relaxed));
}

/* The stash of a connection, held; NULL when there is none. */
static struct stash *stash_of(const struct conn *conn)
{
	for (size_t i = 0; i < STASHES_MAX; i++) {
		if (!is_of(&stashes[i], conn) || !stash_hold(&stashes[i], conn)) {
			continue;
		}
		if (conn_same(conn, atomic_load(&stashes[i].generation))) {
			return &stashes[i];
		}
		stash_release(&stashes[i], conn);
	}
	return NULL;
}

/* An empty stash, held; NULL when all are taken. */
static struct stash *stash_claim(void)
{
	for (size_t i = 0; i < STASHES_MAX; i++) {
		const struct conn *owner = atomic_load(&stashes[i].owner);
		if (owner == BUSY || (owner != NULL && is_of(&stashes[i], owner)) ||
		    !stash_hold(&stashes[i], owner)) {
			continue;
		}
		if (owner == NULL) {
			return &stashes[i];
		}
		if (!conn_same(owner, atomic_load(&stashes[i].generation))) {
			/* Its connection went without a close that we saw. */
			stash_empty(&stashes[i]);
			return &stashes[i];
		}
		stash_release(&stashes[i], owner);
	}
	return NULL;
}

/* Take what has arrived out of the receive queue; how many bytes had to be left there. */
static uint64_t stash_queue(const struct call *call)
{
	int queued = 0;
	if (raw_ioctl(call->fd, SIOCINQ, &queued) < 0 || queued <= 0) {
		return 0;
	}
	struct stash *stash = stash_claim();
	if (stash == NULL) {
		return (uint64_t)queued;
	}
	stash->bytes = raw_map((size_t)queued);
	if (stash->bytes == NULL) {
		stash_release(stash, NULL);
		return (uint64_t)queued;
	}
	stash->mapped = (size_t)queued;
	stash->taken = 0;
	long got = raw6(SYS_recvfrom, call->fd, stash->bytes, queued, MSG_DONTWAIT, NULL, NULL);
	stash->length = got > 0 ? (size_t)got : 0;
	atomic_store_explicit(&stash->generation, call->generation, memory_order_relaxed);
	stash_release(stash, call->conn);
	return 0;
}

const char *abort_error(const struct aborted *aborted)
{
	return aborted->after_fin ? "EPIPE or an end of file" : "ECONNRESET";
}

void abort_say(struct text *by, const struct aborted *aborted)
{
	if (aborted->lost == 0) {
		text_string(by, "what had arrived can still be read first");
	} else {
		text_format(by, "%z that had arrived are lost, there is no room to keep them",
			    aborted->lost);
	}
}

int abort_connection(struct call *call, struct aborted *aborted)
{
	conn_learn_local(call->conn, call->fd);
	aborted->after_fin = evidence_state(call->fd) == STATE_CLOSE_WAIT;
	aborted->lost = stash_queue(call);
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	long result = raw_connect(call->fd, &nowhere, sizeof nowhere);
	raw2(SYS_shutdown, call->fd, SHUT_RDWR);
	if (result == 0 && aborted->after_fin) {
		int taken = 0;
		socklen_t size = sizeof taken;
		raw_getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &taken, &size);
	}
	return (int)result;
}

static ssize_t scatter(const struct call *call, const char *bytes, size_t count)
{
	size_t copied = 0;
	for (size_t i = 0; i < call->piece_count && copied < count; i++) {
		size_t more = call->pieces[i].iov_len;
		if (more > count - copied) {
			more = count - copied;
		}
		/* MSG_TRUNC is TCP's way to throw bytes away: tcp(7). */
		if ((call->flags & MSG_TRUNC) == 0 &&
		    !memory_write(call->pieces[i].iov_base, bytes + copied, more)) {
			return -EFAULT;
		}
		copied += more;
	}
	return (ssize_t)copied;
}

static void answer_from(struct stash *stash, struct call *call)
{
	if (call->pieces == NULL && call->asked > 0) {
		/* A splice: say that it cannot be done here, and the program reads instead. */
		call->result = -1;
		call->error = errno = EINVAL;
		return;
	}
	size_t left = stash->length - stash->taken;
	ssize_t count =
		scatter(call, stash->bytes + stash->taken, left < call->asked ? left : call->asked);
	if (count < 0) {
		/* They stay, as in the kernel's queue. */
		call->result = -1;
		call->error = errno = (int)-count;
		return;
	}
	if ((call->flags & MSG_PEEK) == 0) {
		stash->taken += (size_t)count;
	}
	call->result = count;
}

bool abort_answers_read(struct call *call)
{
	struct stash *stash = stash_of(call->conn);
	if (stash == NULL) {
		return false;
	}
	bool answers = stash->taken < stash->length;
	if (answers) {
		answer_from(stash, call);
	}
	stash_release(stash, call->conn);
	return answers;
}

bool abort_mends_read(struct rule *rule, struct call *call)
{
	(void)rule;
	if (call->result >= 0 || op_direction(call->op) != DIRECTION_READ ||
	    call->conn->injected == 0 || atomic_load(&call->conn->phase) != PHASE_OPEN) {
		return false;
	}
	if (call->error == ENOTCONN) {
		call->result = 0;
		call->error = 0;
	}
	return call->error == EPIPE;
}

bool abort_holds(const struct conn *conn)
{
	struct stash *stash = stash_of(conn);
	if (stash == NULL) {
		return false;
	}
	bool holds = stash->taken < stash->length;
	stash_release(stash, conn);
	return holds;
}

bool abort_outlasts_edit(struct rule *rule, struct call *call)
{
	(void)rule;
	return abort_holds(call->conn);
}

void abort_forget(const struct conn *conn)
{
	struct stash *stash = stash_of(conn);
	if (stash != NULL) {
		stash_empty(stash);
		stash_release(stash, NULL);
	}
}
