/* Which file will run, and would the library be loaded into it? */
#ifndef RESETBY_CMD_PREFLIGHT_H
#define RESETBY_CMD_PREFLIGHT_H

#include <limits.h>

/**
 * Look for a program the way execvp does, follow its `#!` lines to what is really started, and
 * make sure that the dynamic loader will honour LD_PRELOAD there. What stands against it is said
 * on stderr in one line.
 *
 * @program
 *         As the user typed it.
 * @library
 *         The path of libresetby.so.
 * @path
 *         The file to hand to execvp; holds a `/`.
 * @return
 *         STATUS_OK, STATUS_REFUSED, STATUS_NOT_FOUND or STATUS_NOT_EXECUTABLE.
 */
int preflight(const char *program, const char *library, char path[PATH_MAX]);

#endif
