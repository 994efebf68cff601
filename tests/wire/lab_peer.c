#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void must(bool good, const char *what)
{
	if (!good) {
		fail_msg("%s: %s", what, strerror(errno));
	}
}

/** No call on a socket of the test process may hang for good. */
static int patient(int fd)
{
	struct timeval limit = {.tv_sec = LAB_PATIENCE_MS / 1000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

int peer_listen_backlog(int family, int backlog, uint16_t *port)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0, "socket");
	/* Linux binds to every address and a free port when listening unbound. */
	int only = 1;
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	}
	must(listen(fd, backlog) == 0, "listen");
	*port = peer_port(fd);
	return fd;
}

int peer_listen(int family, uint16_t *port)
{
	return peer_listen_backlog(family, 16, port);
}

int peer_accept(int listener)
{
	must(peer_poll(listener, POLLIN, LAB_PATIENCE_MS) != 0, "nobody connected");
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(fd >= 0, "accept4");
	return patient(fd);
}

int peer_connect_to(const char *address, uint16_t port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1) {
		fail_msg("no address: %s", address);
	}
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(fd >= 0, "socket");
	patient(fd);
	must((is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof(v4))
		    : connect(fd, (struct sockaddr *)&v6, sizeof(v6))) == 0,
	     "connect");
	return fd;
}

int peer_connect(int family, uint16_t port)
{
	return peer_connect_to(family == AF_INET ? "127.0.0.1" : "::1", port);
}

void peer_rst(int fd)
{
	struct linger abortive = {.l_onoff = 1, .l_linger = 0};
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &abortive, sizeof(abortive)) == 0, "SO_LINGER");
	must(close(fd) == 0, "close");
}

static void send_whole(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
		must(sent > 0, "peer's send");
		bytes += sent;
		size -= (size_t)sent;
	}
}

void peer_send(int fd, const char *text)
{
	send_whole(fd, text, strlen(text));
}

void peer_send_bytes(int fd, size_t size)
{
	static const char block[65536];
	for (; size > sizeof(block); size -= sizeof(block)) {
		send_whole(fd, block, sizeof(block));
	}
	send_whole(fd, block, size);
}

void peer_send_record(int fd, int type, size_t size)
{
	char record[256] = {(char)type, 3, 3, 0, (char)(size - 5)};
	must(size <= sizeof(record), "a record of that size");
	send_whole(fd, record, size);
}

const char *peer_recv(int fd, size_t size)
{
	static char start[4096];
	char block[65536];
	size_t kept = 0;
	while (size > 0) {
		ssize_t got = recv(fd, block, size < sizeof(block) ? size : sizeof(block), 0);
		if (got <= 0) {
			fail_msg("peer's recv, %zu bytes missing: %s", size,
				 got == 0 ? "end of file" : strerror(errno));
		}
		size_t keep = sizeof(start) - 1 - kept;
		keep = (size_t)got < keep ? (size_t)got : keep;
		memcpy(start + kept, block, keep);
		kept += keep;
		size -= (size_t)got;
	}
	start[kept] = '\0';
	return start;
}

size_t peer_drain(int fd)
{
	char block[65536];
	size_t total = 0;
	ssize_t got;
	while ((got = recv(fd, block, sizeof(block), 0)) > 0) {
		total += (size_t)got;
	}
	if (got == 0) {
		errno = 0;
	}
	return total;
}

short peer_poll(int fd, short events, int timeout_ms)
{
	struct pollfd entry = {.fd = fd, .events = events};
	return poll(&entry, 1, timeout_ms) > 0 ? entry.revents : 0;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	/* sin_port and sin6_port are at the same place. */
	return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

uint16_t peer_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	must(getsockname(fd, (struct sockaddr *)&address, &size) == 0, "getsockname");
	return port_of(&address);
}

uint16_t peer_remote_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	must(getpeername(fd, (struct sockaddr *)&address, &size) == 0, "getpeername");
	return port_of(&address);
}

int tcp_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	must(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0, "TCP_INFO");
	return info.tcpi_state;
}

const char *tcp_state_name(int state)
{
	static const char *const names[] = {
		"0",         "ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2",
		"TIME_WAIT", "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN",     "CLOSING",
	};
	return state >= 0 && state < (int)(sizeof(names) / sizeof(names[0])) ? names[state] : "?";
}

void tcp_wait_state(int fd, int state)
{
	int64_t until = lab_now_ms() + LAB_PATIENCE_MS;
	int now;
	while ((now = tcp_state(fd)) != state) {
		if (lab_now_ms() > until) {
			fail_msg("state is %s, not %s", tcp_state_name(now), tcp_state_name(state));
		}
		lab_let_pass(1);
	}
}
