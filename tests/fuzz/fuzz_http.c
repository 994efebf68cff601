/* HTTP/1.x: a request from its bytes; a response in any pieces is judged as in one. */
#include "fuzz.h"

#include "act/retry/http.h"

/* All of it in pieces of so many bytes; what is over stays as it was. */
static enum http_reading read_in_pieces(const char *bytes, size_t size, size_t piece, bool to_head)
{
	struct http_response response;
	memset(&response, 0, sizeof response);
	http_response_begin(&response, to_head);
	enum http_reading reading = HTTP_PARTIAL;
	for (size_t at = 0; at < size && reading == HTTP_PARTIAL; at += piece) {
		size_t count = size - at < piece ? size - at : piece;
		reading = http_response_read(&response, bytes + at, count);
		if (reading == HTTP_COMPLETE && at + count < size) {
			reading = HTTP_MORE;
		}
	}
	return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = fuzz_bytes(bytes, size);
	struct http_request request;
	memset(&request, 0, sizeof request);
	http_request_read(copy, size, &request);
	expect(request.method_length <= size);
	for (int to_head = 0; to_head < 2; to_head++) {
		enum http_reading whole = read_in_pieces(copy, size, size + 1, to_head != 0);
		expect(read_in_pieces(copy, size, 1, to_head != 0) == whole);
		expect(read_in_pieces(copy, size, 7, to_head != 0) == whole);
	}
	free(copy);
	return 0;
}
