/*
 * A process that puts itself under seccomp may be killed for a system call that its author did not
 * think of. From then on we make none but the log's write. A filter that was there when the process
 * began (containers, services) is not noticed.
 */
#ifndef RESETBY_SYS_SANDBOX_H
#define RESETBY_SYS_SANDBOX_H

#include <stdbool.h>
#include "hidden.h"

/** The program has put itself under seccomp: every raw system call but write fails with ENOSYS. */
extern HIDDEN bool sandbox_closed;

#endif
