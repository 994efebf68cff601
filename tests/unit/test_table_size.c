#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "conn/conn.h"
#include "sys/self.h"
#include "sys/sanitizer.h"

/* More than one process may have open on many machines: the numbers alone are used. */
#define CONNECTIONS 100000
#define FIRST 1000000
#define FIRST_OTHER 2000000 /* in a leaf of its own: a slot is paid for once */
#define TCP_LIMIT 512
#define OTHER_LIMIT 16
/* The two ends of what is touched are pages that are not full. */
#define SLACK (4 * 4096)
/* The records are mapped in pieces, and so are the slots. */
#define MAPPED_SLACK (4 << 20)

/** Bytes of anonymous memory in use. */
static long anonymous_bytes(void)
{
	if (SANITIZER_SHADOWS) {
		skip();
	}
	static char text[8192];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	assert_true(length > 0);
	text[length] = '\0';
	const char *at = strstr(text, "\nAnonymous:");
	assert_non_null(at);
	return strtol(at + strlen("\nAnonymous:"), NULL, 10) * 1024;
}

/** Bytes of address space. */
static long mapped_bytes(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	return strtol(text, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void open_all(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		assert_non_null(conn_new(FIRST + i));
	}
}

static void close_all(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		conn_forget(FIRST + i, SLOT_UNKNOWN);
	}
}

static void descriptor_that_is_no_tcp_socket_costs_16_bytes_at_most(void **state)
{
	(void)state;
	anonymous_bytes();
	long before = anonymous_bytes();
	for (int i = 0; i < CONNECTIONS; i++) {
		conn_forget(FIRST_OTHER + i, SLOT_NO_SOCKET);
	}
	assert_in_range(anonymous_bytes() - before, 1, CONNECTIONS * OTHER_LIMIT + SLACK);
}

/* Beside the page of the process that says who it is. */
static void one_connection_costs_few_pages(void **state)
{
	(void)state;
	self_now();
	long before = anonymous_bytes();
	assert_non_null(conn_new(FIRST));
	assert_in_range(anonymous_bytes() - before, 1, SLACK);
	conn_forget(FIRST, SLOT_UNKNOWN);
}

static void hundred_thousand_connections_cost_512_bytes_each_at_most(void **state)
{
	(void)state;
	long before = anonymous_bytes();
	long mapped = mapped_bytes();
	open_all();
	assert_in_range(anonymous_bytes() - before, CONNECTIONS, CONNECTIONS * TCP_LIMIT + SLACK);
	assert_in_range(mapped_bytes() - mapped, CONNECTIONS,
			CONNECTIONS * TCP_LIMIT + MAPPED_SLACK);
	close_all();
}

static void waves_of_connections_use_the_same_memory_again(void **state)
{
	(void)state;
	open_all();
	long before = anonymous_bytes();
	for (int wave = 0; wave < 5; wave++) {
		close_all();
		open_all();
	}
	assert_int_equal(anonymous_bytes(), before);
	close_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptor_that_is_no_tcp_socket_costs_16_bytes_at_most),
		cmocka_unit_test(one_connection_costs_few_pages),
		cmocka_unit_test(hundred_thousand_connections_cost_512_bytes_each_at_most),
		cmocka_unit_test(waves_of_connections_use_the_same_memory_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
