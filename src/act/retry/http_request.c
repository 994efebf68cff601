#include <string.h>
#include "http.h"
#include "http_words.h"

/* RFC 9110 9.2.2. CONNECT and what is not in the table is not idempotent. */
static const char *const idempotent_methods[] = {"GET",   "HEAD", "OPTIONS",
						 "TRACE", "PUT",  "DELETE"};

/* A longest method that somebody has registered is far below this. */
#define METHOD_MAX 24

/* How the bytes behind the head are counted. */
struct body {
	bool has_length, chunked, unknown;
	uint64_t length;
};

/* The line that starts at `at`, without CR LF; false when its end is not there yet. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct words *line)
{
	if (*at >= length) {
		/* There may be no memory at all, which memchr() must not be given. */
		return false;
	}
	const char *start = bytes + *at;
	const char *end = memchr(start, '\n', length - *at);
	if (end == NULL) {
		return false;
	}
	*at = (size_t)(end - bytes) + 1;
	if (end > start && end[-1] == '\r') {
		end--;
	}
	*line = (struct words){start, (size_t)(end - start)};
	return true;
}

/* METHOD SP target SP HTTP/1.x; case matters here. */
static bool read_request_line(struct words line, struct http_request *request)
{
	const char *space = memchr(line.bytes, ' ', line.length);
	if (space == NULL || line.length < sizeof "G / HTTP/1.1" - 1) {
		return false;
	}
	request->method_length = (size_t)(space - line.bytes);
	const char *version = line.bytes + line.length - (sizeof " HTTP/1.1" - 1);
	if (version <= space || memcmp(version, " HTTP/1.", 8) != 0 ||
	    (version[8] != '0' && version[8] != '1')) {
		return false;
	}
	for (size_t i = 0; i < sizeof idempotent_methods / sizeof idempotent_methods[0]; i++) {
		if (strlen(idempotent_methods[i]) == request->method_length &&
		    memcmp(line.bytes, idempotent_methods[i], request->method_length) == 0) {
			request->idempotent = true;
		}
	}
	request->is_head = request->method_length == 4 && memcmp(line.bytes, "HEAD", 4) == 0;
	request->binds = request->method_length == 7 && memcmp(line.bytes, "CONNECT", 7) == 0;
	return true;
}

/* Authentication that belongs to the connection, not to the request (RFC 4559, MS-NTHT). */
static bool logs_in_connection(struct words value)
{
	return words_have(value, "NTLM") || words_have(value, "Negotiate");
}

static void read_field(struct words name, struct words value, struct http_request *request,
		       struct body *body)
{
	if (words_are(name, "Idempotency-Key")) {
		request->has_key = true;
	} else if (words_are(name, "Expect") || words_are(name, "Upgrade")) {
		request->binds = true;
	} else if (words_are(name, "Authorization") || words_are(name, "Proxy-Authorization")) {
		request->binds |= logs_in_connection(value);
	} else if (words_are(name, "Content-Length")) {
		uint64_t length;
		body->unknown |= !words_number(value, 10, &length) ||
				 (body->has_length && length != body->length);
		body->has_length = true;
		body->length = length;
	} else if (words_are(name, "Transfer-Encoding")) {
		body->unknown |= !words_are(value, "chunked");
		body->chunked = true;
	}
}

/* Where a chunked body ends (RFC 9112 7.1): 0 when it does not yet, SIZE_MAX when it is none. */
static size_t chunks_end(const char *bytes, size_t length, size_t at)
{
	struct words line;
	while (next_line(bytes, length, &at, &line)) {
		const char *semicolon = memchr(line.bytes, ';', line.length);
		if (semicolon != NULL) {
			line.length = (size_t)(semicolon - line.bytes);
		}
		uint64_t size;
		if (!words_number(line, 16, &size)) {
			return SIZE_MAX;
		}
		if (size == 0) {
			while (next_line(bytes, length, &at, &line)) {
				if (line.length == 0) {
					return at;
				}
			}
			return 0;
		}
		if (size > length - at) {
			return 0;
		}
		at += size;
		if (!next_line(bytes, length, &at, &line)) {
			return 0;
		}
		if (line.length != 0) {
			return SIZE_MAX;
		}
	}
	return 0;
}

static enum http_reading read_body(const char *bytes, size_t length, size_t head,
				   const struct body *body)
{
	if (body->unknown || (body->chunked && body->has_length)) {
		return HTTP_FOREIGN;
	}
	size_t end = body->chunked ? chunks_end(bytes, length, head) : head;
	if (body->has_length) {
		end = body->length > length - head ? 0 : head + body->length;
	}
	if (end == SIZE_MAX) {
		return HTTP_FOREIGN;
	}
	return end == 0 ? HTTP_PARTIAL : end == length ? HTTP_COMPLETE : HTTP_MORE;
}

/* A method so far, or what may become one: upper-case letters, then a space. */
static bool may_be_request(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == ' ') {
			return i > 0;
		}
		bool letter = (bytes[i] >= 'A' && bytes[i] <= 'Z') || bytes[i] == '-';
		if (!letter || i >= METHOD_MAX) {
			return false;
		}
	}
	return true;
}

enum http_reading http_request_read(const char *bytes, size_t length, struct http_request *request)
{
	*request = (struct http_request){0};
	struct body body = {0};
	struct words line, name, value;
	size_t at = 0;
	if (!may_be_request(bytes, length)) {
		return HTTP_FOREIGN;
	}
	if (!next_line(bytes, length, &at, &line)) {
		return HTTP_PARTIAL;
	}
	if (!read_request_line(line, request)) {
		return HTTP_FOREIGN;
	}
	while (next_line(bytes, length, &at, &line)) {
		if (line.length == 0) {
			request->has_head = true;
			request->length = body.chunked ? 0 : at + body.length;
			return read_body(bytes, length, at, &body);
		}
		if (!words_header(line, &name, &value)) {
			return HTTP_FOREIGN;
		}
		read_field(name, value, request, &body);
	}
	return HTTP_PARTIAL;
}
