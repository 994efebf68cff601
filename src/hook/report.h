/* Verdicts: evidence is collected, judged and logged. */
#ifndef RESETBY_HOOK_REPORT_H
#define RESETBY_HOOK_REPORT_H

#include "../conn/call.h"
#include "../conn/evidence.h"
#include "summary.h"
#include "../why/why.h"

/**
 * Something failed or ended: find out what, and say it if it is worth saying.
 *
 * @surface
 *         How it came to light.
 * @direction
 *         What the program was doing.
 * @quiet
 *         A rule of ours has just made our own end of it, and said so: our own doing is not told
 *         again.
 * @return
 *         What the verdict says about the connection's end.
 */
enum ending report(struct call *call, enum surface surface, enum direction direction, bool quiet);

/**
 * Look at an open connection in passing: a `warn` when it is not well, once for each cause.
 *
 * @stale_ms
 *         How long a half-closed connection is left alone.
 */
void report_passing(struct call *call, int64_t stale_ms);

/** Has it not been told yet that bytes of this connection went past the hooks? */
bool report_unseen_is_news(const struct conn *conn);

#endif
