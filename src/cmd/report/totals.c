#include "report.h"

uint64_t report_bytes(const struct report *report)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < report->source_count; i++) {
		sum += report->sources[i].bytes;
	}
	return sum;
}

uint64_t report_lines(const struct report *report)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < report->source_count; i++) {
		sum += report->sources[i].lines;
	}
	return sum;
}

uint64_t report_skipped(const struct report *report, enum skip skip)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < report->source_count; i++) {
		sum += report->sources[i].skipped[skip];
	}
	return sum;
}
