/* What the files of `resetby report` share. */
#ifndef RESETBY_CMD_REPORT_REPORT_H
#define RESETBY_CMD_REPORT_REPORT_H

#include "model.h"
#include "reader.h"

/** What a renderer prints: the model, and where it comes from. */
struct report {
	const struct model *model;
	const struct source *sources;
	unsigned source_count;
	unsigned top; /* how many rows of a long list; the text only */
};

/** Renderers: print on stdout. */
void report_text(const struct report *report);
void report_json(const struct report *report);
void report_html(const struct report *report);

/** The document of report_json, such that it can stand in a <script> of a page. */
void report_json_in_script(const struct report *report);

/** Sums over all sources. */
uint64_t report_bytes(const struct report *report);
uint64_t report_lines(const struct report *report);
uint64_t report_skipped(const struct report *report, enum skip skip);

#endif
