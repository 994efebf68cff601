#include <stdio.h>
#include "../../sys/clock.h"
#include "reader.h"

#define FIRST_MS 500u
#define EVERY_MS 100u
#define MB 1e6

void progress_add(struct progress *progress, uint64_t bytes)
{
	progress->done += bytes;
	if (!progress->wanted) {
		return;
	}
	uint64_t now = clock_coarse_ms();
	if (progress->began_ms == 0) {
		progress->began_ms = now;
	}
	uint64_t elapsed = now - progress->began_ms;
	if (elapsed < FIRST_MS || now - progress->told_ms < EVERY_MS) {
		return;
	}
	progress->told_ms = now;
	progress->shown = true;
	fprintf(stderr, "\rresetby: read %.0f MB", (double)progress->done / MB);
	if (progress->total > 0) {
		/* A log that is being written grows meanwhile. */
		double part = 100.0 * (double)progress->done / (double)progress->total;
		fprintf(stderr, " of %.0f MB, %.0f%%", (double)progress->total / MB,
			part > 100 ? 100 : part);
	}
	fprintf(stderr, ", %.0f MB/s\033[K", (double)progress->done / 1e3 / (double)elapsed);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	if (progress->shown) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		progress->shown = false;
	}
}
