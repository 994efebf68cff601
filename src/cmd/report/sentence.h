/* What the model says, in sentences, for every renderer. */
#ifndef RESETBY_CMD_REPORT_SENTENCE_H
#define RESETBY_CMD_REPORT_SENTENCE_H

#include "../../sys/text.h"
#include "model.h"

/** Longest sentence. */
#define SENTENCE_SIZE 1024

/** The one that matters most. */
void sentence_headline(const struct model *model, struct text *text);

/** What to do about it; nothing when there is nothing to do. */
void sentence_advice(const struct model *model, struct text *text);

/** What failed and is no failure; nothing when there is nothing of the kind. */
void sentence_note(const struct model *model, struct text *text);

/** What the other end's log says of a connection's failure; nothing when it says nothing. */
void sentence_other_end(const struct model *model, const struct end *end, struct text *text);

/** `PROGRAM[PID]`, its name made fit for people. */
void sentence_process(const struct model *model, const struct end *end, struct text *text);

/** The id and the title of a cause, also of an unknown one. */
const char *sentence_cause_id(enum cause cause);
const char *sentence_cause_title(enum cause cause);

#endif
