/* The sets of select: walked word by word, and kept for a wait that is made more than once. */
#ifndef RESETBY_HOOK_SETS_H
#define RESETBY_HOOK_SETS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/select.h>

#define SET_WORD_BITS ((int)(sizeof(__fd_mask) * CHAR_BIT))

/** What the program waits for; a set may be NULL, or larger than FD_SETSIZE. */
struct sets {
	int count;
	fd_set *in, *out, *except;
};

struct kept_sets {
	fd_set in, out, except;
};

/** A word of a set. */
static inline unsigned long set_word(const fd_set *set, int word)
{
	return set == NULL ? 0 : (unsigned long)((const __fd_mask *)(const void *)set)[word];
}

/**
 * Keep what is waited for: a wait that was in vain empties the sets.
 *
 * @return
 *         False when there is no room for so many, or a set leads nowhere.
 */
bool sets_keep(struct kept_sets *kept, const struct sets *sets);

/** Put it back, after the kernel has written to the sets. */
void sets_put_back(const struct kept_sets *kept, const struct sets *sets);

#endif
