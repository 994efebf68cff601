#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "rule/rule.h"

#define SEED 42

static struct rules *read_rules(const char *text)
{
	struct rule_source source = {"RESETBY_RULES", text, strlen(text)};
	struct rules *set;
	struct rule_error error;
	if (rules_read(&source, 1, "curl", &set, &error) != 0) {
		fail_msg("%s: %u:%u: %s", text, error.line, error.column, error.message);
	}
	return set;
}

static struct addr address(const char *host, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET, host, &in.sin_addr), 1);
	return addr_from_sockaddr(&in, sizeof in);
}

/* The number of the rule that a connection gets for an action: client 10.0.0.1:40000 to :80. */
static unsigned chosen_by(struct rules *set, enum action action, enum side side, bool local_known,
			  uint64_t seed)
{
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct addr unknown = {.family = 0};
	struct rule_subject subject = {side, local_known ? &local : &unknown, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, action_infos[action].stage, &subject, seed, &choice);
	unsigned number = choice.rule[action];
	assert_int_equal((choice.actions >> action & 1) != 0, number != 0);
	return number;
}

static unsigned chosen(struct rules *set)
{
	return chosen_by(set, ACTION_LINGER0, SIDE_CLIENT, true, SEED);
}

/* The rule that the first connection of a new set gets. */
static unsigned first_chosen(const char *text, enum side side, bool local_known)
{
	struct rules *set = read_rules(text);
	unsigned number = chosen_by(set, ACTION_LINGER0, side, local_known, SEED);
	rules_free(set);
	return number;
}

static void the_first_matching_rule_of_an_action_wins(void **state)
{
	(void)state;
	assert_int_equal(first_chosen("linger0 to=:81; linger0 to=:80; linger0", SIDE_CLIENT, true),
			 2);
	assert_int_equal(first_chosen("linger0 to=:81", SIDE_CLIENT, true), 0);
}

static void different_actions_combine(void **state)
{
	(void)state;
	struct rules *set =
		read_rules("unread; linger0; nolinger to=:1; unread=5; connect-timeout");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_UNREAD | 1u << ACTION_LINGER0);
	assert_int_equal(choice.rule[ACTION_UNREAD], 1);
	assert_int_equal(choice.rule[ACTION_LINGER0], 2);
	assert_int_equal(choice.generation, set->generation);
	rules_free(set);
}

static void a_stage_leaves_the_other_stages_rules_alone(void **state)
{
	(void)state;
	struct rules *set = read_rules("connect-timeout conn=1; linger0 conn=1");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_CONNECT, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_CONNECT_TIMEOUT);
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_CONNECT_TIMEOUT | 1u << ACTION_LINGER0);
	assert_int_equal(choice.rule[ACTION_CONNECT_TIMEOUT], 1);
	/* The second connection on the same descriptor: only its own stage is chosen anew. */
	rule_match(set, STAGE_CONNECT, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_LINGER0);
	assert_int_equal(choice.rule[ACTION_CONNECT_TIMEOUT], 0);
	rules_free(set);
}

/* A renewed connection is matched again: for the program it is the same one. */
static void retry_rules_stay_when_a_stage_is_matched_again(void **state)
{
	(void)state;
	struct rules *set = read_rules("retry=9 conn=1; idempotent conn=1; linger0 conn=1; retry");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	rule_match(set, STAGE_CONNECT, &subject, SEED, &choice);
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_RETRY | 1u << ACTION_IDEMPOTENT);
	assert_int_equal(choice.rule[ACTION_RETRY], 1);
	assert_int_equal(choice.rule[ACTION_IDEMPOTENT], 2);
	/* It is counted like any other. */
	assert_int_equal(set->rules[0].counters->matched, 2);
	/* One that the program makes itself is another. */
	choice_reset(&choice, 0);
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_RETRY);
	assert_int_equal(choice.rule[ACTION_RETRY], 4);
	rules_free(set);
}

/* One rule after the other goes on from the old set, as after an edit that leaves it; 0: a new one. */
static void take_over(struct rules *new, struct rules *old, const unsigned *from)
{
	for (uint32_t i = 0; i < new->count; i++) {
		if (from[i] != 0) {
			new->rules[i].counters = old->rules[from[i] - 1].counters;
		}
	}
}

/* What an edit leaves, it leaves to the connections that there are, and is counted on. */
static void a_connection_keeps_what_was_counted_and_drawn(void **state)
{
	(void)state;
	static const char kept[] = "linger0 conn=3; unread prob=50%; keepalive=1s/1s/1 conn=9+; "
				   "nolinger conn=1..9; leak conn=1+2; loss=1% prob=50%; "
				   "loss=1% prob=50%; ";
	char text[300];
	snprintf(text, sizeof text, "%sreset; drain conn=2; errno=EIO:EPIPE conn=2+", kept);
	struct rules *new = read_rules(text);
	snprintf(text, sizeof text, "%sdrain conn=1; errno=EIO:EPIPE; errno=EIO:EPIPE conn=2+",
		 kept);
	struct rules *old = read_rules(text);
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice before[33] = {{.actions = 0}};
	take_over(new, old, (const unsigned[]){1, 2, 3, 4, 5, 6, 7, 0, 0, 10});
	for (size_t i = 0; i < 33; i++) {
		rule_match(old, STAGE_OPEN, &subject, SEED, &before[i]);
	}
	for (size_t i = 0; i < 33; i++) {
		static const enum action left[] = {ACTION_LINGER0,  ACTION_UNREAD, ACTION_KEEPALIVE,
						   ACTION_NOLINGER, ACTION_LEAK,   ACTION_LOSS};
		struct rule_choice now = {.actions = 0};
		struct rule_past past = {old, &before[i]};
		rule_match_again(new, STAGE_OPEN, &subject, SEED, &past, &now);
		for (size_t k = 0; k < sizeof left / sizeof *left; k++) {
			assert_int_equal(now.rule[left[k]], before[i].rule[left[k]]);
		}
		/* New ones begin. */
		assert_int_equal(now.rule[ACTION_RESET], 8);
		assert_int_equal(now.rule[ACTION_DRAIN], i == 1 ? 9 : 0);
		/* Of the first one nobody knows that it was the one of them that was refused. */
		assert_int_equal(now.rule[ACTION_ERRNO], 10);
	}
	assert_int_equal(new->rules[0].counters->matched, 33);
	assert_int_equal(new->rules[1].counters->drawn, 33);
	rules_free(old);
	rules_free(new);
}

static void numbers_of_another_set_are_forgotten(void **state)
{
	(void)state;
	struct rules *old = read_rules("connect-timeout; linger0");
	struct rules *new = read_rules("linger0 to=:1");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(old, STAGE_CONNECT, &subject, SEED, &choice);
	rule_match(new, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 0);
	assert_int_equal(choice.rule[ACTION_CONNECT_TIMEOUT], 0);
	assert_int_equal(choice.generation, new->generation);
	rules_free(old);
	rules_free(new);
}

/* Another thread may be about to write the numbers of a set that was longer. */
static void a_number_that_the_set_does_not_have_is_forgotten(void **state)
{
	(void)state;
	struct rules *set = read_rules("connect-timeout");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	choice_reset(&choice, set->generation);
	choice_take(&choice, ACTION_RETRY, RULES_MAX);
	choice_take(&choice, ACTION_LINGER0, RULES_MAX);
	choice_take(&choice, ACTION_UNREAD, UINT16_MAX);
	rule_match(set, STAGE_CONNECT, &subject, SEED, &choice);
	assert_int_equal(choice.actions, 1u << ACTION_CONNECT_TIMEOUT);
	assert_int_equal(choice.rule[ACTION_RETRY], 0);
	assert_int_equal(choice.rule[ACTION_LINGER0], 0);
	assert_int_equal(choice.rule[ACTION_UNREAD], 0);
	rules_free(set);
}

static void an_unknown_side_matches_no_side_selector(void **state)
{
	(void)state;
	assert_int_equal(first_chosen("linger0 side=client", SIDE_CLIENT, true), 1);
	assert_int_equal(first_chosen("linger0 side=client", SIDE_SERVER, true), 0);
	assert_int_equal(first_chosen("linger0 side=server", SIDE_SERVER, true), 1);
	assert_int_equal(first_chosen("linger0 side=client", SIDE_UNKNOWN, true), 0);
	assert_int_equal(first_chosen("linger0 side=server", SIDE_UNKNOWN, true), 0);
	assert_int_equal(first_chosen("linger0", SIDE_UNKNOWN, true), 1);
}

/* The rule that a listener gets. */
static unsigned listener_chosen(const char *text)
{
	struct rules *set = read_rules(text);
	struct addr local = address("10.0.0.1", 80), peer = {.family = 0};
	struct rule_subject subject = {SIDE_SERVER, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_LISTEN, &subject, SEED, &choice);
	unsigned number = choice.rule[ACTION_DROP];
	assert_int_equal(choice.actions, number != 0 ? 1u << ACTION_DROP : 0);
	rules_free(set);
	return number;
}

/* Only what is known before there is a peer can choose it. */
static void a_listener_is_chosen_by_its_address_and_program(void **state)
{
	(void)state;
	assert_int_equal(listener_chosen("drop=syn"), 1);
	assert_int_equal(listener_chosen("drop=syn at=:81; drop=ack at=10.0.0.1:80"), 2);
	assert_int_equal(listener_chosen("drop=syn side=server"), 1);
	assert_int_equal(listener_chosen("drop=syn exe=wget; drop=syn exe=cu?l"), 2);
	assert_int_equal(listener_chosen("drop=syn to=10.9.9.9"), 1);
	assert_int_equal(listener_chosen("drop=fin; linger0; user-timeout=1s"), 0);
}

static void at_needs_a_known_local_address(void **state)
{
	(void)state;
	assert_int_equal(first_chosen("linger0 at=:40000", SIDE_CLIENT, true), 1);
	assert_int_equal(first_chosen("linger0 at=:40001", SIDE_CLIENT, true), 0);
	assert_int_equal(first_chosen("linger0 at=:40000", SIDE_CLIENT, false), 0);
	assert_int_equal(first_chosen("linger0 at=*", SIDE_CLIENT, false), 0);
	assert_int_equal(first_chosen("linger0 to=10.0.0.0/30", SIDE_CLIENT, false), 1);
}

static void a_rule_for_another_program_never_matches(void **state)
{
	(void)state;
	assert_int_equal(first_chosen("linger0 exe=wget; linger0 exe=cu?l", SIDE_CLIENT, true), 2);
}

static void expect_choices(const char *text, const char *expected)
{
	struct rules *set = read_rules(text);
	for (size_t i = 0; expected[i] != '\0'; i++) {
		assert_int_equal(chosen(set), expected[i] - '0');
	}
	rules_free(set);
}

static void conn_counts_connections_from_one(void **state)
{
	(void)state;
	expect_choices("linger0 conn=3", "001000000");
	expect_choices("linger0 conn=3+", "001111111");
	expect_choices("linger0 conn=3+2", "001010101");
	expect_choices("linger0 conn=3..5", "001110000");
	expect_choices("linger0 conn=2..7+3", "010010000");
}

static void conn_counts_only_what_the_other_selectors_match(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 side=server conn=2");
	assert_int_equal(chosen_by(set, ACTION_LINGER0, SIDE_SERVER, true, SEED), 0);
	assert_int_equal(chosen_by(set, ACTION_LINGER0, SIDE_CLIENT, true, SEED), 0);
	assert_int_equal(chosen_by(set, ACTION_LINGER0, SIDE_SERVER, true, SEED), 1);
	rules_free(set);
}

static void rules_behind_the_winner_count_too(void **state)
{
	(void)state;
	expect_choices("linger0 conn=1; linger0 conn=2; linger0 conn=2..4", "12330");
}

static void zero_percent_never_and_a_hundred_always(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 prob=0%; linger0 prob=100%");
	for (uint64_t seed = 0; seed < 10000; seed++) {
		assert_int_equal(chosen_by(set, ACTION_LINGER0, SIDE_CLIENT, true, seed), 2);
	}
	assert_int_equal(set->rules[0].counters->matched, 0);
	rules_free(set);
	assert_int_equal(listener_chosen("drop=syn prob=0%"), 0);
	assert_int_equal(listener_chosen("drop=syn prob=1%"), 1);
}

/* The number of the rule that lacks an address; 0 for none. */
static unsigned lacks_at(const char *text, const char *bound)
{
	struct rules *set = read_rules(text);
	struct addr local = address(bound, 0), peer = address("10.0.0.2", 80);
	struct rule_subject subject = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_CONNECT, &subject, SEED, &choice);
	struct rule *lost = rule_without_at(set, &subject, &choice);
	unsigned number = lost != NULL ? (unsigned)(lost - set->rules) + 1 : 0;
	rules_free(set);
	return number;
}

static void at_of_a_connect_lacks_an_address_where_none_is_bound(void **state)
{
	(void)state;
	assert_int_equal(lacks_at("refuse at=10.0.0.1", "0.0.0.0"), 1);
	assert_int_equal(lacks_at("drop=synack at=10.0.0.1", "0.0.0.0"), 1);
	assert_int_equal(lacks_at("refuse at=10.0.0.1", "10.0.0.1"), 0);
	assert_int_equal(lacks_at("refuse at=10.0.0.1", "10.0.0.3"), 0);
	assert_int_equal(lacks_at("refuse to=:80", "0.0.0.0"), 0);
	assert_int_equal(lacks_at("refuse at=10.0.0.1 to=:81", "0.0.0.0"), 0);
	assert_int_equal(lacks_at("linger0 at=10.0.0.1", "0.0.0.0"), 0);
	assert_int_equal(lacks_at("user-timeout=1s at=10.0.0.1", "0.0.0.0"), 0);
	assert_int_equal(lacks_at("linger0 at=:1; refuse prob=0%; refuse at=:1", "0.0.0.0"), 3);
	assert_int_equal(lacks_at("linger0 at=:1; refuse prob=0%", "0.0.0.0"), 0);
	/* Another one acts in its place. */
	assert_int_equal(lacks_at("refuse at=10.0.0.1; refuse to=:80", "0.0.0.0"), 0);
}

static void a_chance_comes_out_as_often_as_it_says(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 prob=25%");
	unsigned hits = 0;
	for (int i = 0; i < 40000; i++) {
		hits += chosen(set);
	}
	/* 10000 expected; 87 is a standard deviation. */
	assert_in_range(hits, 9500, 10500);
	rules_free(set);
}

static void the_same_seed_decides_the_same(void **state)
{
	(void)state;
	const char *text = "linger0 prob=50%; linger0 prob=50%";
	struct rules *one = read_rules(text), *two = read_rules(text), *other = read_rules(text);
	unsigned differences = 0, second = 0;
	for (int i = 0; i < 1000; i++) {
		unsigned number = chosen(one);
		assert_int_equal(chosen(two), number);
		differences +=
			chosen_by(other, ACTION_LINGER0, SIDE_CLIENT, true, SEED + 1) != number;
		second += number == 2;
	}
	assert_true(differences > 100);
	/* Two rules with the same chance do not fall together. */
	assert_in_range(second, 180, 320);
	rules_free(one);
	rules_free(two);
	rules_free(other);
}

static void the_chance_of_a_rule_does_not_depend_on_other_rules_connections(void **state)
{
	(void)state;
	struct rules *plain = read_rules("linger0 side=client prob=50%");
	struct rules *mixed = read_rules("linger0 side=client prob=50%");
	for (int i = 0; i < 300; i++) {
		chosen_by(mixed, ACTION_LINGER0, SIDE_SERVER, true, SEED);
		assert_int_equal(chosen(mixed), chosen(plain));
	}
	rules_free(plain);
	rules_free(mixed);
}

static void prob_is_drawn_before_conn_counts(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 prob=50%"),
		     *counted = read_rules("linger0 prob=50% conn=3");
	unsigned hits = 0;
	for (int i = 0; i < 100; i++) {
		unsigned hit = chosen(set);
		hits += hit;
		assert_int_equal(chosen(counted), hit == 1 && hits == 3);
	}
	assert_true(hits > 3);
	assert_int_equal(counted->rules[0].counters->matched, hits);
	rules_free(set);
	rules_free(counted);
}

static bool ready(const char *text, const struct rule_moment *moment)
{
	struct rules *set = read_rules(text);
	bool is = rule_ready(&set->rules[0], moment);
	assert_int_equal(set->rules[0].counters->fired, 0);
	rules_free(set);
	return is;
}

static void a_rule_is_ready_at_its_kinds_of_call_only(void **state)
{
	(void)state;
	struct rule_moment read = {.when = WHEN_READ}, close = {.when = WHEN_CLOSE};
	struct rule_moment write = {.when = WHEN_WRITE};
	assert_true(ready("unread", &read) && ready("unread", &close));
	assert_false(ready("unread", &write));
	assert_true(ready("unread=9 when=read", &read));
	assert_false(ready("unread=9 when=read", &close));
}

static void after_waits_for_bytes_or_time(void **state)
{
	(void)state;
	struct rule_moment moment = {.when = WHEN_CLOSE, .bytes = 1023, .age_ms = 1999};
	assert_false(ready("linger0 after=1K", &moment));
	assert_false(ready("linger0 after=2s", &moment));
	assert_true(ready("linger0 after=1023", &moment));
	moment.bytes++;
	moment.age_ms++;
	assert_true(ready("linger0 after=1K", &moment));
	assert_true(ready("linger0 after=2s", &moment));
}

static void starts_wants_the_request_to_begin_with_the_text(void **state)
{
	(void)state;
	struct rule_moment moment = {.when = WHEN_CLOSE, .head = "GET /a", .head_length = 6};
	assert_true(ready("linger0 starts=GET", &moment));
	assert_true(ready("linger0 starts=\"GET /a\"", &moment));
	assert_false(ready("linger0 starts=\"GET /ab\"", &moment));
	assert_false(ready("linger0 starts=PUT", &moment));
	struct rule_moment none = {.when = WHEN_CLOSE};
	assert_false(ready("linger0 starts=GET", &none));
	assert_true(ready("linger0", &none));
}

static void a_rule_fires_at_most_times(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 times=2; linger0");
	assert_true(rule_fire(&set->rules[0]));
	assert_true(rule_may_fire(&set->rules[0]));
	assert_true(rule_fire(&set->rules[0]));
	assert_false(rule_may_fire(&set->rules[0]));
	assert_false(rule_fire(&set->rules[0]));
	assert_int_equal(set->rules[0].counters->fired, 2);
	/* One that was given back. */
	rule_hold_fire(&set->rules[0]);
	assert_true(rule_may_fire(&set->rules[0]));
	assert_true(rule_fire(&set->rules[0]));
	assert_false(rule_fire(&set->rules[0]));
	for (int i = 0; i < 1000; i++) {
		assert_true(rule_fire(&set->rules[1]));
	}
	assert_int_equal(set->rules[1].counters->fired, 1000);
	rules_free(set);
}

#define THREADS 4
#define TRIES 20000

struct share {
	struct rules *set;
	pthread_barrier_t *start;
	unsigned fired, matched;
};

static void *fire_and_match(void *argument)
{
	struct share *share = argument;
	pthread_barrier_wait(share->start);
	for (int i = 0; i < TRIES; i++) {
		share->fired += rule_fire(&share->set->rules[0]);
		share->matched += chosen(share->set) != 0;
	}
	return NULL;
}

static void threads_neither_lose_nor_double_a_count(void **state)
{
	(void)state;
	struct rules *set = read_rules("linger0 times=30000 conn=11..60010; unread prob=30%");
	struct rules *alone = read_rules("linger0; unread prob=30%");
	pthread_barrier_t start;
	pthread_t threads[THREADS];
	struct share shares[THREADS];
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		shares[i] = (struct share){.set = set, .start = &start};
		assert_int_equal(pthread_create(&threads[i], NULL, fire_and_match, &shares[i]), 0);
	}
	unsigned fired = 0, matched = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		fired += shares[i].fired;
		matched += shares[i].matched;
	}
	assert_int_equal(fired, 30000);
	assert_int_equal(matched, 60000);
	assert_int_equal(set->rules[0].counters->matched, THREADS * TRIES);
	/* The draws are the same ones, whichever thread made them. */
	for (int i = 0; i < THREADS * TRIES; i++) {
		chosen(alone);
	}
	assert_int_equal(set->rules[1].counters->matched, alone->rules[1].counters->matched);
	pthread_barrier_destroy(&start);
	rules_free(set);
	rules_free(alone);
}

/* user-timeout limits the SYN too, where it can: counted and drawn once, at one of the two stages. */
static void user_timeout_is_matched_before_the_syn_and_not_again(void **state)
{
	(void)state;
	struct rules *set = read_rules("user-timeout=1s conn=1; linger0");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.2", 80);
	struct addr unknown = {.family = 0};
	struct rule_subject before = {SIDE_CLIENT, &unknown, &peer};
	struct rule_subject after = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_CONNECT, &before, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 1);
	rule_match(set, STAGE_OPEN, &after, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 1);
	assert_int_equal(choice.rule[ACTION_LINGER0], 2);
	assert_int_equal(set->rules[0].counters->matched, 1);
	rule_match(set, STAGE_OPEN, &after, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 1);
	assert_int_equal(set->rules[0].counters->matched, 1);
	/* The second connection is not the first, at either stage. */
	choice = (struct rule_choice){.actions = 0};
	rule_match(set, STAGE_CONNECT, &before, SEED, &choice);
	rule_match(set, STAGE_OPEN, &after, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 0);
	assert_int_equal(set->rules[0].counters->matched, 2);
	rules_free(set);
}

static void user_timeout_is_matched_when_open_where_no_connect_was_seen(void **state)
{
	(void)state;
	struct rules *set = read_rules("user-timeout=1s");
	struct addr local = address("10.0.0.1", 80), peer = address("10.0.0.2", 40000);
	struct rule_subject subject = {SIDE_SERVER, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	rule_match(set, STAGE_OPEN, &subject, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 1);
	rules_free(set);
}

static void user_timeout_with_at_waits_for_the_local_address(void **state)
{
	(void)state;
	struct rules *set = read_rules("user-timeout=1s to=10.0.0.2; user-timeout=2s at=10.0.0.1");
	struct addr local = address("10.0.0.1", 40000), peer = address("10.0.0.3", 80);
	struct addr unknown = {.family = 0};
	struct rule_subject before = {SIDE_CLIENT, &unknown, &peer};
	struct rule_subject after = {SIDE_CLIENT, &local, &peer};
	struct rule_choice choice = {.actions = 0};
	assert_false(set->has_stage[STAGE_CONNECT]);
	rule_match(set, STAGE_CONNECT, &before, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 0);
	rule_match(set, STAGE_OPEN, &after, SEED, &choice);
	assert_int_equal(choice.rule[ACTION_USER_TIMEOUT], 2);
	rules_free(set);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_matching_rule_of_an_action_wins),
		cmocka_unit_test(different_actions_combine),
		cmocka_unit_test(a_stage_leaves_the_other_stages_rules_alone),
		cmocka_unit_test(retry_rules_stay_when_a_stage_is_matched_again),
		cmocka_unit_test(a_connection_keeps_what_was_counted_and_drawn),
		cmocka_unit_test(numbers_of_another_set_are_forgotten),
		cmocka_unit_test(a_number_that_the_set_does_not_have_is_forgotten),
		cmocka_unit_test(an_unknown_side_matches_no_side_selector),
		cmocka_unit_test(a_listener_is_chosen_by_its_address_and_program),
		cmocka_unit_test(at_needs_a_known_local_address),
		cmocka_unit_test(a_rule_for_another_program_never_matches),
		cmocka_unit_test(conn_counts_connections_from_one),
		cmocka_unit_test(conn_counts_only_what_the_other_selectors_match),
		cmocka_unit_test(rules_behind_the_winner_count_too),
		cmocka_unit_test(zero_percent_never_and_a_hundred_always),
		cmocka_unit_test(at_of_a_connect_lacks_an_address_where_none_is_bound),
		cmocka_unit_test(a_chance_comes_out_as_often_as_it_says),
		cmocka_unit_test(the_same_seed_decides_the_same),
		cmocka_unit_test(the_chance_of_a_rule_does_not_depend_on_other_rules_connections),
		cmocka_unit_test(prob_is_drawn_before_conn_counts),
		cmocka_unit_test(a_rule_is_ready_at_its_kinds_of_call_only),
		cmocka_unit_test(after_waits_for_bytes_or_time),
		cmocka_unit_test(starts_wants_the_request_to_begin_with_the_text),
		cmocka_unit_test(a_rule_fires_at_most_times),
		cmocka_unit_test(user_timeout_is_matched_before_the_syn_and_not_again),
		cmocka_unit_test(user_timeout_is_matched_when_open_where_no_connect_was_seen),
		cmocka_unit_test(user_timeout_with_at_waits_for_the_local_address),
		cmocka_unit_test(threads_neither_lose_nor_double_a_count),
	};
	return cmocka_run_group_tests_name("rule_match", tests, NULL, NULL);
}
