#include "mend.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include "../sys/raw.h"
#include "event.h"

/* Linux 6.9, linux/fs.h: pwrite(2) to a descriptor with O_APPEND appends otherwise. */
#define WITHOUT_APPEND 0x20

/* So much of a line tells it from all others: time and thread. */
#define BEGINNING ((size_t)64)

/* What others may have appended between a look at the size and a write of ours. */
#define OTHERS_MAX ((uint64_t)4 << 20)
#define WINDOW_SIZE ((size_t)65536)

/* No line is longer. */
#define HALF_MAX EVENT_LARGE

/* Enough to know the beginning of a line by: `resetby[4194304] 12:01:02.123456 `. */
#define HEAD_MAX 40

/* `/proc/self/fd/2147483647` */
#define PATH_ROOM 32

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

/* Mapped when a half is found, which is rare: stacks may be small. */
struct bench {
	char before[HALF_MAX];
	char path[PATH_ROOM];
};

/* The same file to write to: an old kernel has no other way. By hand: text.h takes more stack. */
static long reopen(struct bench *bench, int fd)
{
	static const char directory[] = "/proc/self/fd/";
	size_t end = sizeof directory;
	for (int rest = fd; rest > 9; rest /= 10) {
		end++;
	}
	memcpy(bench->path, directory, sizeof directory - 1);
	bench->path[end] = '\0';
	for (int rest = fd; end >= sizeof directory; rest /= 10) {
		bench->path[--end] = (char)('0' + rest % 10);
	}
	return raw_open(bench->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
}

/* By one call: who is killed now leaves no half of a blank line. */
static void blank_out(struct bench *bench, int fd, uint64_t from, char *half, size_t length)
{
	memset(half, ' ', length - 1);
	half[length - 1] = '\n';
	struct iovec part = {.iov_base = half, .iov_len = length};
	if (raw6(SYS_pwritev2, fd, &part, 1, from, 0, WITHOUT_APPEND) >= 0) {
		return;
	}
	long again = reopen(bench, fd);
	if (again >= 0) {
		raw4(SYS_pwrite64, again, half, length, from);
		raw_close((int)again);
	}
}

/* A line of ours stands at this place. */
static void mend_before(int fd, uint64_t at)
{
	struct bench *bench = raw_map(sizeof *bench);
	if (bench == NULL) {
		return;
	}
	size_t size = at < HALF_MAX ? (size_t)at : HALF_MAX;
	if (raw_pread(fd, bench->before, size, at - size) == (long)size) {
		char *newline = memrchr(bench->before, '\n', size);
		char *half = newline != NULL ? newline + 1 : bench->before;
		size_t length = (size_t)(bench->before + size - half);
		bool begins = newline != NULL || size == at;
		if (begins && length > 0 && begins_like_a_line(half, length)) {
			blank_out(bench, fd, at - length, half, length);
		}
	}
	raw_unmap(bench, sizeof *bench);
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
static uint64_t search(int fd, uint64_t from, const char *text, size_t length)
{
	struct window window = {raw_map(WINDOW_SIZE), WINDOW_SIZE};
	if (window.bytes == NULL) {
		return NOT_FOUND;
	}
	uint64_t at = find_text(fd, from, from + OTHERS_MAX, text, length, &window);
	raw_unmap(window.bytes, WINDOW_SIZE);
	return at;
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
		at = search(fd, size, text, beginning);
		found = at != NOT_FOUND && stands_at(fd, at, text, beginning, &before);
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

/* The next head that stands behind something else than a newline, the window's first byte apart. */
static __attribute__((noinline)) size_t next_torn(struct window window, size_t at, const char *head)
{
	const char *found;
	while ((found = find_bytes(window.bytes + at, window.size - at, head, strlen(head))) !=
	       NULL) {
		at = (size_t)(found - window.bytes);
		if (at > 0 && found[-1] != '\n' && is_head(found, window.size - at)) {
			return at;
		}
		at++;
	}
	return window.size;
}

static void mend_window(int fd, uint64_t from, struct window window)
{
	for (size_t at = 0; (at = next_torn(window, at, json_head)) < window.size; at++) {
		mend_before(fd, from + at);
	}
	for (size_t at = 0; (at = next_torn(window, at, text_head)) < window.size; at++) {
		mend_before(fd, from + at);
	}
}

void mend_from(int fd, uint64_t from, uint64_t end, struct window window)
{
	long got;
	/* The byte before is looked at too. */
	from -= from > 0 ? 1 : 0;
	while (from < end && (got = raw_pread(fd, window.bytes, window.size, from)) > 0) {
		mend_window(fd, from, (struct window){window.bytes, (size_t)got});
		if (got <= HEAD_MAX) {
			break;
		}
		from += (size_t)got - HEAD_MAX;
	}
}
