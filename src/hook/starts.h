/*
 * Would exec start something? It may still fail, for want of memory or because of too long arguments.
 * A shell tries one path after the other, and only one that starts is the end of what is known.
 */
#ifndef RESETBY_HOOK_STARTS_H
#define RESETBY_HOOK_STARTS_H

#include <stdbool.h>

/** For a path below a directory, as execveat takes it; AT_FDCWD: as execve does. */
bool starts_at(int directory, const char *path);

/** For a name, as execvp takes it: what is no program is a script of the shell. */
bool starts_called(const char *name);

#endif
