#include "holder.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include "../sys/proc.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "../sys/text.h"
#include "../sys/units.h"
#include "threads.h"

#define PATH_SIZE 64

/* A piece of a directory; a name in /proc/PID/fd, or in /proc/PID/task, is a number. */
#define PIECE_SIZE 512

/*
 * Some 250 children of a thread; seq_read() fills less than a page to the end where there are more. Of
 * those none is asked: that not one of some has a socket says nothing.
 */
#define CHILDREN_SIZE 2048

/* Of all processes together no more descriptors than this are looked at. */
#define SEARCHED_MAX 4096

/* The list of children is read until it is the same twice, or so often. */
#define READ_MAX 4

/* A process with more threads than this is not searched to the end. */
#define THREADS_MAX 64

/* Nor one with more ancestors. */
#define ANCESTORS_MAX 64

#define INIT_PID 1

/* Too much for a small stack. */
struct search {
	struct statx wanted, found;
	unsigned searched;
	_Alignas(struct dirent64) char piece[PIECE_SIZE];
	_Alignas(struct dirent64) char threads[PIECE_SIZE];
	char children[CHILDREN_SIZE], again[CHILDREN_SIZE];
	char path[PATH_SIZE];
};

_Static_assert(sizeof(struct search) <= SCRATCH_SIZE, "a search fits on one scratch block");

/* Nobody is waited for: a file may be a server's that does not answer, or that we are ourselves. */
static long look_at(int directory, const char *name, struct statx *found)
{
	return raw5(SYS_statx, directory, name, AT_STATX_DONT_SYNC, STATX_INO, found);
}

static bool is_same_file(int directory, const char *name, struct search *search)
{
	const struct statx *wanted = &search->wanted;
	struct statx *found = &search->found;
	return look_at(directory, name, found) == 0 && found->stx_ino == wanted->stx_ino &&
	       found->stx_dev_major == wanted->stx_dev_major &&
	       found->stx_dev_minor == wanted->stx_dev_minor;
}

static enum holder find_in_directory(struct search *search, int directory)
{
	long filled;
	while ((filled = raw3(SYS_getdents64, directory, search->piece, sizeof search->piece)) >
	       0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled; at += entry->d_reclen, search->searched++) {
			entry = (const struct dirent64 *)(const void *)(search->piece + at);
			if (entry->d_name[0] != '.' &&
			    is_same_file(directory, entry->d_name, search)) {
				return HOLDER_IS;
			}
		}
		if (search->searched >= SEARCHED_MAX) {
			return HOLDER_UNKNOWN;
		}
	}
	return filled == 0 || filled == -ENOENT ? HOLDER_NOT : HOLDER_UNKNOWN;
}

/* Under whatever number. */
static enum holder find_in_process(struct search *search, uint64_t pid)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/fd", pid);
	long directory = raw_open(search->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0) {
		return directory == -ENOENT ? HOLDER_NOT : HOLDER_UNKNOWN;
	}
	enum holder held = find_in_directory(search, (int)directory);
	raw_close((int)directory);
	return held;
}

static struct search *begin_search(int fd)
{
	struct search *search = scratch_take();
	if (search != NULL && raw_fstat(fd, &search->wanted) < 0) {
		scratch_give(search);
		return NULL;
	}
	if (search != NULL) {
		search->searched = 0;
	}
	return search;
}

bool holder_is_parent(int fd)
{
	struct search *search = begin_search(fd);
	bool held =
		search != NULL && find_in_process(search, (uint64_t)raw0(SYS_getppid)) == HOLDER_IS;
	scratch_give(search);
	return held;
}

/* Who has it by the same fork, or by another one of the same parent, has it under the same number. */
static enum holder find_in_relative(struct search *search, uint64_t pid, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/fd/%U", pid, (uint64_t)fd);
	if (is_same_file(AT_FDCWD, search->path, search)) {
		return HOLDER_IS;
	}
	long error = look_at(AT_FDCWD, search->path, &search->found);
	return error == 0 || error == -ENOENT ? HOLDER_NOT : HOLDER_UNKNOWN;
}

/* In a chroot there may be no /proc, or in a container another one's. */
static bool sees_itself(struct search *search, int fd)
{
	return find_in_relative(search, (uint64_t)raw0(SYS_getpid), fd) == HOLDER_IS;
}

/* The path is set. Not every kernel says (CONFIG_PROC_CHILDREN). */
static long read_list(const struct search *search, char list[CHILDREN_SIZE])
{
	long file = raw_open(search->path, O_RDONLY | O_CLOEXEC, 0);
	if (file < 0) {
		return file;
	}
	long got = raw_read((int)file, list, CHILDREN_SIZE);
	raw_close((int)file);
	return got;
}

/*
 * What a thread has forked; negative where that is not known as a whole. While one child ends, another may
 * be left out: get_children_pid().
 */
static long read_children(struct search *search)
{
	long before = read_list(search, search->children);
	for (unsigned i = 0; before > 0 && i < READ_MAX; i++) {
		long length = read_list(search, search->again);
		bool same = length == before &&
			    memcmp(search->again, search->children, (size_t)length) == 0;
		if (same && length == CHILDREN_SIZE) {
			return -E2BIG;
		}
		if (same || length <= 0) {
			return length;
		}
		memcpy(search->children, search->again, (size_t)length);
		before = length;
	}
	return before > 0 ? -EAGAIN : before;
}

/* The child that ends at *end in the list, which is moved before it; 0 at the list's beginning. */
static uint64_t child_before(const struct search *search, long *end)
{
	uint64_t pid = 0;
	while (pid == 0 && *end > 0) {
		long start = *end;
		while (start > 0 && search->children[start - 1] != ' ') {
			start--;
		}
		if (units_number(search->children + start, (size_t)(*end - start), &pid) < 0) {
			pid = 0;
		}
		*end = start > 0 ? start - 1 : 0;
	}
	return pid;
}

static enum holder find_in_siblings(struct search *search, uint64_t parent, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/task/%U/children", parent, parent);
	long length = read_children(search);
	if (length == -EAGAIN || length == -E2BIG) {
		return HOLDER_UNKNOWN;
	}
	uint64_t self = (uint64_t)raw0(SYS_getpid);
	uint64_t pid;
	for (long end = length; (pid = child_before(search, &end)) != 0;) {
		enum holder held = pid != self ? find_in_relative(search, pid, fd) : HOLDER_NOT;
		if (held != HOLDER_NOT) {
			return held;
		}
	}
	return HOLDER_NOT;
}

static enum holder find_in_family(struct search *search, int fd)
{
	uint64_t parent = (uint64_t)raw0(SYS_getppid);
	if (parent == 0 || !sees_itself(search, fd)) {
		return HOLDER_UNKNOWN;
	}
	enum holder held = find_in_relative(search, parent, fd);
	if (held != HOLDER_NOT) {
		return held;
	}
	/* Each thread has children of its own. */
	return threads_many_of(parent) ? HOLDER_UNKNOWN : find_in_siblings(search, parent, fd);
}

enum holder holder_in_family(int fd)
{
	struct search *search = begin_search(fd);
	enum holder held = search != NULL ? find_in_family(search, fd) : HOLDER_UNKNOWN;
	scratch_give(search);
	return held;
}

static enum holder find_in_children_of(struct search *search, const char *thread)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/self/task/%s/children", thread);
	long length = read_children(search);
	if (length < 0) {
		return HOLDER_UNKNOWN;
	}
	uint64_t pid;
	for (long end = length; (pid = child_before(search, &end)) != 0;) {
		enum holder held = find_in_process(search, pid);
		/* Its descriptors go first, and its children are an ancestor's only then: do_exit(). */
		if (held == HOLDER_NOT && proc_is_ending(pid)) {
			return HOLDER_UNKNOWN;
		}
		if (held != HOLDER_NOT) {
			return held;
		}
	}
	return HOLDER_NOT;
}

static enum holder find_in_threads_children(struct search *search, int tasks)
{
	unsigned threads = 0;
	long filled;
	while ((filled = raw3(SYS_getdents64, tasks, search->threads, sizeof search->threads)) >
	       0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)(search->threads + at);
			if (entry->d_name[0] == '.') {
				continue;
			}
			enum holder held = threads++ < THREADS_MAX
						   ? find_in_children_of(search, entry->d_name)
						   : HOLDER_UNKNOWN;
			if (held != HOLDER_NOT) {
				return held;
			}
		}
	}
	return filled == 0 && threads > 0 ? HOLDER_NOT : HOLDER_UNKNOWN;
}

/* Who may not be looked at there is another user's. */
static enum holder find_in_adopted(struct search *search, uint64_t ancestor, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_format(&text, "/proc/%U/task/%U/children", ancestor, ancestor);
	long length = read_children(search);
	if (length < 0) {
		return HOLDER_UNKNOWN;
	}
	uint64_t self = (uint64_t)raw0(SYS_getpid);
	uint64_t pid;
	for (long end = length; (pid = child_before(search, &end)) != 0;) {
		if (pid != self && find_in_relative(search, pid, fd) == HOLDER_IS) {
			return HOLDER_IS;
		}
	}
	return HOLDER_NOT;
}

/*
 * The children of a child that has ended are its subreaper's, which is an ancestor of ours, or else the
 * first process's: find_new_reaper().
 */
static enum holder find_in_ancestors_children(struct search *search, int fd)
{
	uint64_t ancestor = (uint64_t)raw0(SYS_getppid);
	for (unsigned i = 0; i < ANCESTORS_MAX; i++) {
		/* A parent in another namespace has no number here. */
		ancestor = ancestor != 0 ? ancestor : INIT_PID;
		enum holder held = find_in_adopted(search, ancestor, fd);
		if (held != HOLDER_NOT || ancestor == INIT_PID) {
			return held;
		}
		ancestor = proc_parent(ancestor);
	}
	return HOLDER_UNKNOWN;
}

/* A server that forks for each connection has its child there, and asks for each. */
static bool is_with_youngest(struct search *search, int fd)
{
	struct text text = text_in(search->path, sizeof search->path);
	text_string(&text, "/proc/thread-self/children");
	long end = read_list(search, search->children);
	uint64_t pid = child_before(search, &end);
	return pid != 0 && find_in_relative(search, pid, fd) == HOLDER_IS;
}

static enum holder find_in_children(struct search *search, int fd)
{
	if (is_with_youngest(search, fd)) {
		return HOLDER_IS;
	}
	if (!sees_itself(search, fd)) {
		return HOLDER_UNKNOWN;
	}
	long tasks = raw_open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (tasks < 0) {
		return HOLDER_UNKNOWN;
	}
	enum holder held = find_in_threads_children(search, (int)tasks);
	raw_close((int)tasks);
	return held == HOLDER_NOT ? find_in_ancestors_children(search, fd) : held;
}

enum holder holder_in_children(int fd)
{
	struct search *search = begin_search(fd);
	enum holder held = search != NULL ? find_in_children(search, fd) : HOLDER_UNKNOWN;
	scratch_give(search);
	return held;
}
