#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../log/leftover.h"

#define CHUNK ((size_t)1 << 20)

struct reading {
	struct source *source;
	int fd;
	reader_take *take;
	void *context;
	bool discarding; /* in a line that is too long */
};

const char *skip_name(enum skip skip)
{
	static const char *const names[] = {"foreign", "damaged", "long", "unfinished"};
	return names[skip];
}

static void set_time(const struct reading *reading, struct line *line)
{
	struct source *source = reading->source;
	if (!line->json) {
		if (source->near_us == 0) {
			source->near_us = reader_first_day(reading->fd, line->us);
		}
		line->us = reader_place(source->near_us, line->us);
	}
	source->near_us = line->us;
}

/* The last line of a log that is being written may be a part of one. */
static void read_line(const struct reading *reading, const char *bytes, size_t length,
		      bool finished)
{
	struct source *source = reading->source;
	struct line line;
	enum line_result result = line_read(&line, bytes, length);
	if (result == LINE_EMPTY) {
		return;
	}
	source->lines++;
	if (result == LINE_READ) {
		set_time(reading, &line);
		reading->take(reading->context, &line);
	} else if (!finished) {
		source->skipped[SKIP_UNFINISHED]++;
	} else {
		source->skipped[result == LINE_FOREIGN ? SKIP_FOREIGN : SKIP_DAMAGED]++;
	}
}

static void skip_long(struct reading *reading)
{
	reading->source->lines++;
	reading->source->skipped[SKIP_LONG]++;
	reading->discarding = true;
}

/* All lines that end in these bytes; returns where the one begins that does not. */
static size_t read_lines(struct reading *reading, const char *bytes, size_t length)
{
	const char *at = bytes;
	const char *end = bytes + length;
	const char *newline;
	while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		size_t line_length = (size_t)(newline - at);
		if (reading->discarding) {
			reading->discarding = false;
		} else if (line_length > READER_LINE_MAX) {
			skip_long(reading);
			reading->discarding = false;
		} else {
			read_line(reading, at, line_length, true);
		}
		at = newline + 1;
	}
	return (size_t)(at - bytes);
}

static ssize_t read_some(int fd, char *buffer, size_t size)
{
	ssize_t got;
	do {
		got = read(fd, buffer, size);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* By gzip, bzip2, xz or zstd, as log rotators do. */
static bool is_compressed(const char *bytes, size_t length)
{
	static const char *const magics[] = {"\x1f\x8b", "BZh", "\xfd\x37zXZ", "\x28\xb5\x2f\xfd"};
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		size_t magic = strlen(magics[i]);
		if (length >= magic && memcmp(bytes, magics[i], magic) == 0) {
			return true;
		}
	}
	return false;
}

static int read_all(struct reading *reading, char *buffer, struct progress *progress)
{
	size_t kept = 0;
	for (;;) {
		ssize_t got = read_some(reading->fd, buffer + kept, CHUNK);
		if (got <= 0) {
			if (kept > 0 && !reading->discarding) {
				read_line(reading, buffer, kept, false);
			}
			return (int)got;
		}
		if (reading->source->bytes == 0 && is_compressed(buffer, (size_t)got)) {
			return -EMEDIUMTYPE;
		}
		reading->source->bytes += (uint64_t)got;
		progress_add(progress, (uint64_t)got);
		size_t length = kept + (size_t)got;
		size_t begun = read_lines(reading, buffer, length);
		kept = length - begun;
		if (kept > READER_LINE_MAX && !reading->discarding) {
			skip_long(reading);
		}
		if (reading->discarding) {
			kept = 0;
		}
		memmove(buffer, buffer + begun, kept);
	}
}

int reader_read(struct source *source, int fd, struct progress *progress, reader_take *take,
		void *context)
{
	struct reading reading = {source, fd, take, context, false};
	char *buffer = malloc(CHUNK + READER_LINE_MAX + 1);
	if (!buffer) {
		return -ENOMEM;
	}
	int result = read_all(&reading, buffer, progress);
	free(buffer);
	return result;
}

/* What a process has that lives is on its way into the log. */
static void take_leftover(const struct leftover *leftover, void *context)
{
	struct reading *reading = context;
	if (!leftover->alive) {
		reading->source->bytes += leftover->length;
		read_lines(reading, leftover->lines, leftover->length);
	}
}

void reader_leftovers(struct source *source, reader_take *take, void *context)
{
	struct reading reading = {source, -1, take, context, false};
	leftover_read(source->name, take_leftover, &reading);
}
