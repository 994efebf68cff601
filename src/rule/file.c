#include "file.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>
#include "../sys/clock.h"
#include "../sys/raw.h"
#include "../sys/text.h"

/* Largest rules file. */
#define FILE_SIZE_MAX ((size_t)1 << 20)

/* Two changes within this may have one time: the coarsest that file systems keep (FAT). */
#define TIME_STEP_NS 2000000000

#define NS_PER_S 1000000000

static const char *given_path;
/* The same where the program has changed its directory since; empty: as it is. */
static char absolute_path[PATH_MAX];
static struct rules_stamp known;

void rules_file_at(const char *path)
{
	size_t size = sizeof absolute_path;
	given_path = path;
	absolute_path[0] = '\0';
	if (path == NULL || path[0] == '/' || path[0] == '\0') {
		return;
	}
	/* With the byte that ends it. */
	long length = raw2(SYS_getcwd, absolute_path, size);
	/* The kernel says "(unreachable)/..." of a directory outside of the root. */
	bool known_place = length > 0 && absolute_path[0] == '/';
	size_t end = known_place ? (size_t)length - 1 : 0;
	struct text text = text_in(absolute_path + end, size - end);
	text_format(&text, "/%s", path);
	if (!known_place || text.cut) {
		absolute_path[0] = '\0';
	}
}

const char *rules_file_path(void)
{
	return given_path;
}

static const char *place(void)
{
	return absolute_path[0] != '\0' ? absolute_path : given_path;
}

static bool is_young(int64_t changed_ns)
{
	int64_t age_ns = (int64_t)clock_wall_ns() - changed_ns;
	return age_ns > -TIME_STEP_NS && age_ns < TIME_STEP_NS;
}

int rules_file_look(struct rules_stamp *now)
{
	struct statx status = {.stx_ino = 0};
	long result = raw_stat(place(), &status);
	if (result < 0) {
		return (int)result;
	}
	now->inode = status.stx_ino;
	now->size = status.stx_size;
	now->changed_ns = status.stx_ctime.tv_sec * NS_PER_S + status.stx_ctime.tv_nsec;
	now->is_young = is_young(now->changed_ns);
	return 0;
}

static bool looks_different(const struct rules_stamp *now)
{
	return now->inode != known.inode || now->size != known.size ||
	       now->changed_ns != known.changed_ns;
}

bool rules_file_looks_edited(const struct rules_stamp *now)
{
	return known.is_young || looks_different(now);
}

static long open_file(void)
{
	struct statx status = {.stx_mode = 0};
	long fd = raw_open(place(), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd >= 0 && (raw_fstat((int)fd, &status) < 0 || S_ISFIFO(status.stx_mode))) {
		raw_close((int)fd);
		return -ESPIPE;
	}
	return fd;
}

/* The bytes that there are, or a negative errno. */
static long fill(char *room)
{
	long fd = open_file();
	size_t filled = 0;
	long got = fd < 0 ? fd : 1;
	while (filled < FILE_SIZE_MAX && got > 0) {
		got = raw_read((int)fd, room + filled, FILE_SIZE_MAX - filled);
		filled += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0) {
		raw_close((int)fd);
	}
	return got < 0 ? got : filled == FILE_SIZE_MAX ? -EFBIG : (long)filled;
}

/* FNV-1a: a start waits for it. */
static uint64_t amount_to(const char *text, size_t length)
{
	uint64_t content = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < length; i++) {
		content = (content ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	}
	return content;
}

int rules_file_read(struct rule_source *text, struct rules_stamp *now)
{
	char *room = raw_map(FILE_SIZE_MAX);
	long length = room != NULL ? fill(room) : -ENOMEM;
	if (length < 0) {
		if (room != NULL) {
			raw_unmap(room, FILE_SIZE_MAX);
		}
		/* That the program may no longer read what it has read is no edit. */
		now->content = looks_different(now) ? (uint64_t)length : known.content;
		return (int)length;
	}
	now->content = amount_to(room, (size_t)length);
	*text = (struct rule_source){given_path, room, (size_t)length};
	return 0;
}

void rules_file_free(const struct rule_source *text)
{
	raw_unmap((void *)text->text, FILE_SIZE_MAX);
}

bool rules_file_says_the_same(const struct rules_stamp *now)
{
	return now->content == known.content;
}

void rules_file_remember(const struct rules_stamp *now)
{
	known.inode = now->inode;
	known.size = now->size;
	known.changed_ns = now->changed_ns;
	known.content = now->content;
	known.is_young = now->is_young;
}
