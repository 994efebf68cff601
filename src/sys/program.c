#include "program.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "raw.h"

/* How many `#!` the kernel follows, and how much of the line it reads (BINPRM_BUF_SIZE). */
#define SCRIPT_DEPTH_MAX 5
#define SCRIPT_LINE_SIZE 256

#define BLANKS " \t"

static long may_execute(const char *path)
{
	/* Since Linux 5.8; before that the real user's rights have to do. */
	long result = raw4(SYS_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
	return result == -ENOSYS ? raw3(SYS_faccessat, AT_FDCWD, path, X_OK) : result;
}

/* Can this user execute the file? 0, or the negative errno that execve would end with. */
static int find_executable(const char *path)
{
	struct statx status = {.stx_mode = 0};
	long result = raw_stat(path, &status);
	if (result < 0) {
		return (int)result;
	}
	return S_ISREG(status.stx_mode) && may_execute(path) == 0 ? 0 : -EACCES;
}

static int search(const char *name, const char *directories, char path[PATH_MAX])
{
	int result = -ENOENT;
	for (const char *start = directories; start != NULL;) {
		size_t length = strcspn(start, ":");
		struct text text = text_in(path, PATH_MAX);
		/* An empty entry is the working directory. */
		text_bytes(&text, length > 0 ? start : ".", length > 0 ? length : 1);
		text_format(&text, "/%s", name);
		int found = text.cut ? -ENAMETOOLONG : find_executable(path);
		if (found == 0) {
			return 0;
		}
		if (found == -EACCES) {
			result = found;
		}
		start = start[length] != '\0' ? start + length + 1 : NULL;
	}
	return result;
}

int program_find(const char *name, const char *directories, char path[PATH_MAX])
{
	if (name[0] == '\0') {
		return -ENOENT;
	}
	if (strchr(name, '/') == NULL) {
		return search(name, directories != NULL ? directories : PROGRAM_DIRECTORIES, path);
	}
	struct text text = text_in(path, PATH_MAX);
	text_string(&text, name);
	return text.cut ? -ENAMETOOLONG : find_executable(path);
}

int program_find_at(int directory, const char *path, char found[PATH_MAX])
{
	struct text text = text_in(found, PATH_MAX);
	if (path[0] != '/' && directory != AT_FDCWD) {
		text_format(&text, "/proc/self/fd/%d", directory);
		text_string(&text, path[0] != '\0' ? "/" : "");
	}
	text_string(&text, path);
	return text.cut ? -ENAMETOOLONG : find_executable(found);
}

const char *program_variable(char *const envp[], const char *name)
{
	size_t length = strlen(name);
	for (; envp != NULL && *envp != NULL; envp++) {
		if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=') {
			return *envp + length + 1;
		}
	}
	return NULL;
}

/* The name that `env ARGUMENT` would run; NULL when that cannot be told from here. */
static char *env_program(char *argument)
{
	if (strncmp(argument, "-S", 2) != 0) {
		return argument[0] == '-' || strchr(argument, '=') != NULL ? NULL : argument;
	}
	char *word = argument + 2;
	for (;;) {
		word += strspn(word, BLANKS);
		size_t length = strcspn(word, BLANKS);
		if (length == 0 || word[0] == '-') {
			return NULL;
		}
		char *end = word + length;
		bool last = *end == '\0';
		*end = '\0';
		if (strchr(word, '=') == NULL) {
			return word;
		}
		word = last ? end : end + 1;
	}
}

/*
 * Split a first line: `#!INTERPRETER[ ARGUMENT]`. The kernel hands the rest of the line over as
 * one argument, trailing blanks taken off, and knows no interpreter whose end it has not read:
 * load_script().
 */
static bool split_script_line(char *line, char **interpreter, char **argument)
{
	line[strcspn(line, "\n")] = '\0';
	/* At the latest the `!` is none. */
	for (size_t end = strlen(line); strchr(BLANKS, line[end - 1]) != NULL; end--) {
		line[end - 1] = '\0';
	}
	*interpreter = line + 2 + strspn(line + 2, BLANKS);
	char *rest = *interpreter + strcspn(*interpreter, BLANKS);
	*argument = rest + strspn(rest, BLANKS);
	*rest = '\0';
	return **interpreter != '\0' && rest < line + SCRIPT_LINE_SIZE;
}

static bool is_env(const char *interpreter)
{
	const char *name = strrchr(interpreter, '/');
	return name != NULL && strcmp(name, "/env") == 0;
}

/* One step: 1 when path is another file now, 0 at the end of the chain, or a negative errno. */
static int follow(char path[PATH_MAX], const char *directories)
{
	char line[SCRIPT_LINE_SIZE + 1];
	long fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
	if (fd < 0) {
		return 0; /* executable and not readable: the kernel can, we cannot look */
	}
	long size = raw_read((int)fd, line, SCRIPT_LINE_SIZE);
	raw_close((int)fd);
	line[size > 0 ? size : 0] = '\0';
	if (size >= 4 && memcmp(line, "\177ELF", 4) == 0) {
		return 0;
	}

	char *interpreter;
	char *argument;
	if (strncmp(line, "#!", 2) != 0 || !split_script_line(line, &interpreter, &argument)) {
		/* execvp gives what the kernel does not know to the shell. */
		interpreter = "/bin/sh";
	} else if (directories != NULL && is_env(interpreter)) {
		char *name = env_program(argument);
		if (name != NULL && program_find(name, directories, path) == 0) {
			return 1;
		}
	}
	struct text text = text_in(path, PATH_MAX);
	text_string(&text, interpreter);
	int result = find_executable(path);
	return result < 0 ? result : 1;
}

int program_follow(char path[PATH_MAX], const char *directories)
{
	int depth = 0;
	int result;
	while ((result = follow(path, directories)) == 1) {
		if (++depth > SCRIPT_DEPTH_MAX) {
			return -ELOOP;
		}
	}
	return result < 0 ? result : depth;
}

/* Without group execution the bit means mandatory locking. */
#define SET_GROUP (S_ISGID | S_IXGRP)

/* What would this file change of our rights, so that glibc ignores LD_PRELOAD? NULL: nothing. */
static const char *changed_by_exec(int fd)
{
	struct statx status = {.stx_mode = 0};
	struct statfs mount = {.f_flags = 0};
	long user = raw0(SYS_geteuid);
	long group = raw0(SYS_getegid);
	bool ignored = raw2(SYS_fstatfs, fd, &mount) == 0 && (mount.f_flags & ST_NOSUID) != 0;
	bool honoured = !ignored && raw5(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
	if (honoured && raw5(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) == 0) {
		user = (status.stx_mode & S_ISUID) != 0 ? (long)status.stx_uid : user;
		group = (status.stx_mode & SET_GROUP) == SET_GROUP ? (long)status.stx_gid : group;
	}
	if (user != raw0(SYS_getuid)) {
		return "runs under another user ID (set-user-ID)";
	}
	if (group != raw0(SYS_getgid)) {
		return "runs under another group ID (set-group-ID)";
	}
	/* For root they are no gain: cap_bprm_creds_from_file() */
	if (honoured && user != 0 && raw4(SYS_fgetxattr, fd, "security.capability", NULL, 0) > 0) {
		return "has file capabilities";
	}
	return NULL;
}

/* The loader of another libc than glibc: of musl, uClibc, Android. */
static bool is_foreign_loader(const char *interpreter)
{
	return strstr(interpreter, "ld-musl") != NULL || strstr(interpreter, "ld-uClibc") != NULL ||
	       strstr(interpreter, "/linker") != NULL;
}

/* The loader itself can be started as a program, and loads others with LD_PRELOAD; so do valgrind's tools. */
static bool is_loader(const char *path)
{
	const char *name = strrchr(path, '/');
	name = name != NULL ? name + 1 : path;
	return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld.so", 5) == 0 ||
	       strstr(path, "/valgrind/") != NULL;
}

static void say_kinds(const struct elf_kind *program, const struct elf_kind *library,
		      struct text *why)
{
	text_string(why, "is a ");
	elf_describe(why, program);
	text_string(why, " program: the library is ");
	elf_describe(why, library);
	text_string(why, " and cannot be loaded into it");
}

bool program_refuses(const char *path, int fd, const struct elf_facts *program,
		     const struct elf_kind *library, struct text *why)
{
	bool is_static = program->interpreter[0] == '\0';
	if (!elf_matches(&program->kind, library)) {
		say_kinds(&program->kind, library, why);
	} else if (program->go && !is_static) {
		text_string(why,
			    "is a Go program: linked to libc, but not for its connections, and "
			    "LD_PRELOAD has no effect on them");
	} else if (program->go) {
		text_string(why, "is a Go program, statically linked: LD_PRELOAD has no effect on "
				 "it");
	} else if (is_static && !is_loader(path)) {
		text_string(why, "is statically linked: LD_PRELOAD has no effect on it");
	} else if (is_foreign_loader(program->interpreter)) {
		text_format(why,
			    "is not linked to glibc (its loader is %s): the library is made for "
			    "glibc",
			    program->interpreter);
	} else {
		const char *change = changed_by_exec(fd);
		if (change == NULL) {
			return false;
		}
		text_format(why, "%s: the loader ignores LD_PRELOAD in it", change);
	}
	return true;
}
