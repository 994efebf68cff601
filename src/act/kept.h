/*
 * Connections that outlive the program's close, under a descriptor of ours: leaked ones, and those
 * that are drained while the program goes on. Few, and not for long.
 */
#ifndef RESETBY_ACT_KEPT_H
#define RESETBY_ACT_KEPT_H

#include "act.h"

/** Kept without a limit: until the process ends. */
#define KEPT_FOREVER UINT64_MAX

/**
 * Keep the socket behind a descriptor that is about to be closed.
 *
 * @limit_ms
 *         How long.
 * @drains
 *         Read and throw away what arrives; the end of file ends it early.
 * @return
 *         0, or -ENFILE when too many are kept already.
 */
int kept_add(const struct rule *rule, const struct call *call, uint64_t limit_ms, bool drains);

/** Is any connection kept? */
bool kept_any(void);

/** Drain what has arrived, close what is due. */
void kept_tend(uint32_t now_ms);

/**
 * In a forked child: drains are the parent's, as is what one of its threads was attending to. A leak
 * is inherited, like any descriptor that nobody closes.
 */
void kept_after_fork(void);

/** The process ends: give what is being drained its time. */
void kept_finish(void);

/** What has arrived, thrown away. */
struct drained {
	uint64_t bytes;
	bool finished; /* end of file or an error: nothing more will come */
};

void drain_arrived(int fd, struct drained *drained);

#endif
