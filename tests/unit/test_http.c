#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "act/retry/http.h"
#include "act/retry/stateful.h"

static struct http_request request;

static enum http_reading read_request(const char *text)
{
	return http_request_read(text, strlen(text), &request);
}

static void methods_of_rfc9110_are_idempotent(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\n\r\n",     "HEAD /x HTTP/1.1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\n\r\n", "TRACE / HTTP/1.0\r\n\r\n",
		"PUT /x HTTP/1.1\r\n\r\n",    "DELETE /x HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(read_request(texts[i]), HTTP_COMPLETE);
		assert_true(request.idempotent);
		assert_false(request.binds);
		assert_int_equal(request.is_head, texts[i][0] == 'H');
	}
}

static void other_methods_are_not_idempotent(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"POST / HTTP/1.1\r\n\r\n", "PATCH / HTTP/1.1\r\n\r\n", "get / HTTP/1.1\r\n\r\n",
		"GETS / HTTP/1.1\r\n\r\n", "LOCK /x HTTP/1.1\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		read_request(texts[i]);
		assert_false(request.idempotent);
		assert_false(request.has_key);
	}
}

static void an_idempotency_key_marks_a_post(void **state)
{
	(void)state;
	assert_int_equal(read_request("POST / HTTP/1.1\r\nidempotency-KEY: \"8e03\"\r\n"
				      "Content-Length: 2\r\n\r\nok"),
			 HTTP_COMPLETE);
	assert_false(request.idempotent);
	assert_true(request.has_key);
}

static void a_request_without_its_empty_line_is_partial(void **state)
{
	(void)state;
	const char *text = "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	for (size_t length = 0; length < strlen(text); length++) {
		assert_int_equal(http_request_read(text, length, &request), HTTP_PARTIAL);
	}
	assert_int_equal(read_request(text), HTTP_COMPLETE);
}

/* Also where there is no memory, which UndefinedBehaviorSanitizer sees. */
static void a_request_of_no_byte_is_partial(void **state)
{
	(void)state;
	assert_int_equal(http_request_read(NULL, 0, &request), HTTP_PARTIAL);
	assert_int_equal(read_request(""), HTTP_PARTIAL);
}

static void bytes_behind_a_request_are_another_one(void **state)
{
	(void)state;
	assert_int_equal(read_request("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n"), HTTP_MORE);
	assert_int_equal(read_request("PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nab"), HTTP_MORE);
	assert_int_equal(read_request("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
				      "1\r\na\r\n0\r\n\r\nG"),
			 HTTP_MORE);
}

static void a_chunked_request_ends_with_its_last_chunk(void **state)
{
	(void)state;
	const char *text = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "3;name=x\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
	for (size_t length = 0; length < strlen(text); length++) {
		assert_int_equal(http_request_read(text, length, &request), HTTP_PARTIAL);
	}
	assert_int_equal(read_request(text), HTTP_COMPLETE);
}

static void what_is_not_plainly_http_is_foreign(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"*1\r\n$4\r\nPING\r\n",
		"\x16\x03\x01\x02",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /\r\n",
		"GET / HTTP/1.1\r\nno colon\r\n\r\n",
		"GET / HTTP/1.1\r\nName : value\r\n\r\n",
		"GET / HTTP/1.1\r\n folded: line\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(read_request(texts[i]), HTTP_FOREIGN);
	}
	assert_int_equal(http_request_read("GET / HTTP/1.1\r\nA\0B: 1\r\n\r\n", 27, &request),
			 HTTP_FOREIGN);
}

static void a_request_that_gives_the_connection_a_state_binds_it(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"CONNECT a:443 HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
		"GET / HTTP/1.1\r\nAuthorization: NTLM TlRMTVNTUAAB\r\n\r\n",
		"GET / HTTP/1.1\r\nProxy-Authorization: negotiate YII\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		read_request(texts[i]);
		assert_true(request.binds);
	}
	read_request("GET / HTTP/1.1\r\nAuthorization: Basic TlRMTQ==\r\n\r\n");
	assert_false(request.binds);
}

/* Read a response cut in two at every place: the end is found at its last byte and not before. */
static void ends_at_its_last_byte(const char *text, bool to_head)
{
	size_t length = strlen(text);
	for (size_t cut = 0; cut < length; cut++) {
		struct http_response response;
		http_response_begin(&response, to_head);
		assert_int_equal(http_response_read(&response, text, cut), HTTP_PARTIAL);
		assert_int_equal(http_response_read(&response, text + cut, length - cut),
				 HTTP_COMPLETE);
	}
	struct http_response response;
	http_response_begin(&response, to_head);
	for (size_t i = 0; i + 1 < length; i++) {
		assert_int_equal(http_response_read(&response, text + i, 1), HTTP_PARTIAL);
	}
	assert_int_equal(http_response_read(&response, text + length - 1, 1), HTTP_COMPLETE);
	assert_int_equal(http_response_read(&response, "H", 1), HTTP_MORE);
}

static void responses_end_where_rfc9112_says(void **state)
{
	(void)state;
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false);
	ends_at_its_last_byte("HTTP/1.0 200 OK\ncontent-length:5\n\nhello", false);
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false);
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true);
	ends_at_its_last_byte("HTTP/1.1 204 No Content\r\n\r\n", false);
	ends_at_its_last_byte("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false);
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			      "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
			      false);
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
			      "a\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n",
			      false);
	ends_at_its_last_byte("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
			      "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx",
			      false);
	ends_at_its_last_byte("HTTP/1.1 200 OK\r\nX-Long: 0123456789012345678901234567890123456789"
			      "0123456789012345678901234567890123456789\r\nContent-Length: 1\r\n"
			      "\r\nx",
			      false);
}

static void a_response_without_a_length_never_ends(void **state)
{
	(void)state;
	struct http_response response;
	http_response_begin(&response, false);
	const char *text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello";
	assert_int_equal(http_response_read(&response, text, strlen(text)), HTTP_PARTIAL);
	http_response_begin(&response, false);
	text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello";
	assert_int_equal(http_response_read(&response, text, strlen(text)), HTTP_PARTIAL);
}

static void what_is_no_plain_response_is_foreign(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"ICY 200 OK\r\n",
		"HTTP/2 200\r\n",
		"HTTP/1.1 20\r\n",
		"HTTP/1.1 2000\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct http_response response;
		http_response_begin(&response, false);
		assert_int_equal(http_response_read(&response, texts[i], strlen(texts[i])),
				 HTTP_FOREIGN);
		/* And stays so. */
		assert_int_equal(http_response_read(&response, "\r\n", 2), HTTP_FOREIGN);
	}
}

static void a_challenge_that_logs_the_connection_in_binds_it(void **state)
{
	(void)state;
	struct http_response response;
	http_response_begin(&response, false);
	const char *text = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\n"
			   "Content-Length: 0\r\n\r\n";
	assert_int_equal(http_response_read(&response, text, strlen(text)), HTTP_COMPLETE);
	assert_true(response.binds);
}

static void protocols_with_a_state_are_known_by_their_first_bytes(void **state)
{
	(void)state;
#define NAME(bytes) stateful_name(bytes, sizeof bytes - 1)
	assert_string_equal(NAME("\x16\x03\x01\x00\xf0\x01"), "TLS");
	assert_string_equal(NAME("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "HTTP/2");
	assert_string_equal(NAME("SSH-2.0-x\r\n"), "SSH");
	assert_string_equal(NAME("\x00\x00\x00\x08\x04\xd2\x16\x2f"), "PostgreSQL");
	assert_non_null(NAME("*2\r\n$4\r\nauth\r\n$1\r\nx\r\n"));
	assert_non_null(NAME("SELECT 3\r\n"));
	assert_null(NAME("*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"));
	assert_null(NAME("GET / HTTP/1.1\r\n\r\n"));
	assert_null(NAME("*2\r\n$4"));
	assert_null(stateful_name(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(methods_of_rfc9110_are_idempotent),
		cmocka_unit_test(other_methods_are_not_idempotent),
		cmocka_unit_test(an_idempotency_key_marks_a_post),
		cmocka_unit_test(a_request_without_its_empty_line_is_partial),
		cmocka_unit_test(a_request_of_no_byte_is_partial),
		cmocka_unit_test(bytes_behind_a_request_are_another_one),
		cmocka_unit_test(a_chunked_request_ends_with_its_last_chunk),
		cmocka_unit_test(what_is_not_plainly_http_is_foreign),
		cmocka_unit_test(a_request_that_gives_the_connection_a_state_binds_it),
		cmocka_unit_test(responses_end_where_rfc9112_says),
		cmocka_unit_test(a_response_without_a_length_never_ends),
		cmocka_unit_test(what_is_no_plain_response_is_foreign),
		cmocka_unit_test(a_challenge_that_logs_the_connection_in_binds_it),
		cmocka_unit_test(protocols_with_a_state_are_known_by_their_first_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
