#include "actor.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int type_from(const struct words *words, int type)
{
	return type | (has_word(words, "nonblock") ? SOCK_NONBLOCK : 0) |
	       (has_word(words, "cloexec") ? SOCK_CLOEXEC : 0);
}

static void run_socket4(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL),
		  socket(AF_INET, type_from(words, SOCK_STREAM), 0));
}

static void run_socket6(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL),
		  socket(AF_INET6, type_from(words, SOCK_STREAM), 0));
}

static void run_udp4(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL),
		  socket(AF_INET, type_from(words, SOCK_DGRAM), 0));
}

static void run_socketpair(const struct words *words, struct outcome *outcome)
{
	int pair[2];
	CALL(outcome, socketpair(AF_UNIX, type_from(words, SOCK_STREAM), 0, pair));
	if (outcome->result == 0) {
		*slot_of(word_at(words, 1, NULL)) = pair[0];
		*slot_of(word_at(words, 2, NULL)) = pair[1];
	}
}

static void run_bind(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address;
	socklen_t size = parse_address(word_at(words, 2, NULL), number_at(words, 3, 0), &address);
	CALL(outcome, bind(fd_at(words, 1), (struct sockaddr *)&address, size));
}

static void run_listen(const struct words *words, struct outcome *outcome)
{
	CALL(outcome, listen(fd_at(words, 1), (int)number_at(words, 2, 16)));
}

static void run_connect(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address;
	socklen_t size = parse_address(word_at(words, 2, NULL), number_at(words, 3, 0), &address);
	if (strcmp(words->w[0], "__connect") == 0) {
		extern int __connect(int, const struct sockaddr *, socklen_t);
		CALL(outcome, __connect(fd_at(words, 1), (struct sockaddr *)&address, size));
	} else {
		CALL(outcome, connect(fd_at(words, 1), (struct sockaddr *)&address, size));
	}
}

static void run_disconnect(const struct words *words, struct outcome *outcome)
{
	struct sockaddr address = {.sa_family = AF_UNSPEC};
	CALL(outcome, connect(fd_at(words, 1), &address, sizeof(address)));
}

static void run_accept(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	bool null = has_word(words, "null");
	struct sockaddr *at = null ? NULL : (struct sockaddr *)&address;
	int listener = fd_at(words, 1);
	if (strcmp(words->w[0], "accept4") == 0) {
		CALL_SLOT(outcome, word_at(words, 2, NULL),
			  accept4(listener, at, null ? NULL : &size, type_from(words, 0)));
	} else {
		CALL_SLOT(outcome, word_at(words, 2, NULL),
			  accept(listener, at, null ? NULL : &size));
	}
	if (outcome->result == 0 && !null) {
		tell_address(outcome, &address);
	}
}

static void run_getsockname(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	CALL(outcome, getsockname(fd_at(words, 1), (struct sockaddr *)&address, &size));
	if (outcome->result == 0) {
		tell_address(outcome, &address);
	}
}

static void run_getpeername(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	CALL(outcome, getpeername(fd_at(words, 1), (struct sockaddr *)&address, &size));
	if (outcome->result == 0) {
		tell_address(outcome, &address);
	}
}

static void run_nonblock(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	int flags = fcntl(fd, F_GETFL);
	flags = has_word(words, "on") ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	CALL(outcome, fcntl(fd, F_SETFL, flags));
}

static void run_getfl(const struct words *words, struct outcome *outcome)
{
	CALL(outcome, fcntl(fd_at(words, 1), F_GETFL));
	tell(outcome, "%s", outcome->result & O_NONBLOCK ? "nonblock" : "block");
}

static void run_fionbio(const struct words *words, struct outcome *outcome)
{
	int on = has_word(words, "on");
	CALL(outcome, ioctl(fd_at(words, 1), FIONBIO, &on));
}

/** What an option's value is. */
enum option_kind { OPTION_INT, OPTION_LINGER, OPTION_TIME, OPTION_TEXT };

struct option {
	const char *name;
	int level;
	int number;
	enum option_kind kind;
};

static const struct option options[] = {
	{"error", SOL_SOCKET, SO_ERROR, OPTION_INT},
	{"linger", SOL_SOCKET, SO_LINGER, OPTION_LINGER},
	{"keepalive", SOL_SOCKET, SO_KEEPALIVE, OPTION_INT},
	{"reuseaddr", SOL_SOCKET, SO_REUSEADDR, OPTION_INT},
	{"reuseport", SOL_SOCKET, SO_REUSEPORT, OPTION_INT},
	{"rcvbuf", SOL_SOCKET, SO_RCVBUF, OPTION_INT},
	{"sndbuf", SOL_SOCKET, SO_SNDBUF, OPTION_INT},
	{"rcvtimeo", SOL_SOCKET, SO_RCVTIMEO, OPTION_TIME},
	{"sndtimeo", SOL_SOCKET, SO_SNDTIMEO, OPTION_TIME},
	{"type", SOL_SOCKET, SO_TYPE, OPTION_INT},
	{"acceptconn", SOL_SOCKET, SO_ACCEPTCONN, OPTION_INT},
	{"zerocopy", SOL_SOCKET, SO_ZEROCOPY, OPTION_INT},
	{"oobinline", SOL_SOCKET, SO_OOBINLINE, OPTION_INT},
	{"nodelay", IPPROTO_TCP, TCP_NODELAY, OPTION_INT},
	{"cork", IPPROTO_TCP, TCP_CORK, OPTION_INT},
	{"keepidle", IPPROTO_TCP, TCP_KEEPIDLE, OPTION_INT},
	{"keepintvl", IPPROTO_TCP, TCP_KEEPINTVL, OPTION_INT},
	{"keepcnt", IPPROTO_TCP, TCP_KEEPCNT, OPTION_INT},
	{"user_timeout", IPPROTO_TCP, TCP_USER_TIMEOUT, OPTION_INT},
	{"syncnt", IPPROTO_TCP, TCP_SYNCNT, OPTION_INT},
	{"linger2", IPPROTO_TCP, TCP_LINGER2, OPTION_INT},
	{"defer_accept", IPPROTO_TCP, TCP_DEFER_ACCEPT, OPTION_INT},
	{"quickack", IPPROTO_TCP, TCP_QUICKACK, OPTION_INT},
	{"fastopen", IPPROTO_TCP, TCP_FASTOPEN, OPTION_INT},
	{"fastopen_connect", IPPROTO_TCP, TCP_FASTOPEN_CONNECT, OPTION_INT},
	{"repair", IPPROTO_TCP, TCP_REPAIR, OPTION_INT},
	{"ulp", IPPROTO_TCP, TCP_ULP, OPTION_TEXT},
	{"device", SOL_SOCKET, SO_BINDTODEVICE, OPTION_TEXT},
	{"v6only", IPPROTO_IPV6, IPV6_V6ONLY, OPTION_INT},
	{"recverr", IPPROTO_IP, IP_RECVERR, OPTION_INT},
	{"recverr6", IPPROTO_IPV6, IPV6_RECVERR, OPTION_INT},
	{"ttl", IPPROTO_IP, IP_TTL, OPTION_INT},
};

static const struct option *option_named(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) == 0) {
			return &options[i];
		}
	}
	confused("no option: %s", name);
}

/** A number; for `linger` "on|off SECONDS", for a time milliseconds. */
static void run_setsockopt(const struct words *words, struct outcome *outcome)
{
	const struct option *option = option_named(word_at(words, 2, NULL));
	int fd = fd_at(words, 1);
	struct linger linger = {.l_onoff = has_word(words, "on"),
				.l_linger = (int)number_at(words, 4, 0)};
	const void *value = &linger;
	socklen_t size = sizeof(linger);
	int number = 0;
	struct timeval time;
	if (option->kind == OPTION_INT) {
		number = (int)number_at(words, 3, 1);
		value = &number;
		size = sizeof(number);
	} else if (option->kind == OPTION_TIME) {
		long ms = number_at(words, 3, 0);
		time = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
		value = &time;
		size = sizeof(time);
	} else if (option->kind == OPTION_TEXT) {
		value = word_at(words, 3, NULL);
		size = (socklen_t)strlen(value);
	}
	CALL(outcome, setsockopt(fd, option->level, option->number, value, size));
}

/** SO_ERROR is told by its name, `linger` as "on 0", a time in milliseconds. */
static void run_getsockopt(const struct words *words, struct outcome *outcome)
{
	const struct option *option = option_named(word_at(words, 2, NULL));
	union {
		int number;
		struct linger linger;
		struct timeval time;
		char text[32];
	} value = {0};
	socklen_t size = sizeof(value) - 1;
	CALL(outcome, getsockopt(fd_at(words, 1), option->level, option->number, &value, &size));
	if (outcome->result != 0) {
		return;
	}
	if (option->number == SO_ERROR && option->level == SOL_SOCKET) {
		tell(outcome, "%s", value.number ? strerrorname_np(value.number) : "0");
	} else if (option->kind == OPTION_INT) {
		tell(outcome, "%d", value.number);
	} else if (option->kind == OPTION_LINGER) {
		tell(outcome, "%s %d", value.linger.l_onoff ? "on" : "off", value.linger.l_linger);
	} else if (option->kind == OPTION_TIME) {
		tell(outcome, "%ld", value.time.tv_sec * 1000 + value.time.tv_usec / 1000);
	} else {
		tell(outcome, "%s", value.text);
	}
}

/** The TCP state by its number, as TCP_INFO tells it. */
static void run_tcp_state(const struct words *words, struct outcome *outcome)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	CALL(outcome, getsockopt(fd_at(words, 1), IPPROTO_TCP, TCP_INFO, &info, &size));
	tell(outcome, "%d", info.tcpi_state);
}

/** How many instructions the socket's filter has; 0 without one. */
static void run_filter_length(const struct words *words, struct outcome *outcome)
{
	socklen_t length = 0;
	CALL(outcome, getsockopt(fd_at(words, 1), SOL_SOCKET, SO_GET_FILTER, NULL, &length));
	tell(outcome, "%u", length);
}

static void run_passfd(const struct words *words, struct outcome *outcome)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec piece = {.iov_base = "x", .iov_len = 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = fd_at(words, 2);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	CALL(outcome, sendmsg(fd_at(words, 1), &message, 0));
}

static void run_takefd(const struct words *words, struct outcome *outcome)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {0};
	char byte;
	struct iovec piece = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	CALL(outcome, recvmsg(fd_at(words, 1), &message, 0));
	struct cmsghdr *header = outcome->result > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (header) {
		memcpy(slot_of(word_at(words, 2, NULL)), CMSG_DATA(header), sizeof(int));
	}
}

const struct command open_commands[] = {
	{"socket4", "SLOT [nonblock] [cloexec]", run_socket4},
	{"socket6", "SLOT [nonblock] [cloexec]", run_socket6},
	{"udp4", "SLOT [nonblock] [cloexec]", run_udp4},
	{"socketpair", "SLOT SLOT", run_socketpair},
	{"bind", "FD ADDR PORT", run_bind},
	{"listen", "FD [BACKLOG]", run_listen},
	{"connect", "FD ADDR PORT", run_connect},
	{"__connect", "FD ADDR PORT", run_connect},
	{"disconnect", "FD", run_disconnect},
	{"accept", "FD SLOT [null]", run_accept},
	{"accept4", "FD SLOT [null] [nonblock] [cloexec]", run_accept},
	{"getsockname", "FD", run_getsockname},
	{"getpeername", "FD", run_getpeername},
	{"nonblock", "FD on|off", run_nonblock},
	{"getfl", "FD", run_getfl},
	{"fionbio", "FD on|off", run_fionbio},
	{"setsockopt", "FD OPTION [NUMBER | on|off SECONDS | MS | TEXT]", run_setsockopt},
	{"getsockopt", "FD OPTION", run_getsockopt},
	{"filter_length", "FD", run_filter_length},
	{"tcp_state", "FD", run_tcp_state},
	{"passfd", "UNIX-FD FD", run_passfd},
	{"takefd", "UNIX-FD SLOT", run_takefd},
	{0},
};
