/*
 * connect-timeout[=DUR]: the connect goes to the hole (place.h), where its SYN is never answered.
 * The kernel ends it: at its own limit; with DUR at the SYN timer after TCP_USER_TIMEOUT; and a
 * blocking connect exactly, by SO_SNDTIMEO.
 */
#include "act.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/time.h>
#include "../sys/proc.h"
#include "../sys/raw.h"
#include "../why/schedule.h"
#include "place.h"

static bool is_blocking(int fd)
{
	long flags = raw_fcntl(fd, F_GETFL, 0);
	return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

static uint32_t user_timeout(int fd)
{
	uint32_t milliseconds = 0;
	socklen_t size = sizeof milliseconds;
	raw_getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, &size);
	return milliseconds;
}

/* The kernel takes an int; its own limit of a connect is far below that. */
static void set_user_timeout(int fd, uint64_t limit_ms)
{
	int milliseconds = limit_ms < INT_MAX ? (int)limit_ms : INT_MAX;
	raw_setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

static uint64_t to_ms(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

static void set_send_limit(int fd, const struct timeval *limit)
{
	raw_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit);
}

/* A blocking connect ends after `ms`, unless the program's own SO_SNDTIMEO is shorter. */
static void limit_blocking(int fd, uint64_t ms, struct act_target *target)
{
	socklen_t size = sizeof target->program_limit;
	if (raw_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &target->program_limit, &size) < 0) {
		return;
	}
	uint64_t own = to_ms(&target->program_limit);
	if (own != 0 && own <= ms) {
		return;
	}
	struct timeval limit = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000 * 1000),
	};
	target->limit_ms = ms;
	set_send_limit(fd, &limit);
}

static int64_t kernel_limit_ms(void)
{
	int64_t retries = 6;
	int64_t linear = 0;
	proc_sysctl("net/ipv4/tcp_syn_retries", &retries, 1);
	proc_sysctl("net/ipv4/tcp_syn_linear_timeouts", &linear, 1);
	return schedule_syn_seconds(retries, linear) * 1000;
}

/* Loopback is down: nothing can stay in SYN_SENT. A blocking connect can still be held. */
static void without_hole(struct rule *rule, struct call *call, bool first,
			 struct act_target *target, int error)
{
	if (error == -ENODEV || !is_blocking(call->fd)) {
		act_refuse(rule, call, first,
			   error == -ENODEV ? "the socket is bound to a device and cannot reach "
					      "the loopback listener that "
					      "never answers; the connect goes its ordinary way"
					    : "there is no loopback here for the listener that "
					      "never answers (is lo up?), and "
					      "a non-blocking connect cannot be held without it; "
					      "it goes its ordinary way");
		return;
	}
	int64_t ms = rule->has_value ? (int64_t)rule->value.duration_ms : kernel_limit_ms();
	act_tell(rule, call,
		 "no loopback here (is lo up?): no SYN is sent, the blocking connect is "
		 "held and then given up");
	long woken = raw_poll(NULL, 0, ms);
	call->result = -1;
	call->error = woken < 0 ? (int)-woken : ETIMEDOUT;
	call->conn->injected = act_number(rule, call);
	target->answered = true;
}

static void before_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	bool first;
	if (!act_fires(rule, call, WHEN_CONNECT, &first)) {
		return;
	}
	int size = place_address(PLACE_HOLE, call->fd, &target->other);
	if (size < 0) {
		without_hole(rule, call, first, target, size);
		return;
	}
	target->address = &target->other;
	target->size = (socklen_t)size;
	call->conn->injected = act_number(rule, call);
	if (!rule->has_value) {
		act_tell(rule, call,
			 "the SYN goes to a listener whose queue is full and is never "
			 "answered; the kernel gives up by tcp_syn_retries");
		return;
	}
	call->conn->program_user_timeout_ms = user_timeout(call->fd);
	set_user_timeout(call->fd, rule->value.duration_ms);
	if (is_blocking(call->fd)) {
		limit_blocking(call->fd, rule->value.duration_ms, target);
		act_tell(rule, call,
			 "the SYN goes to a listener whose queue is full and is never "
			 "answered; SO_SNDTIMEO ends the wait");
	} else {
		act_tell(rule, call,
			 "the SYN goes to a listener whose queue is full and is never "
			 "answered; TCP_USER_TIMEOUT ends it at the next SYN timer");
	}
}

static void after_connect(struct rule *rule, struct call *call, struct act_target *target)
{
	(void)rule;
	if (target->limit_ms == 0) {
		return;
	}
	set_send_limit(call->fd, &target->program_limit);
	if (call->result == 0 || call->error != EINPROGRESS) {
		return;
	}
	/*
	 * The time is up and the socket still in SYN_SENT: end it as the kernel ends a connect that
	 * timed out, by tcp_disconnect(), which leaves a pending error that is not the program's.
	 */
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	raw_connect(call->fd, &nowhere, sizeof nowhere);
	int pending;
	socklen_t size = sizeof pending;
	raw_getsockopt(call->fd, SOL_SOCKET, SO_ERROR, &pending, &size);
	call->error = ETIMEDOUT;
}

/* What the rule changed on the socket is put back when the program has been told. */
static void failed(struct rule *rule, struct call *call)
{
	if (call->conn->injected == act_number(rule, call) && rule->has_value) {
		set_user_timeout(call->fd, call->conn->program_user_timeout_ms);
	}
}

/* Until then the rule holds: nobody else knows what it changed. */
static bool edited(struct rule *rule, struct call *call)
{
	return call->conn->injected == act_number(rule, call) &&
	       atomic_load(&call->conn->phase) == PHASE_CONNECTING;
}

const struct act act_CONNECT_TIMEOUT = {
	.connect = before_connect,
	.connected = after_connect,
	.edited = edited,
	.failed = failed,
};
