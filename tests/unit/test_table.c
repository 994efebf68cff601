#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
#include "conn/note.h"
#include "sys/sanitizer.h"

/* Far from the numbers that this program really has. */
#define FD 500
#define FD_MAX (((int)TABLE_LEAVES << TABLE_LEAF_BITS) - 1)

static void any_number_has_a_slot(void **state)
{
	static const int fds[] = {0, 1, 1023, 1024, 65535, 65536, 1048576, 1000000000, FD_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		assert_int_equal(table_get(fds[i]), SLOT_UNKNOWN);
		struct conn *conn = conn_new(fds[i]);
		assert_non_null(conn);
		assert_ptr_equal(conn_known(fds[i]), conn);
		assert_ptr_equal(conn_find(fds[i]), conn);
		assert_int_equal(table_next(fds[i], INT_MAX), fds[i]);
		conn_forget(fds[i], SLOT_NO_SOCKET);
		assert_null(conn_known(fds[i]));
		assert_null(conn_find(fds[i]));
		conn_forget(fds[i], SLOT_UNKNOWN);
	}
}

static void number_that_is_none_is_harmless(void **state)
{
	static const int fds[] = {-1, -2, INT_MIN, INT_MAX, FD_MAX + 1};
	(void)state;
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		assert_int_equal(table_get(fds[i]), SLOT_NO_SOCKET);
		assert_int_equal(table_swap(fds[i], SLOT_OTHER), SLOT_NO_SOCKET);
		assert_int_equal(table_get(fds[i]), SLOT_NO_SOCKET);
		conn_forget(fds[i], SLOT_UNKNOWN);
		conn_share(FD, fds[i]);
		conn_share(fds[i], FD);
		assert_null(conn_find(fds[i]));
		assert_null(conn_find_socket(fds[i]));
	}
	conn_forget(FD, SLOT_UNKNOWN);
}

static void records_are_walked_in_order(void **state)
{
	/* Between the last two is room for others, which there is no memory for. */
	static const int fds[] = {FD, FD + 1, FD + 70, 70000, 200000, 400000};
	(void)state;
	/* In whichever they came. */
	for (size_t i = 6; i-- > 0;) {
		conn_new(fds[i]);
	}
	table_swap(FD + 2, SLOT_OTHER);
	int fd = table_next(0, INT_MAX);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(fd, fds[i]);
		fd = table_next(fd + 1, INT_MAX);
	}
	assert_int_equal(fd, -1);
	assert_int_equal(table_next(FD + 2, FD + 69), -1);
	assert_int_equal(table_next(FD + 2, FD + 70), FD + 70);
	for (size_t i = 0; i < 6; i++) {
		conn_forget(fds[i], SLOT_UNKNOWN);
	}
	table_swap(FD + 2, SLOT_UNKNOWN);
	assert_int_equal(table_next(0, INT_MAX), -1);
}

/** Whoever has a pointer to it may come late: it is not given back a second time. */
static void record_that_was_given_back_is_not_held(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	conn_forget(FD, SLOT_UNKNOWN);
	assert_false(conn_hold(conn, generation));
	assert_false(conn_hold(conn, generation + 1));
	assert_true(conn_same(conn, generation + 1));
	assert_ptr_not_equal(conn_new(FD), conn_new(FD + 1));
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

static void held_record_stays_until_it_is_let_go(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	assert_false(conn_hold(conn, generation + 1));
	assert_int_equal(conn->refs, 1);
	assert_true(conn_hold(conn, generation));
	conn_forget(FD, SLOT_UNKNOWN);
	assert_true(conn_same(conn, generation));
	conn_unpin(conn);
	assert_false(conn_same(conn, generation));
}

static void disowned_record_is_given_back_unless_it_was_replaced(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	conn_disown(conn, FD);
	assert_int_equal(table_get(FD), SLOT_UNKNOWN);
	assert_false(conn_same(conn, generation));
	conn = conn_new(FD + 1);
	struct conn *other = conn_new(FD);
	generation = conn->generation;
	conn_disown(conn, FD);
	assert_ptr_equal(conn_known(FD), other);
	assert_true(conn_same(conn, generation));
	assert_int_equal(other->refs, 1);
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

static void record_is_shared_with_what_is_not_known_only(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	conn_share_unknown(conn, FD + 1);
	assert_ptr_equal(conn_known(FD + 1), conn);
	assert_int_equal(conn->refs, 2);
	table_swap(FD + 2, SLOT_OTHER);
	conn_share_unknown(conn, FD + 2);
	assert_int_equal(table_get(FD + 2), SLOT_OTHER);
	conn_share_unknown(conn, FD + 1);
	assert_int_equal(conn->refs, 2);
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
	/* It has been given back. */
	conn_share_unknown(conn, FD);
	assert_int_equal(table_get(FD), SLOT_UNKNOWN);
	table_swap(FD + 2, SLOT_UNKNOWN);
}

static void closing_what_is_no_record_leaves_nothing_to_give_back(void **state)
{
	(void)state;
	assert_null(conn_detach(FD));
	assert_int_equal(table_get(FD), SLOT_UNKNOWN);
	table_swap(FD, SLOT_OTHER);
	assert_null(conn_detach(FD));
	assert_int_equal(table_get(FD), SLOT_NO_SOCKET);
	assert_null(conn_detach(FD));
	assert_int_equal(table_get(FD), SLOT_NO_SOCKET);
	table_swap(FD, SLOT_UNKNOWN);
}

/* How many records there were without memory, with none reserved and with some. */
static int *records_had;

static void see_without_memory(bool reserved)
{
	struct rlimit none = {0, 0};
	if (SANITIZER_SHADOWS) {
		_exit(SKIPPED);
	}
	if (reserved) {
		conn_reserve();
	}
	CHECK(setrlimit(RLIMIT_AS, &none) == 0);
	int count = 0;
	for (struct conn *conn; (conn = conn_new(FD + count)) != NULL; count++) {
		conn->begun_ns = (uint64_t)count;
	}
	CHECK(table_get(FD + count) == SLOT_UNKNOWN);
	for (int i = 0; i < count; i++) {
		CHECK(conn_known(FD + i)->begun_ns == (uint64_t)i);
	}
	records_had[reserved] = count;
}

static void see_without_reserve(void)
{
	see_without_memory(false);
}

static void see_with_reserve(void)
{
	see_without_memory(true);
}

/** As in a sandbox. */
static void more_connections_are_seen_where_records_were_reserved(void **state)
{
	(void)state;
	records_had = mmap(NULL, 2 * sizeof *records_had, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(records_had, MAP_FAILED);
	in_child(see_without_reserve);
	in_child(see_with_reserve);
	assert_int_equal(records_had[true] - records_had[false], 512);
	munmap(records_had, 2 * sizeof *records_had);
}

static void shared_record_lives_until_its_last_name_goes(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	conn_share(FD, FD + 1);
	conn_share(FD + 1, 70000);
	assert_ptr_equal(conn_known(FD + 1), conn);
	assert_ptr_equal(conn_known(70000), conn);
	assert_int_equal(conn->refs, 3);
	conn_forget(FD, SLOT_NO_SOCKET);
	conn_forget(70000, SLOT_UNKNOWN);
	assert_true(conn_same(conn, generation));
	assert_int_equal(conn->refs, 1);
	conn_forget(FD + 1, SLOT_UNKNOWN);
	assert_false(conn_same(conn, generation));
	/* Again is once too often, and nothing happens. */
	conn_forget(FD + 1, SLOT_UNKNOWN);
	assert_true(conn_same(conn, generation + 1));
}

static void sharing_what_is_no_record_copies_the_word(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	table_swap(FD + 1, SLOT_OTHER);
	/* dup2 of a file over a socket: the socket's record goes. */
	conn_share(FD + 1, FD);
	assert_int_equal(table_get(FD), SLOT_OTHER);
	assert_false(conn_same(conn, generation));
	table_swap(FD, SLOT_UNKNOWN);
	table_swap(FD + 1, SLOT_UNKNOWN);
}

static void sharing_with_itself_changes_nothing(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	conn_share(FD, FD);
	assert_ptr_equal(conn_known(FD), conn);
	assert_int_equal(conn->refs, 1);
	assert_true(conn_same(conn, generation));
	conn_forget(FD, SLOT_UNKNOWN);
}

static void given_back_record_is_used_again_and_empty(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = conn->generation;
	struct addr none = {0};
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	conn_opened(conn);
	conn_sent(conn, 10, NULL, 5);
	conn_remember(conn, OP_SEND, 10, 0, 5);
	conn->told_error = 104;
	conn_set(conn, CONN_LEARNED | CONN_PEER_FIN | CONN_PASSED);
	conn_forget(FD, SLOT_UNKNOWN);
	struct conn *again = conn_new(FD + 1);
	assert_ptr_equal(again, conn);
	assert_false(conn_same(again, generation));
	assert_int_equal(again->phase, PHASE_FRESH);
	assert_int_equal(again->refs, 1);
	assert_int_equal(again->number, 0);
	assert_int_equal(again->bytes_out, 0);
	assert_int_equal(again->history_next, 0);
	assert_int_equal(again->told_error, 0);
	assert_false(conn_is(again, CONN_LEARNED | CONN_PEER_FIN | CONN_PASSED));
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

static void new_record_replaces_a_stale_one(void **state)
{
	(void)state;
	struct conn *stale = conn_new(FD);
	uint32_t generation = stale->generation;
	struct conn *fresh = conn_new(FD);
	assert_ptr_not_equal(stale, fresh);
	assert_ptr_equal(conn_known(FD), fresh);
	assert_false(conn_same(stale, generation));
	conn_forget(FD, SLOT_UNKNOWN);
}

static void beginning_again_forgets_the_connection_before(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	struct addr none = {0};
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	uint64_t number = conn->number;
	uint64_t total = conn_total();
	memset((char *)conn + offsetof(struct conn, turn), 0xff,
	       sizeof *conn - offsetof(struct conn, turn));
	/* A bool is 0 or 1. */
	conn->head_ahead = conn->urgent_read = true;
	struct addr local = {.family = AF_INET, .port = 1}, peer = {.family = AF_INET, .port = 2};
	uint64_t before_ns = clock_exact_ns();
	uint32_t before_ms = clock_recent_ms();
	conn_begin(conn, SIDE_SERVER, &local, &peer);
	assert_int_equal(conn->number, number + 1);
	assert_int_equal(conn_total(), total + 1);
	assert_int_equal(conn->phase, PHASE_CONNECTING);
	assert_int_equal(conn->side, SIDE_SERVER);
	assert_int_equal(conn_local(conn).port, 1);
	assert_int_equal(conn_peer(conn).port, 2);
	assert_true(conn->begun_ns >= before_ns && conn->begun_ns <= clock_exact_ns());
	assert_true(conn->last_ms - before_ms <= clock_recent_ms() - before_ms);
	assert_int_equal(conn->fork_epoch, process_epoch());
	assert_int_equal(conn->calm, 0);
	assert_int_equal(conn->turn, DIRECTION_NONE);
	assert_int_equal(conn->gap_ms, 0);
	assert_int_equal(conn->bytes_in + conn->bytes_out, 0);
	assert_int_equal(conn->begun_in + conn->begun_out, 0);
	assert_int_equal(conn->calls_in + conn->calls_out, 0);
	assert_int_equal(conn->told_error + conn->told_op + conn->told_count, 0);
	assert_int_equal(conn->half_ms, 0);
	assert_int_equal(conn->fin_acked, 0);
	assert_int_equal(conn->warned, 0);
	assert_int_equal(conn->injected, 0);
	assert_int_equal(conn->acted, 0);
	assert_int_equal(conn->head_length, 0);
	assert_false(conn->head_ahead || conn->urgent_read);
	assert_int_equal(conn->used_after, 0);
	assert_false(conn_is(conn, CONN_PEER_FIN | CONN_SHUT_READ | CONN_SHUT_WRITE |
					   CONN_TOLD_ABANDONED | CONN_TOLD_HIDDEN | CONN_SUMMED_UP |
					   CONN_OWN_RESET | CONN_EARLY));
	/* What is of the socket stays. */
	assert_true(conn_is(conn, CONN_PASSED) && conn_is(conn, CONN_LINGER_ZERO));
	assert_true(conn_is(conn, CONN_NONBLOCKING) && conn_is(conn, CONN_FASTOPEN));
	conn_forget(FD, SLOT_UNKNOWN);
}

#define AGO_MS 5000
#define NS_PER_MS 1000000
/* This program may stand still between two of its lines, but not so long. */
#define MINUTE_MS 60000

static void a_connection_is_opened_once_and_remembers_how_long_that_took(void **state)
{
	(void)state;
	struct addr none = {0};
	struct conn *conn = conn_new(FD);
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	conn->begun_ns = clock_exact_ns() - (uint64_t)AGO_MS * NS_PER_MS;
	conn->calm = 7;
	conn->last_ms -= AGO_MS;
	uint32_t before_ms = clock_recent_ms();
	assert_true(conn_opened(conn));
	assert_in_range(conn->connect_us, AGO_MS * 1000, (AGO_MS + MINUTE_MS) * 1000);
	assert_in_range(conn_age_ms(conn), AGO_MS, AGO_MS + MINUTE_MS);
	assert_true(conn->open_ms - before_ms <= clock_recent_ms() - before_ms);
	assert_int_equal(conn->phase, PHASE_OPEN);
	assert_int_equal(conn->calm, 0);
	conn->connect_us = 1;
	assert_false(conn_opened(conn));
	assert_int_equal(conn->connect_us, 1);
	conn_giving_up(conn, true);
	assert_in_range(conn->connect_us, AGO_MS * 1000, (AGO_MS + MINUTE_MS) * 1000);
	conn_giving_up(conn, false);
	assert_int_equal(conn->connect_us, 0);
	/* An accepted one is open when it begins. */
	conn_begin(conn, SIDE_SERVER, &none, &none);
	conn->begun_ns -= (uint64_t)AGO_MS * NS_PER_MS;
	conn->last_ms -= AGO_MS;
	assert_true(conn_opened(conn));
	assert_int_equal(conn->connect_us, 0);
	assert_int_equal(conn->open_ms, conn->last_ms);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void a_connection_is_half_closed_since_the_first_end(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t before_ms = (uint32_t)clock_coarse_ms();
	conn_half_closed(conn, AGO_MS);
	uint32_t since_ms = conn->half_ms;
	assert_true(since_ms + AGO_MS - before_ms <= (uint32_t)clock_coarse_ms() - before_ms);
	conn_half_closed(conn, 0);
	assert_int_equal(conn->half_ms, since_ms);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void a_forked_child_counts_anew_and_numbers_on(void **state)
{
	(void)state;
	struct addr none = {0};
	struct conn *conn = conn_new(FD);
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	uint64_t number = conn->number;
	assert_true(conn_total() > 0);
	conn_total_after_fork();
	assert_int_equal(conn_total(), 0);
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	assert_int_equal(conn->number, number + 1);
	assert_int_equal(conn_total(), 1);
	conn_forget(FD, SLOT_UNKNOWN);
}

/* Other threads use it meanwhile, and their calls are still under its rules, as those of an open one. */
static void a_renewed_connection_keeps_its_rules_until_they_are_matched(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	struct addr none = {0};
	struct addr peer = {.family = AF_INET, .port = 80};
	conn_begin(conn, SIDE_CLIENT, &none, &peer);
	uint64_t number = conn->number;
	choice_reset(&conn->choice, 7);
	choice_take(&conn->choice, 3, 5);
	conn_sent(conn, 10, NULL, 5);
	assert_int_equal(conn->phase, PHASE_CONNECTING);
	assert_true(conn_opened(conn));
	conn_renew(conn);
	assert_int_equal(conn->number, number + 1);
	assert_int_equal(conn->phase, PHASE_OPEN);
	assert_int_equal(conn->bytes_out, 0);
	assert_int_equal(conn_peer(conn).port, 80);
	assert_int_equal(conn->choice.actions, 1u << 3);
	assert_int_equal(choice_number(&conn->choice, 3), 5);
	assert_int_equal(choice_generation(&conn->choice), 7);
	conn_begin(conn, SIDE_CLIENT, &none, &peer);
	assert_int_equal(conn->choice.actions, 0);
	assert_int_equal(choice_generation(&conn->choice), 0);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void history_keeps_the_last_calls(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	for (unsigned i = 0; i < CONN_HISTORY + 3; i++) {
		conn_remember(conn, OP_RECV, i, 0, i);
	}
	conn_remember(conn, OP_SEND, (ssize_t)INT32_MAX + 5, 0, 99);
	assert_int_equal(conn->history[3 % CONN_HISTORY].result, INT32_MAX);
	assert_int_equal(conn->history[4 % CONN_HISTORY].result, 4);
	assert_int_equal(conn->history_next, CONN_HISTORY + 4);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void gap_is_the_silence_before_a_write(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	struct addr none = {0};
	conn_begin(conn, SIDE_CLIENT, &none, &none);
	uint32_t now = conn->last_ms;
	/* Between connect and the first write nothing was idle. */
	conn_sent(conn, 1, NULL, now + 5000);
	assert_int_equal(conn->gap_ms, 0);
	conn_received(conn, 1, NULL, now + 5001);
	conn_sent(conn, 1, NULL, now + 5500);
	assert_int_equal(conn->gap_ms, 0);
	conn_received(conn, 1, NULL, now + 5600);
	conn_sent(conn, 1, NULL, now + 9600);
	assert_int_equal(conn->gap_ms, 4000);
	/* The rest of the same request; the answer ends it. */
	conn_sent(conn, 1, NULL, now + 9601);
	assert_int_equal(conn->gap_ms, 4000);
	conn_received(conn, 1, NULL, now + 9700);
	assert_int_equal(conn->gap_ms, 0);
	conn_forget(FD, SLOT_UNKNOWN);
}

/** Of two looks at the clock the later one may give the earlier time, by a step of the counter. */
static void a_time_that_is_a_step_behind_is_no_silence(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	struct addr none = {0};
	conn_begin(conn, SIDE_SERVER, &none, &none);
	uint32_t now = conn->last_ms;
	conn_received(conn, 1, NULL, now + 4);
	conn_sent(conn, 1, NULL, now);
	assert_int_equal(conn->gap_ms, 0);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void exchange_counts_request_and_response_by_side(void **state)
{
	(void)state;
	struct addr none = {0};
	uint64_t request;
	uint64_t response;
	for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		struct conn *conn = conn_new(FD);
		conn_begin(conn, (enum side)side, &none, &none);
		for (int round = 0; round < 2; round++) {
			void (*ask)(struct conn *, size_t, const void *, uint32_t) =
				side == SIDE_CLIENT ? conn_sent : conn_received;
			void (*answer)(struct conn *, size_t, const void *, uint32_t) =
				side == SIDE_CLIENT ? conn_received : conn_sent;
			ask(conn, 10, NULL, 1);
			ask(conn, 5, NULL, 1);
			answer(conn, 100, NULL, 2);
			answer(conn, 50, NULL, 2);
		}
		conn_exchange(conn, &request, &response);
		assert_int_equal(request, 15);
		assert_int_equal(response, 150);
		assert_int_equal(conn->bytes_in + conn->bytes_out, 2 * 165);
		conn_forget(FD, SLOT_UNKNOWN);
	}
}

static void descriptor_is_learned_at_first_sight(void **state)
{
	int ends[2];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_null(conn_find(ends[0]));
	assert_int_equal(table_get(ends[0]), SLOT_NO_SOCKET);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_null(conn_find(ends[0]));
	assert_int_equal(table_get(ends[0]), SLOT_OTHER);
	int udp = socket(AF_INET, SOCK_DGRAM, 0);
	assert_null(conn_find(udp));
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(listener, 1), 0);
	struct conn *conn = conn_find(listener);
	assert_non_null(conn);
	assert_true(conn != NULL && conn_is(conn, CONN_LEARNED));
	assert_int_equal(conn->phase, PHASE_LISTENING);
	assert_int_not_equal(conn_local(conn).port, 0);
	assert_ptr_equal(conn_find(listener), conn);
	/* Nothing is there: nothing is remembered. */
	assert_null(conn_find(FD));
	assert_int_equal(table_get(FD), SLOT_UNKNOWN);
	conn_forget(listener, SLOT_UNKNOWN);
	close(listener);
	close(udp);
	close(ends[0]);
	close(ends[1]);
}

/** Records that were ever seen by see(); more than MANY at a time are never in use. */
#define MANY 1000
#define SEEN_MAX (MANY + 200)
static struct conn *seen[SEEN_MAX];
static size_t seen_count;

static void see(struct conn *conn)
{
	for (size_t i = 0; i < seen_count; i++) {
		if (seen[i] == conn) {
			return;
		}
	}
	/* Records come in chunks, so a few more than are in use may be seen. */
	assert_true(seen_count < SEEN_MAX);
	seen[seen_count++] = conn;
}

/** As many records as are ever in use at a time: all of them have been seen before. */
static void see_many(void)
{
	for (int i = 0; i < MANY; i++) {
		struct conn *conn = conn_new(FD + i);
		see(conn);
		conn->begun_ns = (uint64_t)i;
	}
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(conn_known(FD + i)->begun_ns, i);
		conn_forget(FD + i, SLOT_UNKNOWN);
	}
}

static void coming_and_going_costs_no_memory(void **state)
{
	(void)state;
	see_many();
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < MANY; i++) {
			conn_new(FD + i);
			conn_share(FD + i, FD + 2000 + i);
		}
		for (int i = 0; i < MANY; i++) {
			conn_forget(FD + (i * 7) % MANY, SLOT_NO_SOCKET);
			conn_forget(FD + 2000 + (i * 3) % MANY, SLOT_UNKNOWN);
		}
	}
	see_many();
	assert_int_equal(table_next(0, INT_MAX), -1);
}

#define THREADS 4
#define ROUNDS 20000
#define OWN_FDS 64

/** Each thread has descriptors of its own, as the kernel gives them out, and one that all share. */
static void *come_and_go(void *argument)
{
	int base = FD + 5000 + (int)(intptr_t)argument * OWN_FDS;
	unsigned dice = (unsigned)(intptr_t)argument + 1;
	uintptr_t wrong = 0;
	for (int i = 0; i < ROUNDS; i++) {
		dice = dice * 1103515245 + 12345;
		int fd = base + (int)(dice >> 16) % (OWN_FDS / 2);
		struct conn *conn = conn_new(fd);
		uint32_t generation = conn->generation;
		conn->begun_ns = (uint64_t)(uintptr_t)argument + 1;
		conn_share(fd, fd + OWN_FDS / 2);
		conn_share(fd, FD + 4000);
		conn_forget(fd, SLOT_UNKNOWN);
		/* Still named by the copy: nobody else may have been given the record. */
		wrong += conn_known(fd + OWN_FDS / 2) != conn || !conn_same(conn, generation) ||
			 conn->begun_ns != (uint64_t)(uintptr_t)argument + 1;
		conn_forget(fd + OWN_FDS / 2, SLOT_UNKNOWN);
	}
	return (void *)wrong;
}

static void threads_that_race_never_share_a_record(void **state)
{
	pthread_t threads[THREADS];
	(void)state;
	for (intptr_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, (void *)i), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	conn_forget(FD + 4000, SLOT_UNKNOWN);
	assert_int_equal(table_next(0, INT_MAX), -1);
}

/** Descriptors that all threads make and forget: some call is always too late. */
static void *fight_over_one(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		if ((i + (int)(intptr_t)argument) % 2) {
			conn_new(FD + 4001);
		} else {
			conn_forget(FD + 4001, SLOT_UNKNOWN);
		}
	}
	return NULL;
}

static void racing_for_one_number_loses_no_record(void **state)
{
	pthread_t threads[THREADS];
	(void)state;
	for (intptr_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, fight_over_one, (void *)i), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	conn_forget(FD + 4001, SLOT_UNKNOWN);
	/* All that was ever mapped can be had again, each once. */
	see_many();
}

/* A call in another thread may find out too late that its record is no connection's any more. */
static void late_writes_to_a_record_given_back_harm_nobody(void **state)
{
	(void)state;
	struct conn *late = conn_new(FD);
	struct conn *other = conn_new(FD + 1);
	conn_forget(FD + 1, SLOT_UNKNOWN);
	conn_forget(FD, SLOT_UNKNOWN);
	memset((char *)late + offsetof(struct conn, phase), 0xff,
	       sizeof *late - offsetof(struct conn, phase));
	assert_ptr_equal(conn_new(FD), late);
	assert_int_equal(atomic_load(&late->bytes_in), 0);
	assert_ptr_equal(conn_new(FD + 1), other);
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

static void pinned_record_is_not_used_again(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = atomic_load(&conn->generation);
	assert_true(conn_pin(conn, FD));
	assert_false(conn_pin(conn, FD + 1));
	conn_forget(FD, SLOT_UNKNOWN);
	assert_ptr_not_equal(conn_new(FD), conn);
	assert_true(conn_same(conn, generation));
	assert_false(conn_pin(conn, FD));
	conn_unpin(conn);
	assert_false(conn_same(conn, generation));
	assert_ptr_equal(conn_new(FD + 1), conn);
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

/** The count has room for 4095; the rest go without. */
static void more_pins_than_fit_are_refused(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	uint32_t generation = atomic_load(&conn->generation);
	unsigned pins = 0;
	while (pins < 5000 && conn_pin(conn, FD)) {
		pins++;
	}
	assert_in_range(pins, 1000, 4095);
	assert_int_equal(conn_names(conn), 1);
	for (unsigned i = 0; i < pins; i++) {
		conn_unpin(conn);
	}
	assert_true(conn_same(conn, generation));
	assert_true(conn_pin(conn, FD));
	conn_unpin(conn);
	conn_forget(FD, SLOT_UNKNOWN);
}

static void closing_thread_gets_the_record_alone(void **state)
{
	(void)state;
	struct conn *conn = conn_new(FD);
	conn_share(FD, FD + 1);
	assert_int_equal(conn_names(conn), 2);
	assert_ptr_equal(conn_detach(FD), conn);
	assert_null(conn_detach(FD));
	assert_true(conn_let_go(conn));
	assert_ptr_equal(conn_detach(FD + 1), conn);
	assert_false(conn_let_go(conn));
	assert_ptr_not_equal(conn_new(FD), conn);
	conn_unpin(conn);
	conn_forget(FD, SLOT_UNKNOWN);
	conn_forget(FD + 1, SLOT_UNKNOWN);
}

/* Descriptors that are shared by one thread while another closes them. */
static void *share_one(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		conn_share(FD + 4002, FD + 4003 + i % 4);
	}
	return NULL;
}

static void *renew_one(void *argument)
{
	(void)argument;
	for (int i = 0; i < ROUNDS; i++) {
		conn_new(FD + 4002);
		conn_forget(FD + 4002, SLOT_UNKNOWN);
		conn_new(FD + 4007);
		conn_forget(FD + 4007, SLOT_UNKNOWN);
	}
	return NULL;
}

static void sharing_what_is_being_closed_loses_no_record(void **state)
{
	pthread_t sharing, renewing;
	(void)state;
	assert_int_equal(pthread_create(&sharing, NULL, share_one, NULL), 0);
	assert_int_equal(pthread_create(&renewing, NULL, renew_one, NULL), 0);
	pthread_join(sharing, NULL);
	pthread_join(renewing, NULL);
	for (int fd = FD + 4002; fd <= FD + 4007; fd++) {
		conn_forget(fd, SLOT_UNKNOWN);
	}
	see_many();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_number_has_a_slot),
		cmocka_unit_test(number_that_is_none_is_harmless),
		cmocka_unit_test(records_are_walked_in_order),
		cmocka_unit_test(record_that_was_given_back_is_not_held),
		cmocka_unit_test(more_connections_are_seen_where_records_were_reserved),
		cmocka_unit_test(held_record_stays_until_it_is_let_go),
		cmocka_unit_test(disowned_record_is_given_back_unless_it_was_replaced),
		cmocka_unit_test(record_is_shared_with_what_is_not_known_only),
		cmocka_unit_test(closing_what_is_no_record_leaves_nothing_to_give_back),
		cmocka_unit_test(shared_record_lives_until_its_last_name_goes),
		cmocka_unit_test(sharing_what_is_no_record_copies_the_word),
		cmocka_unit_test(sharing_with_itself_changes_nothing),
		cmocka_unit_test(given_back_record_is_used_again_and_empty),
		cmocka_unit_test(new_record_replaces_a_stale_one),
		cmocka_unit_test(beginning_again_forgets_the_connection_before),
		cmocka_unit_test(a_connection_is_opened_once_and_remembers_how_long_that_took),
		cmocka_unit_test(a_connection_is_half_closed_since_the_first_end),
		cmocka_unit_test(a_forked_child_counts_anew_and_numbers_on),
		cmocka_unit_test(a_renewed_connection_keeps_its_rules_until_they_are_matched),
		cmocka_unit_test(history_keeps_the_last_calls),
		cmocka_unit_test(gap_is_the_silence_before_a_write),
		cmocka_unit_test(a_time_that_is_a_step_behind_is_no_silence),
		cmocka_unit_test(exchange_counts_request_and_response_by_side),
		cmocka_unit_test(descriptor_is_learned_at_first_sight),
		cmocka_unit_test(coming_and_going_costs_no_memory),
		cmocka_unit_test(threads_that_race_never_share_a_record),
		cmocka_unit_test(racing_for_one_number_loses_no_record),
		cmocka_unit_test(late_writes_to_a_record_given_back_harm_nobody),
		cmocka_unit_test(pinned_record_is_not_used_again),
		cmocka_unit_test(more_pins_than_fit_are_refused),
		cmocka_unit_test(closing_thread_gets_the_record_alone),
		cmocka_unit_test(sharing_what_is_being_closed_loses_no_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
