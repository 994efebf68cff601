#include <errno.h>
#include <string.h>
#include "addr.h"

#define IPV4_BYTES 4
#define IPV4_BITS 32
#define IPV6_BYTES 16
#define IPV6_BITS 128
/* Bits of ::ffff:0:0, behind which an IPv6 address holds an IPv4 one. */
#define MAPPED_BITS (IPV6_BITS - IPV4_BITS)

#define EXPECTED_ADDRESS                                                                           \
	"an address such as 10.0.0.1, 10.0.0.0/8, [::1]:80 or :80 (names are not looked up)"
#define EXPECTED_IPV4 "four numbers from 0 to 255, as in 10.0.0.1"
#define EXPECTED_IPV6 "an IPv6 address, as in 2001:db8::1"
#define EXPECTED_PORT "a port from 1 to 65535"

/* What is still to be read; the first misfit ends it with error and expected set. */
struct cursor {
	const char *start;
	const char *at;
	const char *end;
	const char *expected;
};

static int misfit(struct cursor *cursor, const char *at, const char *expected)
{
	cursor->at = at;
	cursor->expected = expected;
	return -EINVAL;
}

static bool at_char(const struct cursor *cursor, char c)
{
	return cursor->at < cursor->end && *cursor->at == c;
}

static bool take_char(struct cursor *cursor, char c)
{
	bool there = at_char(cursor, c);
	cursor->at += there;
	return there;
}

static bool at_digit(const struct cursor *cursor)
{
	return cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9';
}

/* A decimal number without leading zeros, from min to max. */
static int read_number(struct cursor *cursor, uint64_t min, uint64_t max, const char *expected,
		       uint64_t *value)
{
	const char *first = cursor->at;
	uint64_t sum = 0;
	while (at_digit(cursor)) {
		sum = sum * 10 + (uint64_t)(*cursor->at - '0');
		if (sum > max || (*first == '0' && cursor->at > first)) {
			return misfit(cursor, first, expected);
		}
		cursor->at++;
	}
	if (cursor->at == first || sum < min) {
		return misfit(cursor, first, expected);
	}
	*value = sum;
	return 0;
}

static int read_ipv4(struct cursor *cursor, uint8_t *bytes)
{
	for (int i = 0; i < IPV4_BYTES; i++) {
		uint64_t byte;
		if (i > 0 && !take_char(cursor, '.')) {
			return misfit(cursor, cursor->at, EXPECTED_IPV4);
		}
		if (read_number(cursor, 0, UINT8_MAX, EXPECTED_IPV4, &byte) != 0) {
			return -EINVAL;
		}
		bytes[i] = (uint8_t)byte;
	}
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Does an address in decimal end here, as in ::ffff:10.0.0.1? */
static bool ipv4_begins(const struct cursor *cursor)
{
	const char *at = cursor->at;
	while (at < cursor->end && *at >= '0' && *at <= '9') {
		at++;
	}
	return at < cursor->end && *at == '.';
}

static int read_group(struct cursor *cursor, uint8_t *bytes)
{
	const char *first = cursor->at;
	unsigned value = 0;
	while (cursor->at < cursor->end && hex_digit(*cursor->at) >= 0 && cursor->at - first < 4) {
		value = value << 4 | (unsigned)hex_digit(*cursor->at++);
	}
	if (cursor->at == first) {
		return misfit(cursor, first, EXPECTED_IPV6);
	}
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
	return 0;
}

/* Groups up to the first character that is no part of an IPv6 address; `::` is where gap says. */
static int read_groups(struct cursor *cursor, uint8_t *bytes, int *length, int *gap)
{
	*length = 0;
	*gap = -1;
	while (*length < IPV6_BYTES) {
		if (*gap < 0 && cursor->end - cursor->at >= 2 && memcmp(cursor->at, "::", 2) == 0) {
			*gap = *length;
			cursor->at += 2;
			if (cursor->at == cursor->end ||
			    (hex_digit(*cursor->at) < 0 && *cursor->at != ':')) {
				return 0;
			}
		} else if (*length > 0 && !take_char(cursor, ':')) {
			return 0;
		}
		if (ipv4_begins(cursor) && *length <= IPV6_BYTES - IPV4_BYTES) {
			int result = read_ipv4(cursor, bytes + *length);
			*length += IPV4_BYTES;
			return result;
		}
		if (read_group(cursor, bytes + *length) != 0) {
			return -EINVAL;
		}
		*length += 2;
	}
	/* Eight groups, and perhaps a `::` for none, which RFC 4291 does not know. */
	return 0;
}

static int read_ipv6(struct cursor *cursor, struct addr *addr)
{
	int length;
	int gap;
	if (read_groups(cursor, addr->bytes, &length, &gap) != 0) {
		return -EINVAL;
	}
	if (gap < 0 ? length != IPV6_BYTES : length == IPV6_BYTES) {
		return misfit(cursor, cursor->at, EXPECTED_IPV6);
	}
	if (gap >= 0) {
		size_t tail = (size_t)(length - gap);
		memmove(addr->bytes + IPV6_BYTES - tail, addr->bytes + gap, tail);
		memset(addr->bytes + gap, 0, (size_t)(IPV6_BYTES - length));
	}
	addr->family = AF_INET6;
	if (take_char(cursor, '%')) {
		uint64_t scope;
		if (read_number(cursor, 1, UINT32_MAX, "the number of a network interface",
				&scope) != 0) {
			return -EINVAL;
		}
		addr->scope = (uint32_t)scope;
	}
	return 0;
}

static int read_bracketed(struct cursor *cursor, struct addr *addr)
{
	if (read_ipv6(cursor, addr) != 0) {
		return -EINVAL;
	}
	if (!take_char(cursor, ']')) {
		return misfit(cursor, cursor->at, "the closing ] of an IPv6 address");
	}
	return 0;
}

static int read_prefix(struct cursor *cursor, struct addr_range *range)
{
	bool ipv4 = range->network.family == AF_INET;
	uint64_t prefix;
	if (read_number(cursor, 0, ipv4 ? IPV4_BITS : IPV6_BITS,
			ipv4 ? "a prefix length from 0 to 32 for IPv4"
			     : "a prefix length from 0 to 128 for IPv6",
			&prefix) != 0) {
		return -EINVAL;
	}
	range->prefix = (uint8_t)prefix;
	return 0;
}

/* An IPv6 range of IPv4 addresses is an IPv4 range: that is how connections have them. */
static int settle_mapped(struct cursor *cursor, const char *prefix_at, struct addr_range *range)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	memcpy(&in6.sin6_addr, range->network.bytes, IPV6_BYTES);
	if (range->network.family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
		return 0;
	}
	if (range->prefix < MAPPED_BITS) {
		return misfit(cursor, prefix_at,
			      "a prefix length from 96 to 128 for IPv4 written as IPv6");
	}
	range->network = addr_from_sockaddr(&in6, sizeof in6);
	range->prefix = (uint8_t)(range->prefix - MAPPED_BITS);
	return 0;
}

static void clear_host_bits(struct addr_range *range)
{
	for (unsigned bit = range->prefix; bit < 8 * sizeof range->network.bytes; bit++) {
		range->network.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	}
}

/* Every IPv6 address has two colons; a name with a port has one. */
static bool ipv6_begins(const struct cursor *cursor)
{
	int colons = 0;
	for (const char *at = cursor->at; at < cursor->end; at++) {
		if (*at == ':') {
			colons++;
		} else if (hex_digit(*at) < 0 && colons == 0) {
			return false;
		}
	}
	return colons > 1;
}

static int read_bare_ipv6(struct cursor *cursor, struct addr *addr)
{
	if (read_ipv6(cursor, addr) != 0) {
		return -EINVAL;
	}
	if (at_char(cursor, ':')) {
		return misfit(cursor, cursor->at,
			      "brackets around an IPv6 address with a port, as in [::1]:80");
	}
	return 0;
}

static int read_host(struct cursor *cursor, struct addr_range *range)
{
	struct addr *network = &range->network;
	int result;
	if (take_char(cursor, '*')) {
		return 0;
	}
	if (take_char(cursor, '[')) {
		result = read_bracketed(cursor, network);
	} else if (ipv4_begins(cursor)) {
		network->family = AF_INET;
		result = read_ipv4(cursor, network->bytes);
	} else if (ipv6_begins(cursor)) {
		result = read_bare_ipv6(cursor, network);
	} else {
		return misfit(cursor, cursor->at, EXPECTED_ADDRESS);
	}
	if (result != 0) {
		return result;
	}
	range->prefix = network->family == AF_INET ? IPV4_BITS : IPV6_BITS;
	const char *prefix_at = cursor->at + 1;
	if (take_char(cursor, '/')) {
		result = read_prefix(cursor, range);
	}
	if (result == 0) {
		result = settle_mapped(cursor, prefix_at, range);
	}
	clear_host_bits(range);
	return result;
}

static int read_ports(struct cursor *cursor, struct addr_range *range)
{
	uint64_t first;
	if (read_number(cursor, 1, UINT16_MAX, EXPECTED_PORT, &first) != 0) {
		return -EINVAL;
	}
	uint64_t last = first;
	if (take_char(cursor, '-')) {
		const char *last_at = cursor->at;
		if (read_number(cursor, 1, UINT16_MAX, EXPECTED_PORT, &last) != 0) {
			return -EINVAL;
		}
		if (last < first) {
			return misfit(cursor, last_at, "a last port that is not below the first");
		}
	}
	range->port_first = (uint16_t)first;
	range->port_last = (uint16_t)last;
	return 0;
}

static int read_range(struct cursor *cursor, struct addr_range *range)
{
	bool only_ports =
		at_char(cursor, ':') && cursor->end - cursor->at > 1 && cursor->at[1] != ':';
	if (!only_ports && read_host(cursor, range) != 0) {
		return -EINVAL;
	}
	if (take_char(cursor, ':') && read_ports(cursor, range) != 0) {
		return -EINVAL;
	}
	if (cursor->at < cursor->end) {
		return misfit(cursor, cursor->at,
			      range->port_last == UINT16_MAX && range->port_first == 0
				      ? "/LEN, :PORT, :PORT-PORT or nothing behind the address"
				      : "nothing behind the port");
	}
	return 0;
}

int addr_range_read(const char *string, size_t length, struct addr_range *range, size_t *error,
		    const char **expected)
{
	struct cursor cursor = {.start = string, .at = string, .end = string + length};
	struct addr_range result = {.port_first = 0, .port_last = UINT16_MAX};
	if (read_range(&cursor, &result) != 0) {
		*error = (size_t)(cursor.at - cursor.start);
		*expected = cursor.expected;
		return -EINVAL;
	}
	*range = result;
	return 0;
}
