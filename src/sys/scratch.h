/*
 * Room for the rare, large things (an error's evidence and its line): the program's stack may be
 * 16 KiB and its heap is not ours.
 */
#ifndef RESETBY_SYS_SCRATCH_H
#define RESETBY_SYS_SCRATCH_H

#include <stddef.h>

#define SCRATCH_SIZE ((size_t)16384)

/**
 * Borrow SCRATCH_SIZE bytes; their content is undefined.
 *
 * @return
 *         NULL when the process may not map more memory.
 */
void *scratch_take(void);

/** Give them back; NULL is allowed. A few blocks are kept for the next callers. */
void scratch_give(void *block);

#endif
