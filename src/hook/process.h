#ifndef RESETBY_HOOK_PROCESS_H
#define RESETBY_HOOK_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/** fork, by whatever name, has returned `pid` here. */
void process_returned(pid_t pid);

/** Before a connection is made here, which is not to be taken for the parent's: the same look. */
void process_look(void);

/**
 * This thread has a table of descriptors to itself from here on, if there are others: what is open, they
 * hold as well, as a parent does what its child closes.
 */
void process_parts_with_files(void);

/**
 * Before something ends with this process: notice a fork that no hook saw.
 *
 * @return
 *         False in a child that shares all memory with its parent: the records are the parent's.
 */
bool process_is_ours(void);

#endif
