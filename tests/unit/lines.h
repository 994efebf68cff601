/*
 * A test's log, and the lines that wait beside it: its own, and those that a process left that was
 * killed. In a child of in_child().
 */
#ifndef TESTS_UNIT_LINES_H
#define TESTS_UNIT_LINES_H

#include <stdbool.h>
#include <stdint.h>
#include "child.h"

/** Lines are kept at this time; 0: now. When it stands still no line is due but a log's first. */
extern uint64_t stopped_us;

/** As another process writes to the log. */
void append(const char *text);

/** The path of what a process keeps. */
void pending_name(char path[256], int pid);

/** A file as a killed process leaves it: lines, and a mark. */
void leave_at(const char *path, const char *lines, uint64_t mark);

/** The same of process 1, and is it still there? */
void leave(const char *lines, uint64_t mark);
bool is_left(void);

/** A line of a call, which may wait, and one of another kind. */
void keep_call(const char *line);
void say(const char *line);

/** Start the log at level calls, and say so there. */
void open_log(void);

/** This is all that the log says. */
void expect_log(const char *expected);

#endif
