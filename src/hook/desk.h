/* A verdict becomes a line. */
#ifndef RESETBY_HOOK_DESK_H
#define RESETBY_HOOK_DESK_H

#include "../conn/call.h"
#include "../conn/evidence.h"
#include "../log/event.h"
#include "../sys/scratch.h"
#include "../why/why.h"

/** Longest `why`. */
#define WHY_SIZE 1024

/** What an error needs while it is being explained; too much for a small stack. */
struct desk {
	struct evidence evidence;
	struct verdict verdict;
	struct event event;
	char why[WHY_SIZE];
	char line[EVENT_LARGE];
};

_Static_assert(sizeof(struct desk) <= SCRATCH_SIZE, "a report fits on one scratch block");

/** Write the sentence to the evidence and the verdict that lie there, and the line. */
void desk_tell(struct desk *desk, const struct call *call);

#endif
