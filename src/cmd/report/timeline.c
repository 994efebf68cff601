/* Errors over time, in a fixed number of equal bins that widen as the time does. */
#include <string.h>
#include "model.h"

#define FIRST_WIDTH_US UINT64_C(1000000)

static bool is_empty(const uint32_t *counts)
{
	for (unsigned cause = 0; cause < CAUSES; cause++) {
		if (counts[cause] != 0) {
			return false;
		}
	}
	return true;
}

/* From the first bin in use to the last. */
static void used_bins(const struct timeline *timeline, unsigned *first, unsigned *last)
{
	*first = 0;
	*last = TIMELINE_BINS - 1;
	while (*first < *last && is_empty(timeline->counts[*first])) {
		(*first)++;
	}
	while (*last > *first && is_empty(timeline->counts[*last])) {
		(*last)--;
	}
}

static void make_room(struct timeline *timeline, uint64_t us)
{
	unsigned first;
	unsigned last;
	used_bins(timeline, &first, &last);
	uint64_t from = timeline->start_us + first * timeline->width_us;
	uint64_t to = timeline->start_us + last * timeline->width_us;
	uint64_t least = us < from ? us : from;
	uint64_t most = us > to ? us : to;
	uint64_t width = timeline->width_us;
	while (most / width - least / width >= TIMELINE_BINS) {
		width *= 2;
	}
	struct timeline old = *timeline;
	*timeline = (struct timeline){least / width * width, width, true, {{0}}};
	for (unsigned bin = first; bin <= last; bin++) {
		uint64_t at = old.start_us + bin * old.width_us;
		uint32_t *counts = timeline->counts[(at - timeline->start_us) / width];
		for (unsigned cause = 0; cause < CAUSES; cause++) {
			counts[cause] += old.counts[bin][cause];
		}
	}
}

void timeline_add(struct timeline *timeline, uint64_t us, enum cause cause)
{
	if (!timeline->used) {
		timeline->used = true;
		timeline->width_us = FIRST_WIDTH_US;
		timeline->start_us = us / FIRST_WIDTH_US * FIRST_WIDTH_US;
	}
	uint64_t end = timeline->start_us + TIMELINE_BINS * timeline->width_us;
	if (us < timeline->start_us || us >= end) {
		make_room(timeline, us);
	}
	timeline->counts[(us - timeline->start_us) / timeline->width_us][cause]++;
}
