/*
 * Never a byte twice, never one missing: requests of random pieces are cut at random points, by RST
 * and by FIN, several times each. Whatever happens, the server must have the whole request on one
 * connection and the program the whole answer, or the error.
 */

#include "lab_retry.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUESTS 200
#define PIECES 4
#define CUTS_MAX 3

struct run {
	struct pair p;
	unsigned seed;
	char request[800];
	size_t length;
	/** Of its head, which goes in one piece: without it nothing may be retried. */
	size_t head;
	/** Bytes of it that were written, and that the server has read from its connection. */
	size_t written, read;
	/** Answers that this connection has given: a first one must not end with a FIN. */
	unsigned answers;
	unsigned cuts_left, cuts;
};

static unsigned draw(struct run *run, unsigned below)
{
	/* Not rand(): the same everywhere. */
	run->seed = run->seed * 1103515245 + 12345;
	return (run->seed >> 16) % below;
}

static bool chance(struct run *run, unsigned percent)
{
	return draw(run, 100) < percent;
}

/** So many bytes more of the request have arrived, as they were written. */
static void expect_read(struct run *run, size_t size)
{
	if (size > 0) {
		const char *got = peer_recv(run->p.peer, size);
		assert_memory_equal(got, run->request + run->read, size);
		run->read += size;
	}
}

static void take_connection(struct run *run)
{
	if (run->p.peer < 0) {
		retry_accept(&run->p);
		run->read = 0;
		run->answers = 0;
	}
}

/** The server ends its connection somewhere in what was written. */
static void cut_connection(struct run *run)
{
	size_t unread = run->written - run->read;
	bool fin = run->answers > 0 && chance(run, 40);
	expect_read(run, fin ? unread : draw(run, (unsigned)unread + 1));
	if (fin) {
		close(run->p.peer);
		run->p.peer = -1;
	} else {
		pair_abort_peer(&run->p);
	}
	run->cuts++;
	run->cuts_left--;
}

static bool waits(const struct run *run)
{
	return !run->p.how.nonblocking;
}

static void write_piece(struct run *run, size_t size)
{
	char piece[sizeof(run->request)];
	memcpy(piece, run->request + run->written, size);
	piece[size] = '\0';
	for (;;) {
		const char *result = retry_try_send(&run->p, piece);
		if (strcmp(result, "-1 EAGAIN") != 0 || waits(run)) {
			assert_string_equal(result, lab_text("%zu -", size));
			run->written += size;
			return;
		}
		assert_int_equal(actor_number(actor_do(&run->p.a, "poll s0 out 20000")), 1);
	}
}

static void write_request(struct run *run)
{
	for (unsigned piece = 0; run->written < run->length; piece++) {
		bool may_be_cut = piece > 0 || run->answers > 0;
		if (may_be_cut && run->p.peer >= 0 && run->cuts_left > 0 && chance(run, 20)) {
			cut_connection(run);
		}
		size_t left = run->length - run->written;
		size_t least = piece == 0 ? run->head : 1;
		size_t more = draw(run, (unsigned)(left - least) + 1);
		write_piece(run, piece == PIECES - 1 ? left : least + more);
	}
}

/** The server reads the request to its end, or cuts again; it answers with the first part. */
static bool serve_or_cut(struct run *run, const char *part)
{
	take_connection(run);
	if (run->cuts_left > 0 && chance(run, 30)) {
		cut_connection(run);
		return false;
	}
	int at_once = 1;
	setsockopt(run->p.peer, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof(at_once));
	expect_read(run, run->length - run->read);
	peer_send(run->p.peer, part);
	return true;
}

/** The program's first read of the answer. */
static const char *read_first(struct run *run, const char *part)
{
	for (int round = 0;; round++) {
		assert_true(round < 50);
		actor_send(&run->p.a, "recv s0 1000");
		if (!waits(run)) {
			const char *got = actor_result(&run->p.a);
			if (strcmp(got, "-1 EAGAIN") != 0) {
				return got;
			}
			actor_send(&run->p.a, "poll s0 in 20000");
		}
		while (!serve_or_cut(run, part) && waits(run)) {
		}
		if (waits(run)) {
			return actor_result(&run->p.a);
		}
		assert_int_equal(actor_number(actor_result(&run->p.a)), 1);
	}
}

static void make_request(struct run *run, unsigned number)
{
	char body[500];
	size_t size = draw(run, sizeof(body));
	for (size_t i = 0; i < size; i++) {
		body[i] = (char)('a' + draw(run, 26));
	}
	snprintf(run->request, sizeof(run->request),
		 "PUT /%u HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%.*s", number, size, (int)size,
		 body);
	run->length = strlen(run->request);
	run->head = run->length - size;
	run->written = 0;
	run->read = 0;
	run->cuts_left = chance(run, 60) ? draw(run, CUTS_MAX + 1) : 0;
}

static void connect_again(struct run *run)
{
	actor_do(&run->p.a, "close s0");
	pair_again(&run->p);
	actor_do(&run->p.a, "setsockopt s0 nodelay 1");
	run->answers = 0;
}

/** One request and its answer, which may be cut as well: then the program is told. */
static void exchange(struct run *run, unsigned number)
{
	char answer[400];
	char part[400];
	make_request(run, number);
	size_t size = draw(run, 300);
	int head = snprintf(answer, sizeof(answer),
			    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
	for (size_t i = 0; i < size; i++) {
		answer[head++] = (char)('A' + draw(run, 26));
	}
	answer[head] = '\0';
	size_t first = 1 + draw(run, (unsigned)head);
	snprintf(part, sizeof(part), "%.*s", (int)first, answer);
	write_request(run);
	const char *got = read_first(run, part);
	assert_string_equal(got, retry_text(part));
	if (first < (size_t)head && chance(run, 20)) {
		pair_abort_peer(&run->p);
		assert_int_equal(actor_number(actor_do(&run->p.a, "poll s0 in 20000")), 1);
		assert_string_equal(actor_do(&run->p.a, "recv s0 1000"), RESET);
		connect_again(run);
		return;
	}
	if (first < (size_t)head) {
		peer_send(run->p.peer, answer + first);
		assert_string_equal(actor_do(&run->p.a, "poll s0 in 20000"), "1 - in");
		assert_string_equal(actor_do(&run->p.a, "recv s0 1000"),
				    retry_text(answer + first));
	}
	run->answers++;
}

static void run_requests(struct situation how, unsigned seed)
{
	struct run run = {.seed = seed};
	retry_open(&run.p, how, "retry=9", NULL);
	/* Or each further piece would wait for the ACK of the one before. */
	actor_do(&run.p.a, "setsockopt s0 nodelay 1");
	for (unsigned i = 0; i < REQUESTS; i++) {
		exchange(&run, i);
	}
	retry_expect_nobody(&run.p);
	assert_true(run.cuts > REQUESTS / 4);
	lab_say("# seed %u: %u requests, %u cuts", seed, REQUESTS, run.cuts);
	pair_close(&run.p);
}

static void blocking_programs_lose_nothing(void **state)
{
	(void)state;
	run_requests((struct situation){AF_INET, false, false}, 20261);
	run_requests((struct situation){AF_INET6, false, false}, 20262);
}

static void programs_that_do_not_wait_lose_nothing(void **state)
{
	(void)state;
	run_requests(nonblocking_situation, 20263);
	run_requests((struct situation){AF_INET6, false, true}, 20264);
}

LAB_MAIN(LAB_TEST(blocking_programs_lose_nothing), LAB_TEST(programs_that_do_not_wait_lose_nothing))
