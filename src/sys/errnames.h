#ifndef RESETBY_SYS_ERRNAMES_H
#define RESETBY_SYS_ERRNAMES_H

#include "pen.h"
#include "text.h"

/** `ECONNRESET`; NULL for a number that has no name here. */
const char *errno_name(int error);
const struct pen_word *errno_word(int error);

/** The number of a name such as `EPIPE`; 0 when there is none. */
int errno_number(const char *name, size_t length);

/** glibc's English text, `Broken pipe`; NULL for a number that has none here. */
const char *errno_text(int error);

/** The name, or `E999` for a number without one, or `none` for 0. */
void errno_write(struct text *text, int error);

#endif
