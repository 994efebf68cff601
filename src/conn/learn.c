#include "conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "../sys/proc.h"
#include "../sys/raw.h"
#include "../sys/sandbox.h"
#include "evidence.h"
#include "info.h"
#include "listener.h"
#include "unseen.h"

/* So many connections that came from elsewhere are compared with those before. */
#define LEARN_SEARCHES 16

static bool disabled;

void conn_disable(void)
{
	disabled = true;
}

bool conn_enabled(void)
{
	return !disabled;
}

static int socket_number(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof value;
	long result = raw_getsockopt(fd, SOL_SOCKET, name, &value, &size);
	return result < 0 ? (int)result : value;
}

/* What kind of slot a descriptor deserves; SLOT_UNKNOWN for a TCP socket, or for none at all. */
static uintptr_t classify(int fd, bool *tcp)
{
	*tcp = false;
	int protocol = socket_number(fd, SO_PROTOCOL);
	if (protocol == -EBADF) {
		return SLOT_UNKNOWN;
	}
	if (protocol == -ENOTSOCK) {
		return SLOT_NO_SOCKET;
	}
	int family = protocol == IPPROTO_TCP ? socket_number(fd, SO_DOMAIN) : -1;
	*tcp = family == AF_INET || family == AF_INET6;
	return *tcp ? SLOT_UNKNOWN : SLOT_OTHER;
}

static struct addr socket_name(int fd, bool of_peer)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	long result =
		of_peer ? raw_getpeername(fd, &name, &size) : raw_getsockname(fd, &name, &size);
	if (result < 0) {
		return (struct addr){.family = 0};
	}
	return addr_from_sockaddr(&name, size);
}

/* Or was: of a refused SYN nothing has come but the RST, where an accepted one had two segments at least. */
static bool is_connecting(const struct tcp_info *info)
{
	return info->tcpi_state == STATE_SYN_SENT ||
	       (info->tcpi_state == STATE_CLOSE && info->tcpi_segs_in == 1);
}

/*
 * Who opened an inherited connection is not written anywhere; but the kernel counts a client's SYN among
 * what was acknowledged or is on its way, and not among what was sent. A FIN of ours is another of that
 * kind, and what goes out or is acknowledged while we ask makes the counts disagree.
 */
static enum side counted_side(int fd, const struct tcp_info *info)
{
	struct tcp_info again;
	int unacked = 0;
	int unsent = 0;
	if (is_connecting(info)) {
		return SIDE_CLIENT;
	}
	if (raw_ioctl(fd, SIOCOUTQ, &unacked) < 0 || raw_ioctl(fd, SIOCOUTQNSD, &unsent) < 0 ||
	    !info_has_sent(info_read(fd, &again)) ||
	    again.tcpi_bytes_sent != info->tcpi_bytes_sent ||
	    again.tcpi_bytes_acked != info->tcpi_bytes_acked) {
		return SIDE_UNKNOWN;
	}
	bool no_fin = info->tcpi_state == STATE_ESTABLISHED || info->tcpi_state == STATE_CLOSE_WAIT;
	uint64_t sent = info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
	uint64_t acked = info->tcpi_bytes_acked;
	switch (acked + (uint64_t)(unacked - unsent) - sent) {
	case 0:
		return SIDE_SERVER;
	case 1:
		return no_fin ? SIDE_CLIENT : SIDE_UNKNOWN;
	case 2:
		return SIDE_CLIENT;
	default:
		return SIDE_UNKNOWN;
	}
}

/* Of the two ports the one in the ephemeral range is the client's. */
static enum side guess_side(const struct addr *local, const struct addr *peer)
{
	int64_t range[2];
	if (proc_sysctl("net/ipv4/ip_local_port_range", range, 2) != 2) {
		return SIDE_UNKNOWN;
	}
	bool local_ephemeral = local->port >= range[0] && local->port <= range[1];
	bool peer_ephemeral = peer->port >= range[0] && peer->port <= range[1];
	if (local_ephemeral == peer_ephemeral) {
		return SIDE_UNKNOWN;
	}
	return local_ephemeral ? SIDE_CLIENT : SIDE_SERVER;
}

/* The kernel counts a client's SYN; where the side is not known, nothing sent is likelier than one. */
static uint64_t bytes_acked(const struct conn *conn, const struct tcp_info *info)
{
	uint64_t acked = info->tcpi_bytes_acked;
	bool syn = conn->side == SIDE_CLIENT || (conn->side == SIDE_UNKNOWN && acked == 1);
	return acked - (syn && acked > 0);
}

/* And the peer's FIN. */
static uint64_t bytes_received(const struct tcp_info *info)
{
	uint64_t received = info->tcpi_bytes_received;
	bool fin = info->tcpi_state == STATE_CLOSE_WAIT || info->tcpi_state == STATE_LAST_ACK ||
		   info->tcpi_state == STATE_CLOSING;
	return received - (fin && received > 0);
}

static void learn_connection(struct conn *conn, int fd, const struct tcp_info *info)
{
	struct addr local = socket_name(fd, false);
	struct addr peer = socket_name(fd, true);
	enum side side = counted_side(fd, info);
	conn_begin(conn, side != SIDE_UNKNOWN ? side : guess_side(&local, &peer), &local, &peer);
	conn_opened(conn);
	conn->connect_us = 0;
	unseen_begin(conn, fd, bytes_received(info), bytes_acked(conn, info));
	if (is_connecting(info)) {
		conn_set_phase(conn, PHASE_CONNECTING);
	}
}

void conn_learn_listener(struct conn *conn, int fd)
{
	struct addr local = socket_name(fd, false);
	if (local.family != 0) {
		conn_name_set(&conn->local, local);
	}
	listener_knows(conn, listener_losses(fd));
	conn_set_phase(conn, PHASE_LISTENING);
}

/* Before others can see the record: what they close may be another connection's a moment later. */
static void learn(struct conn *conn, int fd)
{
	conn_set(conn, CONN_LEARNED);
	struct tcp_info info;
	info_read(fd, &info);
	if (info.tcpi_state == STATE_LISTEN) {
		conn_learn_listener(conn, fd);
		/* What it accepts inherits that. */
		conn_put(conn, CONN_LINGER_ZERO, evidence_lingers_zero(fd));
	} else if (info.tcpi_state != STATE_CLOSE || info.tcpi_segs_in > 0) {
		/* In CLOSE: one that was reset before it was first seen here; else never used. */
		learn_connection(conn, fd, &info);
	}
}

void conn_catch_up(struct conn *conn, int fd)
{
	bool known = !conn_is(conn, CONN_LEARNED);
	learn(conn, fd);
	if (known && atomic_load(&conn->phase) == PHASE_FRESH) {
		/* It was the error that the program's own disconnect leaves. */
		conn_clear(conn, CONN_LEARNED);
	}
}

bool conn_catch_up_at_end(struct conn *conn, int fd)
{
	struct stream_counts moved;
	if (sandbox_closed || !evidence_stream(fd, &moved) ||
	    (moved.sent == 0 && moved.received == 0)) {
		return false;
	}
	struct addr local = socket_name(fd, false);
	struct addr peer = socket_name(fd, true);
	conn_begin(conn, SIDE_CLIENT, &local, &peer);
	conn_opened(conn);
	conn->connect_us = 0;
	return true;
}

static bool is_one_socket(int fd, int other)
{
	struct statx a = {.stx_ino = 0};
	struct statx b = {.stx_ino = 0};
	return raw_fstat(fd, &a) == 0 && raw_fstat(other, &b) == 0 && a.stx_ino == b.stx_ino &&
	       a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

/*
 * inetd and its like give a program one connection as its input and its output: whichever is used
 * first, the others are known with it, so that no close of one is taken for the end.
 */
static void share_standard_streams(struct conn *conn, int fd)
{
	for (int other = STDIN_FILENO; fd <= STDERR_FILENO && other <= STDERR_FILENO; other++) {
		if (other != fd && is_one_socket(fd, other)) {
			conn_share_unknown(conn, other);
		}
	}
}

/*
 * Two descriptors of one socket may both have come from elsewhere, as tcpclient gives its program one to
 * read and one to write: each would count what the other moves as bytes that went past us. A process that
 * is sent many connections is not searched for each.
 */
static bool is_learned_already(int fd)
{
	static _Atomic uint32_t searches;
	if (atomic_fetch_add_explicit(&searches, 1, memory_order_relaxed) >= LEARN_SEARCHES) {
		return false;
	}
	for (int other = table_next(0, INT32_MAX); other >= 0;
	     other = table_next(other + 1, INT32_MAX)) {
		struct conn *conn = conn_known(other);
		if (conn != NULL && conn_is(conn, CONN_LEARNED) && is_one_socket(fd, other)) {
			conn_share(other, fd);
			return true;
		}
	}
	return false;
}

struct conn *conn_learn(int fd)
{
	uintptr_t before = table_get(fd);
	if (disabled) {
		if (before != SLOT_OTHER) {
			table_swap(fd, SLOT_OTHER);
		}
		return NULL;
	}
	bool tcp;
	uintptr_t slot = classify(fd, &tcp);
	if (!tcp) {
		if (slot != SLOT_UNKNOWN && slot != before) {
			table_replace(fd, before, slot);
		}
		return NULL;
	}
	if (is_learned_already(fd)) {
		return conn_known(fd);
	}
	struct conn *conn = conn_make();
	if (conn == NULL) {
		return NULL;
	}
	learn(conn, fd);
	if (table_replace(fd, before, (uintptr_t)conn)) {
		share_standard_streams(conn, fd);
		return conn;
	}
	/* Another thread was faster, to learn or to close it. */
	conn_let_go(conn);
	conn_unpin(conn);
	return conn_known(fd);
}

void conn_learn_local(struct conn *conn, int fd)
{
	struct addr known = conn_local(conn);
	if (known.family == 0 || known.port == 0 || addr_is_any(&known)) {
		struct addr local = socket_name(fd, false);
		if (local.family != 0) {
			conn_name_set(&conn->local, local);
		}
	}
}
