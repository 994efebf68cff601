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

#endif
