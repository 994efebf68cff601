#include "find.h"

#include <string.h>
#include "../sys/raw.h"

/* In its only callers: stacks may be small. */
static inline __attribute__((always_inline)) size_t fill(const struct window *window, int fd,
							 uint64_t from)
{
	size_t got = 0;
	while (got < window->size) {
		long more = raw_pread(fd, window->bytes + got, window->size - got, from + got);
		if (more <= 0) {
			break;
		}
		got += (size_t)more;
	}
	return got;
}

uint64_t find_text(int fd, uint64_t from, uint64_t end, const char *text, size_t length,
		   const struct window *window)
{
	while (from < end) {
		size_t got = fill(window, fd, from);
		const char *found = find_bytes(window->bytes, got, text, length);
		if (found != NULL) {
			return from + (uint64_t)(found - window->bytes);
		}
		if (got < window->size) {
			break;
		}
		/* It may begin in this window and end in the next. */
		from += got - length + 1;
	}
	return NOT_FOUND;
}

static size_t first_line(const char *lines, size_t length)
{
	const char *newline = memchr(lines, '\n', length);
	return newline != NULL ? (size_t)(newline - lines) + 1 : length;
}

static size_t whole_lines(const char *lines, size_t length)
{
	const char *newline = memrchr(lines, '\n', length);
	return newline != NULL ? (size_t)(newline - lines) + 1 : 0;
}

static size_t common(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t length = 0;
	while (length < a_length && length < b_length && a[length] == b[length]) {
		length++;
	}
	return length;
}

size_t find_lines(int fd, uint64_t from, uint64_t end, const char *lines, size_t length,
		  const struct window *window)
{
	size_t done = 0;
	while (done < length) {
		const char *next = lines + done;
		size_t left = length - done;
		from = find_text(fd, from, end, next, first_line(next, left), window);
		if (from == NOT_FOUND) {
			break;
		}
		size_t got = fill(window, fd, from);
		size_t whole = whole_lines(next, common(window->bytes, got, next, left));
		if (whole == 0) {
			/* Somebody truncated the log meanwhile. */
			break;
		}
		done += whole;
		from += whole;
	}
	return done;
}
