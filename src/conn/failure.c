/* What else is worth knowing once something has failed, and costs more to find out. */
#include "evidence.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/tcp.h>
#include <string.h>
#include "../sys/clock.h"
#include "../sys/proc.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "conn.h"
#include "holder.h"
#include "threads.h"

static uint32_t tcp_number(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof value;
	return raw_getsockopt(fd, IPPROTO_TCP, name, &value, &size) < 0 ? 0 : (uint32_t)value;
}

static bool socket_flag(int fd, int name)
{
	int value = 0;
	socklen_t size = sizeof value;
	return raw_getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 && value != 0;
}

/*
 * The error queue holds an ICMP error of a failed connect even without IP_RECVERR. It is read only
 * after the program was told its error: reading earlier can clear what is pending. What counts is
 * the message behind that errno: earlier ones only delayed the end.
 */
static bool read_icmp(struct evidence *evidence, int fd)
{
	char control[256] = "";
	char byte;
	struct iovec piece = {&byte, sizeof byte};
	struct msghdr message = {
		.msg_iov = &piece,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control,
	};
	if (raw3(SYS_recvmsg, fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
		return false;
	}
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR;
		if (!v4 && !v6) {
			continue;
		}
		struct sock_extended_err error;
		memcpy(&error, CMSG_DATA(c), sizeof error);
		if (error.ee_origin != SO_EE_ORIGIN_ICMP && error.ee_origin != SO_EE_ORIGIN_ICMP6) {
			continue;
		}
		if (error.ee_errno != (uint32_t)evidence->error) {
			continue;
		}
		struct sockaddr_storage offender = {0};
		size_t room = c->cmsg_len - CMSG_LEN(sizeof error);
		memcpy(&offender, CMSG_DATA(c) + sizeof error,
		       room < sizeof offender ? room : sizeof offender);
		evidence->icmp = true;
		evidence->icmp_type = error.ee_type;
		evidence->icmp_code = error.ee_code;
		evidence->icmp_family = error.ee_origin == SO_EE_ORIGIN_ICMP ? AF_INET : AF_INET6;
		evidence->icmp_offender = addr_from_sockaddr(&offender, (socklen_t)room);
	}
	return true;
}

/* A program that asked for the error queue reads it itself. */
static bool wants_error_queue(int fd)
{
	int v4 = 0;
	int v6 = 0;
	socklen_t size = sizeof v4;
	raw_getsockopt(fd, IPPROTO_IP, IP_RECVERR, &v4, &size);
	size = sizeof v6;
	raw_getsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &v6, &size);
	return v4 != 0 || v6 != 0;
}

/* Is it an address of this host? */
static bool is_ours(const struct addr *addr)
{
	if (addr_is_loopback(addr)) {
		return true;
	}
	struct sockaddr_storage name;
	struct addr here = *addr;
	here.port = 0;
	socklen_t size = addr_to_sockaddr(&here, &name);
	long probe = raw3(SYS_socket, addr->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (size == 0 || probe < 0) {
		return false;
	}
	/* Only an address of our own can be bound (without ip_nonlocal_bind). */
	bool ours = raw3(SYS_bind, probe, &name, size) == 0;
	raw_close((int)probe);
	return ours;
}

/* One message for each SYN that was sent. */
#define ICMP_MAX 256

/* A port is chosen before the SYN is sent, and what is wrong with the route is found before that. */
static bool has_port(int fd)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	return raw_getsockname(fd, &name, &size) == 0 && addr_from_sockaddr(&name, size).port != 0;
}

/*
 * The first number that a file has behind `name`. The file is read onto a scratch block: it is too
 * much for a small stack. Files of the network are this thread's: /proc/net is the first one's, which
 * may be in another namespace.
 */
static int64_t number_behind(const char *path, const char *name)
{
	int64_t number = -1;
	char *text = scratch_take();
	if (text == NULL) {
		return number;
	}
	const char *found = proc_read(path, text, SCRATCH_SIZE) < 0 ? NULL : strstr(text, name);
	if (found != NULL) {
		found += strlen(name);
		found += strspn(found, " \t");
		number = 0;
		for (; *found >= '0' && *found <= '9'; found++) {
			number = number * 10 + (*found - '0');
		}
	}
	scratch_give(text);
	return number;
}

/*
 * Has an ICMPv6 error come to this network namespace that ends a connect? Yes when it cannot be known:
 * icmpv6_err_convert().
 */
static bool icmp6_has_come(void)
{
	static const char *const counters[] = {
		"Icmp6InDestUnreachs",
		"Icmp6InTimeExcds",
		"Icmp6InParmProblems",
	};
	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
		if (number_behind("/proc/thread-self/net/snmp6", counters[i]) != 0) {
			return true;
		}
	}
	return false;
}

static bool may_hide_icmp(const struct evidence *evidence, const struct conn *conn, int fd)
{
	/* A RST is a segment; but the count is wiped when a blocking connect fails. */
	bool was_rst = evidence->error == ECONNREFUSED && evidence->segs_in > 0;
	if (evidence->icmp || was_rst || !(has_port(fd) || evidence->given_up)) {
		return false;
	}
	if (evidence->state == STATE_SYN_SENT || wants_error_queue(fd)) {
		return true;
	}
	/* IPv6 queues nothing that was not asked for: ipv6_icmp_error(). */
	return conn_peer(conn).family == AF_INET6 && icmp6_has_come();
}

/*
 * While a connect is under way the queue stays as it is: reading could clear an error that is not
 * told yet. Afterwards it is emptied: a message left in it would become the pending error again
 * (sock_dequeue_err_skb()).
 */
static void collect_icmp(struct evidence *evidence, const struct conn *conn, int fd)
{
	if (evidence->state == STATE_CLOSE && !wants_error_queue(fd)) {
		int left = ICMP_MAX;
		while (left > 0 && read_icmp(evidence, fd)) {
			left--;
		}
	}
	struct addr peer = conn_peer(conn);
	evidence->icmp_unread = may_hide_icmp(evidence, conn, fd);
	/* Not when this host is the one that was asked for: then its firewall is the peer's. */
	evidence->icmp_local = evidence->icmp && is_ours(&evidence->icmp_offender) &&
			       !addr_same_host(&evidence->icmp_offender, &peer);
}

static int64_t limit(const char *name)
{
	int64_t value;
	return proc_sysctl(name, &value, 1) == 1 ? value : -1;
}

static void collect_limits(struct evidence *evidence)
{
	evidence->syn_retries = limit("net/ipv4/tcp_syn_retries");
	evidence->syn_linear_timeouts = limit("net/ipv4/tcp_syn_linear_timeouts");
	evidence->retries2 = limit("net/ipv4/tcp_retries2");
	evidence->rto_max_ms = limit("net/ipv4/tcp_rto_max_ms");
	evidence->orphan_retries = limit("net/ipv4/tcp_orphan_retries");
	evidence->fin_timeout_s = limit("net/ipv4/tcp_fin_timeout");
	int64_t range[2];
	if (proc_sysctl("net/ipv4/ip_local_port_range", range, 2) == 2) {
		evidence->port_first = range[0];
		evidence->port_last = range[1];
	}
}

/* `TCP: inuse 5 orphan 0 tw 12 alloc 9 mem 1` of sockstat. */
static int64_t count_time_wait(void)
{
	return number_behind("/proc/thread-self/net/sockstat", " tw ");
}

/* What the routes say: connect of a datagram socket chooses the address and sends nothing. */
static long probe_route(const struct addr *peer)
{
	struct sockaddr_storage name;
	socklen_t size = addr_to_sockaddr(peer, &name);
	long probe = raw3(SYS_socket, peer->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (size == 0 || probe < 0) {
		return -ENOTSOCK;
	}
	long result = raw3(SYS_connect, probe, &name, size);
	raw_close((int)probe);
	return result;
}

/* Does an address of this host lead there? IPv6 fails with EADDRNOTAVAIL where there is none. */
static bool has_source(const struct addr *peer)
{
	return probe_route(peer) == 0;
}

/* A datagram socket has to ask for broadcasts: ip4_datagram_connect(). To TCP there is no way then. */
static bool is_to_many(const struct addr *peer)
{
	return addr_is_of_many(peer) || probe_route(peer) == -EACCES;
}

static void collect_ports(struct evidence *evidence, const struct conn *conn, int fd)
{
	evidence->time_wait_count = count_time_wait();
	struct addr peer = conn_peer(conn);
	evidence->has_source = has_source(&peer);
	/* The kernel found none. */
	evidence->port_chosen = has_port(fd);
}

/* What connect has against an address of the right size and family: ip_route_output_key_hash_rcu(). */
static void collect_address(struct evidence *evidence, const struct conn *conn, int fd)
{
	struct addr peer = conn_peer(conn);
	struct sockaddr_storage name;
	socklen_t size = sizeof name;
	evidence->lacks_zone = peer.scope == 0 && addr_is_link_local(&peer);
	if (raw_getsockname(fd, &name, &size) == 0) {
		struct addr local = addr_from_sockaddr(&name, size);
		evidence->from_loopback = addr_is_loopback(&local) && !addr_is_loopback(&peer);
	}
}

/* A lost route leaves its errno where ICMP does: inet_sk_rebuild_header(), inet6_csk_xmit(). */
static bool is_route_gone(const struct evidence *e, const struct conn *conn)
{
	bool gave_up = !e->connecting && e->state == STATE_CLOSE && e->error > 0 &&
		       (e->retransmits > 0 || e->probes > 0);
	if (!gave_up || e->error == ECONNRESET || e->error == EPIPE || e->error == ETIMEDOUT) {
		return false;
	}
	struct addr peer = conn_peer(conn);
	return probe_route(&peer) == -e->error;
}

void evidence_collect_holders(struct evidence *evidence, int fd)
{
	bool ends = evidence->surface == SURFACE_CLOSE || evidence->surface == SURFACE_EXIT;
	if (ends && (evidence->inherited || evidence->learned)) {
		evidence->shared |= holder_is_parent(fd);
	}
	if (evidence->heirloom && holder_in_family(fd) != HOLDER_NOT) {
		evidence->heirloom = false;
		process_is_no_heir();
	}
	evidence->lent = evidence->lent && holder_in_children(fd) == HOLDER_NOT;
}

void evidence_collect_failure(struct evidence *evidence, const struct conn *conn, int fd)
{
	collect_limits(evidence);
	evidence->syn_retries_set = tcp_number(fd, TCP_SYNCNT);
	evidence->user_timeout_ms = tcp_number(fd, TCP_USER_TIMEOUT);
	evidence->keepalive = socket_flag(fd, SO_KEEPALIVE);
	evidence->keepalive_idle_s = tcp_number(fd, TCP_KEEPIDLE);
	evidence->keepalive_interval_s = tcp_number(fd, TCP_KEEPINTVL);
	evidence->keepalive_count = tcp_number(fd, TCP_KEEPCNT);
	evidence->time_wait_count = -1;
	if (evidence->error == EADDRNOTAVAIL) {
		collect_ports(evidence, conn, fd);
	} else if (evidence->error == EINVAL) {
		collect_address(evidence, conn, fd);
	} else if (evidence->connecting && evidence->error == ENETUNREACH) {
		struct addr peer = conn_peer(conn);
		evidence->to_many = is_to_many(&peer);
	}
	evidence->route_gone = is_route_gone(evidence, conn);
	if (evidence->connecting && evidence->error != 0) {
		collect_icmp(evidence, conn, fd);
	}
	bool closes = evidence->surface == SURFACE_CLOSE && evidence->op != OP_EXECVE &&
		      evidence->op != OP_SHUTDOWN && evidence->state != STATE_CLOSE;
	/* Where calls do not wait none is searched for: a process may have many threads. */
	evidence->in_call = closes && evidence->blocking && threads_hold(fd);
}
