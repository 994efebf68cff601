#include "mend.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/text.h"
#include "event.h"
#include "sink.h"

/* Linux 6.9, linux/fs.h: pwrite(2) to a descriptor with O_APPEND appends otherwise. */
#define WITHOUT_APPEND 0x20

/* So much of a line tells it from all others: time and thread. */
#define BEGINNING ((size_t)64)

/* What others may have appended between a look at the size and a write of ours. */
#define OTHERS_MAX ((uint64_t)4 << 20)
#define WINDOW_SIZE ((size_t)65536)

/* No line is longer. */
#define HALF_MAX EVENT_LARGE
#define STEP ((size_t)512)

/* Enough to know the beginning of a line by: `resetby[4194304] 12:01:02.123456 `. */
#define HEAD_MAX 40

static const char json_head[] = "{\"ts\":\"";
static const char text_head[] = "resetby[";
static const char text_time[] = "] 00:00:00.000000 ";

bool mend_can(int fd)
{
	struct statfs status = {.f_type = 0};
	if (raw2(SYS_fstatfs, fd, &status) < 0) {
		return false;
	}
	switch ((unsigned long)status.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_SUPER_MAGIC:
	case TMPFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case OVERLAYFS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

/* Ours to blank: what other programs write to the same file is theirs. */
static bool begins_like_a_line(const char *at, size_t length)
{
	size_t json = sizeof json_head - 1;
	size_t text = sizeof text_head - 1;
	return memcmp(at, json_head, length < json ? length : json) == 0 ||
	       memcmp(at, text_head, length < text ? length : text) == 0;
}

/* The log's path to write to, if it still names the file that the descriptor is of. */
static long reopen(int fd)
{
	char *room = scratch_take();
	if (room == NULL) {
		return -ENOMEM;
	}
	struct text path = text_in(room, PATH_MAX);
	file_path(&path);
	long again = path.cut ? -ENAMETOOLONG
			      : raw_open(room, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	scratch_give(room);
	struct statx ours = {.stx_ino = 0};
	struct statx other = {.stx_ino = 0};
	if (again >= 0 &&
	    (raw_fstat(fd, &ours) < 0 || raw_fstat((int)again, &other) < 0 ||
	     ours.stx_ino != other.stx_ino || ours.stx_dev_major != other.stx_dev_major ||
	     ours.stx_dev_minor != other.stx_dev_minor)) {
		raw_close((int)again);
		return -ESTALE;
	}
	return again;
}

/* By one call: who is killed now leaves no half of a blank line. */
static void blank_out(int fd, uint64_t from, size_t length)
{
	static const char spaces[HALF_MAX] = {[0 ... HALF_MAX - 1] = ' '};
	struct iovec parts[] = {
		{.iov_base = (void *)(uintptr_t)spaces, .iov_len = length - 1},
		{.iov_base = (char[]){'\n'}, .iov_len = 1},
	};
	if (raw6(SYS_pwritev2, fd, parts, 2, from, 0, WITHOUT_APPEND) >= 0) {
		return;
	}
	long again = reopen(fd);
	if (again >= 0) {
		raw6(SYS_pwritev2, again, parts, 2, from, 0, 0);
		raw_close((int)again);
	}
}

/* Where the line begins that goes on at this place; `at` when it is longer than ours are. */
static uint64_t line_before(int fd, uint64_t at)
{
	char room[STEP];
	uint64_t from = at;
	while (from > 0 && at - from < HALF_MAX) {
		size_t size = from < STEP ? (size_t)from : STEP;
		from -= size;
		if (raw_pread(fd, room, size, from) != (long)size) {
			return at;
		}
		const char *newline = memrchr(room, '\n', size);
		if (newline != NULL) {
			return from + (uint64_t)(newline - room) + 1;
		}
	}
	return from == 0 ? 0 : at;
}

/* A line of ours stands at this place. */
static void mend_before(int fd, uint64_t at)
{
	char head[BEGINNING];
	uint64_t from = line_before(fd, at);
	size_t length = (size_t)(at - from);
	size_t size = length < sizeof head ? length : sizeof head;
	if (length > 0 && length <= HALF_MAX && raw_pread(fd, head, size, from) == (long)size &&
	    begins_like_a_line(head, size)) {
		blank_out(fd, from, length);
	}
}

/* Does the text stand here? Then `before` gets the byte before it, where there is one. */
static bool stands_at(int fd, uint64_t at, const char *text, size_t length, char *before)
{
	char room[1 + BEGINNING] = "";
	size_t lead = at > 0 ? 1 : 0;
	size_t size = lead + length;
	if (raw_pread(fd, room, size, at - lead) != (long)size ||
	    memcmp(room + lead, text, length) != 0) {
		return false;
	}
	if (lead > 0) {
		*before = room[0];
	}
	return true;
}

/* Behind what others wrote meanwhile. */
static bool search(int fd, uint64_t *at, const char *text, size_t length)
{
	struct window window = {raw_map(WINDOW_SIZE), WINDOW_SIZE};
	if (window.bytes == NULL) {
		return false;
	}
	bool found = find_text(fd, at, *at + OTHERS_MAX, text, length, window);
	raw_unmap(window.bytes, WINDOW_SIZE);
	return found;
}

/* An appending write leaves the position at its end: no other thread or child must have moved it. */
static uint64_t behind_position(int fd, size_t length)
{
	long end = raw3(SYS_lseek, fd, 0, SEEK_CUR);
	return end > (long)length ? (uint64_t)end - length : 0;
}

void mend_before_text(int fd, uint64_t size, const char *text, size_t length)
{
	char before = '\n';
	size_t beginning = length < BEGINNING ? length : BEGINNING;
	uint64_t at = size;
	bool found = stands_at(fd, at, text, beginning, &before);
	if (!found) {
		at = behind_position(fd, length);
		found = stands_at(fd, at, text, beginning, &before);
	}
	if (!found) {
		at = size;
		found = search(fd, &at, text, beginning) &&
			stands_at(fd, at, text, beginning, &before);
	}
	if (found && before != '\n') {
		mend_before(fd, at);
	}
}

static bool is_text_head(const char *at, size_t length)
{
	size_t digits = sizeof text_head - 1;
	while (digits < length && at[digits] >= '0' && at[digits] <= '9') {
		digits++;
	}
	size_t time = sizeof text_time - 1;
	if (digits == sizeof text_head - 1 || length - digits < time) {
		return false;
	}
	for (size_t i = 0; i < time; i++) {
		char byte = at[digits + i];
		if (text_time[i] == '0' ? byte < '0' || byte > '9' : byte != text_time[i]) {
			return false;
		}
	}
	return true;
}

/* A quote within a value is escaped in JSON, so its head is no part of one. */
static bool is_head(const char *at, size_t length)
{
	return at[0] == json_head[0] || is_text_head(at, length);
}

/* Heads that stand behind something else than a newline, the window's first byte apart. */
static void mend_heads(int fd, uint64_t from, const char *window, size_t got, const char *head)
{
	const char *end = window + got;
	const char *at = window;
	while ((at = find_bytes(at, (size_t)(end - at), head, strlen(head))) != NULL) {
		if (at > window && at[-1] != '\n' && is_head(at, (size_t)(end - at))) {
			mend_before(fd, from + (uint64_t)(at - window));
		}
		at++;
	}
}

void mend_from(int fd, uint64_t from, uint64_t end, struct window window)
{
	long got;
	/* The byte before is looked at too. */
	from -= from > 0 ? 1 : 0;
	while (from < end && (got = raw_pread(fd, window.bytes, window.size, from)) > 0) {
		mend_heads(fd, from, window.bytes, (size_t)got, json_head);
		mend_heads(fd, from, window.bytes, (size_t)got, text_head);
		if (got <= HEAD_MAX) {
			break;
		}
		from += (size_t)got - HEAD_MAX;
	}
}
