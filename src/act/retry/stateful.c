#include "stateful.h"

#include <stdbool.h>
#include <string.h>
#include "http_words.h"

/* Fixed bytes at a fixed place. */
static const struct opening {
	size_t at, length;
	const char *bytes;
	const char *name;
} openings[] = {
	{0, 2, "\x16\x03", "TLS"},                /* a handshake record, RFC 8446 5.1 */
	{0, 14, "PRI * HTTP/2.0", "HTTP/2"},      /* RFC 9113 3.4 */
	{0, 4, "SSH-", "SSH"},                    /* RFC 4253 4.2 */
	{4, 4, "\x00\x03\x00\x00", "PostgreSQL"}, /* StartupMessage, version 3.0 */
	{4, 4, "\x04\xd2\x16\x2f", "PostgreSQL"}, /* SSLRequest */
	{4, 4, "MQTT", "MQTT"},                   /* CONNECT, MQTT 3.1.1 3.1.2 */
	{0, 4, "AMQP", "AMQP"},
	{0, 6, "PROXY ", "PROXY"},                /* HAProxy's protocol, version 1 */
	{0, 12, "\r\n\r\n\0\r\nQUIT\n", "PROXY"}, /* version 2 */
};

/* Commands after which a Redis connection is no longer like any other. */
static const char *const redis_commands[] = {
	"AUTH",    "HELLO",      "SELECT", "MULTI",    "WATCH",  "SUBSCRIBE", "PSUBSCRIBE",
	"MONITOR", "SSUBSCRIBE", "CLIENT", "READONLY", "ASKING", "SYNC",      "PSYNC",
};

/* The first word of a Redis command: `*2\r\n$4\r\nAUTH\r\n` or `AUTH ...`. */
static struct words redis_command(const char *bytes, size_t length)
{
	size_t at = 0;
	if (length > 0 && bytes[0] == '*') {
		for (int lines = 0; lines < 2; lines++) {
			const char *end = memchr(bytes + at, '\n', length - at);
			if (end == NULL) {
				return (struct words){bytes, 0};
			}
			at = (size_t)(end - bytes) + 1;
		}
	}
	size_t end = at;
	while (end < length && bytes[end] != '\r' && bytes[end] != '\n' && bytes[end] != ' ') {
		end++;
	}
	return (struct words){bytes + at, end - at};
}

/* The whole of a client's first message: RFC 1928 3, and SOCKS 4 with its user's name. */
static bool is_socks(const char *bytes, size_t length)
{
	if (length > 2 && bytes[0] == 5) {
		return length == 2 + (size_t)(unsigned char)bytes[1];
	}
	return length > 8 && bytes[0] == 4 && (bytes[1] == 1 || bytes[1] == 2) &&
	       bytes[length - 1] == '\0';
}

const char *stateful_name(const char *bytes, size_t length)
{
	for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
		const struct opening *opening = &openings[i];
		if (length >= opening->at + opening->length &&
		    memcmp(bytes + opening->at, opening->bytes, opening->length) == 0) {
			return opening->name;
		}
	}
	if (is_socks(bytes, length)) {
		return "SOCKS";
	}
	struct words command = redis_command(bytes, length);
	for (size_t i = 0; i < sizeof redis_commands / sizeof redis_commands[0]; i++) {
		if (words_are(command, redis_commands[i])) {
			return "Redis with a session";
		}
	}
	return NULL;
}
