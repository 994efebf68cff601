#include "limit.h"

#include <sys/time.h>
#include "../../sys/clock.h"
#include "../../sys/raw.h"
#include "renew.h"

#define NS_PER_MS UINT64_C(1000000)

static bool is_write(const struct call *call)
{
	return op_direction(call->op) == DIRECTION_WRITE;
}

/* The program's own limit for this call in milliseconds; UINT64_MAX when it has none. */
static uint64_t time_limit_ms(const struct call *call)
{
	struct timeval limit = {0};
	socklen_t size = sizeof limit;
	raw_getsockopt(call->fd, SOL_SOCKET, is_write(call) ? SO_SNDTIMEO : SO_RCVTIMEO, &limit,
		       &size);
	uint64_t ms = (uint64_t)limit.tv_sec * 1000 + (uint64_t)limit.tv_usec / 1000;
	return ms == 0 && limit.tv_usec == 0 ? UINT64_MAX : ms;
}

uint64_t limit_deadline_ns(const struct session *session, const struct call *call)
{
	if (renew_does_not_wait(call)) {
		return 0;
	}
	uint64_t limit_ms = time_limit_ms(call);
	return limit_ms == UINT64_MAX ? UINT64_MAX : (session->call_ms + limit_ms) * NS_PER_MS;
}

bool limit_waits_for_answer(const struct session *session, const struct call *call)
{
	uint64_t limit_ms = is_write(call) ? UINT64_MAX : time_limit_ms(call);
	if (limit_ms == UINT64_MAX || renew_does_not_wait(call)) {
		return true;
	}
	uint64_t until = session->call_ms + limit_ms;
	uint64_t now = clock_coarse_ms();
	struct pollfd ready = {.fd = call->fd, .events = POLLIN};
	return raw_poll(&ready, 1, until > now ? (long)(until - now) : 0) != 0;
}
