/* Where the files that were installed with the command are: the tree may have been moved. */
#ifndef RESETBY_CMD_PLACE_H
#define RESETBY_CMD_PLACE_H

#include <limits.h>
#include <stdbool.h>

/** The directory that the command itself was started from, links resolved; empty when unknown. */
void place_own(char directory[PATH_MAX]);

/**
 * Make a path, and look whether that can be read.
 *
 * @path
 *         Receives `DIRECTORY/NAME`.
 */
bool place_is(char path[PATH_MAX], const char *directory, const char *name);

#endif
