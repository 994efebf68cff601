/* What is asked of the kernel while all is well, or may be: one question, or two. */
#include "evidence.h"

#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>
#include "../sys/raw.h"
#include "conn.h"
#include "info.h"
#include "unseen.h"

enum tcp_state_number evidence_state(int fd)
{
	struct tcp_info info;
	return info_read(fd, &info) < 0 ? STATE_UNKNOWN : (enum tcp_state_number)info.tcpi_state;
}

bool evidence_is_over(int fd)
{
	/* A hang-up is CLOSE, or both directions shut: tcp_poll(). It costs less than TCP_INFO. */
	struct pollfd look = {.fd = fd};
	return raw_poll(&look, 1, 0) > 0 && (look.revents & POLLHUP) != 0 &&
	       evidence_state(fd) == STATE_CLOSE;
}

struct health evidence_health(const struct conn *conn, int fd)
{
	struct tcp_info info;
	if (info_read(fd, &info) < 0) {
		return (struct health){.state = STATE_UNKNOWN};
	}
	return (struct health){
		.state = (enum tcp_state_number)info.tcpi_state,
		.tries = (uint32_t)info.tcpi_retransmits + info.tcpi_probes,
		.acked_ms = info.tcpi_last_ack_recv,
		.unseen = unseen_suspected(conn, info.tcpi_bytes_received, info.tcpi_bytes_acked),
	};
}

void evidence_shutting(struct conn *conn, enum tcp_state_number state)
{
	if (!conn_is(conn, CONN_SHUT_WRITE)) {
		conn->peer_first = conn_is(conn, CONN_PEER_FIN) || state == STATE_CLOSE_WAIT;
	}
}

uint32_t evidence_silence(int fd)
{
	struct tcp_info info;
	if (info_read(fd, &info) < 0) {
		return 0;
	}
	uint32_t silence = info.tcpi_last_data_sent;
	if (info.tcpi_last_data_recv < silence) {
		silence = info.tcpi_last_data_recv;
	}
	return info.tcpi_last_ack_recv < silence ? info.tcpi_last_ack_recv : silence;
}

bool evidence_stream(int fd, struct stream_counts *counts)
{
	struct tcp_info info;
	if (info_read(fd, &info) < 0) {
		return false;
	}
	counts->sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans;
	/* A FIN counts as a byte: tcp_rcv_nxt_update(). */
	counts->received = info.tcpi_bytes_received;
	if (info.tcpi_state != STATE_ESTABLISHED && counts->received > 0) {
		counts->received--;
	}
	return true;
}

static struct path path_of(const struct tcp_info *info)
{
	return (struct path){
		.rtt_us = info->tcpi_rtt,
		.retransmissions = info->tcpi_total_retrans,
		.state = (enum tcp_state_number)info->tcpi_state,
		.data_segments = info->tcpi_data_segs_in,
	};
}

struct path evidence_path(int fd)
{
	struct tcp_info info;
	info_read(fd, &info);
	return path_of(&info);
}

bool evidence_may_reset(const struct conn *conn, int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLPRI};
	return conn_is(conn, CONN_LINGER_ZERO) || conn->urgent_read ||
	       info_queue(fd, SIOCINQ) > 0 ||
	       (raw_poll(&look, 1, 0) > 0 && (look.revents & POLLPRI) != 0);
}

/* Something that was written, our FIN not counted, is not acknowledged; never false where it is so. */
static bool may_lack_acks(const struct tcp_info *info)
{
	uint64_t sent = info->tcpi_bytes_sent - info->tcpi_bytes_retrans;
	/* A client's SYN is counted among what was acknowledged. */
	return info->tcpi_bytes_acked <= sent || info->tcpi_notsent_bytes > 1;
}

bool evidence_glance(const struct conn *conn, int fd, struct path *path)
{
	struct tcp_info info;
	uint64_t bytes_in = atomic_load_explicit(&conn->bytes_in, memory_order_relaxed);
	long size = sandbox_closed ? -EPERM : info_read(fd, &info);
	if (size < 0) {
		*path = (struct path){0};
		return !sandbox_closed;
	}
	*path = path_of(&info);
	if (conn_is(conn, CONN_LEARNED | CONN_UNSEEN | CONN_LINGER_ZERO) || conn->urgent_read ||
	    unseen_suspected(conn, info.tcpi_bytes_received, info.tcpi_bytes_acked)) {
		return true;
	}
	switch (info.tcpi_state) {
	case STATE_LISTEN:
		return info.tcpi_unacked > 0;
	case STATE_CLOSE:
		return conn->told_error == 0 &&
		       (!conn_is(conn, CONN_SHUT_WRITE) ||
			(info_has_bytes(size) &&
			 (may_lack_acks(&info) || info.tcpi_bytes_received != bytes_in + 1 ||
			  /* One byte may be the peer's FIN; or one unread, and a RST came behind it. */
			  (!conn_is(conn, CONN_PEER_FIN) && info_error_waits(fd)))));
	case STATE_SYN_SENT:
		return true;
	case STATE_ESTABLISHED:
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
		return info.tcpi_bytes_received != bytes_in;
	default:
		/* The kernel counts the peer's FIN as one byte received. */
		return info.tcpi_bytes_received != bytes_in + 1;
	}
}

bool evidence_lingers_zero(int fd)
{
	struct linger linger = {0};
	socklen_t size = sizeof linger;
	return raw_getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 &&
	       linger.l_onoff != 0 && linger.l_linger == 0;
}
