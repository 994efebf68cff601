/*
 * Just enough of HTTP/1.x (RFC 9112) to know what a request asks for and where requests and
 * responses end. Pure functions over bytes that nobody vouches for. Whatever is not plainly
 * understood is said to be so, and is then never retried.
 */
#ifndef RESETBY_ACT_RETRY_HTTP_H
#define RESETBY_ACT_RETRY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_reading {
	HTTP_FOREIGN,  /* not HTTP/1.x, or not plainly so */
	HTTP_PARTIAL,  /* so far HTTP/1.x, and more is to come */
	HTTP_COMPLETE, /* one message, to its last byte */
	HTTP_MORE,     /* one message, and bytes of another behind it */
};

struct http_request {
	bool has_head;   /* the empty line was seen; what follows is only known then */
	bool idempotent; /* its method is, RFC 9110 9.2.2 */
	bool has_key;    /* Idempotency-Key */
	bool is_head;    /* HEAD: the response has no body */
	bool binds; /* the connection has a state of its own: CONNECT, Upgrade, Expect, NTLM ... */
	size_t method_length;
	uint64_t length; /* of the whole request; 0 when the head does not tell */
};

/**
 * Read what was sent since a request began.
 *
 * @request
 *         Filled as far as the bytes tell.
 */
enum http_reading http_request_read(const char *bytes, size_t length, struct http_request *request);

/** A response, read as it arrives. Zero it, then http_response_begin. */
struct http_response {
	uint8_t state;
	bool to_head; /* answers HEAD */
	bool has_length, chunked, foreign_coding;
	bool binds; /* 101, or a challenge that logs the connection in */
	uint8_t line_length;
	uint16_t status;
	uint64_t left; /* bytes of the body, or of the chunk, that are still to come */
	char line[64]; /* of a header line: enough for the names and values that matter */
};

/** A response is expected. `to_head`: to a HEAD request. */
void http_response_begin(struct http_response *response, bool to_head);

/** More of it has arrived. HTTP_PARTIAL until its last byte, also when only the end of the
 *  connection will end it. */
enum http_reading http_response_read(struct http_response *response, const char *bytes,
				     size_t length);

#endif
