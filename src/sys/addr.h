/* Socket addresses, compact and comparable: IPv4 and IPv6; v4-mapped IPv6 counts as IPv4. */
#ifndef RESETBY_SYS_ADDR_H
#define RESETBY_SYS_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "text.h"

struct addr {
	uint8_t bytes[16]; /* network order; IPv4 uses the first four */
	uint32_t scope;    /* IPv6 zone, 0 for none */
	uint16_t port;     /* host order */
	uint8_t family;    /* AF_INET, AF_INET6, or 0: not known */
};

/** Addresses and ports that a selector names. */
struct addr_range {
	struct addr network; /* family 0: any address */
	uint8_t prefix;      /* bits of network that count */
	uint16_t port_first; /* 0 with port_last 65535: any port */
	uint16_t port_last;
};

/** Family 0 when the address is of neither family or is cut short. */
struct addr addr_from_sockaddr(const void *sockaddr, socklen_t size);

/**
 * @return
 *         The size to pass with it, 0 when the address is not known.
 */
socklen_t addr_to_sockaddr(const struct addr *addr, struct sockaddr_storage *sockaddr);

/** `127.0.0.1:8080`, `[::1]:8080`, `[fe80::1%2]:80`, `*` when not known (RFC 5952 text). */
void addr_write(struct text *text, const struct addr *addr);

/** The same with a pen (pen.h), in at most ADDR_LONGEST bytes; returns where to go on. */
#define ADDR_LONGEST ((size_t)64)
char *addr_pen(char *at, const struct addr *addr);

/** The address alone, without brackets and port: `::1`. */
void addr_write_host(struct text *text, const struct addr *addr);

/** Is the address all zeros (INADDR_ANY, in6addr_any)? */
bool addr_is_any(const struct addr *addr);

bool addr_is_loopback(const struct addr *addr);

/** Is it an IPv6 address that only counts on one link, fe80::/10? */
bool addr_is_link_local(const struct addr *addr);

/** Does it stand for many hosts (multicast, 255.255.255.255)? A subnet's broadcast address the routes know. */
bool addr_is_of_many(const struct addr *addr);

/** Same family and bytes, whatever the port. */
bool addr_same_host(const struct addr *a, const struct addr *b);

bool addr_in_range(const struct addr *addr, const struct addr_range *range);

/**
 * Read `ADDR[/LEN][:PORT[-PORT]]`: `10.0.0.0/8`, `:443`, `[::1]:8080`, `::1`, `1.2.3.4:1-1023`.
 *
 * @error
 *         On failure, the offset of the first character that does not fit.
 * @expected
 *         On failure, what was expected there.
 * @return
 *         0 or -EINVAL.
 */
int addr_range_read(const char *string, size_t length, struct addr_range *range, size_t *error,
		    const char **expected);

/** Write a range as addr_range_read takes it. */
void addr_range_write(struct text *text, const struct addr_range *range);

#endif
