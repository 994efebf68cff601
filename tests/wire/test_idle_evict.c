/* idle-evict: the first write after a silence is taken and lost, the next call meets the reset. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void the_write_is_lost_and_the_next_call_reports_the_reset(void **state)
{
	static const struct {
		const char *next, *answer, *rst_case;
	} ways[] = {
		{"recv s0 10", "-1 ECONNRESET", "reset"},
		{"send s0 1 nosignal", "-1 ECONNRESET", "reset-by-peer"},
		{"getsockopt s0 error", "0 - ECONNRESET", "reset"},
	};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		ALL_SITUATIONS (how) {
			struct pair p;
			/* Not before the first five bytes, whenever they come. */
			pair_with_rule(&p, *how, "idle-evict=300ms after=5");
			assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
			peer_recv(p.peer, 5);
			lab_let_pass(350);
			assert_string_equal(actor_do(&p.a, "send s0 7"), "7 -");
			assert_string_equal(actor_do(&p.a, "%s", ways[i].next), ways[i].answer);
			/* Of the seven bytes none was seen: the peer met the RST alone. */
			assert_int_equal(pair_expect_rst(&p), 0);
			assert_int_equal(
				capture_count(&p.wire, (struct match){.from_port = p.actor_port,
								      .data = true}),
				1);
			pair_expect_told(&p, "inject", 0, "1 idle-evict=300ms after=5",
					 "7 bytes were taken");
			const char *error = log_find(&p.a, "error", 0);
			assert_string_equal(json_get(error, "cause"), "injected");
			/* Through SO_ERROR it goes by what was last waited for: here a connect. */
			bool waited = how->nonblocking && !how->server && i == 2;
			assert_string_equal(json_get(error, "case"),
					    waited ? "reset-by-peer" : ways[i].rst_case);
			actor_do(&p.a, "close s0");
			assert_string_equal(json_get(log_find(&p.a, "close", 0), "end"), "rst");
			pair_close(&p);
		}
	}
}

/** A RST in CLOSE_WAIT is EPIPE to a write, and nothing to a read. */
static void behind_the_peers_fin_the_next_write_fails_with_epipe(void **state)
{
	static const char *const ways[][2] = {{"recv s0 10", "0 -"},
					      {"send s0 1 nosignal", "-1 EPIPE"}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		pair_with_rule(&p, client_situation, "idle-evict=1ms");
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		wait_for_fin(&p.a, "s0");
		lab_let_pass(20);
		assert_string_equal(actor_do(&p.a, "send s0 7"), "7 -");
		assert_string_equal(actor_do(&p.a, "%s", ways[i][0]), ways[i][1]);
		assert_int_equal(pair_expect_rst(&p), 0);
		pair_expect_told(&p, "inject", 0, "1 idle-evict=1ms", "EPIPE");
		expect_verdict(&p.a, 0, (struct expected){.cause = "injected", .sure = "certain"});
		pair_close(&p);
	}
}

static void a_busy_connection_is_left_alone(void **state)
{
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "idle-evict=60s");
	for (int i = 0; i < 5; i++) {
		assert_string_equal(actor_do(&p.a, "send s0 5"), "5 -");
		peer_recv(p.peer, 5);
	}
	pair_expect_open(&p);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	pair_close(&p);
}

/** They are gone where they came from, and no more than there were. */
static void bytes_from_a_file_or_a_pipe_are_lost_there_too(void **state)
{
	static const struct {
		const char *write, *answer;
	} ways[] = {
		{"sendfile_rest s0 100 70", "70 - at 70"},
		{"sendfile_rest s0 100 1000000", "100 - at 100"},
		{"splice_rest s0 2000 1500", "1500 - left 500"},
		{"splice_rest s0 2000 1000000", "2000 - left 0"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct pair p;
		/* Silent since it was established. */
		pair_with_rule(&p, client_situation, "idle-evict=1ms");
		lab_let_pass(20);
		assert_string_equal(actor_do(&p.a, "%s", ways[i].write), ways[i].answer);
		assert_int_equal(pair_expect_rst(&p), 0);
		pair_expect_told(&p, "inject", 0, "1 idle-evict=1ms",
				 lab_text("%d bytes were taken", atoi(ways[i].answer)));
		pair_close(&p);
	}
}

/** What the kernel would refuse is refused, and lost nowhere. */
static void bytes_that_the_kernel_does_not_take_are_not_lost(void **state)
{
	static const char *const ways[][2] = {
		{"sendfile_pipe", "-1 EINVAL at 0 left 4"},
		{"sendfile_unreadable", "-1 EBADF at 0 left 4"},
		{"splice_file", "-1 EINVAL at 0 left 4"},
		{"splice_unreadable", "-1 EBADF at 0 left 4"},
	};
	(void)state;
	struct pair p;
	pair_with_rule(&p, client_situation, "idle-evict=1ms");
	lab_let_pass(20);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_string_equal(actor_do(&p.a, "send_from s0 %s", ways[i][0]), ways[i][1]);
	}
	assert_string_equal(actor_do(&p.a, "write_past s0 %ld", INT64_MAX), "-1 EFAULT");
	assert_string_equal(actor_do(&p.a, "send s0 0"), "0 -");
	pair_expect_open(&p);
	pair_abort_peer(&p);
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in err hup");
	lab_let_pass(20);
	assert_string_equal(actor_do(&p.a, "send s0 5 nosignal"), "-1 ECONNRESET");
	assert_int_equal(log_count(&p.a, "inject"), 0);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(the_write_is_lost_and_the_next_call_reports_the_reset),
	 LAB_TEST(behind_the_peers_fin_the_next_write_fails_with_epipe),
	 LAB_TEST(bytes_from_a_file_or_a_pipe_are_lost_there_too),
	 LAB_TEST(bytes_that_the_kernel_does_not_take_are_not_lost),
	 LAB_TEST(a_busy_connection_is_left_alone))
