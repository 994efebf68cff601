#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <cmocka.h>
#include "conn/conn.h"

#define ROUNDS 200000

static struct conn conn;
static pthread_barrier_t barrier;

static void a_flag_is_set_and_cleared_alone(void **state)
{
	(void)state;
	conn_set(&conn, CONN_SHUT_READ | CONN_EDGES);
	assert_true(conn_is(&conn, CONN_SHUT_READ));
	assert_true(conn_is(&conn, CONN_EDGES));
	assert_false(conn_is(&conn, CONN_SHUT_WRITE | CONN_PEER_FIN));
	conn_clear(&conn, CONN_SHUT_READ);
	assert_false(conn_is(&conn, CONN_SHUT_READ));
	assert_true(conn_is(&conn, CONN_SHUT_READ | CONN_EDGES));
	conn_put(&conn, CONN_EDGES, false);
	assert_false(conn_is(&conn, CONN_EDGES));
	conn_put(&conn, CONN_EDGES, true);
	assert_true(conn_is(&conn, CONN_EDGES));
}

/* Each thread has a flag that nobody else writes: it must find it as it left it. */
static void *use_flag(void *argument)
{
	enum conn_flag mine = *(enum conn_flag *)argument;
	unsigned lost = 0;
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < ROUNDS; i++) {
		conn_set(&conn, mine);
		lost += !conn_is(&conn, mine);
		conn_put(&conn, mine, false);
		lost += conn_is(&conn, mine);
	}
	return (void *)(uintptr_t)lost;
}

static void no_thread_loses_the_flag_of_another(void **state)
{
	(void)state;
	enum conn_flag flags[] = {CONN_PEER_FIN, CONN_SHUT_WRITE};
	pthread_t threads[2];
	void *lost[2];
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, use_flag, &flags[i]), 0);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &lost[i]);
	}
	assert_null(lost[0]);
	assert_null(lost[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flag_is_set_and_cleared_alone),
		cmocka_unit_test(no_thread_loses_the_flag_of_another),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
