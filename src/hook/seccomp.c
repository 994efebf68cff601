/*
 * The program puts itself under seccomp: what we need later has to be had before. And it may take the
 * processor's counter away.
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "../act/retry/retry.h"
#include "../conn/conn.h"
#include "../log/log.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "../sys/sandbox.h"
#include "../sys/scratch.h"
#include "../sys/self.h"
#include "flow.h"
#include "hook.h"
#include "report.h"
#include "seccomp.h"

/* Before the filter is there: another thread's next call must keep to the program's own. */
static void close_sandbox(void)
{
	int saved = errno;
	self_now();
	scratch_give(scratch_take());
	conn_reserve();
	retry_abandon();
	if (log_wants(LOG_RESETS)) {
		log_prepare();
	}
	clock_use_counter(false);
	sandbox_closed = true;
	flow_rules_changed();
	errno = saved;
}

static void closed(long result)
{
	if (result < 0) {
		sandbox_closed = false;
		clock_use_counter(true);
		flow_rules_changed();
		return;
	}
	if (rules_now() != NULL || rules_watched) {
		rules_stop();
		flow_rules_changed();
		report_notice(CAUSE_RULE_IDLE,
			      "the program has put itself under seccomp: rules need system calls "
			      "that could kill it, and do not act from here on.");
	}
}

/* Before the call; true when this process closes with it. */
static bool closes(void)
{
	if (flow_in_vfork_child) {
		flow_child_is_sandboxed = true;
		return false;
	}
	bool first = conn_enabled() && !sandbox_closed;
	if (first) {
		close_sandbox();
	}
	return first;
}

long seccomp_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	bool first = closes();
	long result = real.syscall(number, a, b, c, d, e, f);
	if (first) {
		closed(result);
	}
	return result;
}

int hook_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (option == PR_SET_TSC) {
		/* Also of a child of vfork, which has the clock's state with its parent. */
		clock_bar();
	}
	bool first = option == PR_SET_SECCOMP && closes();
	int result = real.prctl(option, a, b, c, d);
	if (first) {
		closed(result);
	}
	return result;
}
