/* Text lines have a time and no date: on which day does a log begin? */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../../sys/clock.h"
#include "reader.h"

#define US_PER_S ((uint64_t)1000000)
#define US_PER_HOUR (3600 * US_PER_S)
#define US_PER_DAY (24 * US_PER_HOUR)

/* Up to this size every line is looked at; of a larger file, lines at so many places. */
#define WHOLE_MAX ((off_t)64 << 20)
#define PLACES 16384
#define PIECE ((size_t)256 << 10)
#define PIECE_SMALL ((size_t)8 << 10)

uint64_t reader_place(uint64_t near_us, uint64_t time_us)
{
	uint64_t placed = near_us - near_us % US_PER_DAY + time_us;
	if (placed + US_PER_HOUR < near_us) {
		return placed + US_PER_DAY;
	}
	/* Lines of several threads are not quite in order, also around midnight. */
	if (placed > near_us + 23 * US_PER_HOUR && placed >= US_PER_DAY) {
		return placed - US_PER_DAY;
	}
	return placed;
}

/* The time of the text line that begins here; -1 when none does. */
static int64_t time_at(const char *at, const char *end)
{
	static const char start[] = "resetby[";
	size_t length = (size_t)(end - at);
	if (length < 48 || memcmp(at, start, sizeof start - 1) != 0) {
		return -1;
	}
	const char *bracket = memchr(at, ']', 20);
	return bracket ? word_time(bracket + 2) : -1;
}

static void place_lines(const char *bytes, size_t length, uint64_t *near_us)
{
	const char *at = bytes;
	const char *end = bytes + length;
	while (at < end) {
		int64_t time = time_at(at, end);
		if (time >= 0) {
			*near_us = reader_place(*near_us, (uint64_t)time);
		}
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		at = newline ? newline + 1 : end;
	}
}

/* Go through the file with a made-up date. */
static void place_file(int fd, off_t size, uint64_t *near_us)
{
	char *room = malloc(PIECE);
	bool whole = size <= WHOLE_MAX;
	size_t piece = whole ? PIECE : PIECE_SMALL;
	off_t step = whole ? (off_t)PIECE : size / PLACES;
	for (off_t at = 0; room && at < size; at += step) {
		ssize_t got = pread(fd, room, piece, at);
		if (got <= 0) {
			break;
		}
		place_lines(room, (size_t)got, near_us);
	}
	free(room);
}

uint64_t reader_first_day(int fd, uint64_t time_us)
{
	struct stat status;
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		/* Of what comes through a pipe the first line is assumed to be a day old at most. */
		uint64_t now = clock_wall_us();
		uint64_t placed = now - now % US_PER_DAY + time_us;
		return placed > now ? placed - US_PER_DAY : placed;
	}
	/* Any day does, as long as there is room for days before it. */
	uint64_t begun = 1000000 * US_PER_DAY + time_us;
	uint64_t last = begun;
	place_file(fd, status.st_size, &last);
	uint64_t modified = (uint64_t)status.st_mtim.tv_sec * US_PER_S +
			    (uint64_t)status.st_mtim.tv_nsec / 1000;
	uint64_t ended = modified - modified % US_PER_DAY + last % US_PER_DAY;
	/* The coarse clock of the file system may be a tick behind. */
	if (ended > modified + US_PER_S && ended >= US_PER_DAY) {
		ended -= US_PER_DAY;
	}
	uint64_t span = last > begun ? last - begun : 0;
	return ended > span ? ended - span : time_us;
}
