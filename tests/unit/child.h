/*
 * Tests of what belongs to a process: descriptors, limits, signals, the log's state. Each runs in a
 * child, with a directory of its own.
 */
#ifndef TESTS_UNIT_CHILD_H
#define TESTS_UNIT_CHILD_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/** The exit status of a child that cannot test here. */
#define SKIPPED 77

/** In a child, which has no cmocka: fail, and say where. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("# %s:%d: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno); \
			fflush(stdout);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/** The test's directory, a log in it, and what `load` has read last, with a NUL behind it. */
extern char directory[64];
extern char log_path[128];
extern char content[32 << 20];

/** Set-up and tear-down: the directory. */
int make_directory(void **state);
int remove_directory(void **state);

/** Run a body in a child; it fails when the child does, or when it blocks for a minute. */
void in_child(void (*body)(void));

/** In a child: let the kernel not know a system call any more; it skips where that is not allowed. */
void without_call(int number);

/**
 * Read a file into `content`.
 *
 * @return
 *         How many bytes it has.
 */
size_t load(const char *path);

/** Is this all that the file says? Leaves it in `content`. */
bool file_is(const char *path, const char *expected);

#endif
