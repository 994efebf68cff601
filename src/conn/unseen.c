#include "unseen.h"

#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "holder.h"
#include "threads.h"

/* Sequence numbers that are no bytes: SYN, FIN, and an urgent byte that was skipped. */
#define SLACK 4

/*
 * How often the processor is given away to a call that has returned and is not counted yet, and for how
 * long: on a busy machine others take a slice each time.
 */
#define COUNT_TURNS 100
#define COUNT_MS 10u

static uint64_t excess(uint64_t moved, const _Atomic uint64_t *counted)
{
	uint64_t seen = atomic_load_explicit(counted, memory_order_relaxed);
	return moved > seen + SLACK ? moved - seen : 0;
}

/* Each segment may have had an urgent byte, which is skipped where the program does not ask for it. */
static uint64_t excess_in(const struct evidence *e, const struct conn *conn, uint64_t taken)
{
	uint64_t more = excess(taken, &conn->bytes_in);
	return more > e->data_segs_in ? more : 0;
}

bool unseen_suspected(const struct conn *conn, uint64_t received, uint64_t acked)
{
	return excess(received, &conn->bytes_in) > 0 || excess(acked, &conn->bytes_out) > 0;
}

/*
 * At most so many bytes wait to be read: what their buffers weigh. SIOCINQ would be exact, but ends
 * at an urgent byte.
 */
static uint64_t waiting_at_most(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof memory;
	long result = raw_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
	return result < 0 ? INT64_MAX : memory[SK_MEMINFO_RMEM_ALLOC];
}

/* Bytes that have left the receive buffer, at least; the kernel counts the peer's FIN as one. */
static uint64_t taken(const struct evidence *e, uint64_t waiting)
{
	bool fin = e->peer_fin || e->state == STATE_CLOSE_WAIT || e->state == STATE_LAST_ACK ||
		   e->state == STATE_CLOSING;
	return e->bytes_received > waiting + fin ? e->bytes_received - waiting - fin : 0;
}

/* Bytes that were put into the send buffer; after a failed connect the queue means nothing. */
static uint64_t put(const struct evidence *e)
{
	if (e->connecting || e->outq == QUEUE_UNKNOWN) {
		return 0;
	}
	uint64_t count = e->bytes_acked + (uint64_t)e->outq;
	/* A client's SYN is counted. */
	return count - (e->side == SIDE_CLIENT && e->bytes_acked > 0);
}

/* TLS in the kernel: its records are longer than what the program reads and writes. */
static bool is_wrapped(int fd)
{
	char name[16] = "";
	socklen_t size = sizeof name;
	raw_getsockopt(fd, IPPROTO_TCP, TCP_ULP, name, &size);
	return name[0] != '\0';
}

void unseen_await(const struct conn *conn, int fd, uint64_t acked)
{
	int unacked = 0;
	raw_ioctl(fd, SIOCOUTQ, &unacked);
	uint64_t sent = acked + (uint64_t)unacked;
	if (!unseen_suspected(conn, 0, sent) || !threads_many()) {
		return;
	}
	uint64_t until_ms = clock_coarse_ms() + COUNT_MS;
	for (int turn = 0; turn < COUNT_TURNS && clock_coarse_ms() < until_ms; turn++) {
		raw0(SYS_sched_yield);
		if (!unseen_suspected(conn, 0, sent)) {
			break;
		}
	}
}

/*
 * Does the difference say something? Not where somebody else may have moved the bytes: another
 * process, a rule of ours that reads, or a call of another thread that waits half done.
 */
static bool is_telling(const struct evidence *e, const struct conn *conn, int fd)
{
	return conn_holding(conn) == HOLDING_ALONE && conn->choice.actions == 0 && e->rule == 0 &&
	       !(e->blocking && threads_many()) && !is_wrapped(fd) &&
	       !(conn_is(conn, CONN_LEARNED) && holder_is_parent(fd));
}

void unseen_collect(struct evidence *e, const struct conn *conn, int fd)
{
	if (e->listening || !unseen_suspected(conn, e->bytes_received, put(e)) ||
	    !is_telling(e, conn, fd)) {
		return;
	}
	uint64_t waiting = waiting_at_most(fd);
	uint64_t in = taken(e, waiting);
	uint64_t out = put(e);
	if (excess_in(e, conn, in) == 0 && excess(out, &conn->bytes_out) == 0) {
		return;
	}
	/* Another thread's call may have returned, and not be counted yet. */
	raw0(SYS_sched_yield);
	e->unseen_in = excess_in(e, conn, in);
	e->unseen_out = excess(out, &conn->bytes_out);
	if (e->unseen_in == 0 && e->unseen_out == 0) {
		return;
	}
	e->unseen = true;
	e->unseen_in_least = waiting > 0;
	e->bytes_in += e->unseen_in;
	e->bytes_out += e->unseen_out;
	/* When the last byte went, and which way, was not seen. */
	e->gap_ms = 0;
	e->last_turn = DIRECTION_NONE;
}

void unseen_begin(struct conn *conn, int fd, uint64_t received, uint64_t acked)
{
	int waiting = 0;
	int unacked = 0;
	raw_ioctl(fd, SIOCINQ, &waiting);
	raw_ioctl(fd, SIOCOUTQ, &unacked);
	uint64_t in = received > (uint64_t)waiting ? received - (uint64_t)waiting : 0;
	atomic_store_explicit(&conn->bytes_in, in, memory_order_relaxed);
	atomic_store_explicit(&conn->bytes_out, acked + (uint64_t)unacked, memory_order_relaxed);
}
