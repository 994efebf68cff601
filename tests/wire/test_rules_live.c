/* RESETBY_RULES_FILE: an edit takes effect on a running program within a second of its next call. */

#include "lab_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** The contract's second, and what a busy machine may add. */
#define EFFECT_MS (1000 + LAB_PATIENCE_MS)

static const char *rules_path;

static void write_rules(const char *text)
{
	rules_path = lab_write_rules(text);
}

/** Put another file into its place, as careful editors do. */
static void replace_rules(const char *text)
{
	char other[310];
	snprintf(other, sizeof(other), "%s.new", rules_path);
	FILE *file = fopen(other, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(other, rules_path), 0);
}

static void open_with_file(struct pair *p, struct situation how)
{
	char setting[320];
	snprintf(setting, sizeof(setting), "RESETBY_RULES_FILE=%s", rules_path);
	pair_open(p, how, (const char *[]){setting, "RESETBY_LEVEL=conns", NULL});
}

/**
 * Make calls on the connection until the log shows what is waited for: `text`, in the line of this
 * index among the event's.
 */
static const char *wait_for_line(struct pair *p, const char *ev, unsigned index)
{
	int64_t until = lab_now_ms() + EFFECT_MS;
	const char *line = NULL;
	while ((line = log_find(&p->a, ev, index)) == NULL) {
		if (lab_now_ms() > until) {
			fail_msg("no line %u of %s", index, ev);
		}
		/* Also the pause between two tries: it waits for what does not come. */
		actor_do(&p->a, "poll s0 in 10");
		actor_do(&p->a, "recv s0 1 dontwait");
	}
	return line;
}

static void pause_a_little(struct pair *p)
{
	/* Nothing urgent comes on standard input. */
	actor_do(&p->a, "poll 0 pri 20");
}

/** Connect and close until the close is a RST, or a FIN again. */
static void wait_for_close(struct pair *p, bool rst)
{
	int64_t until = lab_now_ms() + EFFECT_MS;
	for (;;) {
		pair_again(p);
		assert_string_equal(actor_do(&p->a, "close s0"), "0 -");
		if (pair_sent_rst(p) == rst) {
			return;
		}
		assert_true(lab_now_ms() < until);
		pause_a_little(p);
	}
}

/** The contract's second, in which an edit is noticed at the latest. */
static void let_a_look_pass(struct pair *p)
{
	int64_t until = lab_now_ms() + 1100;
	bool passed;
	do {
		/* On a machine that stands still meanwhile the calls that count are those behind it. */
		passed = lab_now_ms() >= until;
		actor_do(&p->a, "poll s0 in 100");
		actor_do(&p->a, "recv s0 1 dontwait");
	} while (!passed);
}

static void a_new_rule_acts_on_connections_to_come(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		write_rules("# nothing yet\n");
		open_with_file(&p, *how);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_fin(&p);
		write_rules("# now\nlinger0\n");
		int64_t edited = lab_now_ms();
		wait_for_close(&p, true);
		pair_expect_rst(&p);
		/* What the contract promises is a second; the rest is for machines under load. */
		assert_true(lab_now_ms() - edited < 1000 + 4000);
		pair_expect_told(&p, "inject", 0, "1 linger0", "SO_LINGER {1,0}");
		pair_close(&p);
	}
}

static void a_new_rule_acts_on_a_connection_that_is_open(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		write_rules("");
		open_with_file(&p, *how);
		peer_send(p.peer, "0123");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "recv s0 2"), "2 - 01");
		write_rules("unread=3\n");
		/* From the next look on, what was read before counts. */
		int64_t until = lab_now_ms() + EFFECT_MS;
		while (strcmp(actor_do(&p.a, "recv s0 2 peek"), "1 - 2") != 0) {
			assert_true(lab_now_ms() < until);
			actor_do(&p.a, "poll s0 rdhup 10");
		}
		assert_string_equal(actor_do(&p.a, "recv s0 2"), "1 - 2");
		assert_string_equal(actor_do(&p.a, "recv s0 2"), "0 -");
		pair_expect_open(&p);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 0, "1 unread=3", "reads end after 3 bytes");
		pair_expect_told(&p, "inject", 1, "1 unread=3", "closed with 1 byte unread");
		pair_close(&p);
	}
}

/** Calls on others are enough. */
static void a_new_rule_acts_on_a_connection_that_makes_no_call(void **state)
{
	(void)state;
	struct pair p;
	write_rules("");
	open_with_file(&p, client_situation);
	actor_do(&p.a, "epoll_create s5");
	write_rules("drop=all\n");
	int64_t until = lab_now_ms() + EFFECT_MS;
	while (log_count(&p.a, "inject") == 0) {
		assert_true(lab_now_ms() < until);
		actor_do(&p.a, "epoll_wait s5 10");
	}
	pair_expect_told(&p, "inject", 0, "1 drop=all", "filter");
	peer_send(p.peer, "lost");
	assert_string_equal(actor_do(&p.a, "poll s0 in 0"), "0 -");
	actor_do(&p.a, "close s0");
	close(p.peer);
	p.peer = -1;
	pair_close(&p);
}

/** What it has done to an open connection makes way for what it says now. */
static void a_rule_that_is_changed_acts_anew(void **state)
{
	(void)state;
	struct pair p;
	write_rules("drop=fin\n");
	open_with_file(&p, client_situation);
	peer_send(p.peer, "x");
	assert_string_equal(actor_do(&p.a, "recv s0 1"), "1 - x");
	write_rules("drop=all\n");
	wait_for_line(&p, "inject", 1);
	pair_expect_told(&p, "inject", 1, "1 drop=all", "all segments");
	peer_send(p.peer, "lost");
	assert_string_equal(actor_do(&p.a, "poll s0 in 0"), "0 -");
	actor_do(&p.a, "close s0");
	close(p.peer);
	p.peer = -1;
	pair_close(&p);
}

/** What a client that gives up after two SYNs is told. */
static const char *connect_bare(const struct pair *p)
{
	static char answer[64];
	struct actor client;
	actor_start_as(&client, ACTOR_BARE, NULL);
	actor_do(&client, "socket4 s0");
	actor_do(&client, "setsockopt s0 user_timeout 1500");
	snprintf(answer, sizeof(answer), "%s",
		 actor_do(&client, "connect s0 127.0.0.1 %u", p->listen_port));
	actor_stop(&client);
	return answer;
}

/** Also one that nobody calls. */
static void an_edit_reaches_a_listener(void **state)
{
	(void)state;
	struct pair p;
	write_rules("");
	open_with_file(&p, (struct situation){AF_INET, true, false});
	write_rules("drop=syn\n");
	wait_for_line(&p, "inject", 0);
	assert_string_equal(connect_bare(&p), "-1 ETIMEDOUT");
	write_rules("errno=EAGAIN:EIO\n");
	int64_t until = lab_now_ms() + EFFECT_MS;
	while (strcmp(actor_do(&p.a, "recv s0 1 dontwait"), "-1 EIO") != 0) {
		assert_true(lab_now_ms() < until);
		pause_a_little(&p);
	}
	assert_string_equal(connect_bare(&p), "0 -");
	pair_close(&p);
}

/** The filters of drop and loss are one behind the other: an edit ends the one, the other stays. */
static void a_filter_outlasts_the_one_that_it_is_joined_to(void **state)
{
	static const char *const left[] = {"drop=fin", "loss=1%"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pair p;
		write_rules("drop=fin\nloss=1%\n");
		open_with_file(&p, client_situation);
		assert_int_equal(log_count(&p.a, "inject"), 2);
		write_rules(left[i]);
		wait_for_line(&p, "inject", 2);
		pair_expect_told(&p, "inject", 2, lab_text("1 %s", left[i]), "filter");
		assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
		if (i == 0) {
			/* Sent again, for nobody acknowledges it. */
			capture_await(&p.wire,
				      (struct match){.from_port = p.peer_port, .set = TH_FIN}, 1);
			assert_int_equal(tcp_state(p.peer), TCP_FIN_WAIT1);
		} else {
			tcp_wait_state(p.peer, TCP_FIN_WAIT2);
		}
		/* Put on again it has not fired again. */
		actor_stop(&p.a);
		assert_string_equal(json_get(log_find(&p.a, "exit", 0), "fired"),
				    lab_text("[{\"name\":\"%s\",\"count\":1}]", left[i]));
		close(p.peer);
		capture_close(&p.wire);
	}
}

static void a_rule_taken_away_acts_no_more(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		write_rules("linger0\n");
		open_with_file(&p, *how);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		replace_rules("# gone\n");
		wait_for_close(&p, false);
		pair_expect_fin(&p);
		/* And back again. */
		replace_rules("linger0 to=:1\nlinger0\n");
		wait_for_close(&p, true);
		pair_expect_rst(&p);
		unsigned last = log_count(&p.a, "inject") - 1;
		pair_expect_told(&p, "inject", last, "2 linger0", "SO_LINGER {1,0}");
		pair_close(&p);
	}
}

/** Also for a connection that the rule had been chosen for. */
static void a_rule_taken_away_leaves_an_open_connection(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0\n");
	open_with_file(&p, client_situation);
	write_rules("");
	let_a_look_pass(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	assert_int_equal(log_count(&p.a, "inject"), 0);
	pair_close(&p);
}

/** What says when the file was written last: anybody may set it. */
static void set_modified(const char *path)
{
	static const struct timespec times[2] = {{1000, 5}, {1000, 5}};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/** Another file in its place, other bytes in the same file, or more: whatever the time that is set. */
static void an_edit_is_seen_by_any_difference(void **state)
{
	static const char fin[] = "linger0 to=:1\n", rst[] = "linger0 # now\n";
	struct pair p;
	char other[310];
	(void)state;
	write_rules(fin);
	set_modified(rules_path);
	open_with_file(&p, client_situation);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	unsigned before = actor_descriptors(&p.a);
	snprintf(other, sizeof(other), "%s.other", rules_path);
	FILE *file = fopen(other, "w");
	fputs(rst, file);
	fclose(file);
	set_modified(other);
	assert_int_equal(rename(other, rules_path), 0);
	wait_for_close(&p, true);
	write_rules(fin);
	set_modified(rules_path);
	wait_for_close(&p, false);
	write_rules(lab_text("%s\n", rst));
	set_modified(rules_path);
	wait_for_close(&p, true);
	/* What a look has opened is closed again. */
	assert_int_equal(actor_descriptors(&p.a), before);
	pair_close(&p);
}

/** The same text is no edit, whatever happens to the file: what was wrong is not told once more. */
static void a_touch_is_no_edit(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0\n");
	open_with_file(&p, client_situation);
	write_rules("linger9\n");
	wait_for_line(&p, "warn", 0);
	set_modified(rules_path);
	let_a_look_pass(&p);
	replace_rules("linger9\n");
	let_a_look_pass(&p);
	assert_int_equal(log_count(&p.a, "warn"), 1);
	write_rules("linger8\n");
	wait_for_line(&p, "warn", 1);
	pair_close(&p);
}

/** As one that has given up its rights, or used up its descriptors, just after the file was made. */
static void a_program_that_can_read_it_no_more_is_told_when_it_is_edited(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0\n");
	open_with_file(&p, client_situation);
	assert_string_equal(actor_do(&p.a, "nofile_below 3"), "0 -");
	let_a_look_pass(&p);
	let_a_look_pass(&p);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	write_rules("linger0 to=:1\n");
	const char *warn = wait_for_line(&p, "warn", 0);
	assert_non_null(strstr(json_get(warn, "why"), "EMFILE"));
	let_a_look_pass(&p);
	assert_int_equal(log_count(&p.a, "warn"), 1);
	pair_close(&p);
}

static void a_wrong_edit_keeps_the_rules_and_is_told_once(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		write_rules("linger0\n");
		open_with_file(&p, *how);
		write_rules("# first line\nlinger0\n  linger9 to=:1\n");
		const char *line = wait_for_line(&p, "warn", 0);
		assert_string_equal(json_get(line, "cause"), "rules-file");
		assert_string_equal(json_get(line, "sure"), "certain");
		assert_non_null(json_get(line, "advice"));
		char place[320];
		snprintf(place, sizeof(place), "%s:3:3: ", rules_path);
		assert_non_null(strstr(json_get(line, "why"), place));
		assert_non_null(strstr(json_get(line, "why"), "linger9"));
		/* What was in force still is. */
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_again(&p);
		let_a_look_pass(&p);
		assert_int_equal(log_count(&p.a, "warn"), 1);
		assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
		pair_expect_rst(&p);
		pair_expect_told(&p, "inject", 1, "1 linger0", "SO_LINGER {1,0}");
		/* Mended, it is in force; wrong in another way, it is told again. */
		if (how == situations) {
			write_rules("linger0 prob=0%\n");
			wait_for_close(&p, false);
			pair_again(&p);
			write_rules("linger0 prob=x\n");
			line = wait_for_line(&p, "warn", 1);
			snprintf(place, sizeof(place), "%s:1:9: ", rules_path);
			assert_non_null(strstr(json_get(line, "why"), place));
			write_rules("linger0");
			assert_int_equal(truncate(rules_path, 1 << 20), 0);
			line = wait_for_line(&p, "warn", 2);
			assert_non_null(strstr(json_get(line, "why"), "EFBIG"));
		}
		pair_close(&p);
	}
}

/** An editor may take the file away before it writes it anew. */
static void a_file_that_is_away_keeps_the_rules(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0\n");
	open_with_file(&p, client_situation);
	assert_int_equal(unlink(rules_path), 0);
	/* Long enough for a look, and too few calls for as many as it takes to be gone. */
	actor_do(&p.a, "poll s0 in 300");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	assert_int_equal(log_count(&p.a, "warn"), 0);
	write_rules("# back\n");
	wait_for_close(&p, false);
	pair_close(&p);
}

static void a_file_that_is_gone_is_told_once(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0\n");
	open_with_file(&p, client_situation);
	assert_int_equal(unlink(rules_path), 0);
	const char *warn = wait_for_line(&p, "warn", 0);
	assert_string_equal(json_get(warn, "cause"), "rules-file");
	assert_non_null(strstr(json_get(warn, "why"), "ENOENT"));
	let_a_look_pass(&p);
	let_a_look_pass(&p);
	assert_int_equal(log_count(&p.a, "warn"), 1);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_close(&p);
}

/** Its opening would wait for a writer, and what one process reads the next does not get. */
static void a_pipe_is_no_rules_file(void **state)
{
	struct pair p;
	char setting[340], pipe[310];
	(void)state;
	write_rules("linger0\n");
	snprintf(pipe, sizeof(pipe), "%s.pipe", rules_path);
	snprintf(setting, sizeof(setting), "RESETBY_RULES_FILE=%s", pipe);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	pair_open(&p, client_situation, (const char *[]){setting, NULL});
	assert_non_null(strstr(actor_stderr(&p.a), "ESPIPE, it is a pipe"));
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	pair_close(&p);
	assert_int_equal(unlink(pipe), 0);
}

static void a_file_that_is_missing_at_start_is_a_wrong_value(void **state)
{
	struct pair p;
	(void)state;
	pair_open(&p, client_situation,
		  (const char *[]){"RESETBY_RULES_FILE=/nonexistent/rules", "RESETBY_RULES=linger0",
				   "RESETBY_LEVEL=calls", NULL});
	/* One line on stderr, and never half a configuration: no rule, logging at its default. */
	const char *errors = actor_stderr(&p.a);
	assert_non_null(strstr(errors, "RESETBY_RULES_FILE:1:1: cannot read /nonexistent/rules: "
				       "ENOENT: expected a readable file"));
	assert_ptr_equal(strchr(errors, '\n'), errors + strlen(errors) - 1);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	assert_int_equal(log_count(&p.a, NULL), 0);
	assert_ptr_equal(strchr(actor_stderr(&p.a), '\n'),
			 actor_stderr(&p.a) + strlen(actor_stderr(&p.a)) - 1);
	pair_close(&p);
}

static void a_file_that_is_wrong_at_start_is_a_wrong_value(void **state)
{
	struct pair p;
	char place[320];
	(void)state;
	write_rules("linger0\nunread=many\n");
	open_with_file(&p, client_situation);
	snprintf(place, sizeof(place), "%s:2:1: ", rules_path);
	assert_non_null(strstr(actor_stderr(&p.a), place));
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	/* What was refused at the start is refused for good: an edit does not bring it to life. */
	write_rules("linger0\n");
	pair_again(&p);
	let_a_look_pass(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	pair_close(&p);
}

/** Rules of the variable come first, and stay through the file's edits. */
static void the_variables_rules_stay(void **state)
{
	struct pair p;
	char setting[320];
	(void)state;
	write_rules("unread=2\n");
	snprintf(setting, sizeof(setting), "RESETBY_RULES_FILE=%s", rules_path);
	pair_open(&p, client_situation,
		  (const char *[]){setting, "RESETBY_RULES=linger0 to=:1;linger0", NULL});
	peer_send(p.peer, "0123");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "recv s0 4"), "2 - 01");
	pair_expect_told(&p, "inject", 0, "3 unread=2", "reads end after 2 bytes");
	write_rules("");
	int64_t until = lab_now_ms() + EFFECT_MS;
	while (strcmp(actor_do(&p.a, "recv s0 4 dontwait"), "2 - 23") != 0) {
		assert_true(lab_now_ms() < until);
		actor_do(&p.a, "poll s0 rdhup 10");
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_expect_told(&p, "inject", 1, "2 linger0", "SO_LINGER {1,0}");
	pair_close(&p);
}

/** Edit the rules, and wait until a new connection shows that it is seen. */
static void edit_and_see(struct pair *p)
{
	bool seen = false;
	write_rules("keepalive=77s/3s/2\n");
	while (!seen) {
		actor_do(&p->a, "socket4 s1");
		assert_string_equal(actor_do(&p->a, "connect s1 127.0.0.1 %u", p->listen_port),
				    "0 -");
		seen = strcmp(actor_do(&p->a, "getsockopt s1 keepidle"), "0 - 77") == 0;
		actor_do(&p->a, "close s1");
		close(peer_accept(p->listener));
	}
}

static void bytes_before_a_reset_outlast_its_rule(void **state)
{
	struct pair p;
	(void)state;
	write_rules("reset when=write\n");
	open_with_file(&p, client_situation);
	peer_send(p.peer, "old");
	assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
	assert_string_equal(actor_do(&p.a, "send s0 1 nosignal"), "-1 ECONNRESET");
	edit_and_see(&p);
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "3 - old");
	assert_string_equal(actor_do(&p.a, "recv s0 100"), "0 -");
	pair_close(&p);
}

/** What an edit leaves as it was has used up its times= already. */
static void a_rule_that_is_left_alone_does_not_fire_again(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0 times=1\n");
	open_with_file(&p, client_situation);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	write_rules("# both\nreset when=write\nlinger0 times=1\n");
	int64_t until = lab_now_ms() + EFFECT_MS;
	pair_again(&p);
	while (strcmp(actor_do(&p.a, "send s0 5"), "5 -") == 0) {
		assert_true(lab_now_ms() < until);
		actor_do(&p.a, "close s0");
		pause_a_little(&p);
		pair_again(&p);
	}
	actor_do(&p.a, "close s0");
	pair_again(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	/* It is another rule now. */
	write_rules("linger0 times=2\n");
	wait_for_close(&p, true);
	actor_stop(&p.a);
	assert_string_equal(json_get(log_find(&p.a, "exit", 0), "fired"),
			    "[{\"name\":\"linger0 times=2\",\"count\":1}]");
	pair_close(&p);
}

/** Connections are counted from the start of the process, and each of them once. */
static void a_rule_that_is_left_alone_counts_on(void **state)
{
	struct pair p;
	(void)state;
	write_rules("linger0 conn=2\n");
	open_with_file(&p, client_situation);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	pair_again(&p);
	write_rules("errno=EAGAIN:EIO conn=1\nlinger0 conn=2\n");
	int64_t until = lab_now_ms() + EFFECT_MS;
	while (strcmp(actor_do(&p.a, "recv s0 1 dontwait"), "-1 EIO") != 0) {
		assert_true(lab_now_ms() < until);
		pause_a_little(&p);
	}
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	pair_again(&p);
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_fin(&p);
	pair_close(&p);
}

/** What the program has taken away since is not given to it again by an edit of something else. */
static void what_the_program_took_away_an_edit_does_not_bring_back(void **state)
{
	struct pair p;
	(void)state;
	write_rules("keepalive=7s/3s/2\nuser-timeout=60s\ndrop=fin\nunread=9\n");
	open_with_file(&p, client_situation);
	assert_string_equal(actor_do(&p.a, "getsockopt s0 keepalive"), "0 - 1");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 60000");
	actor_do(&p.a, "setsockopt s0 keepalive 0");
	actor_do(&p.a, "setsockopt s0 user_timeout 0");
	actor_do(&p.a, "recv s0 1 dontwait");
	assert_int_equal(log_count(&p.a, "inject"), 2);
	write_rules("keepalive=7s/3s/2\nuser-timeout=60s\ndrop=fin\nunread=0\n");
	int64_t until = lab_now_ms() + EFFECT_MS;
	while (strcmp(actor_do(&p.a, "recv s0 1 dontwait"), "0 -") != 0) {
		assert_true(lab_now_ms() < until);
		pause_a_little(&p);
	}
	assert_string_equal(actor_do(&p.a, "getsockopt s0 keepalive"), "0 - 0");
	assert_string_equal(actor_do(&p.a, "getsockopt s0 user_timeout"), "0 - 0");
	assert_int_equal(log_count(&p.a, "mitigate"), 2);
	/* Nor is what stays done again because something else is over. */
	assert_int_equal(log_count(&p.a, "inject"), 3);
	pair_close(&p);
}

static void a_connect_that_times_out_leaves_nothing_behind_after_an_edit(void **state)
{
	struct pair p;
	(void)state;
	write_rules("connect-timeout=4s conn=2\n");
	open_with_file(&p, client_situation);
	actor_do(&p.a, "socket4 s2 nonblock");
	assert_string_equal(actor_do(&p.a, "connect s2 127.0.0.1 %u", p.listen_port),
			    "-1 EINPROGRESS");
	edit_and_see(&p);
	assert_string_equal(actor_do(&p.a, "poll s2 out 20000"), "1 - out err hup");
	assert_string_equal(actor_do(&p.a, "getsockopt s2 error"), "0 - ETIMEDOUT");
	assert_string_equal(actor_do(&p.a, "getsockopt s2 user_timeout"), "0 - 0");
	pair_close(&p);
}

/** A child follows the file as its parent does. */
static void forked_children_follow_the_file(void **state)
{
	struct pair p;
	(void)state;
	write_rules("");
	open_with_file(&p, client_situation);
	write_rules("linger0\n");
	let_a_look_pass(&p);
	/* The parent has seen the edit by now; the child sees what the parent saw. */
	assert_string_equal(actor_do(&p.a, "fork close s0"), "0 -");
	assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
	pair_expect_rst(&p);
	assert_true(log_count(&p.a, "inject") >= 1);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_new_rule_acts_on_connections_to_come),
	 LAB_TEST(a_new_rule_acts_on_a_connection_that_is_open),
	 LAB_TEST(a_new_rule_acts_on_a_connection_that_makes_no_call),
	 LAB_TEST(a_rule_that_is_changed_acts_anew), LAB_TEST(an_edit_reaches_a_listener),
	 LAB_TEST(a_filter_outlasts_the_one_that_it_is_joined_to),
	 LAB_TEST(a_rule_taken_away_acts_no_more),
	 LAB_TEST(a_rule_taken_away_leaves_an_open_connection),
	 LAB_TEST(an_edit_is_seen_by_any_difference), LAB_TEST(a_touch_is_no_edit),
	 LAB_TEST(a_program_that_can_read_it_no_more_is_told_when_it_is_edited),
	 LAB_TEST(a_wrong_edit_keeps_the_rules_and_is_told_once),
	 LAB_TEST(a_file_that_is_away_keeps_the_rules), LAB_TEST(a_file_that_is_gone_is_told_once),
	 LAB_TEST(a_pipe_is_no_rules_file),
	 LAB_TEST(a_file_that_is_missing_at_start_is_a_wrong_value),
	 LAB_TEST(a_file_that_is_wrong_at_start_is_a_wrong_value),
	 LAB_TEST(the_variables_rules_stay), LAB_TEST(bytes_before_a_reset_outlast_its_rule),
	 LAB_TEST(a_rule_that_is_left_alone_does_not_fire_again),
	 LAB_TEST(a_rule_that_is_left_alone_counts_on),
	 LAB_TEST(what_the_program_took_away_an_edit_does_not_bring_back),
	 LAB_TEST(a_connect_that_times_out_leaves_nothing_behind_after_an_edit),
	 LAB_TEST(forked_children_follow_the_file))
