#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "edge.h"
#include "sys/addr.h"

static struct addr ipv4(const char *host, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, host, &in.sin_addr), 1);
	return addr_from_sockaddr(&in, sizeof in);
}

static struct addr ipv6(const char *host, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};
	assert_int_equal(inet_pton(AF_INET6, host, &in6.sin6_addr), 1);
	return addr_from_sockaddr(&in6, sizeof in6);
}

static const char *written(const struct addr *addr)
{
	static char buffer[80];
	struct text text = text_in(buffer, sizeof buffer);
	addr_write(&text, addr);
	return buffer;
}

/* The same without bounds; it says where it ended. */
static const char *penned(const struct addr *addr)
{
	static char buffer[ADDR_LONGEST + 1];
	memset(buffer, '#', sizeof buffer);
	char *end = addr_pen(buffer, addr);
	assert_in_range(end - buffer, 1, ADDR_LONGEST);
	*end = '\0';
	return buffer;
}

static struct addr_range range(const char *string)
{
	struct addr_range range;
	size_t error = 0;
	const char *expected = "";
	size_t length = strlen(string);
	if (addr_range_read(at_edge(string, length), length, &range, &error, &expected) != 0) {
		fail_msg("%s: at %zu expected %s", string, error, expected);
	}
	return range;
}

static const char *canonical(const char *string)
{
	static char buffer[128];
	struct addr_range read = range(string);
	struct text text = text_in(buffer, sizeof buffer);
	addr_range_write(&text, &read);
	return buffer;
}

static bool has4(const char *string, const char *host, uint16_t port)
{
	struct addr_range in = range(string);
	struct addr addr = ipv4(host, port);
	return addr_in_range(&addr, &in);
}

static bool has6(const char *string, const char *host, uint16_t port)
{
	struct addr_range in = range(string);
	struct addr addr = ipv6(host, port, 0);
	return addr_in_range(&addr, &in);
}

static void an_address_goes_to_the_kernel_as_it_came(void **state)
{
	(void)state;
	struct sockaddr_storage storage;
	struct addr four = ipv4("192.0.2.7", 8080);
	assert_int_equal(addr_to_sockaddr(&four, &storage), sizeof(struct sockaddr_in));
	struct addr back = addr_from_sockaddr(&storage, sizeof(struct sockaddr_in));
	assert_memory_equal(&back, &four, sizeof back);
	struct addr six = ipv6("fe80::1", 443, 2);
	assert_int_equal(addr_to_sockaddr(&six, &storage), sizeof(struct sockaddr_in6));
	back = addr_from_sockaddr(&storage, sizeof(struct sockaddr_in6));
	assert_memory_equal(&back, &six, sizeof back);
	assert_int_equal(back.scope, 2);
}

static void an_address_that_is_cut_short_or_foreign_is_not_known(void **state)
{
	(void)state;
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	struct sockaddr_storage storage;
	assert_int_equal(addr_from_sockaddr(NULL, 0).family, 0);
	assert_int_equal(addr_from_sockaddr(&in, 1).family, 0);
	assert_int_equal(addr_from_sockaddr(&in, sizeof in - 1).family, 0);
	assert_int_equal(addr_from_sockaddr(&in6, 23).family, 0);
	assert_int_equal(addr_from_sockaddr(&in6, 24).family, AF_INET6);
	assert_int_equal(addr_from_sockaddr(NULL, sizeof in).family, 0);
	assert_int_equal(addr_from_sockaddr(at_edge(&in, 1), 1).family, 0);
	storage = (struct sockaddr_storage){.ss_family = AF_UNIX};
	assert_int_equal(addr_from_sockaddr(&storage, sizeof storage).family, 0);
	/* Without its scope, which the kernel does not ask for. */
	in6.sin6_addr = in6addr_loopback;
	struct addr loopback = addr_from_sockaddr(at_edge(&in6, 24), 24);
	assert_string_equal(written(&loopback), "[::1]:0");
	struct addr unknown = addr_from_sockaddr(&unix_address, sizeof unix_address);
	assert_int_equal(unknown.family, 0);
	assert_int_equal(addr_to_sockaddr(&unknown, &storage), 0);
	assert_string_equal(written(&unknown), "*");
}

static void mapped_ipv6_counts_as_ipv4(void **state)
{
	(void)state;
	struct addr mapped = ipv6("::ffff:10.1.2.3", 80, 3);
	struct addr plain = ipv4("10.1.2.3", 80);
	assert_memory_equal(&mapped, &plain, sizeof plain);
	assert_true(addr_same_host(&mapped, &plain));
	assert_true(has4("::ffff:10.0.0.0/104", "10.1.2.3", 80));
	assert_string_equal(canonical("[::ffff:10.0.0.0]/104:80"), "10.0.0.0/8:80");
}

static void addresses_are_written_as_rfc_5952_says(void **state)
{
	(void)state;
	static const char *const hosts[] = {"::1",
					    "::",
					    "2001:db8::1",
					    "2001:db8:0:1:1:1:1:1",
					    "2001:0:0:1::1",
					    "1:2:3:4:5:6:7:8",
					    "fe80::",
					    "1::8",
					    "2001:db8::1:0:0:1",
					    "a:b:c:d:e:f::"};
	char expected[64];
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		struct addr addr = ipv6(hosts[i], 80, 0);
		struct in6_addr bytes;
		char host[INET6_ADDRSTRLEN];
		memcpy(&bytes, addr.bytes, sizeof bytes);
		inet_ntop(AF_INET6, &bytes, host, sizeof host);
		strcpy(expected, "[");
		strcat(expected, host);
		strcat(expected, "]:80");
		assert_string_equal(written(&addr), expected);
		assert_string_equal(penned(&addr), expected);
	}
	struct addr zone = ipv6("fe80::1", 80, 2);
	assert_string_equal(written(&zone), "[fe80::1%2]:80");
	struct addr four = ipv4("127.0.0.1", 8080);
	assert_string_equal(written(&four), "127.0.0.1:8080");
	assert_string_equal(penned(&four), "127.0.0.1:8080");
	struct addr longest = ipv4("255.255.255.255", 65535), unknown = {.family = 0};
	assert_string_equal(penned(&longest), "255.255.255.255:65535");
	assert_string_equal(penned(&unknown), "*");
}

static void kinds_of_addresses_are_told_apart(void **state)
{
	(void)state;
	struct addr any4 = ipv4("0.0.0.0", 1), any6 = ipv6("::", 1, 0), unknown = {.family = 0};
	struct addr home4 = ipv4("127.8.9.1", 1), home6 = ipv6("::1", 1, 0);
	struct addr far4 = ipv4("128.0.0.1", 1), far6 = ipv6("2001:db8::1", 1, 0);
	assert_true(addr_is_any(&any4) && addr_is_any(&any6));
	assert_false(addr_is_any(&home4) || addr_is_any(&home6) || addr_is_any(&unknown));
	assert_true(addr_is_loopback(&home4) && addr_is_loopback(&home6));
	assert_false(addr_is_loopback(&far4) || addr_is_loopback(&far6) ||
		     addr_is_loopback(&unknown));
	assert_false(addr_is_loopback(&any6));
	static const char *const links[] = {"fe80::1", "febf::1", "fe80::"};
	static const char *const no_links[] = {"fec0::1", "fe7f::1", "ff80::1", "fd80::1", "::1"};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		struct addr link = ipv6(links[i], 1, 0);
		assert_true(addr_is_link_local(&link));
	}
	for (size_t i = 0; i < sizeof no_links / sizeof *no_links; i++) {
		struct addr no_link = ipv6(no_links[i], 1, 0);
		assert_false(addr_is_link_local(&no_link));
	}
	struct addr group4 = ipv4("224.0.0.1", 1), last4 = ipv4("239.255.255.255", 1);
	struct addr all4 = ipv4("255.255.255.255", 1), group6 = ipv6("ff02::1", 1, 0);
	assert_true(addr_is_of_many(&group4) && addr_is_of_many(&last4));
	assert_true(addr_is_of_many(&all4) && addr_is_of_many(&group6));
	struct addr below4 = ipv4("223.255.255.255", 1), above4 = ipv4("240.0.0.1", 1);
	assert_false(addr_is_of_many(&below4) || addr_is_of_many(&above4));
	assert_false(addr_is_of_many(&far6) || addr_is_of_many(&unknown));
	struct addr like_a_link = ipv4("254.128.0.1", 1);
	assert_false(addr_is_link_local(&like_a_link));
	struct addr zone = ipv6("fe80::1", 1, 2), other_zone = ipv6("fe80::1", 1, 3);
	assert_false(addr_same_host(&zone, &other_zone));
	assert_false(addr_same_host(&any4, &any6));
	struct addr other_port = ipv4("127.8.9.1", 2);
	assert_true(addr_same_host(&home4, &other_port));
	assert_false(addr_same_host(&home4, &far4));
}

static void a_range_selects_by_network_and_port(void **state)
{
	(void)state;
	assert_true(has4(":443", "10.0.0.1", 443));
	assert_true(has6(":443", "::1", 443));
	assert_false(has4(":443", "10.0.0.1", 444));
	assert_false(has4(":443", "10.0.0.1", 442));
	assert_true(has4("10.16.0.0/14", "10.19.0.1", 1));
	assert_false(has4("10.16.0.0/14", "10.20.0.1", 1));
	assert_true(has4("10.0.0.0/8", "10.255.0.1", 1));
	assert_false(has4("10.0.0.0/8", "11.0.0.1", 1));
	assert_true(has4("10.0.0.128/25", "10.0.0.200", 1));
	assert_false(has4("10.0.0.128/25", "10.0.0.127", 1));
	assert_true(has4("0.0.0.0/0", "1.2.3.4", 1));
	assert_true(has4("1.2.3.4:1-1023", "1.2.3.4", 1023));
	assert_false(has4("1.2.3.4:1-1023", "1.2.3.4", 1024));
	assert_true(has6("[::1]:8080", "::1", 8080));
	assert_true(has6("2001:db8::/33", "2001:db8:7fff::1", 1));
	assert_false(has6("2001:db8::/33", "2001:db8:8000::1", 1));
	assert_true(has4("*:80", "1.2.3.4", 80));
}

static void a_range_of_one_family_has_no_address_of_the_other(void **state)
{
	(void)state;
	assert_false(has6("0.0.0.0/0", "::1", 1));
	assert_false(has4("::/0", "1.2.3.4", 1));
}

static void an_address_that_is_not_known_is_in_no_range(void **state)
{
	(void)state;
	struct addr unknown = {.family = 0, .port = 80};
	struct addr_range port = range(":80"), all = range("*");
	assert_false(addr_in_range(&unknown, &port));
	assert_false(addr_in_range(&unknown, &all));
}

static void a_zone_selects_when_it_is_given(void **state)
{
	(void)state;
	struct addr_range zone = range("fe80::1%2"), open = range("fe80::1");
	struct addr two = ipv6("fe80::1", 1, 2), three = ipv6("fe80::1", 1, 3);
	assert_true(addr_in_range(&two, &zone) && addr_in_range(&two, &open));
	assert_false(addr_in_range(&three, &zone));
}

static void a_range_is_written_in_one_way(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{":443", ":443"},
		{":80-90", ":80-90"},
		{":80-80", ":80"},
		{":1-65535", ":1-65535"},
		{"10.0.0.0/8", "10.0.0.0/8"},
		{"10.1.2.3/8:80", "10.0.0.0/8:80"},
		{"10.1.2.3/32", "10.1.2.3"},
		{"[::1]", "::1"},
		{"[::1]:8080", "[::1]:8080"},
		{"FE80:0:0::0/10", "fe80::/10"},
		{"fe80::/10:22", "[fe80::]/10:22"},
		{"[fe80::1%3]:1-2", "[fe80::1%3]:1-2"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"64:ff9b::1.2.3.4", "64:ff9b::102:304"},
		{"*", "*"},
		{"*:1", ":1"},
		{":1-1", ":1"},
		{":65535", ":65535"},
		{"255.255.255.255", "255.255.255.255"},
		{"10.129.0.0/8", "10.0.0.0/8"},
		{"2001:db8::1/64", "2001:db8::/64"},
		{"::1/128", "::1"},
		{"::ffff:0:0/96", "0.0.0.0/0"},
		{"::ffff:10.0.0.1", "10.0.0.1"},
		{"fe80::1%1", "fe80::1%1"},
		{"fe80::1%4294967295", "fe80::1%4294967295"},
		{"0.0.0.0/0", "0.0.0.0/0"},
	};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_string_equal(canonical(pairs[i][0]), pairs[i][1]);
		assert_string_equal(canonical(pairs[i][1]), pairs[i][1]);
	}
}

static void a_wrong_range_names_the_character_that_does_not_fit(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		size_t error;
		const char *expected; /* a part of it */
	} wrong[] = {
		{"", 0, "an address"},
		{":", 0, "an address"},
		{"localhost", 0, "names are not looked up"},
		{"cafe:80", 0, "names are not looked up"},
		{"10.0.0.256", 7, "0 to 255"},
		{"10.0.0", 6, "four numbers"},
		{"10.0.0.01", 7, "four numbers"},
		{"10.0.0.1.2", 8, "nothing behind the address"},
		{"10.0.0.0/33", 9, "0 to 32"},
		{"10.0.0.0/", 9, "0 to 32"},
		{"::/129", 3, "0 to 128"},
		{"::ffff:0:0/95", 11, "96 to 128"},
		{"1.2.3.4:0", 8, "1 to 65535"},
		{"1.2.3.4:65536", 8, "1 to 65535"},
		{"1.2.3.4:99999999999999999999999", 8, "1 to 65535"},
		{"1.2.3.4:", 8, "1 to 65535"},
		{":80-79", 4, "not below the first"},
		{":80-", 4, "1 to 65535"},
		{":80x", 3, "nothing behind the port"},
		{"[::1", 4, "closing ]"},
		{"[::1]x", 5, "nothing behind the address"},
		{"[1.2.3.4]", 8, "IPv6"},
		{"1::2::3", 5, "IPv6"},
		{"[1::2::3]", 6, "IPv6"},
		{"1:2:3:4:5:6:7", 13, "IPv6"},
		{"1:2:3:4:5:6:7:8:80", 15, "brackets"},
		{"[12345::1]", 5, "IPv6"},
		{"fe80::1%eth0", 8, "number of a network interface"},
		{"fe80::1%0", 8, "number of a network interface"},
		{"fe80::1%4294967296", 8, "number of a network interface"},
		{"[::g]", 3, "closing ]"},
		{"[::`]", 3, "closing ]"},
		{"::1::2", 4, "IPv6"},
		{":::1", 2, "an IPv6 address, as"},
		{"1:2:", 4, "IPv6"},
		{"1::2:x", 5, "an IPv6 address, as"},
		{"1:2:3:4:5:6:7:1.2.3.4", 15, "nothing behind the address"},
		{"localhost:80:90", 0, "names are not looked up"},
		{":1-65536", 3, "1 to 65535"},
		{":1-0", 3, "1 to 65535"},
		{":1-65535x", 8, "nothing behind the port"},
		{"[::1]:80 ", 8, "nothing behind the port"},
		{"/8", 0, "an address"},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct addr_range read;
		size_t error = 999;
		const char *expected = "";
		size_t length = strlen(wrong[i].string);
		if (addr_range_read(at_edge(wrong[i].string, length), length, &read, &error,
				    &expected) != -EINVAL) {
			fail_msg("%s was taken", wrong[i].string);
		}
		if (error != wrong[i].error || !strstr(expected, wrong[i].expected)) {
			fail_msg("%s: at %zu expected %s", wrong[i].string, error, expected);
		}
	}
}

static void every_ipv6_text_of_libc_reads_to_the_same_address(void **state)
{
	(void)state;
	unsigned short random[3] = {1, 2, 3};
	for (int n = 0; n < 20000; n++) {
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		char host[INET6_ADDRSTRLEN];
		for (int i = 0; i < 16; i++) {
			bool zero = nrand48(random) % 2 == 0;
			in6.sin6_addr.s6_addr[i] = zero ? 0 : (uint8_t)nrand48(random);
		}
		inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
		struct addr addr = addr_from_sockaddr(&in6, sizeof in6);
		struct addr_range read = range(host);
		assert_true(addr_same_host(&addr, &read.network));
		strcpy(host, canonical(host));
		assert_string_equal(canonical(host), host);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_goes_to_the_kernel_as_it_came),
		cmocka_unit_test(an_address_that_is_cut_short_or_foreign_is_not_known),
		cmocka_unit_test(mapped_ipv6_counts_as_ipv4),
		cmocka_unit_test(addresses_are_written_as_rfc_5952_says),
		cmocka_unit_test(kinds_of_addresses_are_told_apart),
		cmocka_unit_test(a_range_selects_by_network_and_port),
		cmocka_unit_test(a_range_of_one_family_has_no_address_of_the_other),
		cmocka_unit_test(an_address_that_is_not_known_is_in_no_range),
		cmocka_unit_test(a_zone_selects_when_it_is_given),
		cmocka_unit_test(a_range_is_written_in_one_way),
		cmocka_unit_test(a_wrong_range_names_the_character_that_does_not_fit),
		cmocka_unit_test(every_ipv6_text_of_libc_reads_to_the_same_address),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
