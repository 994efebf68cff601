#include "abort.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../sys/raw.h"

/* Connections that have died with bytes unread and not yet been read to the end. */
#define STASHES_MAX 64

static struct stash {
	const struct conn *_Atomic conn;       /* NULL: free */
	uint32_t generation;
	char *bytes;
	size_t mapped, length, taken;
} stashes[STASHES_MAX];

static struct stash *stash_of(const struct conn *conn)
{
	for (size_t i = 0; i < STASHES_MAX; i++) {
		if (atomic_load_explicit(&stashes[i].conn, memory_order_acquire) == conn &&
		    conn_same(conn, stashes[i].generation)) {
			return &stashes[i];
		}
	}
	return NULL;
}

static void stash_drop(struct stash *stash)
{
	raw_unmap(stash->bytes, stash->mapped);
	atomic_store_explicit(&stash->conn, NULL, memory_order_release);
}

static struct stash *stash_claim(const struct conn *conn)
{
	for (size_t i = 0; i < STASHES_MAX; i++) {
		const struct conn *owner = atomic_load(&stashes[i].conn);
		if (owner != NULL && !conn_same(owner, stashes[i].generation)) {
			/* Its connection went without a close that we saw. */
			stash_drop(&stashes[i]);
			owner = NULL;
		}
		if (owner == NULL &&
		    atomic_compare_exchange_strong(&stashes[i].conn, &owner, conn)) {
			return &stashes[i];
		}
	}
	return NULL;
}

/* Take what has arrived out of the receive queue. */
static void stash_queue(const struct call *call)
{
	int queued = 0;
	if (raw_ioctl(call->fd, SIOCINQ, &queued) < 0 || queued <= 0) {
		return;
	}
	char *bytes = raw_map((size_t)queued);
	struct stash *stash = bytes != NULL ? stash_claim(call->conn) : NULL;
	if (stash == NULL) {
		raw_unmap(bytes, (size_t)queued);
		return;
	}
	stash->generation = call->generation;
	stash->bytes = bytes;
	stash->mapped = (size_t)queued;
	stash->taken = 0;
	long got = raw6(SYS_recvfrom, call->fd, stash->bytes, queued, MSG_DONTWAIT, NULL, NULL);
	stash->length = got > 0 ? (size_t)got : 0;
}

int abort_connection(struct call *call)
{
	conn_learn_local(call->conn, call->fd);
	stash_queue(call);
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	long result = raw_connect(call->fd, &nowhere, sizeof nowhere);
	raw2(SYS_shutdown, call->fd, SHUT_RDWR);
	return (int)result;
}

static size_t scatter(const struct call *call, const char *bytes, size_t count)
{
	size_t copied = 0;
	for (size_t i = 0; i < call->piece_count && copied < count; i++) {
		size_t more = call->pieces[i].iov_len;
		if (more > count - copied) {
			more = count - copied;
		}
		memcpy(call->pieces[i].iov_base, bytes + copied, more);
		copied += more;
	}
	return copied;
}

bool abort_answers_read(struct call *call)
{
	struct stash *stash = stash_of(call->conn);
	if (stash == NULL || stash->taken >= stash->length || call->asked == 0) {
		return false;
	}
	if (call->pieces == NULL) {
		/* A splice: say that it cannot be done here, and the program reads instead. */
		call->result = -1;
		call->error = errno = EINVAL;
		return true;
	}
	size_t count = scatter(call, stash->bytes + stash->taken, stash->length - stash->taken);
	if ((call->flags & MSG_PEEK) == 0) {
		stash->taken += count;
	}
	call->result = (ssize_t)count;
	return true;
}

void abort_forget(const struct conn *conn)
{
	struct stash *stash = stash_of(conn);
	if (stash != NULL) {
		stash_drop(stash);
	}
}
