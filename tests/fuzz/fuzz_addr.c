/* Addresses: as people type them, and as the kernel gives them. */
#include "fuzz.h"

#include "sys/addr.h"

#define ROOM 120

static void read_typed(const char *string, size_t size)
{
	struct addr_range range, again;
	size_t error = 0;
	const char *expected = NULL;
	char first[ROOM], second[ROOM];
	if (addr_range_read(string, size, &range, &error, &expected) != 0) {
		expect(error <= size && expected != NULL);
		return;
	}
	struct text text = text_in(first, sizeof first);
	addr_range_write(&text, &range);
	expect(!text.cut);
	expect(addr_range_read(first, text.length, &again, &error, &expected) == 0);
	text = text_in(second, sizeof second);
	addr_range_write(&text, &again);
	expect(strcmp(first, second) == 0);
}

static void read_given(const char *bytes, size_t size)
{
	struct addr addr = addr_from_sockaddr(bytes, (socklen_t)size);
	struct sockaddr_storage given;
	char room[ROOM];
	struct text text = text_in(room, sizeof room);
	addr_write(&text, &addr);
	expect(!text.cut && text.length > 0);
	socklen_t length = addr_to_sockaddr(&addr, &given);
	expect((length == 0) == (addr.family == 0));
	if (length > 0) {
		struct addr again = addr_from_sockaddr(&given, length);
		expect(addr_same_host(&addr, &again) && addr.port == again.port);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *copy = fuzz_bytes(bytes, size);
	read_typed(copy, size);
	read_given(copy, size);
	free(copy);
	return 0;
}
