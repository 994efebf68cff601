/* Connections end: their last descriptor is closed, the process exits, or becomes another program. */
#include <fcntl.h>
#include "../act/chores.h"
#include "../act/kept.h"
#include "../conn/evidence.h"
#include "../log/log.h"
#include "../sys/raw.h"
#include "flow.h"
#include "process.h"
#include "report.h"

/* What became of it, after what rules made of its end. */
static void tell_end(struct call *call, enum surface surface, enum act_end made)
{
	enum ending ending = ENDING_NONE;
	struct path path;
	bool quiet = made == ACT_END_RST || made == ACT_END_NONE;
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	/* What has a number was connected once, and disconnected. */
	bool unused = phase == PHASE_FRESH &&
		      (call->conn->number != 0 || !conn_catch_up_at_end(call->conn, call->fd));
	if (unused) {
		path = (struct path){0};
	} else if (evidence_glance(call->conn, call->fd, &path)) {
		ending = report(call, surface, DIRECTION_NONE, quiet);
	}
	if (quiet) {
		ending = made == ACT_END_RST ? ENDING_RST : ENDING_UNTOLD;
	}
	if (log_wants(LOG_CONNS) && call->conn->number != 0 &&
	    !conn_is(call->conn, CONN_SUMMED_UP) && made != ACT_END_TOLD) {
		report_close(call, ending, path, surface == SURFACE_EXIT);
	}
}

/* The last descriptor of a connection in this process goes. */
static void close_last(struct call *call, enum surface surface)
{
	flow_notice_connected(call);
	watch_closing(call->conn, call->fd);
	uint8_t phase = atomic_load_explicit(&call->conn->phase, memory_order_relaxed);
	enum act_end made = phase == PHASE_OPEN ? act_close(call) : ACT_END_SAME;
	if (chores_any()) {
		watch_hurry((uint32_t)clock_coarse_ms());
	}
	tell_end(call, surface, made);
}

/* The call's descriptor is in the table no more; its record waits for us. */
static void close_detached(struct call *call)
{
	struct conn *conn = call->conn;
	uint32_t now_ms = (uint32_t)clock_coarse_ms();
	conn_remember(conn, call->op, 0, 0, now_ms);
	if (watch_is_due(now_ms)) {
		flow_keep_house(now_ms);
	}
	/* While there are others, this has to be said first: one of them may be the last, now. */
	bool told = log_wants(LOG_CALLS) && conn_names(conn) > 1;
	if (told) {
		report_call(call);
	}
	if (conn_let_go(conn)) {
		return;
	}
	close_last(call, SURFACE_CLOSE);
	if (log_wants(LOG_CALLS) && !told) {
		report_call(call);
	}
	conn_unpin(conn);
}

void flow_closing(int fd, enum op op)
{
	if (flow_in_vfork_child) {
		return;
	}
	if (table_get(fd) == SLOT_UNKNOWN && rules_now() != NULL) {
		/* Inherited and never used: only a rule can want anything of it. */
		conn_learn(fd);
	}
	if (conn_known(fd) != NULL && !process_is_ours()) {
		return;
	}
	struct call call;
	if (call_enter(&call, op, conn_detach(fd), fd, 0)) {
		int saved = errno;
		close_detached(&call);
		errno = saved;
	}
}

/*
 * A number that one thread closed while another sent on it may have been learned between our look and
 * the kernel's: nothing of ours shall be done to what it is by now.
 */
static bool is_still_open(const struct conn *conn, int fd)
{
	bool matters = log_wants(LOG_CONNS) || rules_now() != NULL;
	return !matters || evidence_is_about(conn, fd);
}

/* Of several descriptors of one connection the last is the one to tell of. */
static bool has_another(const struct conn *conn, int fd)
{
	int other = conn_names(conn) > 1 ? table_next(fd + 1, INT32_MAX) : -1;
	while (other >= 0 && (conn_known(other) != conn || !evidence_is_about(conn, other))) {
		other = table_next(other + 1, INT32_MAX);
	}
	return other >= 0;
}

void flow_exiting(void)
{
	static atomic_bool done;
	if (flow_in_vfork_child || !process_is_ours() || atomic_exchange(&done, true)) {
		return;
	}
	int saved = errno;
	watch_end();
	for (int fd = table_next(0, INT32_MAX); fd >= 0; fd = table_next(fd + 1, INT32_MAX)) {
		struct call call;
		struct conn *conn = conn_known(fd);
		/* What a parent or child goes on with does not end with us. */
		if (conn == NULL || !conn_pin(conn, fd)) {
			continue;
		}
		bool ours = conn_holding(conn) != HOLDING_SHARED;
		bool left = !ours && (conn_is_heirloom(conn) || conn_is_lent(conn)) &&
			    evidence_may_reset(conn, fd);
		if ((ours || left) && is_still_open(conn, fd) && !has_another(conn, fd)) {
			call_enter(&call, OP_EXIT, conn, fd, 0);
			if (ours) {
				close_last(&call, SURFACE_EXIT);
			} else {
				report(&call, SURFACE_EXIT, DIRECTION_NONE, false);
			}
		}
		conn_unpin(conn);
	}
	kept_finish();
	if (report_exit_is_news()) {
		report_exit();
	}
	log_exiting();
	errno = saved;
}

static bool is_close_on_exec(int fd)
{
	long flags = raw_fcntl(fd, F_GETFD, 0);
	return flags < 0 || (flags & FD_CLOEXEC) != 0;
}

bool flow_leaves_open(void)
{
	int fd = table_next(0, INT32_MAX);
	while (fd >= 0 && (conn_known(fd) == NULL || is_close_on_exec(fd))) {
		fd = table_next(fd + 1, INT32_MAX);
	}
	return fd >= 0;
}

static bool closes_on_exec(const struct conn *conn, int fd)
{
	/* With another descriptor it may live on. */
	return is_close_on_exec(fd) && conn_names(conn) == 1 && conn_holding(conn) == HOLDING_ALONE;
}

/* Rules do nothing at it: the exec may still fail, and what they did could not be undone. */
void flow_replaced(void)
{
	for (int fd = table_next(0, INT32_MAX); fd >= 0; fd = table_next(fd + 1, INT32_MAX)) {
		struct call call;
		struct conn *conn = conn_known(fd);
		if (conn == NULL || !conn_pin(conn, fd)) {
			continue;
		}
		if (closes_on_exec(conn, fd) && is_still_open(conn, fd)) {
			call_enter(&call, OP_EXECVE, conn, fd, 0);
			flow_notice_connected(&call);
			tell_end(&call, SURFACE_CLOSE, ACT_END_SAME);
		}
		conn_unpin(conn);
	}
}

void flow_executing(void)
{
	if (!flow_in_vfork_child) {
		log_before_exec();
	}
}
