/* forgotten: what is written after a silence is answered with a RST. */

#include "lab_pair.h"
#include "lab_stop.h"
#include "lab_verdict.h"

#include <string.h>
#include <sys/syscall.h>

/** The peer forgets a connection, and nothing is said for longer than a second. */
static void be_forgotten(struct pair *p)
{
	pair_open_client(p);
	pair_exchange(p);
	peer_vanish(p->peer);
	p->peer = -1;
	lab_let_pass(1200);
}

static void write_and_be_reset(struct pair *p)
{
	assert_string_equal(actor_do(&p->a, "send s0 7"), "7 -");
	assert_string_equal(actor_do(&p->a, "recv s0"), "-1 ECONNRESET");
}

static void write_to_who_forgot(struct pair *p)
{
	be_forgotten(p);
	write_and_be_reset(p);
}

static void write_to_who_forgot_in_spite_of_keepalive(struct pair *p)
{
	be_forgotten(p);
	actor_do(&p->a, "setsockopt s0 keepalive 1");
	actor_do(&p->a, "setsockopt s0 keepidle 77");
	write_and_be_reset(p);
}

/** On a busy machine the read may come so late that the RST need not have answered the write. */
static void until_forgotten(struct pair *p, void (*meet)(struct pair *p))
{
	meet(p);
	for (int tries = 1; tries < 10; tries++) {
		if (strcmp(json_get(log_find(&p->a, "error", 0), "cause"), "forgotten") == 0) {
			return;
		}
		pair_close(p);
		meet(p);
	}
}

static void connection_forgotten_in_a_silence_is_named(void **state)
{
	static const struct {
		void (*meet)(struct pair *p);
		const char *keepalive;
	} cases[] = {
		{write_to_who_forgot, "SO_KEEPALIVE was off"},
		{write_to_who_forgot_in_spite_of_keepalive,
		 "SO_KEEPALIVE was on with TCP_KEEPIDLE 77 s"},
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p;
		until_forgotten(&p, cases[i].meet);
		const char *line = expect_verdict(
			&p.a, 0,
			(struct expected){.op = "recv",
					  .error = "ECONNRESET",
					  .cause = "forgotten",
					  .sure = "likely",
					  .others = "[\"peer-closed-unread\",\"peer-abort\"]",
					  .rst_case = "reset",
					  .why = {" s of silence", "7 bytes", cases[i].keepalive}});
		assert_in_range((long)json_number(line, "idle_ms"), 1150, 20000);
		assert_true(json_number(line, "outq") == 7);
		pair_close(&p);
	}
}

/**
 * On one machine the RST comes within the send: a thread that reads meets it before the write that it
 * answers has returned to be counted.
 */
static void read_the_answer_to_anothers_write(struct pair *p)
{
	pair_open_client(p);
	pair_exchange(p);
	actor_do(&p->a, "background recv s0 10");
	actor_wait_background(&p->a, "s0");
	peer_vanish(p->peer);
	p->peer = -1;
	lab_let_pass(1200);
	pid_t reader = stop_other(&p->a);
	pid_t writer = stop_first(&p->a);
	stop_before(reader, SYS_recvfrom);
	stop_enter(reader);
	actor_send(&p->a, "send s0 7");
	stop_before(writer, SYS_sendto);
	stop_behind(writer);
	/* It lets others run while something is missing. */
	stop_before(reader, SYS_sched_yield);
	stop_end(writer);
	assert_string_equal(actor_result(&p->a), "7 -");
	stop_end(reader);
	assert_string_equal(actor_do(&p->a, "join"), "-1 ECONNRESET");
}

static void a_thread_that_reads_meets_the_answer_to_anothers_write(void **state)
{
	struct pair p;
	(void)state;
	until_forgotten(&p, read_the_answer_to_anothers_write);
	expect_verdict(&p.a, 0, (struct expected){.op = "recv", .cause = "forgotten"});
	pair_close(&p);
}

/**
 * A silence, then a byte every 350 ms, each acknowledged: long enough apart that the RST that answers
 * the last has nothing else to answer. Was there no other silence of a second?
 */
static bool write_steadily_to_who_forgets(struct pair *p, int times)
{
	bool steady = true;
	pair_open_client(p);
	pair_exchange(p);
	lab_let_pass(1200);
	int64_t before_ms = lab_now_ms();
	for (int i = 0; i < times; i++) {
		assert_string_equal(actor_do(&p->a, "send s0 1"), "1 -");
		steady = steady && lab_now_ms() - before_ms < 900;
		before_ms = lab_now_ms();
		peer_recv(p->peer, 1);
		lab_until(info_of(&p->a, "s0").tcpi_unacked == 0);
		lab_let_pass(350);
	}
	peer_vanish(p->peer);
	p->peer = -1;
	assert_string_equal(actor_do(&p->a, "send s0 7"), "7 -");
	steady = steady && lab_now_ms() - before_ms < 900;
	assert_string_equal(actor_do(&p->a, "recv s0"), "-1 ECONNRESET");
	return steady;
}

/** Of what was written after a silence the peer has acknowledged some: it had not forgotten. */
static void a_silence_that_an_acknowledgement_followed_did_no_harm(void **state)
{
	static const struct {
		int writes;
		bool told;
	} cases[] = {
		/* Within a second of the silence, which is the last. */
		{1, true},
		{4, false},
	};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p;
		for (int tries = 1;
		     !write_steadily_to_who_forgets(&p, cases[i].writes) && tries < 10; tries++) {
			pair_close(&p);
		}
		const char *line = expect_verdict(&p.a, 0,
						  (struct expected){.op = "recv",
								    .cause = "peer-closed-unread",
								    .sure = "likely",
								    .others = "[\"peer-abort\"]"});
		assert_int_equal(json_get(line, "idle_ms") != NULL, cases[i].told);
		assert_int_equal(strstr(json_get(line, "why"), "silence") != NULL, cases[i].told);
		pair_close(&p);
	}
}

/** The first of them is not in the history any more, but nothing that is was acknowledged. */
static void write_much_to_who_forgot(struct pair *p)
{
	be_forgotten(p);
	for (int i = 0; i < 20; i++) {
		assert_string_equal(actor_do(&p->a, "send s0 7 more"), "7 -");
	}
	write_and_be_reset(p);
}

static void a_request_of_many_writes_is_answered_as_one(void **state)
{
	struct pair p;
	(void)state;
	until_forgotten(&p, write_much_to_who_forgot);
	const char *line = expect_verdict(&p.a, 0,
					  (struct expected){.op = "recv",
							    .cause = "forgotten",
							    .sure = "likely",
							    .why = {" s of silence", "147 bytes"}});
	assert_in_range((long)json_number(line, "idle_ms"), 1150, 20000);
	pair_close(&p);
}

static void request_acknowledged_after_a_silence_was_not_forgotten(void **state)
{
	struct pair p;
	(void)state;
	pair_open_client(&p);
	pair_exchange(&p);
	lab_let_pass(1200);
	assert_string_equal(actor_do(&p.a, "send s0 7"), "7 -");
	peer_recv(p.peer, 7);
	/* Answers none of it, and 3 bytes more are left unread. */
	assert_string_equal(actor_do(&p.a, "send s0 3"), "3 -");
	peer_poll(p.peer, POLLIN, LAB_PATIENCE_MS);
	lab_until(info_of(&p.a, "s0").tcpi_unacked == 0);
	pair_close_peer(&p);
	wait_for_end(&p.a, "s0");
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 ECONNRESET");
	expect_verdict(&p.a, 0,
		       (struct expected){.cause = "peer-closed-unread",
					 .sure = "likely",
					 .others = "[\"peer-abort\"]"});
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(connection_forgotten_in_a_silence_is_named),
	 LAB_TEST(a_thread_that_reads_meets_the_answer_to_anothers_write),
	 LAB_TEST(a_silence_that_an_acknowledgement_followed_did_no_harm),
	 LAB_TEST(a_request_of_many_writes_is_answered_as_one),
	 LAB_TEST(request_acknowledged_after_a_silence_was_not_forgotten))
