#include <string.h>
#include "http.h"
#include "http_words.h"

enum {
	STATUS_LINE,
	HEADER_LINE,
	BODY,        /* `left` bytes */
	BODY_TO_END, /* as long as the connection lives */
	CHUNK_SIZE,
	CHUNK,
	CHUNK_LINE_END,
	TRAILER,
	DONE,
	FOREIGN,
};

void http_response_begin(struct http_response *response, bool to_head)
{
	*response = (struct http_response){.state = STATUS_LINE, .to_head = to_head};
}

static bool read_status_line(struct http_response *response, struct words line)
{
	/* HTTP/1.1 200 */
	if (line.length < 12 || memcmp(line.bytes, "HTTP/1.", 7) != 0 || line.bytes[8] != ' ') {
		return false;
	}
	uint64_t status;
	if (!words_number((struct words){line.bytes + 9, 3}, 10, &status) || status < 100 ||
	    (line.length > 12 && line.bytes[12] != ' ')) {
		return false;
	}
	response->status = (uint16_t)status;
	return true;
}

static bool read_field(struct http_response *response, struct words line)
{
	struct words name, value;
	if (!words_header(line, &name, &value)) {
		return false;
	}
	if (words_are(name, "Content-Length")) {
		uint64_t length;
		bool whole = response->line_length < sizeof response->line;
		if (!whole || !words_number(value, 10, &length) ||
		    (response->has_length && length != response->left)) {
			return false;
		}
		response->has_length = true;
		response->left = length;
	} else if (words_are(name, "Transfer-Encoding")) {
		response->chunked = true;
		response->foreign_coding |= !words_are(value, "chunked");
	} else if (words_are(name, "WWW-Authenticate") || words_are(name, "Proxy-Authenticate")) {
		response->binds |= words_have(value, "NTLM") || words_have(value, "Negotiate");
	}
	return true;
}

/* What follows the head: RFC 9112 6.3. */
static uint8_t after_head(struct http_response *response)
{
	uint16_t status = response->status;
	if (status == 101) {
		response->binds = true;
		return FOREIGN;
	}
	if (status < 200) {
		bool to_head = response->to_head;
		http_response_begin(response, to_head);
		return STATUS_LINE;
	}
	if (response->to_head || status == 204 || status == 304) {
		return DONE;
	}
	if (response->chunked) {
		return response->has_length       ? FOREIGN
		       : response->foreign_coding ? BODY_TO_END
						  : CHUNK_SIZE;
	}
	if (!response->has_length) {
		return BODY_TO_END;
	}
	return response->left > 0 ? BODY : DONE;
}

static uint8_t after_chunk_size(struct http_response *response, struct words line)
{
	const char *semicolon = memchr(line.bytes, ';', line.length);
	if (semicolon != NULL) {
		line.length = (size_t)(semicolon - line.bytes);
	} else if (response->line_length >= sizeof response->line) {
		return FOREIGN;
	}
	while (line.length > 0 && line.bytes[line.length - 1] == ' ') {
		line.length--;
	}
	if (!words_number(line, 16, &response->left)) {
		return FOREIGN;
	}
	return response->left > 0 ? CHUNK : TRAILER;
}

static uint8_t after_line(struct http_response *response)
{
	struct words line = {response->line, response->line_length};
	if (line.length > 0 && line.bytes[line.length - 1] == '\r') {
		line.length--;
	}
	switch (response->state) {
	case STATUS_LINE:
		return read_status_line(response, line) ? HEADER_LINE : FOREIGN;
	case HEADER_LINE:
		return line.length == 0             ? after_head(response)
		       : read_field(response, line) ? HEADER_LINE
						    : FOREIGN;
	case CHUNK_SIZE:
		return after_chunk_size(response, line);
	case CHUNK_LINE_END:
		return line.length == 0 ? CHUNK_SIZE : FOREIGN;
	default:
		return line.length == 0 ? DONE : TRAILER;
	}
}

/* Take bytes of a line; what is beyond the room is only counted as such. */
static size_t take_line(struct http_response *response, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, '\n', length);
	size_t count = end != NULL ? (size_t)(end - bytes) : length;
	size_t room = sizeof response->line - response->line_length;
	size_t kept = count < room ? count : room;
	memcpy(response->line + response->line_length, bytes, kept);
	response->line_length = (uint8_t)(response->line_length + kept);
	if (end == NULL) {
		return count;
	}
	response->state = after_line(response);
	response->line_length = 0;
	return count + 1;
}

static size_t take_body(struct http_response *response, size_t length)
{
	size_t count = response->left < length ? (size_t)response->left : length;
	response->left -= count;
	if (response->left == 0) {
		response->state = response->state == CHUNK ? CHUNK_LINE_END : DONE;
	}
	return count;
}

enum http_reading http_response_read(struct http_response *response, const char *bytes,
				     size_t length)
{
	size_t at = 0;
	while (at < length && response->state != DONE && response->state != FOREIGN) {
		switch (response->state) {
		case BODY:
		case CHUNK:
			at += take_body(response, length - at);
			break;
		case BODY_TO_END:
			at = length;
			break;
		default:
			at += take_line(response, bytes + at, length - at);
			break;
		}
	}
	if (response->state == FOREIGN) {
		return HTTP_FOREIGN;
	}
	return response->state != DONE ? HTTP_PARTIAL : at < length ? HTTP_MORE : HTTP_COMPLETE;
}
