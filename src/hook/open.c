/* Sockets come: socket, socketpair, accept, and descriptors received as messages. */
#include "hook.h"

#include <netinet/in.h>
#include "../conn/evidence.h"
#include "../sys/memory.h"
#include "flow.h"
#include "process.h"
#include "report.h"

static bool is_tcp(int family, int type, int protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

static void note_made(int fd, bool tcp, bool nonblocking)
{
	if (!tcp || !conn_enabled()) {
		conn_forget(fd, SLOT_OTHER);
		return;
	}
	process_look();
	struct conn *conn = conn_new(fd);
	if (conn == NULL) {
		conn_forget(fd, SLOT_UNKNOWN);
		return;
	}
	conn_put(conn, CONN_NONBLOCKING, nonblocking);
}

int hook_socket(int family, int type, int protocol)
{
	int fd = real.socket(family, type, protocol);
	if (fd >= 0 && !flow_in_vfork_child) {
		note_made(fd, is_tcp(family, type, protocol), (type & SOCK_NONBLOCK) != 0);
	}
	return fd;
}

int hook_socketpair(int family, int type, int protocol, int fds[2])
{
	int result = real.socketpair(family, type, protocol, fds);
	if (result == 0 && !flow_in_vfork_child) {
		note_made(fds[0], false, false);
		note_made(fds[1], false, false);
	}
	return result;
}

/* Where accept writes the peer's address when the program does not want it. */
struct peer_name {
	struct sockaddr_storage room;
	socklen_t size;
	struct sockaddr *address;
	socklen_t *address_size;
	socklen_t asked;
};

static void peer_name_begin(struct peer_name *name, struct sockaddr *address, socklen_t *size)
{
	bool wanted = address != NULL;
	name->size = sizeof name->room;
	name->address = wanted ? address : (struct sockaddr *)&name->room;
	/* An address without a size, or with one that leads nowhere, is an EFAULT of the kernel's. */
	name->address_size = wanted ? size : &name->size;
	name->asked = sizeof name->room;
	if (wanted) {
		name->asked = memory_readable(size, sizeof *size) ? *size : 0;
	}
}

static struct addr peer_name_read(const struct peer_name *name)
{
	socklen_t filled = *name->address_size < name->asked ? *name->address_size : name->asked;
	return addr_from_sockaddr(name->address, filled);
}

/* A connection came out of a listener's queue. */
static void accepted(struct conn *listener, int fd, enum op op, const struct peer_name *name,
		     bool nonblocking)
{
	process_look();
	struct conn *conn = conn_new(fd);
	if (conn == NULL) {
		conn_forget(fd, SLOT_UNKNOWN);
		return;
	}
	struct addr peer = peer_name_read(name);
	struct addr local = conn_local(listener);
	if (addr_is_any(&local)) {
		local.family = 0;
	}
	conn_begin(conn, SIDE_SERVER, &local, &peer);
	conn_put(conn, CONN_NONBLOCKING, nonblocking);
	conn_put(conn, CONN_FILTERED, conn_is(listener, CONN_FILTERED));
	conn_put(conn, CONN_LINGER_SET, conn_is(listener, CONN_LINGER_SET));
	conn_put(conn, CONN_LINGER_ZERO, conn_is(listener, CONN_LINGER_ZERO));
	conn->linger_ms = listener->linger_ms;
	struct call call;
	call_enter(&call, op, conn, fd, 0);
	flow_opened(&call);
	if (evidence_is_over(fd)) {
		report(&call, SURFACE_ACCEPT, DIRECTION_NONE, false);
	}
}

static int accept_by(struct call *call, const struct peer_name *name, bool nonblocking)
{
	if (call->result >= 0 && !conn_same(call->conn, call->generation)) {
		/* The listener was closed while accept waited: its record is another's by now. */
		conn_forget((int)call->result, SLOT_UNKNOWN);
	} else if (call->result >= 0) {
		int saved = errno;
		accepted(call->conn, (int)call->result, call->op, name, nonblocking);
		watch_accepted(call);
		errno = saved;
	}
	return (int)call_leave(call);
}

int hook_accept(int fd, struct sockaddr *address, socklen_t *size)
{
	struct call call;
	if (!call_enter(&call, OP_ACCEPT, conn_find_socket(fd), fd, 0)) {
		int made = real.accept(fd, address, size);
		if (made >= 0) {
			note_made(made, false, false);
		}
		return made;
	}
	struct peer_name name;
	peer_name_begin(&name, address, size);
	call.result = real.accept(fd, name.address, name.address_size);
	return accept_by(&call, &name, false);
}

int hook_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	struct call call;
	if (!call_enter(&call, OP_ACCEPT4, conn_find_socket(fd), fd, 0)) {
		int made = real.accept4(fd, address, size, flags);
		if (made >= 0) {
			note_made(made, false, false);
		}
		return made;
	}
	struct peer_name name;
	peer_name_begin(&name, address, size);
	call.result = real.accept4(fd, name.address, name.address_size, flags);
	return accept_by(&call, &name, (flags & SOCK_NONBLOCK) != 0);
}

static void forget_received(int fd)
{
	conn_forget(fd, SLOT_UNKNOWN);
}

static void mark_passed(int fd)
{
	struct conn *conn = conn_known(fd);
	if (conn != NULL) {
		conn_set(conn, CONN_PASSED);
	}
}

static void each_descriptor(const struct msghdr *message, void (*what)(int fd))
{
	struct msghdr copy = *message;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&copy); c != NULL; c = CMSG_NXTHDR(&copy, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
			continue;
		}
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			__builtin_memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			what(fd);
		}
	}
}

void flow_received_descriptors(const struct msghdr *message)
{
	each_descriptor(message, forget_received);
}

void flow_sent_descriptors(const struct msghdr *message)
{
	each_descriptor(message, mark_passed);
}
