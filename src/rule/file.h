/* The rules file: where it is, what it says, and whether it says something else by now. */
#ifndef RESETBY_RULE_FILE_H
#define RESETBY_RULE_FILE_H

#include <stdbool.h>
#include "rule.h"

/** What a look at the file finds, and what a reading adds. */
struct rules_stamp {
	_Atomic uint64_t inode, size;
	_Atomic int64_t changed_ns; /* its ctime, which no program can set */
	_Atomic uint64_t content; /* a number that follows from its text, or from why it has none */
	_Atomic bool is_young;    /* changed so lately that another change may have the same time */
};

/** Where it is; it must stay in memory. A relative path begins at the directory of now. */
void rules_file_at(const char *path);

/** That path, as it was given; NULL when there is no file. */
const char *rules_file_path(void);

/** What it looks like; 0, or a negative errno. */
int rules_file_look(struct rules_stamp *now);

/** Has it perhaps been edited since the stamp that is remembered? */
bool rules_file_looks_edited(const struct rules_stamp *now);

/**
 * Read it all.
 *
 * @text
 *         In memory of its own, to be given back with rules_file_free().
 * @now
 *         Of a look just before; gets what the text amounts to. A file that cannot be read any
 *         more, and looks as remembered, says what it said.
 * @return
 *         0, or a negative errno: -EFBIG above 1 MiB, -ESPIPE for a pipe, whose bytes nobody else would get.
 */
int rules_file_read(struct rule_source *text, struct rules_stamp *now);
void rules_file_free(const struct rule_source *text);

/** Does it say what it said at the stamp that is remembered? A touch, chmod or rename is no edit. */
bool rules_file_says_the_same(const struct rules_stamp *now);

void rules_file_remember(const struct rules_stamp *now);

#endif
