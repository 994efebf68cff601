/*
 * Who we are, without a system call: what the kernel said once is remembered, and forgotten by
 * every fork, also by one that no hook saw.
 */
#ifndef RESETBY_SYS_SELF_H
#define RESETBY_SYS_SELF_H

#include <stdbool.h>
#include <stdint.h>

struct self {
	int pid;
	int tid;
	/*
	 * What was derived from pid, tid or the log's settings holds for one generation only; the
	 * child of a fork is another one. 0: nothing may be remembered.
	 */
	uint32_t generation;
};

/**
 * Process and thread of the caller. A child of vfork has its parent's memory, and gets its parent's
 * numbers if these were known; it never leaves its own behind.
 */
struct self self_now(void);

/**
 * In a forked child, after self_now: the id that the calling thread had in its parent; 0 where it is
 * not known.
 */
uint32_t self_tid_before(void);

/**
 * Is this a child that has its parent's memory (vfork, clone with CLONE_VM)? Costs a system call. False
 * where that is not known.
 */
bool self_shares_memory(void);

/** Begin a new generation. */
void self_renew(void);

#endif
