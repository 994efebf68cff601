#include <stddef.h>
#include <string.h>
#include "addr.h"
#include "pen.h"

#define IPV4_BYTES 4
#define IPV6_BYTES 16
#define IPV6_GROUPS 8

/* The kernel takes sockets' IPv6 addresses without the scope too: SIN6_LEN_RFC2133. */
#define IPV6_SIZE_MIN offsetof(struct sockaddr_in6, sin6_scope_id)

/* ::ffff:0:0/96, RFC 4291 2.5.5.2 */
static const uint8_t mapped_prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static size_t addr_bytes(const struct addr *addr)
{
	return addr->family == AF_INET ? IPV4_BYTES : IPV6_BYTES;
}

static struct addr from_ipv6(const uint8_t *bytes, uint32_t scope)
{
	struct addr addr = {.family = AF_INET6, .scope = scope};
	if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0) {
		addr.family = AF_INET;
		addr.scope = 0;
		memcpy(addr.bytes, bytes + sizeof mapped_prefix, IPV4_BYTES);
	} else {
		memcpy(addr.bytes, bytes, IPV6_BYTES);
	}
	return addr;
}

struct addr addr_from_sockaddr(const void *sockaddr, socklen_t size)
{
	struct addr addr = {.family = 0};
	sa_family_t family;
	if (!sockaddr || size < sizeof family) {
		return addr;
	}
	/* The program's memory may be aligned in any way. */
	memcpy(&family, sockaddr, sizeof family);
	if (family == AF_INET && size >= sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;
		memcpy(&in, sockaddr, sizeof in);
		addr.family = AF_INET;
		addr.port = ntohs(in.sin_port);
		memcpy(addr.bytes, &in.sin_addr, IPV4_BYTES);
	} else if (family == AF_INET6 && size >= IPV6_SIZE_MIN) {
		struct sockaddr_in6 in6 = {.sin6_scope_id = 0};
		memcpy(&in6, sockaddr, size < sizeof in6 ? IPV6_SIZE_MIN : sizeof in6);
		addr = from_ipv6(in6.sin6_addr.s6_addr, in6.sin6_scope_id);
		addr.port = ntohs(in6.sin6_port);
	}
	return addr;
}

socklen_t addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *sockaddr)
{
	memset(sockaddr, 0, sizeof *sockaddr);
	if (addr->family == AF_INET) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
		memcpy(&in.sin_addr, addr->bytes, IPV4_BYTES);
		memcpy(sockaddr, &in, sizeof in);
		return sizeof in;
	}
	if (addr->family == AF_INET6) {
		struct sockaddr_in6 in6 = {
			.sin6_family = AF_INET6,
			.sin6_port = htons(addr->port),
			.sin6_scope_id = addr->scope,
		};
		memcpy(&in6.sin6_addr, addr->bytes, IPV6_BYTES);
		memcpy(sockaddr, &in6, sizeof in6);
		return sizeof in6;
	}
	return 0;
}

static inline char *pen_ipv4(char *at, const uint8_t *bytes)
{
	at = pen_unsigned(at, bytes[0]);
	for (int i = 1; i < IPV4_BYTES; i++) {
		at = pen_unsigned(pen_literal(at, "."), bytes[i]);
	}
	return at;
}

static unsigned group_of(const uint8_t *bytes, int group)
{
	const uint8_t *at = bytes + 2 * (size_t)group;
	return (unsigned)at[0] << 8 | at[1];
}

/* The first of the longest runs of at least two zero groups becomes `::` (RFC 5952 4.2). */
static int longest_zeros(const uint8_t *bytes, int *length)
{
	int best = -1;
	*length = 1;
	for (int start = 0; start < IPV6_GROUPS; start++) {
		int end = start;
		while (end < IPV6_GROUPS && group_of(bytes, end) == 0) {
			end++;
		}
		if (end - start > *length) {
			best = start;
			*length = end - start;
		}
	}
	return best;
}

static void write_ipv6(struct text *text, const struct addr *addr)
{
	int zeros_length;
	int zeros = longest_zeros(addr->bytes, &zeros_length);
	for (int group = 0; group < IPV6_GROUPS; group++) {
		if (group == zeros) {
			text_string(text, "::");
			group += zeros_length - 1;
			continue;
		}
		if (group > 0 && group != zeros + zeros_length) {
			text_char(text, ':');
		}
		text_hex(text, group_of(addr->bytes, group));
	}
	if (addr->scope != 0) {
		text_char(text, '%');
		text_unsigned(text, addr->scope);
	}
}

void addr_write_host(struct text *text, const struct addr *addr)
{
	if (addr->family == AF_INET) {
		char ipv4[INET_ADDRSTRLEN];
		text_bytes(text, ipv4, (size_t)(pen_ipv4(ipv4, addr->bytes) - ipv4));
	} else {
		write_ipv6(text, addr);
	}
}

static void write_host_before_colon(struct text *text, const struct addr *addr)
{
	bool brackets = addr->family == AF_INET6;
	if (brackets) {
		text_char(text, '[');
	}
	addr_write_host(text, addr);
	if (brackets) {
		text_char(text, ']');
	}
}

void addr_write(struct text *text, const struct addr *addr)
{
	if (addr->family == 0) {
		text_char(text, '*');
		return;
	}
	write_host_before_colon(text, addr);
	text_char(text, ':');
	text_unsigned(text, addr->port);
}

char *addr_pen(char *at, const struct addr *addr)
{
	if (addr->family == AF_INET) {
		at = pen_literal(pen_ipv4(at, addr->bytes), ":");
		return pen_unsigned(at, addr->port);
	}
	struct text text = text_in(at, ADDR_LONGEST);
	addr_write(&text, addr);
	return at + text.length;
}

bool addr_is_any(const struct addr *addr)
{
	static const uint8_t zeros[IPV6_BYTES];
	return addr->family != 0 && memcmp(addr->bytes, zeros, addr_bytes(addr)) == 0;
}

bool addr_is_link_local(const struct addr *addr)
{
	return addr->family == AF_INET6 && addr->bytes[0] == 0xfe &&
	       (addr->bytes[1] & 0xc0) == 0x80;
}

bool addr_is_of_many(const struct addr *addr)
{
	static const uint8_t ipv4_broadcast[IPV4_BYTES] = {255, 255, 255, 255};
	if (addr->family == AF_INET) {
		return (addr->bytes[0] & 0xf0) == 0xe0 ||
		       memcmp(addr->bytes, ipv4_broadcast, IPV4_BYTES) == 0;
	}
	return addr->family == AF_INET6 && addr->bytes[0] == 0xff;
}

bool addr_is_loopback(const struct addr *addr)
{
	static const uint8_t ipv6_loopback[IPV6_BYTES] = {[IPV6_BYTES - 1] = 1};
	if (addr->family == AF_INET) {
		return addr->bytes[0] == IN_LOOPBACKNET;
	}
	return addr->family == AF_INET6 && memcmp(addr->bytes, ipv6_loopback, IPV6_BYTES) == 0;
}

bool addr_same_host(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && a->scope == b->scope &&
	       (a->family == 0 || memcmp(a->bytes, b->bytes, addr_bytes(a)) == 0);
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0) {
		return false;
	}
	unsigned rest = bits % 8;
	return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

bool addr_in_range(const struct addr *addr, const struct addr_range *range)
{
	if (addr->family == 0 || addr->port < range->port_first || addr->port > range->port_last) {
		return false;
	}
	const struct addr *network = &range->network;
	if (network->family == 0) {
		return true;
	}
	return addr->family == network->family &&
	       (network->scope == 0 || network->scope == addr->scope) &&
	       same_prefix(addr->bytes, network->bytes, range->prefix);
}

void addr_range_write(struct text *text, const struct addr_range *range)
{
	const struct addr *network = &range->network;
	bool any_port = range->port_first == 0 && range->port_last == UINT16_MAX;
	if (network->family != 0) {
		if (any_port) {
			addr_write_host(text, network);
		} else {
			write_host_before_colon(text, network);
		}
		if (range->prefix != 8 * addr_bytes(network)) {
			text_char(text, '/');
			text_unsigned(text, range->prefix);
		}
	} else if (any_port) {
		text_char(text, '*');
	}
	if (!any_port) {
		text_char(text, ':');
		text_unsigned(text, range->port_first);
		if (range->port_last != range->port_first) {
			text_char(text, '-');
			text_unsigned(text, range->port_last);
		}
	}
}
