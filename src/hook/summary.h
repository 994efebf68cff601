/* Events that need no verdict: what opened, what closed, calls, totals, and notices of our own. */
#ifndef RESETBY_HOOK_SUMMARY_H
#define RESETBY_HOOK_SUMMARY_H

#include "../conn/call.h"
#include "../conn/evidence.h"
#include "../why/why.h"

/** Who ended a connection, and how, as its `close` event sums it up. */
enum ending {
	ENDING_NONE, /* no verdict says so */
	ENDING_FIN,
	ENDING_RST,
	ENDING_EXIT,
	ENDING_PEER_FIN,
	ENDING_PEER_RST,
	ENDING_TIMEOUT,
	ENDING_UNTOLD /* by a rule that lets nobody know */
};

/** `open`: who was connected or accepted, and how long it took. */
void report_open(const struct call *call);

/** `close`: one summary. */
void report_close(const struct call *call, enum ending ending, struct path path, bool exiting);

/** `call`: this call, while its connection is pinned. */
void report_call(const struct call *call);

/** The same while it is not: when it has been closed meanwhile nothing is said. */
void report_calm_call(const struct call *call);

/** Has this process anything to sum up? Most that a shell starts have not. */
bool report_exit_is_news(void);

/** `exit`: totals of the process. */
void report_exit(void);

/** `warn` about the library itself. */
void report_notice(enum cause cause, const char *why);

/** `warn` that an edited rules file was refused. */
struct rule_error;
void report_rules_refused(const struct rule_error *error);

#endif
