/*
 * The program's memory, before the kernel has been there. What a call is given may lead nowhere: the
 * kernel says EFAULT then, and who looked first would be killed by SIGSEGV. So it is looked at after
 * the call has succeeded; where it has to be before, as for rules, it goes through here.
 */
#ifndef RESETBY_SYS_MEMORY_H
#define RESETBY_SYS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/** Find out where the first thread's stack ends. */
void memory_start(void);

/**
 * Can so many bytes be read? Costs a small system call a page, but none for the page of the stack
 * that the caller stands on, and for what is above it on the first thread's stack. True where the
 * kernel must not be asked (sandbox.h).
 */
bool memory_readable(const void *at, size_t size);

/** The same for a string, to the end of it; NULL is none. */
bool memory_has_string(const char *string);

/** The same for an array of strings with a NULL at its end, as exec takes it. */
bool memory_has_strings(char *const *list);

/**
 * Write what the kernel did not: the answer of a rule.
 *
 * @return
 *         False when it cannot be written there; a part may have been.
 */
bool memory_write(void *to, const void *from, size_t size);

#endif
