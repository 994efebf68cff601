#include "successor.h"

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../conn/conn.h"
#include "../log/log.h"
#include "../rule/settings.h"
#include "../sys/glob.h"
#include "../sys/memory.h"
#include "../sys/program.h"
#include "../sys/random.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"
#include "flow.h"
#include "report.h"

/* So many files are told; more than that are more of the same. */
#define TOLD_MAX 32

#define PRELOAD "LD_PRELOAD"

/* What it takes to judge a program; too much for a small stack. */
struct desk {
	char path[PATH_MAX];
	struct elf_facts facts;
	char why[PATH_MAX + 200];
};

_Static_assert(sizeof(struct desk) <= SCRATCH_SIZE, "a judgement fits on one scratch block");

/*
 * The files that were told. They are shared with the children of fork: a shell forks for each program
 * that it starts, a mail server for each message.
 */
static _Atomic uint64_t *_Atomic told;

/* What a child of vfork found, for its parent to tell. */
static _Atomic(struct desk *) noted;

static const char *last_part(const char *path, size_t length)
{
	size_t start = length;
	while (start > 0 && path[start - 1] != '/') {
		start--;
	}
	return path + start;
}

/* Our own file's name, as the loader has it: without dladdr, which takes a lock. */
static const char *own_name(void)
{
	for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
		if (map->l_ld == _DYNAMIC) {
			return last_part(map->l_name, strlen(map->l_name));
		}
	}
	return NULL;
}

/* Does the environment ask the loader for us? */
static bool inherits(char *const envp[])
{
	const char *list = program_variable(envp, PRELOAD);
	const char *own = list != NULL ? own_name() : NULL;
	while (own != NULL && *list != '\0') {
		size_t length = strcspn(list, ": ");
		const char *name = last_part(list, length);
		size_t rest = (size_t)(list + length - name);
		if (rest == strlen(own) && memcmp(name, own, rest) == 0) {
			return true;
		}
		list += length + (list[length] != '\0');
	}
	return false;
}

static const char *name_in(char *const argv[])
{
	return argv != NULL && argv[0] != NULL ? argv[0] : "";
}

static bool has_name(char *const argv[])
{
	return (argv == NULL || memory_readable(argv, sizeof *argv)) &&
	       memory_has_string(name_in(argv));
}

/* Would the library be active in a program of that name? */
static bool is_wanted(char *const argv[], char *const envp[])
{
	const char *name = name_in(argv);
	const char *only = program_variable(envp, setting_name(SETTING_ONLY));
	const char *skip = program_variable(envp, setting_name(SETTING_SKIP));
	name = last_part(name, strlen(name));
	return (only == NULL || glob_match_list(only, name)) &&
	       (skip == NULL || !glob_match_list(skip, name));
}

static _Atomic uint64_t *take_told(void)
{
	_Atomic uint64_t *known = atomic_load(&told);
	if (known != NULL) {
		return known;
	}
	size_t size = TOLD_MAX * sizeof *known;
	long mapped = raw6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	if (mapped < 0) {
		return NULL;
	}
	if (atomic_compare_exchange_strong(&told, &known, (_Atomic uint64_t *)mapped)) {
		return (_Atomic uint64_t *)mapped;
	}
	raw_unmap((void *)mapped, size);
	return known;
}

void successor_share(void)
{
	if (conn_enabled() && log_wants(LOG_RESETS) && !flow_in_vfork_child) {
		take_told();
	}
}

/* Is it the first time that this file is to be told? */
static bool is_news(int fd)
{
	_Atomic uint64_t *files = take_told();
	if (files == NULL) {
		return true;
	}
	struct statx status = {.stx_ino = 0};
	raw_fstat(fd, &status);
	uint64_t device = (uint64_t)status.stx_dev_major << 32 | status.stx_dev_minor;
	uint64_t file = random_at(device, status.stx_ino, 0) | 1;
	for (size_t i = 0; i < TOLD_MAX; i++) {
		uint64_t before = 0;
		if (atomic_compare_exchange_strong(&files[i], &before, file)) {
			return true;
		}
		if (before == file) {
			return false;
		}
	}
	return false;
}

/* The end of a chain of `#!`: true when there is something to tell. */
static bool refuses(struct desk *desk)
{
	long fd = raw_open(desk->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0) {
		return false;
	}
	struct text why = text_in(desk->why, sizeof desk->why);
	text_format(&why, "%s ", desk->path);
	bool found = elf_read((int)fd, &desk->facts) == 0 &&
		     program_refuses(desk->path, (int)fd, &desk->facts, &elf_own, &why) &&
		     is_news((int)fd);
	text_char(&why, '.');
	raw_close((int)fd);
	return found;
}

static void tell(const struct desk *desk)
{
	report_notice(CAUSE_PRELOAD_ENDS, desk->why);
}

static void judge(struct desk *desk)
{
	/* env has the library, and tells by itself what it starts. */
	if (program_follow(desk->path, NULL) < 0 || !refuses(desk)) {
		scratch_give(desk);
	} else if (flow_in_vfork_child) {
		scratch_give(atomic_exchange(&noted, desk));
	} else {
		tell(desk);
		scratch_give(desk);
	}
}

/* NULL when there is nothing to find out; or when a string leads nowhere, and no program starts. */
static struct desk *begin(const char *path, char *const argv[], char *const envp[])
{
	bool asks = conn_enabled() && log_wants(LOG_RESETS) && !flow_child_is_sandboxed &&
		    memory_has_strings(envp) && inherits(envp) && memory_has_string(path) &&
		    has_name(argv);
	return asks && is_wanted(argv, envp) ? scratch_take() : NULL;
}

static void go_on(struct desk *desk, int found)
{
	if (found == 0) {
		judge(desk);
	} else {
		scratch_give(desk);
	}
}

void successor_path(const char *path, char *const argv[], char *const envp[])
{
	successor_at(AT_FDCWD, path, argv, envp);
}

void successor_name(const char *name, char *const argv[], char *const envp[])
{
	int saved = errno;
	struct desk *desk = begin(name, argv, envp);
	if (desk != NULL) {
		const char *directories = program_variable(environ, "PATH");
		go_on(desk, program_find(name, directories, desk->path));
	}
	errno = saved;
}

void successor_at(int directory, const char *path, char *const argv[], char *const envp[])
{
	int saved = errno;
	struct desk *desk = begin(path, argv, envp);
	if (desk != NULL) {
		go_on(desk, program_find_at(directory, path, desk->path));
	}
	errno = saved;
}

void successor_tell_noted(void)
{
	struct desk *desk = atomic_exchange(&noted, NULL);
	if (desk != NULL) {
		tell(desk);
		scratch_give(desk);
	}
}
