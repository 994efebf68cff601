/*
 * What goes on after the call that began it: connections that are drained or leaked for a time,
 * connections that are being renewed. There is no thread of ours: it is attended to at the program's
 * later calls, and a program that sleeps is woken inside its wait, unseen (hook/doze.h).
 */
#ifndef RESETBY_ACT_CHORES_H
#define RESETBY_ACT_CHORES_H

#include <stdatomic.h>
#include <stdbool.h>
#include "../sys/hidden.h"

/** How many things there are to attend to. */
extern HIDDEN _Atomic unsigned chores_open;

static inline bool chores_any(void)
{
	return atomic_load_explicit(&chores_open, memory_order_relaxed) != 0;
}

/** One more, or one less. */
void chores_begin(void);
void chores_end(void);

/** How soon chores_do wants to be called, in milliseconds; -1 when there is nothing to do. */
int chores_due_ms(void);

/** Do what can be done without waiting. */
void chores_do(void);

#endif
