#include "straight.h"

#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <link.h>
#include "hook.h"
#include "../log/log.h"
#include "doze.h"
#include "sigpipe.h"
#include "summary.h"

#define NS_PER_MS 1000000u

static const char never;

atomic_uchar straight_most;
const volatile char *straight_single = &never;

/* Where an object's code is. */
struct code {
	uintptr_t start, end;
};

static int find_libc(struct dl_phdr_info *object, size_t size, void *context)
{
	struct code *code = context;
	uintptr_t known = (uintptr_t)gnu_get_libc_version;
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && known - start < part->p_memsz) {
			*code = (struct code){start, start + part->p_memsz};
			return 1;
		}
	}
	return 0;
}

static bool are_in(const struct code *code, const uintptr_t *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (functions[i] < code->start || functions[i] >= code->end) {
			return false;
		}
	}
	return true;
}

void straight_start(void)
{
	struct code libc = {0, 0};
	if (dl_iterate_phdr(find_libc, &libc) == 0) {
		return;
	}
	const char *single = dlsym(RTLD_DEFAULT, "__libc_single_threaded");
	if (single != NULL) {
		straight_single = single;
	} else {
		dlerror();
	}
	const uintptr_t functions[] = {
		(uintptr_t)real.recv,    (uintptr_t)real.read,       (uintptr_t)real.send,
		(uintptr_t)real.sendmsg, (uintptr_t)real.recvmsg,    (uintptr_t)real.readv,
		(uintptr_t)real.poll,    (uintptr_t)real.epoll_wait, (uintptr_t)real.setsockopt,
	};
	if (are_in(&libc, functions, sizeof functions / sizeof functions[0])) {
		atomic_store(&straight_most,
			     log_wants(LOG_CALLS) ? STRAIGHT_LOGGED : STRAIGHT_SILENTLY);
	}
}

/* From here on every call has to be a cancellation point. */
int hook_pthread_cancel(pthread_t thread)
{
	atomic_store(&straight_most, STRAIGHT_NEVER);
	return real.pthread_cancel(thread);
}

/* A call that is timed needs no other clock. */
static uint32_t end_time_ms(struct call *call)
{
	if (call->began_ns == 0) {
		return clock_recent_ms();
	}
	call->ended_ns = clock_exact_ns();
	return (uint32_t)(call->ended_ns / NS_PER_MS);
}

/* Is it the same connection, and nothing due? Tells the time. */
static ALWAYS_INLINE bool is_quiet(struct call *call, uint32_t *now_ms)
{
	*now_ms = end_time_ms(call);
	return conn_same(call->conn, call->generation) && !watch_is_due(*now_ms);
}

/*
 * As passes_read, when each call is told, or when the direction has changed, or the time has to be
 * asked for: is there no more to do?
 */
static bool passes_read_late(struct call *call, long result)
{
	struct conn *conn = call->conn;
	uint32_t now_ms;
	if (!is_quiet(call, &now_ms)) {
		return false;
	}
	if (!has_moved(result)) {
		return finds_nothing(conn, call->op, result, now_ms);
	}
	if ((call->flags & MSG_OOB) != 0) {
		return false;
	}
	conn_remember(conn, call->op, result, 0, now_ms);
	conn_count32(&conn->calls_in);
	if (call_moves(call->flags)) {
		conn_received(conn, (size_t)result, call_head(call, result), now_ms);
	}
	return true;
}

static bool passes_write_late(struct call *call, long result)
{
	struct conn *conn = call->conn;
	uint32_t now_ms;
	if (!is_quiet(call, &now_ms)) {
		return false;
	}
	if (!has_moved(result)) {
		return finds_nothing(conn, call->op, result, now_ms);
	}
	conn_remember(conn, call->op, result, 0, now_ms);
	conn_count32(&conn->calls_out);
	conn_sent(conn, (size_t)result, call_head(call, result), now_ms);
	return true;
}

void straight_begin(struct call *call)
{
	if (log_wants(LOG_CALLS)) {
		doze_before(call);
		call->began_ns = clock_exact_ns();
	}
}

static ssize_t tell(struct call *call, long result)
{
	call->result = libcs(result);
	if (call->began_ns != 0) {
		call->error = result < 0 ? (int)-result : 0;
		report_calm_call(call);
	}
	return call->result;
}

ssize_t straight_end_read(struct call *call, long result)
{
	if (passes_read_late(call, result)) {
		return tell(call, result);
	}
	call->result = libcs(result);
	return call_leave_read(call, call_moves(call->flags));
}

ssize_t straight_end_write(struct call *call, long result)
{
	if (passes_write_late(call, result)) {
		return tell(call, result);
	}
	call->result = libcs(result);
	return sigpipe_after(call_leave_write(call), call->flags);
}
