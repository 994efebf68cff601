/*
 * Which file exec starts, and whether the dynamic loader takes a preloaded library into it. Raw
 * system calls only: a hook asks between vfork and exec.
 */
#ifndef RESETBY_SYS_PROGRAM_H
#define RESETBY_SYS_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include "elf.h"
#include "text.h"

/** Where execvp looks when there is no PATH. */
#define PROGRAM_DIRECTORIES "/bin:/usr/bin"

/**
 * Look for a program the way execvp does.
 *
 * @name
 *         As a user types it: looked for in the directories unless it has a `/`.
 * @directories
 *         The value of PATH; NULL when it is not set.
 * @path
 *         The file; holds a `/`.
 * @return
 *         0, or the negative errno that execvp would end with.
 */
int program_find(const char *name, const char *directories, char path[PATH_MAX]);

/**
 * The same as execveat does.
 *
 * @directory
 *         An open directory, or AT_FDCWD; or the program itself, where the path is empty.
 */
int program_find_at(int directory, const char *path, char found[PATH_MAX]);

/** The value of a variable; NULL when the environment, which may be NULL, does not have it. */
const char *program_variable(char *const envp[], const char *name);

/**
 * Follow `#!` lines to what is really started.
 *
 * @path
 *         In: a file that can be executed. Out: the last of the chain that was found.
 * @directories
 *         `#!/usr/bin/env NAME` is followed to that program, by this PATH; NULL: env is the end.
 * @return
 *         How many were followed; -ELOOP when that has no end, or a negative errno about the path.
 */
int program_follow(char path[PATH_MAX], const char *directories);

/**
 * What stands against preloading a library into a program?
 *
 * @path, fd
 *         The program's file, open for reading.
 * @program
 *         What elf_read says of it.
 * @library
 *         What the library is.
 * @why
 *         On true, a clause that goes on from the program's name: `is statically linked: ...`.
 */
bool program_refuses(const char *path, int fd, const struct elf_facts *program,
		     const struct elf_kind *library, struct text *why);

#endif
