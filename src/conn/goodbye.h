/*
 * TLS's goodbye, close_notify: an alert (RFC 8446, 6.1), with which either side says that it writes no
 * more. TLS 1.2 writes on the record that it is one (RFC 5246, 6.2.1). TLS 1.3 hides that, but not the
 * length: two bytes, one for what they are, and the cipher's tag of 16 bytes, or 8 (RFC 8446, 5.2; RFC
 * 6655, 6.1). A message of two bytes looks the same, but as a rule more follows it.
 */
#ifndef RESETBY_CONN_GOODBYE_H
#define RESETBY_CONN_GOODBYE_H

#include <stdbool.h>
#include <stdint.h>

/** A record's head: what it is, two bytes of version, and the length of what follows. */
#define GOODBYE_HEAD 5

#define GOODBYE_TLS_MAJOR 3
#define GOODBYE_ALERT 21
#define GOODBYE_HIDDEN 23
#define GOODBYE_LENGTH (2 + 1 + 16)
#define GOODBYE_LENGTH_SHORT (2 + 1 + 8)

/** How long a record with this head is that may be a goodbye; 0 when it is none. */
static inline uint8_t goodbye_size(const unsigned char head[GOODBYE_HEAD])
{
	unsigned length = (unsigned)head[3] << 8 | head[4];
	bool is_short = length == GOODBYE_LENGTH || length == GOODBYE_LENGTH_SHORT;
	bool is_alert = head[0] == GOODBYE_ALERT && length <= UINT8_MAX - GOODBYE_HEAD;
	bool is_goodbye = is_alert || (head[0] == GOODBYE_HIDDEN && is_short);
	return head[1] == GOODBYE_TLS_MAJOR && is_goodbye ? (uint8_t)(GOODBYE_HEAD + length) : 0;
}

#endif
