#include "hole.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include "../sys/own.h"
#include "../sys/raw.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* How long one thread waits while another digs. */
#define DIG_WAIT_MS 1000

enum { NO_HOLE, DIGGING, DUG };

static struct hole {
	enum own listener, filler;
	sa_family_t family;
	_Atomic int state;
	struct sockaddr_storage address;
	socklen_t size;
} holes[] = {
	{OWN_HOLE_IPV4_LISTENER, OWN_HOLE_IPV4_FILLER, AF_INET, NO_HOLE, {0}, 0},
	{OWN_HOLE_IPV6_LISTENER, OWN_HOLE_IPV6_FILLER, AF_INET6, NO_HOLE, {0}, 0},
};

static socklen_t loopback(sa_family_t family, struct sockaddr_storage *address)
{
	memset(address, 0, sizeof *address);
	address->ss_family = family;
	if (family == AF_INET) {
		((struct sockaddr_in *)address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(struct sockaddr_in);
	}
	((struct sockaddr_in6 *)address)->sin6_addr = in6addr_loopback;
	return sizeof(struct sockaddr_in6);
}

static uint64_t namespace_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof cookie;
	raw_getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size);
	return cookie;
}

/* One connection that is never accepted fills a backlog of 0. */
static int dig(struct hole *hole)
{
	long listener = raw3(SYS_socket, hole->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0) {
		return (int)listener;
	}
	long filler = raw3(SYS_socket, hole->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	hole->size = loopback(hole->family, &hole->address);
	socklen_t size = sizeof hole->address;
	long result = filler < 0 ? filler : raw3(SYS_bind, listener, &hole->address, hole->size);
	if (result == 0) {
		result = raw2(SYS_listen, listener, 0);
	}
	if (result == 0) {
		result = raw_getsockname((int)listener, &hole->address, &size);
	}
	if (result == 0) {
		result = raw_connect((int)filler, &hole->address, hole->size);
		result = result == -EINPROGRESS ? 0 : result;
	}
	if (result == 0) {
		struct pollfd queued = {.fd = (int)listener, .events = POLLIN};
		result = raw_poll(&queued, 1, DIG_WAIT_MS) == 1 ? 0 : -ENETUNREACH;
	}
	if (result == 0) {
		int high = own_adopt(hole->listener, (int)listener);
		int high_filler = own_adopt(hole->filler, (int)filler);
		return high < 0 ? high : high_filler < 0 ? high_filler : 0;
	}
	raw_close((int)listener);
	if (filler >= 0) {
		raw_close((int)filler);
	}
	return (int)result;
}

/* Programs close every number, and may have moved to another network namespace. */
static bool is_usable(const struct hole *hole, int fd)
{
	int listener = own_fd(hole->listener);
	return listener >= 0 && own_fd(hole->filler) >= 0 &&
	       namespace_of(listener) == namespace_of(fd);
}

static int find_or_dig(struct hole *hole, int fd)
{
	for (int waited = 0; waited < DIG_WAIT_MS; waited++) {
		int state = atomic_load(&hole->state);
		if (state == DUG && is_usable(hole, fd)) {
			return 0;
		}
		if (state != DIGGING && atomic_compare_exchange_strong(&hole->state, &state, DIGGING)) {
			break;
		}
		raw_poll(NULL, 0, 1);
	}
	/* Whoever dug for longer than that was forked away or jumped out of a handler: take over. */
	int result = dig(hole);
	if (result == 0 && !is_usable(hole, fd)) {
		result = -ENETUNREACH;
	}
	atomic_store(&hole->state, result == 0 ? DUG : NO_HOLE);
	return result;
}

static int socket_number(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof value;
	long result = raw_getsockopt(fd, level, name, &value, &size);
	return result < 0 ? 0 : value;
}

static int map_to_ipv6(struct sockaddr_storage *address)
{
	struct sockaddr_in v4;
	memcpy(&v4, address, sizeof v4);
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof *address);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = v4.sin_port;
	v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&v6->sin6_addr.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
	return sizeof *v6;
}

int hole_address(int fd, struct sockaddr_storage *address)
{
	/* Bound to a device, the socket cannot reach loopback. */
	char device[32] = "";
	socklen_t size = sizeof device;
	if (raw_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size) == 0 &&
	    device[0] != '\0' && strcmp(device, "lo") != 0) {
		return -ENODEV;
	}
	bool v6 = socket_number(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6;
	struct hole *hole = &holes[v6];
	int result = find_or_dig(hole, fd);
	bool mapped = false;
	if (result < 0 && v6 && socket_number(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) {
		/* IPv6 is off on loopback, but the socket speaks IPv4 as well. */
		hole = &holes[0];
		mapped = true;
		result = find_or_dig(hole, fd);
	}
	if (result < 0) {
		return result;
	}
	memcpy(address, &hole->address, sizeof *address);
	return mapped ? map_to_ipv6(address) : (int)hole->size;
}
