/* What sentence.c needs of the families of sentences, and what these have in common. */
#ifndef RESETBY_WHY_SENTENCES_H
#define RESETBY_WHY_SENTENCES_H

#include "why.h"

/** Says the evidence for one cause. */
typedef void say(const struct evidence *e, struct text *text);

/** By cause; NULL where a family has no sentence for it. */
extern say *const sentences_connecting[CAUSE_COUNT];
extern say *const sentences_reset[CAUSE_COUNT];
extern say *const sentences_timeout[CAUSE_COUNT];
extern say *const sentences_own[CAUSE_COUNT];
extern say *const sentences_warning[CAUSE_COUNT];

/* Parts of sentences. */
void say_silence(const struct evidence *e, struct text *text);
void say_moved(const struct evidence *e, struct text *text);
void say_unread(const struct evidence *e, struct text *text);
void say_goodbye(const struct evidence *e, struct text *text);
void say_where(const struct evidence *e, struct text *text);
void say_attempts(const struct evidence *e, struct text *text);
void say_inherited(const struct evidence *e, struct text *text);

#endif
