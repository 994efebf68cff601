/* Retry of a program whose connects wait for its first write (TCP_FASTOPEN_CONNECT). */

#include "lab_retry.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Fast Open without a cookie: the kernel has nothing to ask for before it defers the connect. */
#define CLIENT_SERVER_NO_COOKIE "7"

static void open_deferred(struct pair *pair)
{
	lab_sysctl("net/ipv4/tcp_fastopen", CLIENT_SERVER_NO_COOKIE);
	retry_open_unconnected(pair, client_situation, 8081);
	actor_do(&pair->a, "socket4 s0");
	assert_string_equal(actor_do(&pair->a, "setsockopt s0 fastopen_connect 1"), "0 -");
	assert_string_equal(actor_do(&pair->a, "connect s0 127.0.0.1 %u", pair->listen_port),
			    "0 -");
	retry_send(pair, GET);
	retry_accept(pair);
	retry_expect_text(pair, GET);
	pair_abort_peer(pair);
}

static void a_deferred_connect_is_renewed_at_once(void **state)
{
	(void)state;
	struct pair p;
	open_deferred(&p);
	retry_expect_answered(&p, GET);
	retry_expect_retried(&p, 0, 1, strlen(GET));
	retry_expect_nobody(&p);
	pair_close(&p);
}

LAB_MAIN(LAB_TEST(a_deferred_connect_is_renewed_at_once))
