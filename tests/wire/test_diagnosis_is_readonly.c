/* Each situation twice, with and without the library: the program is given the same answers. */

#include "lab_pair.h"
#include "lab_verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_MAX 24
#define TRANSCRIPT_SIZE 16384

/**
 * A situation, step by step. A step is a command of the actor, in which PORT stands for the port of
 * the test's listener, or one of the test's own:
 *
 *     @accept  @rst  @close  @shut  @send  @read N  @vanish      the test's end
 *     @end  @fin  @state N      wait: until it is over, until the FIN has come, for a TCP state
 *     @drop  @reject  @open     nft on the way to the listener; ICMP host unreachable
 *     @client S  @gone          a client of the actor's listener aborts; wait for that
 *     @retransmits              wait until data was sent again
 *
 * One difference is known and not shown here: an ICMP error that ended a connect is read from the
 * error queue once the program was told of it, and with it goes the POLLERR that such a message
 * keeps up.
 */
struct script {
	const char *name;
	const char *steps[STEPS_MAX];
	/** The log must have at least one error: the diagnosis did take place. */
	bool diagnosed;
};

static const struct script scripts[] = {
	{"a reset met in reading",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@rst", "@end", "recv s0",
	  "recv s0", "getsockopt s0 error", "send s0 1 nosignal", "send s0 1 nosignal",
	  "poll s0 in out rdhup 0", "tcp_state s0", "getpeername s0", "shutdown s0 rw", "close s0",
	  "recv s0"},
	 true},
	{"a reset met in writing",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@rst", "@end", "sigpipe count",
	  "write s0 5", "signals", "write s0 5", "signals", "send s0 5", "signals", "recv s0",
	  "poll s0 in out rdhup 0", "close s0"},
	 true},
	{"a reset taken through SO_ERROR",
	 {"socket6 s0", "connect s0 [::1] PORT", "@accept", "@rst", "@end", "poll s0 in out 0",
	  "getsockopt s0 error", "getsockopt s0 error", "poll s0 in out 0", "recv s0",
	  "send s0 1 nosignal", "close s0"},
	 true},
	{"a reset that is peeked at",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@rst", "@end", "recv s0 10 peek",
	  "recv s0 10 peek", "recv s0", "getsockopt s0 error"},
	 true},
	{"a reset with bytes before it",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "send s0 1000", "@send",
	  "poll s0 in 20000", "@close", "@end", "recv s0 2", "recv s0 100", "recv s0", "recv s0",
	  "getsockopt s0 error", "close s0"},
	 true},
	{"writing to a peer that has closed",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@close", "@fin", "send s0 5",
	  "@end", "poll s0 in out rdhup 0", "recv s0", "send s0 5 nosignal", "send s0 5 nosignal",
	  "getsockopt s0 error", "recv s0", "close s0"},
	 true},
	{"an end of file that hides a reset",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@close", "@fin", "send s0 5",
	  "@end", "recv s0", "getsockopt s0 error", "getsockopt s0 error", "poll s0 in out 0",
	  "send s0 5 nosignal"},
	 true},
	{"data after our own shutdown",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "shutdown s0 rw", "@send",
	  "@state 7", "recv s0", "recv s0", "send s0 1 nosignal", "getsockopt s0 error"},
	 true},
	{"writing after our own shutdown",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "shutdown s0 w",
	  "send s0 1 nosignal", "send s0 1 nosignal", "@send", "poll s0 in 20000", "recv s0",
	  "@close", "@fin", "recv s0", "getsockopt s0 error"},
	 true},
	{"a reset behind bytes that were sent without a copy",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "setsockopt s0 zerocopy 1",
	  "send s0 100 zerocopy", "@read 100", "@rst", "@end", "recv s0", "recvmsg s0 1 1 errqueue",
	  "recvmsg s0 1 1 errqueue", "recv s0"},
	 true},
	{"a refused connect",
	 {"socket4 s0", "connect s0 127.0.0.1 1", "recv s0", "getsockopt s0 error",
	  "poll s0 in out 0", "connect s0 127.0.0.1 1", "connect s0 127.0.0.1 PORT", "@accept",
	  "send s0 4", "@read 4", "@send", "poll s0 in 20000", "recv s0", "close s0"},
	 true},
	{"a refused connect that does not wait",
	 {"socket4 s0 nonblock", "connect s0 127.0.0.1 1", "poll s0 out 20000", "poll s0 in out 0",
	  "getsockopt s0 error", "poll s0 in out 0", "getsockopt s0 error",
	  "connect s0 127.0.0.1 1", "connect s0 127.0.0.1 1", "poll s0 out 20000",
	  "connect s0 127.0.0.1 1", "connect s0 127.0.0.1 PORT", "@accept", "send s0 4", "@read 4"},
	 true},
	{"a connect that ICMP rejects",
	 {"@reject", "socket4 s0 nonblock", "connect s0 127.0.0.1 PORT", "@state 7",
	  "poll s0 in out 0", "getsockopt s0 error", "getsockopt s0 error", "recv s0",
	  "send s0 1 nosignal", "connect s0 127.0.0.1 PORT", "@open", "connect s0 127.0.0.1 PORT",
	  "@accept", "@send", "select s0 in 20000", "recv s0"},
	 true},
	{"a connect that ICMP rejects, waited for",
	 {"@reject", "socket4 s0", "connect s0 127.0.0.1 PORT", "getsockopt s0 error", "recv s0",
	  "getsockopt s0 error", "@open", "connect s0 127.0.0.1 PORT", "@accept", "send s0 3",
	  "@read 3"},
	 true},
	{"an ICMP error while the SYN is still sent",
	 {"@reject", "socket4 s0 nonblock", "connect s0 127.0.0.1 PORT", "poll s0 out 20000",
	  "getsockopt s0 error", "poll s0 in out 0", "recv s0 0 errqueue", "poll s0 in out 0",
	  "close s0"},
	 true},
	{"a connect that nobody answers in the program's time",
	 {"@drop", "socket4 s0", "setsockopt s0 sndtimeo 100", "connect s0 127.0.0.1 PORT",
	  "connect s0 127.0.0.1 PORT", "getsockopt s0 error", "poll s0 in out 0", "@open",
	  "@accept", "poll s0 out 20000", "connect s0 127.0.0.1 PORT", "@send", "poll s0 in 20000",
	  "recv s0"},
	 true},
	{"a connect that is shut down",
	 {"@drop", "socket4 s0 nonblock", "connect s0 127.0.0.1 PORT", "shutdown s0 rw",
	  "poll s0 in out 0", "recv s0", "recv s0", "getsockopt s0 error", "close s0"},
	 true},
	{"no route",
	 {"socket4 s0", "connect s0 192.0.2.1 80", "getsockopt s0 error", "poll s0 in out 0",
	  "socket6 s1 nonblock", "connect s1 [2001:db8::1] 80", "getsockopt s1 error",
	  "connect s1 [2001:db8::1] 80"},
	 true},
	{"disconnected and connected again",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "disconnect s0",
	  "getsockopt s0 error", "recv s0", "poll s0 in out 0", "@close",
	  "connect s0 127.0.0.1 PORT", "@accept", "@rst", "@end", "recv s0", "recv s0"},
	 true},
	{"a user timeout",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "setsockopt s0 user_timeout 300",
	  "@drop", "send s0 10", "recv s0", "recv s0", "send s0 1 nosignal", "getsockopt s0 error",
	  "getsockopt s0 user_timeout", "poll s0 in out 0"},
	 true},
	{"an ICMP error in passing",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@reject", "send s0 10",
	  "@retransmits", "getsockopt s0 error", "poll s0 in out 0", "recv s0 5 dontwait", "@open",
	  "@read 10", "send s0 5", "@read 5"},
	 true},
	{"a silence, and a peer that has forgotten",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "send s0 5", "@read 5", "@vanish",
	  "send s0 5", "@end", "send s0 5 nosignal", "send s0 5 nosignal", "recv s0",
	  "getsockopt s0 error"},
	 true},
	{"closed with bytes unread",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "@send", "poll s0 in 20000",
	  "getsockopt s0 linger", "close s0", "close s0"},
	 true},
	{"closed with linger zero",
	 {"socket4 s0", "connect s0 127.0.0.1 PORT", "@accept", "setsockopt s0 linger on 0",
	  "getsockopt s0 linger", "close s0", "fd s0"},
	 true},
	{"a client that was gone before accept",
	 {"socket4 s1", "listen s1", "@client s1", "poll s1 in 20000", "@gone s1",
	  "accept s1 s2 null", "getpeername s2", "poll s2 in out 0", "recv s2", "recv s2",
	  "close s2"},
	 true},
	{"an ordinary life",
	 {"socket4 s0",
	  "connect s0 127.0.0.1 PORT",
	  "@accept",
	  "send s0 5",
	  "@read 5",
	  "@send",
	  "poll s0 in out 20000",
	  "recv s0 1",
	  "recv s0 10 peek",
	  "recv s0",
	  "@shut",
	  "@fin",
	  "recv s0",
	  "recv s0",
	  "send s0 3",
	  "@read 3",
	  "shutdown s0 w",
	  "recv s0",
	  "send s0 1 nosignal",
	  "tcp_state s0",
	  "close s0"},
	 true},
	{"wrong arguments",
	 {"socket4 s0", "recv s0", "send s0 1 nosignal", "getpeername s0", "shutdown s0 r",
	  "accept s0 s1", "connect s0 [::1] 1", "listen s0", "connect s0 127.0.0.1 PORT", "recv s0",
	  "getsockopt s0 error", "recv 77", "send 77 1", "connect 77 127.0.0.1 1", "close 77",
	  "disconnect s0"},
	 false},
};

#define SCRIPTS (sizeof(scripts) / sizeof(scripts[0]))

/** A script that is running. */
struct stage {
	struct actor a;
	int listener;
	uint16_t port;
	int peer;
	char *transcript;
	size_t used;
};

static void write_down(struct stage *stage, const char *step, const char *result)
{
	int size = snprintf(stage->transcript + stage->used, TRANSCRIPT_SIZE - stage->used,
			    "%s: %s\n", step, result);
	stage->used += (size_t)size;
	assert_true(stage->used < TRANSCRIPT_SIZE);
}

static void end_peer(struct stage *stage, void (*how)(int))
{
	how(stage->peer);
	stage->peer = -1;
}

static void just_close(int fd)
{
	close(fd);
}

/** A client of the actor's own listener, aborted. */
static void abort_client(struct stage *stage, const char *slot)
{
	const char *name = actor_do(&stage->a, "getsockname %s", slot);
	peer_rst(peer_connect(AF_INET, (uint16_t)atoi(strrchr(name, ':') + 1)));
}

/** The steps of the test itself. */
static void run_own(struct stage *stage, const char *step)
{
	char word[32] = "";
	char argument[32] = "";
	sscanf(step, "%31s %31s", word, argument);
	if (strcmp(word, "@accept") == 0) {
		stage->peer = peer_accept(stage->listener);
	} else if (strcmp(word, "@rst") == 0) {
		end_peer(stage, peer_rst);
	} else if (strcmp(word, "@close") == 0) {
		end_peer(stage, just_close);
	} else if (strcmp(word, "@vanish") == 0) {
		end_peer(stage, peer_vanish);
	} else if (strcmp(word, "@shut") == 0) {
		shutdown(stage->peer, SHUT_WR);
	} else if (strcmp(word, "@send") == 0) {
		peer_send(stage->peer, "hello");
	} else if (strcmp(word, "@read") == 0) {
		peer_recv(stage->peer, (size_t)atoi(argument));
	} else if (strcmp(word, "@end") == 0) {
		wait_for_end(&stage->a, "s0");
	} else if (strcmp(word, "@fin") == 0) {
		wait_for_fin(&stage->a, "s0");
	} else if (strcmp(word, "@state") == 0) {
		lab_until(info_of(&stage->a, "s0").tcpi_state == atoi(argument));
	} else if (strcmp(word, "@retransmits") == 0) {
		lab_until(info_of(&stage->a, "s0").tcpi_retransmits > 0);
	} else if (strcmp(word, "@client") == 0) {
		abort_client(stage, argument);
	} else if (strcmp(word, "@gone") == 0) {
		lab_until(netstat_counter("EstabResets") > 0);
	} else if (strcmp(word, "@drop") == 0) {
		nft("add rule inet lab in tcp dport %u drop", stage->port);
	} else if (strcmp(word, "@reject") == 0) {
		nft("add rule inet lab in tcp dport %u reject with icmp type host-unreachable",
		    stage->port);
	} else if (strcmp(word, "@open") == 0) {
		nft_flush();
	} else {
		fail_msg("no step: %s", step);
	}
}

/** A command with the port put in, its answer and errno written down. */
static void run_actors(struct stage *stage, const char *step)
{
	char command[256];
	const char *place = strstr(step, "PORT");
	if (place != NULL) {
		snprintf(command, sizeof(command), "%.*s%u%s", (int)(place - step), step,
			 stage->port, place + 4);
	} else {
		snprintf(command, sizeof(command), "%s", step);
	}
	write_down(stage, step, actor_do(&stage->a, "%s", command));
	write_down(stage, "errno", actor_do(&stage->a, "errno"));
}

static char *run_script(const struct script *script, int mode)
{
	struct stage stage = {.peer = -1, .transcript = calloc(1, TRANSCRIPT_SIZE)};
	int family = strstr(script->steps[0], "socket6") ? AF_INET6 : AF_INET;
	stage.listener = peer_listen(family, &stage.port);
	actor_start_as(&stage.a, mode, (const char *[]){"RESETBY_LEVEL=calls", NULL});
	for (size_t i = 0; i < STEPS_MAX && script->steps[i] != NULL; i++) {
		if (script->steps[i][0] == '@') {
			run_own(&stage, script->steps[i]);
		} else {
			run_actors(&stage, script->steps[i]);
		}
	}
	write_down(&stage, "stderr", actor_stderr(&stage.a));
	write_down(&stage, "end", lab_text("%d", actor_stop(&stage.a)));
	if (mode == ACTOR_PRELOADED && script->diagnosed) {
		assert_true(log_count(&stage.a, "error") > 0);
	}
	nft_flush();
	close(stage.listener);
	if (stage.peer >= 0) {
		close(stage.peer);
	}
	return stage.transcript;
}

static void same_answers(size_t from, size_t to)
{
	lab_sysctl("net/ipv4/icmp_ratelimit", "0");
	for (size_t i = from; i < to; i++) {
		char *without = run_script(&scripts[i], ACTOR_BARE);
		char *with = run_script(&scripts[i], ACTOR_PRELOADED);
		if (strcmp(without, with) != 0) {
			/* Apart from what fails: cmocka cuts a message off after 1,024 bytes. */
			fprintf(stderr, "# Without the library:\n%s\n# With it:\n%s\n", without,
				with);
			fail_msg("%s", scripts[i].name);
		}
		free(without);
		free(with);
	}
}

static void answers_are_the_same_when_a_reset_comes(void **state)
{
	(void)state;
	same_answers(0, 10);
}

static void answers_are_the_same_when_a_connect_fails(void **state)
{
	(void)state;
	same_answers(10, 18);
}

static void answers_are_the_same_in_all_other_ends(void **state)
{
	(void)state;
	same_answers(18, SCRIPTS);
}

LAB_MAIN(LAB_TEST(answers_are_the_same_when_a_reset_comes),
	 LAB_TEST(answers_are_the_same_when_a_connect_fails),
	 LAB_TEST(answers_are_the_same_in_all_other_ends))
