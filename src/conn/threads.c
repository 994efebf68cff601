#include "threads.h"

#include <dirent.h>
#include <string.h>
#include "../sys/proc.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/text.h"
#include "../sys/units.h"

#define PATH_SIZE 64

/* A piece of a directory. */
#define PIECE_SIZE 512

/* A process with more threads than this is not searched to the end. */
#define THREADS_MAX 64

/* A directory has a link from its parent, one from itself, and one from each directory in it. */
#define LINKS_OF_EMPTY 2

/* The part of /proc/PID/task/TID/syscall that has its number and its first argument. */
#define CALL_SIZE 64

/* Too much for a small stack. */
struct search {
	_Alignas(struct dirent64) char piece[PIECE_SIZE];
	char path[PATH_SIZE];
};

_Static_assert(sizeof(struct search) <= SCRATCH_SIZE, "a search fits on one scratch block");

static bool has_many(const char *directory)
{
	struct statx status = {.stx_nlink = 0};
	return raw_stat(directory, &status) < 0 || status.stx_nlink > LINKS_OF_EMPTY + 1;
}

bool threads_many(void)
{
	return has_many("/proc/self/task");
}

bool threads_many_of(uint64_t pid)
{
	char path[PATH_SIZE];
	struct text text = text_in(path, sizeof path);
	text_format(&text, "/proc/%U/task", pid);
	return has_many(path);
}

/* Calls that wait, and keep the socket of their first argument meanwhile. */
static bool keeps_its_socket(uint64_t number)
{
	switch (number) {
	case SYS_read:
	case SYS_readv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
	case SYS_splice:
	case SYS_connect:
	case SYS_accept:
	case SYS_accept4:
		return true;
	default:
		return false;
	}
}

/* "45 0x3 0x7ffc..." for recvfrom(3, ...), "running" for one that does not wait: proc(5). */
static bool is_in_call(const char *thread, int fd, struct search *search)
{
	char call[CALL_SIZE];
	char wanted[CALL_SIZE];
	uint64_t number;
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/self/task/%s/syscall", thread);
	const char *end = proc_read(search->path, call, sizeof call) > 0 ? strchr(call, ' ') : NULL;
	if (end == NULL || units_number(call, (size_t)(end - call), &number) < 0) {
		return false;
	}
	text = text_in(wanted, sizeof wanted);
	text_string(&text, " 0x");
	text_hex(&text, (uint64_t)fd);
	text_char(&text, ' ');
	return keeps_its_socket(number) && strncmp(end, wanted, text.length) == 0;
}

static bool find_in_threads(struct search *search, int fd)
{
	unsigned searched = 0;
	long filled;
	long directory = raw_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	bool found = false;
	while (directory >= 0 && !found && searched < THREADS_MAX &&
	       (filled = raw3(SYS_getdents64, directory, search->piece, sizeof search->piece)) >
		       0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled && !found; at += entry->d_reclen, searched++) {
			entry = (const struct dirent64 *)(const void *)(search->piece + at);
			found = entry->d_name[0] != '.' && is_in_call(entry->d_name, fd, search);
		}
	}
	if (directory >= 0) {
		raw_close((int)directory);
	}
	return found;
}

bool threads_hold(int fd)
{
	struct search *search = threads_many() ? scratch_take() : NULL;
	bool held = search != NULL && find_in_threads(search, fd);
	scratch_give(search);
	return held;
}
