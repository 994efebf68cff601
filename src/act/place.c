#include "place.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include "../sys/own.h"
#include "../sys/raw.h"
#include "../sys/self.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* How long one thread waits while another builds, and a listener for its filler. */
#define BUILD_WAIT_MS 1000

/* A site's state, or the id of the thread that builds it. */
enum { BUILT = -1, NO_PLACE = 0 };

static struct site {
	enum own holder; /* the bound socket */
	enum own filler; /* what fills its queue; the holder again for a closed port */
	sa_family_t family;
	_Atomic int state;
	struct sockaddr_storage address;
	socklen_t size;
} sites[][2] = {
	[PLACE_HOLE] = {{OWN_HOLE_IPV4_LISTENER, OWN_HOLE_IPV4_FILLER, AF_INET, NO_PLACE, {0}, 0},
			{OWN_HOLE_IPV6_LISTENER, OWN_HOLE_IPV6_FILLER, AF_INET6, NO_PLACE, {0}, 0}},
	[PLACE_CLOSED] = {{OWN_CLOSED_IPV4, OWN_CLOSED_IPV4, AF_INET, NO_PLACE, {0}, 0},
			  {OWN_CLOSED_IPV6, OWN_CLOSED_IPV6, AF_INET6, NO_PLACE, {0}, 0}},
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

/*
 * Connect to what was built, and wait until that was answered: an address of loopback may be there, and
 * loopback be down.
 *
 * @answer
 *         What shows the answer; without a descriptor, that of the connecting socket.
 * @return
 *         The socket, or a negative errno.
 */
static long reach(const struct site *site, const struct sockaddr_storage *address,
		  struct pollfd answer)
{
	long fd = raw3(SYS_socket, site->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		return fd;
	}
	answer.fd = answer.fd < 0 ? (int)fd : answer.fd;
	long result = raw_connect((int)fd, address, site->size);
	if (result == -EINPROGRESS) {
		result = raw_poll(&answer, 1, BUILD_WAIT_MS) == 1 ? 0 : -ENETUNREACH;
	}
	if (result < 0) {
		raw_close((int)fd);
		return result;
	}
	return fd;
}

/* One connection that is never accepted fills a backlog of 0. */
static long fill_queue(const struct site *site, int listener,
		       const struct sockaddr_storage *address)
{
	struct pollfd queued = {.fd = listener, .events = POLLIN};
	long result = raw2(SYS_listen, listener, 0);
	long filler = result == 0 ? reach(site, address, queued) : result;
	return filler < 0 ? filler : own_adopt(site->filler, (int)filler);
}

/* Nobody listens: the answer is a RST. */
static long expect_rst(const struct site *site, const struct sockaddr_storage *address)
{
	struct pollfd refused = {.fd = -1, .events = POLLOUT};
	long probe = reach(site, address, refused);
	return probe < 0 ? probe : raw_close((int)probe);
}

/* A bound socket, at an address that it gets, with a queue that is full where it is to be the hole. */
static long build_holder(struct site *site)
{
	long holder = raw3(SYS_socket, site->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (holder < 0) {
		return holder;
	}
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	site->size = loopback(site->family, &address);
	long result = raw3(SYS_bind, holder, &address, site->size);
	if (result == 0) {
		result = raw_getsockname((int)holder, &address, &size);
	}
	if (result == 0) {
		result = site->filler != site->holder ? fill_queue(site, (int)holder, &address)
						      : expect_rst(site, &address);
	}
	if (result < 0) {
		raw_close((int)holder);
		return result;
	}
	return own_adopt(site->holder, (int)holder);
}

/*
 * A handler may interrupt this and build the same: the holder that was adopted first stays, and the
 * address is this one's, whoever writes it.
 */
static int build(struct site *site)
{
	long holder = build_holder(site);
	if (holder < 0) {
		return (int)holder;
	}
	socklen_t size = sizeof site->address;
	return (int)raw_getsockname((int)holder, &site->address, &size);
}

/* Programs close every number, and may have moved to another network namespace. */
static bool is_usable(const struct site *site, int fd)
{
	int holder = own_fd(site->holder);
	return holder >= 0 && own_fd(site->filler) >= 0 && namespace_of(holder) == namespace_of(fd);
}

static void tear_down(struct site *site)
{
	own_drop(site->holder);
	own_drop(site->filler);
}

/*
 * Wait for another thread that builds; false when this one has to. Who builds for longer than that was
 * forked away, and this thread itself was interrupted, or has jumped out of it: take over.
 */
static bool is_found(struct site *site, int fd, int self)
{
	for (int waited = 0; waited < BUILD_WAIT_MS; waited++) {
		int state = atomic_load(&site->state);
		if (state == BUILT && is_usable(site, fd)) {
			return true;
		}
		bool free = state == BUILT || state == NO_PLACE || state == self;
		if (free && atomic_compare_exchange_strong(&site->state, &state, self)) {
			return false;
		}
		raw_poll(NULL, 0, 1);
	}
	return false;
}

static int find_or_build(struct site *site, int fd)
{
	int self = self_now().tid;
	if (is_found(site, fd, self)) {
		return 0;
	}
	tear_down(site);
	int result = build(site);
	if (is_usable(site, fd)) {
		/* Or somebody else has built it meanwhile. */
		atomic_store(&site->state, BUILT);
		return 0;
	}
	atomic_compare_exchange_strong(&site->state, &self, NO_PLACE);
	return result < 0 ? result : -ENETUNREACH;
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

/* An IPv6 socket with an IPv4 address of its own reaches nothing else: tcp_v6_connect(). */
static bool is_bound_to_ipv4(int fd)
{
	struct sockaddr_in6 own = {0};
	socklen_t size = sizeof own;
	return raw_getsockname(fd, &own, &size) == 0 && IN6_IS_ADDR_V4MAPPED(&own.sin6_addr);
}

int place_address(enum place place, int fd, struct sockaddr_storage *address)
{
	char device[32] = "";
	socklen_t size = sizeof device;
	if (raw_getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, &size) == 0 &&
	    device[0] != '\0' && strcmp(device, "lo") != 0) {
		return -ENODEV;
	}
	bool v6 = socket_number(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6;
	bool mapped = v6 && is_bound_to_ipv4(fd);
	struct site *site = &sites[place][v6 && !mapped];
	int result = find_or_build(site, fd);
	if (result < 0 && v6 && !mapped && socket_number(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0) {
		/* IPv6 is off on loopback, but the socket speaks IPv4 as well. */
		site = &sites[place][0];
		mapped = true;
		result = find_or_build(site, fd);
	}
	if (result < 0) {
		return result;
	}
	memcpy(address, &site->address, sizeof *address);
	return mapped ? map_to_ipv6(address) : (int)site->size;
}

const char *place_excuse(int error)
{
	return error == -ENODEV ? "the socket is bound to a device and cannot reach loopback"
				: "there is no loopback here to connect to (is lo up?)";
}
