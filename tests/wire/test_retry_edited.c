/* Retry while its rules are edited (RESETBY_RULES_FILE): what it has begun, it ends. */

#include "lab_retry.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/** Another connection of the actor's, which shows whether an edit has been seen: its slot is s1. */
struct witness {
	int listener, peer;
};

/** Open a connection under rules of a file, and the witness. */
static struct witness open_under(struct pair *p, struct situation how, const char *rules)
{
	char setting[320];
	uint16_t port;
	struct witness witness = {.listener = peer_listen(AF_INET, &port)};
	snprintf(setting, sizeof(setting), "RESETBY_RULES_FILE=%s", lab_write_rules(rules));
	retry_open(p, how, "", (const char *[]){setting, NULL});
	actor_do(&p->a, "socket4 s1");
	assert_string_equal(actor_do(&p->a, "connect s1 127.0.0.1 %u", port), "0 -");
	witness.peer = peer_accept(witness.listener);
	return witness;
}

static void close_both(struct pair *p, const struct witness *witness)
{
	pair_close(p);
	close(witness->peer);
	close(witness->listener);
}

/** Is the rule that every edit here makes a connection's? */
static bool has_keepalive(struct pair *p, const char *slot)
{
	return strcmp(actor_do(&p->a, "getsockopt %s keepidle", slot), "0 - 77") == 0;
}

/** Edit the rules, with or without one of retry, and let the actor see that. */
static void edit(struct pair *p, const char *retry)
{
	lab_write_rules(lab_text("%s\nkeepalive=77s/3s/2\n", retry));
	lab_until(has_keepalive(p, "s1"));
}

/** The new rules are in force, and what went before was not kept under any of them. */
static void expect_edited(struct pair *p, const char *retry)
{
	lab_until(has_keepalive(p, "s0"));
	retry_ask_in_vain(p, GET);
	assert_string_equal(actor_do(&p->a, "poll s0 in %d", LAB_PATIENCE_MS), "1 - in err hup");
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), RESET);
	retry_expect_lines(p, retry[0] != '\0' ? 2 : 1);
	retry_expect_nobody(p);
}

static void expect_told(struct pair *p, const char *did)
{
	const char *line = log_find(&p->a, "retry", 0);
	assert_string_equal(json_get(line, "did"), did);
	assert_string_equal(json_get(line, "errno"), "ECONNRESET");
	assert_string_equal(json_get(line, "rule"), "1 retry=1");
}

static const char *const edits[] = {"", "retry=1",
				    "# another number\nerrno=ETIMEDOUT:EIO\nretry=2"};
#define EDITS (sizeof(edits) / sizeof(edits[0]))

static void a_renewal_in_a_call_goes_on_through_an_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDITS; i++) {
		struct pair p;
		struct witness witness = open_under(&p, client_situation, "retry=1");
		retry_ask_in_vain(&p, GET);
		retry_dig_hole(&p);
		assert_string_equal(actor_do(&p.a, "background recv s0 1000"), "0 -");
		lab_until(log_count(&p.a, "error") > 0);
		edit(&p, edits[i]);
		retry_fill_hole(&p);
		retry_serve(&p, GET);
		assert_string_equal(actor_do(&p.a, "join"), retry_text(ANSWER));
		expect_told(&p, "retried");
		expect_edited(&p, edits[i]);
		close_both(&p, &witness);
	}
}

/* A program that does not wait is in the middle of its only try when the rules are edited. */
static struct witness renew_through(struct pair *p, const char *edited)
{
	struct witness witness = open_under(p, nonblocking_situation, "retry=1");
	retry_ask_in_vain(p, GET);
	retry_dig_hole(p);
	assert_string_equal(actor_do(&p->a, "recv s0 1000"), "-1 EAGAIN");
	edit(p, edited);
	return witness;
}

static void a_renewal_of_a_program_that_does_not_wait_goes_on_through_an_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDITS; i++) {
		struct pair p;
		struct witness witness = renew_through(&p, edits[i]);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), "-1 EAGAIN");
		retry_fill_hole(&p);
		retry_expect_answered_after(&p, "poll s0 in 20000");
		expect_told(&p, "retried");
		expect_edited(&p, edits[i]);
		close_both(&p, &witness);
	}
}

/** Its only try fails after the edit: that is told, and not a moment of the renewal. */
static void a_renewal_that_fails_after_an_edit_tells_the_first_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDITS; i++) {
		struct pair p;
		struct witness witness = renew_through(&p, edits[i]);
		retry_fill_hole(&p);
		close(p.listener);
		p.listener = -1;
		assert_int_equal(actor_number(actor_do(&p.a, "poll s0 in %d", LAB_PATIENCE_MS)), 1);
		assert_string_equal(actor_do(&p.a, "recv s0 1000"), RESET);
		expect_told(&p, "refused");
		retry_expect_dead(&p);
		close_both(&p, &witness);
	}
}

LAB_MAIN(LAB_TEST(a_renewal_in_a_call_goes_on_through_an_edit),
	 LAB_TEST(a_renewal_of_a_program_that_does_not_wait_goes_on_through_an_edit),
	 LAB_TEST(a_renewal_that_fails_after_an_edit_tells_the_first_error))
