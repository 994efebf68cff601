/* Variables that nobody reads, because their names are misspelt. */
#ifndef RESETBY_CMD_STRAY_H
#define RESETBY_CMD_STRAY_H

#include <stdbool.h>

/** Is there one in the environment? Then it is said on stderr, with the name that was meant. */
bool stray_found(void);

#endif
