/*
 * Every exported name that takes a descriptor is called on a TCP connection, does what libc's does,
 * and is seen. The table below must have a row for each such name of hooks.def.
 */

#include "lab_pair.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALLS ((const char *[]){"RESETBY_LEVEL=calls", NULL})

/** What kind of call it is, and so how it is proved. */
enum kind {
	/** Reads "hello!". */
	READS,
	/** Writes "abcdef". */
	WRITES,
	/** Gives the last descriptor up. */
	CLOSES,
	/** Makes s1 another name of s0. */
	COPIES,
	/** Any other call of a connected socket with a line of its own. */
	ASKS,
	/** Sees a connect that was under way succeed. */
	WAITS,
	/** Proved elsewhere, or about no connection: the command says where or why. */
	ELSEWHERE,
};

static const struct row {
	const char *symbol;
	enum kind kind;
	const char *command;
	/** As the log calls it. */
	const char *op;
	/** What the actor answers where that is not what the kind implies. */
	const char *answer;
} rows[] = {
	{"recv", READS, "recv s0 6", "recv", NULL},
	{"recvfrom", READS, "recvfrom s0 6", "recvfrom", NULL},
	{"recvmsg", READS, "recvmsg s0 6 2", "recvmsg", NULL},
	{"recvmmsg", READS, "recvmmsg s0 6 1", "recvmmsg", "1 - hello!"},
	{"read", READS, "read s0 6", "read", NULL},
	{"readv", READS, "readv s0 6 3", "readv", NULL},
	{"preadv2", READS, "preadv2 s0 6 2", "preadv2", NULL},
	{"preadv64v2", READS, "preadv64v2 s0 6 2", "preadv2", NULL},
	{"__read", READS, "__read s0 6", "read", NULL},
	{"__read_chk", READS, "__read_chk s0 6", "read", NULL},
	{"__recv_chk", READS, "__recv_chk s0 6", "recv", NULL},
	{"__recvfrom_chk", READS, "__recvfrom_chk s0 6", "recvfrom", NULL},
	{"splice", READS, "splice_out s0 6", "splice", NULL},
	{"syscall", READS, "sys_read s0 6", "read", NULL},
	{"syscall", READS, "sys_recvfrom s0 6", "recvfrom", NULL},

	{"send", WRITES, "send s0 6", "send", NULL},
	{"sendto", WRITES, "sendto s0 6", "sendto", NULL},
	{"sendmsg", WRITES, "sendmsg s0 6 2", "sendmsg", NULL},
	{"sendmmsg", WRITES, "sendmmsg s0 6 2", "sendmmsg", "2 - 3 3"},
	{"write", WRITES, "write s0 6", "write", NULL},
	{"writev", WRITES, "writev s0 6 3", "writev", NULL},
	{"pwritev2", WRITES, "pwritev2 s0 6 2", "pwritev2", NULL},
	{"pwritev64v2", WRITES, "pwritev64v2 s0 6 2", "pwritev2", NULL},
	{"__send", WRITES, "__send s0 6", "send", NULL},
	{"__write", WRITES, "__write s0 6", "write", NULL},
	{"sendfile", WRITES, "sendfile s0 6", "sendfile", NULL},
	{"sendfile64", WRITES, "sendfile64 s0 6", "sendfile", NULL},
	{"splice", WRITES, "splice_in s0 6", "splice", NULL},
	{"syscall", WRITES, "sys_write s0 6", "write", NULL},
	{"syscall", WRITES, "sys_sendto s0 6", "sendto", NULL},

	{"close", CLOSES, "close s0", "close", NULL},
	{"__close", CLOSES, "__close s0", "close", NULL},
	{"close_range", CLOSES, "close_range s0 s0", "close_range", NULL},
	{"closefrom", CLOSES, "closefrom s0", "closefrom", NULL},
	{"fclose", CLOSES, "fclose s0", "fclose", NULL},
	{"fdopen", CLOSES, "fclose s0", "fclose", NULL},
	{"dup2", CLOSES, "dup2 s8 s0", "dup2", NULL},
	{"__dup2", CLOSES, "__dup2 s8 s0", "dup2", NULL},
	{"dup3", CLOSES, "dup3 s8 s0", "dup3", NULL},
	{"syscall", CLOSES, "sys_close s0", "close", NULL},
	{"syscall", CLOSES, "sys_close_range s0 s0", "close_range", NULL},

	{"dup", COPIES, "dup s0 s1", "dup", NULL},
	{"dup2", COPIES, "dup2 s0 s8", "dup2", NULL},
	{"dup3", COPIES, "dup3 s0 s8 cloexec", "dup3", NULL},
	{"__dup2", COPIES, "__dup2 s0 s8", "dup2", NULL},
	{"fcntl", COPIES, "dupfd s0 s1", "fcntl", NULL},
	{"fcntl", COPIES, "dupfd s0 s1 cloexec", "fcntl", NULL},
	{"fcntl64", COPIES, "fcntl64 s0 s1", "fcntl", NULL},
	{"__fcntl", COPIES, "__fcntl s0 s1", "fcntl", NULL},

	{"shutdown", ASKS, "shutdown s0 w", "shutdown", NULL},
	{"setsockopt", ASKS, "setsockopt s0 keepalive 1", "setsockopt", NULL},
	{"getsockopt", ASKS, "getsockopt s0 keepalive", "getsockopt", "0 - 0"},
	{"getsockopt", ASKS, "getsockopt s0 error", "getsockopt", "0 - 0"},
	{"getpeername", ASKS, "getpeername s0", "getpeername", "0 - "},
	{"getsockname", ASKS, "getsockname s0", "getsockname", "0 - "},

	{"poll", WAITS, "poll s0 out 20000", "poll", "1 - out"},
	{"ppoll", WAITS, "ppoll s0 out 20000", "poll", "1 - out"},
	{"__poll", WAITS, "__poll s0", "poll", "1 -"},
	{"__poll_chk", WAITS, "__poll_chk s0 out 20000", "poll", "1 - out"},
	{"__ppoll_chk", WAITS, "__ppoll_chk s0", "poll", "1 -"},
	{"select", WAITS, "select s0 out 20000", "select", "1 - out"},
	{"__select", WAITS, "__select s0", "select", "1 -"},
	{"pselect", WAITS, "pselect s0 out 20000", "select", "1 - out"},

	{"socket", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"accept", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"accept4", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"connect", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"__connect", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"bind", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"listen", ELSEWHERE, "opening_calls_are_seen", NULL, NULL},
	{"epoll_ctl", ELSEWHERE, "epoll_is_what_it_was", NULL, NULL},
	{"epoll_wait", ELSEWHERE, "epoll_is_what_it_was", NULL, NULL},
	{"epoll_pwait", ELSEWHERE, "epoll_is_what_it_was", NULL, NULL},
	{"epoll_pwait2", ELSEWHERE, "epoll_is_what_it_was", NULL, NULL},
	{"ioctl", ELSEWHERE, "ioctl_sets_the_mode", NULL, NULL},
	{"socketpair", ELSEWHERE, "UNIX sockets: no connection is at stake", NULL, NULL},
	{"fexecve", ELSEWHERE, "its descriptor is a program", NULL, NULL},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/** The names and parameters of hooks.def as text. */
static const struct {
	const char *name;
	const char *parameters;
} hooks[] = {
#define HOOK(result, name, parameters, arguments) {#name, #parameters},
#define HOOK_POINTER HOOK
#define HOOK_VOID HOOK
#define HOOK_VARIADIC(result, name, theirs, ours, arguments) {#name, #ours},
#define HOOK_ALONE(result, name, parameters) {#name, #parameters},
#define HOOK_ALIAS(result, name, parameters, target) {#name, #parameters},
#include "hook/hooks.def"
};

/** Whether any of its parameters is a descriptor, or holds one. */
static bool takes_descriptor(const char *parameters)
{
	static const char *const signs[] = {
		"int fd",    "int fds", "int out", "int in",       "int first",  "unsigned first",
		"int epoll", "pollfd",  "fd_set",  "FILE *stream", "int family", "long number"};
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strstr(parameters, signs[i])) {
			return true;
		}
	}
	return false;
}

static void every_name_has_a_row(void **state)
{
	unsigned missing = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		bool found = !takes_descriptor(hooks[i].parameters);
		for (size_t row = 0; row < ROWS && !found; row++) {
			found = strcmp(rows[row].symbol, hooks[i].name) == 0;
		}
		if (!found) {
			lab_say("# no row for %s%s", hooks[i].name, hooks[i].parameters);
			missing++;
		}
	}
	assert_int_equal(missing, 0);
	/* And no row is about a name that is none. */
	for (size_t row = 0; row < ROWS; row++) {
		bool found = false;
		for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]) && !found; i++) {
			found = strcmp(rows[row].symbol, hooks[i].name) == 0;
		}
		assert_true(found);
	}
}

/** Assert the call's line: about this connection, with result and error. */
static void expect_call(struct pair *p, const struct row *row, long fd, long result,
			const char *error)
{
	const char *line = log_last_call(&p->a, row->op);
	if (line == NULL) {
		fail_msg("no line for %s (%s)", row->command, row->symbol);
	}
	assert_int_equal((long)json_number(line, "fd"), fd);
	assert_int_equal((long)json_number(line, "conn"), 1);
	assert_int_equal((long)json_number(line, "result"), result);
	const char *told = json_get(line, "errno");
	if (error == NULL) {
		assert_null(told);
	} else {
		assert_string_equal(told, error);
	}
	assert_true(json_number(line, "us") >= 0);
	assert_string_equal(json_get(line, "side"), p->how.server ? "server" : "client");
	assert_string_equal(json_get(line, "peer"),
			    lab_text("%s:%u", loopback(p->how.family), p->peer_port));
	if (row->kind == READS || row->kind == WRITES) {
		assert_true(json_number(line, "asked") >= 1);
	}
}

#define EACH_ROW(row, wanted)                                                                      \
	for (const struct row *row = rows; row < rows + ROWS; row++)                               \
		if (row->kind == (wanted))

static void reads_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, READS)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			peer_send(p.peer, "hello!");
			assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
			assert_string_equal(actor_do(&p.a, "%s", row->command),
					    row->answer ? row->answer : "6 - hello!");
			expect_call(&p, row, fd, 6, NULL);
			pair_close(&p);
		}
	}
}

static void reads_that_fail_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, READS)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			if (how->nonblocking) {
				assert_string_equal(actor_do(&p.a, "%s", row->command),
						    "-1 EAGAIN");
				expect_call(&p, row, fd, -1, "EAGAIN");
				/* That nothing is there yet is no news. */
				assert_int_equal(log_count(&p.a, "error"), 0);
			}
			pair_abort_peer(&p);
			actor_do(&p.a, "poll s0 in 20000");
			assert_string_equal(actor_do(&p.a, "%s", row->command), "-1 ECONNRESET");
			assert_string_equal(actor_do(&p.a, "errno"), "0 - ECONNRESET");
			expect_call(&p, row, fd, -1, "ECONNRESET");
			const char *line = log_find(&p.a, "error", 0);
			assert_string_equal(json_get(line, "op"), row->op);
			assert_string_equal(json_get(line, "errno"), "ECONNRESET");
			assert_string_equal(json_get(line, "case"), "reset");
			pair_close(&p);
		}
	}
}

static void writes_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, WRITES)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			assert_string_equal(actor_do(&p.a, "%s", row->command),
					    row->answer ? row->answer : "6 -");
			assert_string_equal(peer_recv(p.peer, 6), "abcdef");
			expect_call(&p, row, fd, 6, NULL);
			pair_close(&p);
		}
	}
}

static void writes_that_fail_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, WRITES)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			actor_do(&p.a, "sigpipe count");
			pair_abort_peer(&p);
			actor_do(&p.a, "poll s0 in 20000");
			assert_string_equal(actor_do(&p.a, "%s", row->command), "-1 ECONNRESET");
			expect_call(&p, row, fd, -1, "ECONNRESET");
			const char *line = log_find(&p.a, "error", 0);
			assert_string_equal(json_get(line, "op"), row->op);
			assert_string_equal(json_get(line, "case"), "reset-by-peer");
			/* The next one is EPIPE, with the signal that belongs to it. */
			assert_string_equal(actor_do(&p.a, "signals"), "0 -");
			assert_string_equal(actor_do(&p.a, "%s", row->command), "-1 EPIPE");
			assert_string_equal(actor_do(&p.a, "signals"), "1 -");
			expect_call(&p, row, fd, -1, "EPIPE");
			pair_close(&p);
		}
	}
}

static void closes_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, CLOSES)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			actor_do(&p.a, "udp4 s8");
			assert_string_equal(actor_do(&p.a, "%s", row->command), "0 -");
			pair_expect_fin(&p);
			expect_call(&p, row, fd, 0, NULL);
			pair_close(&p);
		}
	}
}

/** A copy is the same connection under another number. */
static void copies_are_the_same_connection(void **state)
{
	(void)state;
	EACH_ROW(row, COPIES)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			actor_do(&p.a, "udp4 s8");
			assert_string_equal(actor_do(&p.a, "%s", row->command), "0 -");
			int slot = strstr(row->command, "s8") ? 8 : 1;
			long fd = actor_number(actor_do(&p.a, "fd s%d", slot));
			assert_true(fd != actor_number(actor_do(&p.a, "fd s0")));
			assert_string_equal(actor_do(&p.a, "close s0"), "0 -");
			pair_expect_open(&p);
			assert_string_equal(actor_do(&p.a, "send s%d 6", slot), "6 -");
			assert_string_equal(peer_recv(p.peer, 6), "abcdef");
			expect_call(&p, &(struct row){"send", WRITES, "send", "send", NULL}, fd, 6,
				    NULL);
			pair_abort_peer(&p);
			actor_do(&p.a, "poll s%d in 20000", slot);
			assert_string_equal(actor_do(&p.a, "recv s%d", slot), "-1 ECONNRESET");
			/* The call that made the copy is in the connection's history. */
			const char *history = json_get(log_find(&p.a, "error", 0), "history");
			assert_non_null(strstr(history, lab_text("\"op\":\"%s\"", row->op)));
			pair_close(&p);
		}
	}
}

static void questions_are_seen(void **state)
{
	(void)state;
	EACH_ROW(row, ASKS)
	{
		ALL_SITUATIONS (how) {
			struct pair p;
			pair_open(&p, *how, CALLS);
			long fd = actor_number(actor_do(&p.a, "fd s0"));
			const char *wanted = row->answer ? row->answer : "0 -";
			const char *answer = actor_do(&p.a, "%s", row->command);
			assert_int_equal(strncmp(answer, wanted, strlen(wanted)), 0);
			expect_call(&p, row, fd, 0, NULL);
			pair_close(&p);
		}
	}
}

/** A name is refused when there is no connection any more, and that is no verdict. */
static void questions_that_fail_are_seen(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		long fd = actor_number(actor_do(&p.a, "fd s0"));
		pair_abort_peer(&p);
		actor_do(&p.a, "poll s0 in 20000");
		assert_string_equal(actor_do(&p.a, "getpeername s0"), "-1 ENOTCONN");
		expect_call(&p, &(struct row){"getpeername", ASKS, "", "getpeername", NULL}, fd, -1,
			    "ENOTCONN");
		assert_string_equal(actor_do(&p.a, "shutdown s0 w"), "-1 ENOTCONN");
		expect_call(&p, &(struct row){"shutdown", ASKS, "", "shutdown", NULL}, fd, -1,
			    "ENOTCONN");
		assert_int_equal(log_count(&p.a, "error"), 0);
		pair_close(&p);
	}
}

/** Waiting calls see a non-blocking connect succeed. */
static void waits_see_a_connection_open(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};
	(void)state;
	EACH_ROW(row, WAITS)
	{
		for (int i = 0; i < 2; i++) {
			struct actor a;
			uint16_t port;
			int listener = peer_listen(families[i], &port);
			actor_start(&a, CALLS);
			actor_do(&a, "socket%d s0 nonblock", i ? 6 : 4);
			assert_string_equal(
				actor_do(&a, "connect s0 %s %u", loopback(families[i]), port),
				"-1 EINPROGRESS");
			assert_int_equal(log_count(&a, "open"), 0);
			assert_string_equal(actor_do(&a, "%s", row->command), row->answer);
			const char *line = log_find(&a, "open", 0);
			if (line == NULL) {
				fail_msg("%s did not see it", row->symbol);
			}
			assert_string_equal(json_get(line, "op"), row->op);
			assert_string_equal(json_get(line, "side"), "client");
			assert_string_equal(json_get(line, "peer"),
					    lab_text("%s:%u", loopback(families[i]), port));
			assert_int_equal(actor_stop(&a), 0);
			close(listener);
		}
	}
}

/** Behind others in the array, and in another word of the set; what is no socket is none of them. */
static void waits_for_many_see_each_connection_open(void **state)
{
	static const char *const ways[][2] = {{"poll_many", "poll"}, {"select_many", "select"}};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct actor a;
		uint16_t port;
		int listener = peer_listen(AF_INET, &port);
		actor_start(&a, CALLS);
		actor_do(&a, "file s4");
		for (int slot = 0; slot < 2; slot++) {
			actor_do(&a, "socket4 s5 nonblock");
			actor_do(&a, "dupfd_from s5 s%d %d", slot, 70 + 65 * slot);
			actor_do(&a, "close s5");
			assert_string_equal(actor_do(&a, "connect s%d 127.0.0.1 %u", slot, port),
					    "-1 EINPROGRESS");
			close(peer_accept(listener));
		}
		assert_int_equal(log_count(&a, "open"), 0);
		assert_string_equal(actor_do(&a, "%s 20000 s4 s0 s1", ways[i][0]), "3 -");
		assert_int_equal(log_count(&a, "open"), 2);
		for (unsigned line = 0; line < 2; line++) {
			const char *open = log_find(&a, "open", line);
			assert_string_equal(json_get(open, "op"), ways[i][1]);
			assert_int_equal(json_number(open, "fd"), 70 + 65 * line);
		}
		assert_int_equal(actor_stop(&a), 0);
		close(listener);
	}
}

static void fortified_calls_stop_an_overflow(void **state)
{
	static const char *const calls[] = {"__read_chk", "__recv_chk", "__recvfrom_chk",
					    "__poll_chk", "__ppoll_chk"};
	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct pair p;
		pair_open(&p, client_situation, NULL);
		peer_send(p.peer, "xyz");
		assert_string_equal(actor_do(&p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "overflow s0 %s", calls[i]), "killed SIGABRT");
		actor_stop(&p.a);
		close(p.peer);
		close(p.listener);
		capture_close(&p.wire);
	}
}

/** The line of an opening call: its result is `result`, about a slot's number. */
static void expect_opening(struct actor *a, const char *op, long fd, long result, const char *error)
{
	const char *line = log_last_call(a, op);
	assert_non_null(line);
	assert_int_equal((long)json_number(line, "fd"), fd);
	assert_int_equal((long)json_number(line, "result"), result);
	if (error) {
		assert_string_equal(json_get(line, "errno"), error);
	} else {
		assert_null(json_get(line, "errno"));
	}
}

static void opening_calls_are_seen(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", "[::1]"};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct actor a;
		actor_start(&a, CALLS);
		actor_do(&a, "socket%d s9", i ? 6 : 4);
		long listener = actor_number(actor_do(&a, "fd s9"));
		assert_string_equal(actor_do(&a, "bind s9 %s 0", addresses[i]), "0 -");
		expect_opening(&a, "bind", listener, 0, NULL);
		assert_string_equal(actor_do(&a, "bind s9 %s 0", addresses[i]), "-1 EINVAL");
		expect_opening(&a, "bind", listener, -1, "EINVAL");
		assert_string_equal(actor_do(&a, "listen s9"), "0 -");
		expect_opening(&a, "listen", listener, 0, NULL);
		uint16_t port = (uint16_t)atoi(strrchr(actor_do(&a, "getsockname s9"), ':') + 1);

		for (int way = 0; way < 4; way++) {
			const char *connects = way & 1 ? "__connect" : "connect";
			const char *accepts = way & 2 ? "accept4" : "accept";
			actor_do(&a, "socket%d s0", i ? 6 : 4);
			long client = actor_number(actor_do(&a, "fd s0"));
			assert_string_equal(
				actor_do(&a, "%s s0 %s %u", connects, addresses[i], port), "0 -");
			expect_opening(&a, "connect", client, 0, NULL);
			const char *line = log_find(&a, "open", (unsigned)way * 2);
			assert_string_equal(json_get(line, "side"), "client");
			/* With or without room for an address. */
			assert_int_equal(actor_number(actor_do(&a, "%s s9 s1%s", accepts,
							       way & 1 ? " null" : "")),
					 0);
			long server = actor_number(actor_do(&a, "fd s1"));
			expect_opening(&a, accepts, listener, server, NULL);
			line = log_find(&a, "open", (unsigned)way * 2 + 1);
			assert_string_equal(json_get(line, "side"), "server");
			assert_string_equal(json_get(line, "op"), accepts);
			assert_string_equal(json_get(line, "local"),
					    lab_text("%s:%u", addresses[i], port));
			actor_do(&a, "close s0");
			actor_do(&a, "close s1");
		}
		actor_do(&a, "nonblock s9 on");
		assert_string_equal(actor_do(&a, "accept s9 s1"), "-1 EAGAIN");
		expect_opening(&a, "accept", listener, -1, "EAGAIN");
		assert_string_equal(actor_do(&a, "accept4 s9 s1"), "-1 EAGAIN");
		expect_opening(&a, "accept4", listener, -1, "EAGAIN");
		actor_do(&a, "close s9");
		actor_do(&a, "socket%d s0", i ? 6 : 4);
		long client = actor_number(actor_do(&a, "fd s0"));
		assert_string_equal(actor_do(&a, "connect s0 %s %u", addresses[i], port),
				    "-1 ECONNREFUSED");
		expect_opening(&a, "connect", client, -1, "ECONNREFUSED");
		assert_string_equal(json_get(log_find(&a, "error", 0), "cause"), "refused");
		assert_int_equal(actor_stop(&a), 0);
	}
}

static void epoll_is_what_it_was(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		actor_do(&p.a, "epoll_create s5");
		assert_string_equal(actor_do(&p.a, "epoll_add s5 s0 nothing"), "-1 EFAULT");
		assert_string_equal(actor_do(&p.a, "epoll_add s5 s0 in"), "0 -");
		assert_string_equal(actor_do(&p.a, "epoll_add s5 s0 in"), "-1 EEXIST");
		assert_string_equal(actor_do(&p.a, "epoll_wait s5 0"), "0 -");
		peer_send(p.peer, "x");
		assert_string_equal(actor_do(&p.a, "epoll_wait s5 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "epoll_pwait s5 20000"), "1 - in");
		assert_string_equal(actor_do(&p.a, "epoll_pwait2 s5"), "1 -");
		assert_string_equal(actor_do(&p.a, "epoll_mod s5 s0 out"), "0 -");
		assert_string_equal(actor_do(&p.a, "epoll_wait s5 20000"), "1 - out");
		/* With a NULL event. */
		assert_string_equal(actor_do(&p.a, "epoll_del s5 s0"), "0 -");
		assert_string_equal(actor_do(&p.a, "epoll_wait s5 0"), "0 -");
		pair_close(&p);
	}
}

static void ioctl_sets_the_mode(void **state)
{
	(void)state;
	ALL_SITUATIONS (how) {
		struct pair p;
		pair_open(&p, *how, CALLS);
		assert_string_equal(actor_do(&p.a, "fionbio s0 on"), "0 -");
		assert_string_equal(actor_do(&p.a, "recv s0"), "-1 EAGAIN");
		assert_string_equal(actor_do(&p.a, "fionbio s0 off"), "0 -");
		assert_string_equal(actor_do(&p.a, "getfl s0"), "2 - block");
		peer_send(p.peer, "x");
		assert_string_equal(actor_do(&p.a, "recv s0"), "1 - x");
		pair_close(&p);
	}
}

/** The kernel counts in ticks, of which the first has begun already. */
static void a_line_says_how_long_its_call_took(void **state)
{
	(void)state;
	struct pair p;
	pair_open(&p, client_situation, CALLS);
	assert_string_equal(actor_do(&p.a, "setsockopt s0 rcvtimeo 200"), "0 -");
	assert_in_range((long)json_number(log_last_call(&p.a, "setsockopt"), "us"), 0,
			LAB_PATIENCE_MS * 1000);
	assert_string_equal(actor_do(&p.a, "recv s0"), "-1 EAGAIN");
	assert_in_range((long)json_number(log_last_call(&p.a, "recv"), "us"), 180 * 1000,
			LAB_PATIENCE_MS * 1000);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(every_name_has_a_row), LAB_TEST(reads_are_seen),
	 LAB_TEST(reads_that_fail_are_seen), LAB_TEST(writes_are_seen),
	 LAB_TEST(writes_that_fail_are_seen), LAB_TEST(closes_are_seen),
	 LAB_TEST(copies_are_the_same_connection), LAB_TEST(questions_are_seen),
	 LAB_TEST(questions_that_fail_are_seen), LAB_TEST(waits_see_a_connection_open),
	 LAB_TEST(waits_for_many_see_each_connection_open),
	 LAB_TEST(fortified_calls_stop_an_overflow), LAB_TEST(opening_calls_are_seen),
	 LAB_TEST(epoll_is_what_it_was), LAB_TEST(ioctl_sets_the_mode),
	 LAB_TEST(a_line_says_how_long_its_call_took))
