/* RESETBY_PHRASE: error texts that say the documented phrase and the cause. */
#ifndef RESETBY_HOOK_PHRASE_H
#define RESETBY_HOOK_PHRASE_H

#include "../why/why.h"

/** Turn it on. */
void phrase_enable(void);

/** This thread has just been told `error`, and this is the verdict. */
void phrase_remember(int error, const struct verdict *verdict);

#endif
