/* RESETBY_PHRASE: after an explained error libc's words for it are the documented phrase and the cause. */

#include "lab_pair.h"

#include <stdio.h>
#include <string.h>

static const char *const sayers[] = {"strerror", "strerror_r", "__strerror_r", "__xpg_strerror_r",
				     "strerror_l"};
#define SAYERS (sizeof(sayers) / sizeof(sayers[0]))

/** A connection that was reset, and the program has been told so while reading, or while writing. */
static void open_and_be_reset(struct pair *p, const char *setting, bool writing)
{
	pair_open(p, client_situation, (const char *[]){setting, NULL});
	pair_abort_peer(p);
	assert_non_null(strstr(actor_do(&p->a, "poll s0 in 20000"), "hup"));
	assert_string_equal(actor_do(&p->a, writing ? "send s0 1 nosignal" : "recv s0 1"),
			    "-1 ECONNRESET");
}

static void every_function_says_the_phrase_and_the_cause(void **state)
{
	(void)state;
	for (int writing = 0; writing <= 1; writing++) {
		struct pair p;
		open_and_be_reset(&p, "RESETBY_PHRASE=1", writing);
		const char *phrase = writing ? "Connection reset by peer: peer-abort"
					     : "Connection reset: peer-abort";
		for (size_t i = 0; i < SAYERS; i++) {
			assert_string_equal(actor_do(&p.a, "%s", sayers[i]),
					    lab_text("0 - %s", phrase));
		}
		actor_do(&p.a, "perror told");
		assert_non_null(strstr(actor_stderr(&p.a), lab_text("told: %s\n", phrase)));
		pair_close(&p);
	}
}

/** The next error that is none of a connection, and other threads, have libc's words. */
static void other_errors_and_other_threads_keep_theirs(void **state)
{
	(void)state;
	struct pair p;
	open_and_be_reset(&p, "RESETBY_PHRASE=1", false);
	assert_string_equal(actor_do(&p.a, "recv 999"), "-1 EBADF");
	for (size_t i = 0; i < SAYERS; i++) {
		assert_string_equal(actor_do(&p.a, "%s", sayers[i]), "0 - Bad file descriptor");
	}
	actor_do(&p.a, "perror told");
	assert_string_equal(actor_stderr(&p.a), "told: Bad file descriptor\n");
	pair_close(&p);

	open_and_be_reset(&p, "RESETBY_PHRASE=1", false);
	assert_string_equal(actor_do(&p.a, "strerror"), "0 - Connection reset: peer-abort");
	assert_string_equal(actor_do(&p.a, "thread strerror"), "0 - Connection reset by peer");
	pair_close(&p);
}

static void without_the_variable_nothing_is_said_differently(void **state)
{
	(void)state;
	struct pair p;
	open_and_be_reset(&p, "RESETBY_PHRASE=0", false);
	for (size_t i = 0; i < SAYERS; i++) {
		assert_string_equal(actor_do(&p.a, "%s", sayers[i]),
				    "0 - Connection reset by peer");
	}
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(every_function_says_the_phrase_and_the_cause),
	 LAB_TEST(other_errors_and_other_threads_keep_theirs),
	 LAB_TEST(without_the_variable_nothing_is_said_differently))
