#ifndef RESETBY_HOOK_PROCESS_H
#define RESETBY_HOOK_PROCESS_H

#include <sys/types.h>

/** fork, by whatever name, has returned `pid` here. */
void process_returned(pid_t pid);

#endif
