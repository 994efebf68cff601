#ifndef RESETBY_HOOK_PROCESS_H
#define RESETBY_HOOK_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/** fork, by whatever name, has returned `pid` here. */
void process_returned(pid_t pid);

/**
 * Before something ends with this process: notice a fork that no hook saw.
 *
 * @return
 *         False in a child that shares all memory with its parent: the records are the parent's.
 */
bool process_is_ours(void);

#endif
