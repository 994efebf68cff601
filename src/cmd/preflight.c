#include "preflight.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "cmd.h"
#include "elf.h"

/** How many `#!` the kernel follows, and how much of the line it reads (BINPRM_BUF_SIZE). */
#define SCRIPT_DEPTH_MAX 5
#define SCRIPT_LINE_SIZE 256

#define BLANKS " \t"

/* 0, or the negative errno that execve would end with. */
static int executable(const char *path)
{
	struct stat status;
	if (stat(path, &status)) {
		return -errno;
	}
	if (!S_ISREG(status.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS)) {
		return -EACCES;
	}
	return 0;
}

static int search_path(const char *program, char path[PATH_MAX])
{
	const char *directories = getenv("PATH");
	int result = -ENOENT;
	for (const char *start = directories ? directories : "/bin:/usr/bin"; start;) {
		int length = (int)strcspn(start, ":");
		/* An empty entry is the working directory. */
		int size = snprintf(path, PATH_MAX, "%.*s/%s", length ? length : 1,
				    length ? start : ".", program);
		int found = size < PATH_MAX ? executable(path) : -ENAMETOOLONG;
		if (found == 0) {
			return 0;
		}
		if (found == -EACCES) {
			result = found;
		}
		start = start[length] ? start + length + 1 : NULL;
	}
	return result;
}

static int find(const char *program, char path[PATH_MAX])
{
	if (!program[0]) {
		return -ENOENT;
	}
	if (!strchr(program, '/')) {
		return search_path(program, path);
	}
	if (strlen(program) >= PATH_MAX) {
		return -ENAMETOOLONG;
	}
	strcpy(path, program);
	return executable(path);
}

static int status_of(int error)
{
	return error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

/* The name that `env ARGUMENT` would run; NULL when that cannot be told from here. */
static char *env_program(char *argument)
{
	if (!strncmp(argument, "-S", 2)) {
		for (char *word = strtok(argument + 2, BLANKS); word; word = strtok(NULL, BLANKS)) {
			if (word[0] == '-') {
				return NULL;
			}
			if (!strchr(word, '=')) {
				return word;
			}
		}
		return NULL;
	}
	return argument[0] == '-' || strchr(argument, '=') ? NULL : argument;
}

/*
 * Split a first line: `#!INTERPRETER[ ARGUMENT]`. The kernel hands the rest of the line over as
 * one argument, trailing blanks taken off.
 */
static bool split_script_line(char *line, char **interpreter, char **argument)
{
	line[strcspn(line, "\n")] = '\0';
	for (size_t end = strlen(line); end > 2 && strchr(BLANKS, line[end - 1]); end--) {
		line[end - 1] = '\0';
	}
	*interpreter = line + 2 + strspn(line + 2, BLANKS);
	char *rest = *interpreter + strcspn(*interpreter, BLANKS);
	*argument = rest + strspn(rest, BLANKS);
	*rest = '\0';
	return **interpreter != '\0';
}

/*
 * One step from a script to what runs it.
 *
 * @path
 *         In: a file that can be executed. Out: the one that is started for it.
 * @return
 *         1 when path is another file now, 0 when it is the end of the chain, or a negative errno
 *         about the new path.
 */
static int follow_script(char path[PATH_MAX])
{
	char line[SCRIPT_LINE_SIZE + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return 0; /* executable and not readable: the kernel can, we cannot look */
	}
	ssize_t size = read(fd, line, SCRIPT_LINE_SIZE);
	close(fd);
	line[size > 0 ? size : 0] = '\0';
	if (size >= 4 && !memcmp(line, "\177ELF", 4)) {
		return 0;
	}

	char *interpreter, *argument;
	if (strncmp(line, "#!", 2) != 0 || !split_script_line(line, &interpreter, &argument)) {
		/* execvp gives what the kernel does not know to the shell. */
		strcpy(path, "/bin/sh");
		return 1;
	}
	const char *name = strrchr(interpreter, '/');
	char *program = name && !strcmp(name, "/env") ? env_program(argument) : NULL;
	if (program && find(program, path) == 0) {
		return 1;
	}
	strcpy(path, interpreter);
	int result = executable(path);
	return result < 0 ? result : 1;
}

/* What would this file change of our rights, so that glibc ignores LD_PRELOAD? NULL: nothing. */
static const char *changed_by_exec(int fd)
{
	struct stat status;
	struct statvfs mount;
	uid_t user = geteuid();
	gid_t group = getegid();
	bool honoured = fstatvfs(fd, &mount) || !(mount.f_flag & ST_NOSUID);
	honoured = honoured && prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) != 1;
	if (honoured && fstat(fd, &status) == 0) {
		/* Without group execution the bit means mandatory locking. */
		const mode_t set_group = S_ISGID | S_IXGRP;
		user = status.st_mode & S_ISUID ? status.st_uid : user;
		group = (status.st_mode & set_group) == set_group ? status.st_gid : group;
	}
	if (user != getuid()) {
		return "runs under another user ID (set-user-ID)";
	}
	if (group != getgid()) {
		return "runs under another group ID (set-group-ID)";
	}
	/* For root they are no gain: cap_bprm_creds_from_file() */
	if (honoured && getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0) {
		return "has file capabilities";
	}
	return NULL;
}

/* The loader of another libc than glibc: of musl, uClibc, Android. */
static bool is_foreign_loader(const char *interpreter)
{
	return strstr(interpreter, "ld-musl") || strstr(interpreter, "ld-uClibc") ||
	       strstr(interpreter, "/linker");
}

/* The loader itself can be started as a program, and loads others with LD_PRELOAD. */
static bool is_loader(const char *path)
{
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	return !strncmp(name, "ld-linux", 8) || !strncmp(name, "ld.so", 5);
}

static int refuse(const char *subject, const char *path, const struct elf_facts *program,
		  const struct elf_facts *library)
{
	char theirs[64], ours[64];
	if (!elf_matches(program, library)) {
		cmd_complain("%s is a %s program: the library is %s and cannot be loaded into it",
			     subject, elf_describe(program, theirs, sizeof(theirs)),
			     elf_describe(library, ours, sizeof(ours)));
	} else if (program->go && program->interpreter[0]) {
		cmd_complain("%s is a Go program: linked to libc, but not for its connections, "
			     "and LD_PRELOAD has no effect on them",
			     subject);
	} else if (program->go) {
		cmd_complain(
			"%s is a Go program, statically linked: LD_PRELOAD has no effect on it",
			subject);
	} else if (!program->interpreter[0] && !is_loader(path)) {
		cmd_complain("%s is statically linked: LD_PRELOAD has no effect on it", subject);
	} else if (is_foreign_loader(program->interpreter)) {
		cmd_complain("%s is not linked to glibc (its loader is %s): the library is made "
			     "for glibc",
			     subject, program->interpreter);
	} else {
		return STATUS_OK;
	}
	return STATUS_REFUSED;
}

static int read_facts(const char *path, struct elf_facts *facts)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	int result = elf_read(fd, facts);
	close(fd);
	return result;
}

/* The end of the chain: will its loader take the library in? */
static int inspect(const char *subject, const char *path, const char *library)
{
	struct elf_facts program, ours;
	int result = read_facts(library, &ours);
	if (result < 0) {
		cmd_complain("%s: %s", library, strerror(-result));
		return STATUS_REFUSED;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return STATUS_OK;
	}
	result = elf_read(fd, &program);
	const char *change = changed_by_exec(fd);
	close(fd);
	if (result < 0) {
		cmd_complain("%s: %s", subject, strerror(-result));
		return STATUS_NOT_EXECUTABLE;
	}
	if (refuse(subject, path, &program, &ours)) {
		return STATUS_REFUSED;
	}
	if (change) {
		cmd_complain("%s %s: the loader ignores LD_PRELOAD in it", subject, change);
		return STATUS_REFUSED;
	}
	if (program.interpreter[0] && access(program.interpreter, F_OK)) {
		cmd_complain("%s: its loader %s: %s", subject, program.interpreter,
			     strerror(errno));
		return STATUS_NOT_FOUND;
	}
	return STATUS_OK;
}

int preflight(const char *program, const char *library, char path[PATH_MAX])
{
	char started[PATH_MAX], subject[PATH_MAX * 2];
	int result = find(program, path);
	if (result < 0) {
		cmd_complain("%s: %s", program, strerror(-result));
		return status_of(result);
	}

	strcpy(started, path);
	int depth = 0;
	while ((result = follow_script(started)) == 1 && depth < SCRIPT_DEPTH_MAX) {
		depth++;
	}
	if (result < 0) {
		cmd_complain("%s: its interpreter %s: %s", program, started, strerror(-result));
		return status_of(result);
	}
	if (result == 1) {
		cmd_complain("%s: %s", program, strerror(ELOOP));
		return STATUS_NOT_EXECUTABLE;
	}
	snprintf(subject, sizeof(subject), depth ? "%2$s, which runs %1$s," : "%1$s", program,
		 started);
	return inspect(subject, started, library);
}
