/*
 * unreachable: the connect goes to a multicast address, which the kernel refuses for TCP with
 * ENETUNREACH before anything is sent (tcp_v4_connect(), tcp_v6_connect()): the socket is left as
 * by any destination without a route. The kernel has no unprivileged way to EHOSTUNREACH, whose
 * socket is the same: there the number alone is ours, and the log says so.
 */
#include "act.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "../sys/raw.h"

static socklen_t multicast(int fd, struct sockaddr_storage *address)
{
	int family = AF_INET;
	socklen_t size = sizeof family;
	raw_getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
	memset(address, 0, sizeof *address);
	address->ss_family = (sa_family_t)family;
	if (family == AF_INET6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
		v6->sin6_addr.s6_addr[0] = 0xff; /* ff0e::1: multicast of global scope */
		v6->sin6_addr.s6_addr[1] = 0x0e;
		v6->sin6_addr.s6_addr[15] = 1;
		v6->sin6_port = htons(1);
		return sizeof *v6;
	}
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	v4->sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP);
	v4->sin_port = htons(1);
	return sizeof *v4;
}

static bool wants_host(const struct rule *rule)
{
	return !rule->has_value || rule->value.unreachable == UNREACHABLE_HOST;
}

static void before_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	bool first;
	if (act_is_diverted(target) || !act_fires(rule, call, WHEN_CONNECT, &first)) {
		return;
	}
	target->size = multicast(call->fd, &target->other);
	target->address = &target->other;
	call->conn->injected = act_number(rule, call);
	act_tell(rule, call,
		 wants_host(rule) ? "connected to a multicast address instead, to which the kernel "
				    "knows no way: nothing "
				    "is sent; its ENETUNREACH is told as EHOSTUNREACH"
				  : "connected to a multicast address instead, to which the kernel "
				    "knows no way: nothing "
				    "is sent");
}

static void after_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	(void)target;
	if (call->conn->injected == act_number(rule, call) && call->error == ENETUNREACH &&
	    wants_host(rule)) {
		call->error = EHOSTUNREACH;
	}
}

const struct act act_UNREACHABLE = {.connect = before_connect, .connected = after_connect};
