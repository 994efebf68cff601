#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>
#include "child.h"
#include "sys/program.h"

#define NOBODY 65534
/* How many `#!` the kernel follows. */
#define DEPTH_MAX 5
/* How much it reads of a file to know what it is. */
#define LINE_READ 256

/* A path below the test's directory, in one of a few static buffers. */
static const char *below(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, PATH_MAX, "%s/%s", directory, name);
	return path;
}

static const char *make_file(const char *name, const char *text, mode_t mode)
{
	const char *path = below(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(fchmod(fd, mode) == 0);
	close(fd);
	return path;
}

static void make_programs(void)
{
	make_file("program", "\177ELF", 0755);
	make_file("plain", "\177ELF", 0644);
	CHECK(mkdir(below("a"), 0755) == 0);
	CHECK(mkdir(below("b"), 0755) == 0);
	CHECK(mkdir(below("a/program"), 0755) == 0);
	make_file("b/program", "\177ELF", 0755);
	CHECK(chdir(directory) == 0);
}

static void a_variable_is_found_by_its_whole_name(void **state)
{
	(void)state;
	char *list[] = {"PATHS=x", "XPATH=x", "PATH", "PATH=a=b", "PATH=later", "EMPTY=", NULL};
	assert_string_equal(program_variable(list, "PATH"), "a=b");
	assert_string_equal(program_variable(list, "EMPTY"), "");
	assert_null(program_variable(list, "PAT"));
	assert_null(program_variable(list, "HOME"));
	assert_null(program_variable(NULL, "PATH"));
}

static void find_by_path(void)
{
	char path[PATH_MAX];
	char longest[PATH_MAX + 1];
	make_programs();
	CHECK(program_find("./program", "/nonexistent", path) == 0);
	CHECK(strcmp(path, "./program") == 0);
	CHECK(program_find("./plain", NULL, path) == -EACCES);
	CHECK(program_find("./a", NULL, path) == -EACCES);
	CHECK(program_find("./absent", NULL, path) == -ENOENT);
	CHECK(program_find("./program/x", NULL, path) == -ENOTDIR);
	CHECK(program_find("", directory, path) == -ENOENT);
	memset(longest, '/', sizeof longest);
	longest[PATH_MAX] = '\0';
	CHECK(program_find(longest, NULL, path) == -ENAMETOOLONG);
	longest[PATH_MAX - 1] = '\0';
	CHECK(program_find(longest, NULL, path) == -EACCES);
}

static void a_name_with_a_slash_is_a_path(void **state)
{
	(void)state;
	in_child(find_by_path);
}

static void find_as_effective_user(void)
{
	char path[PATH_MAX];
	if (getuid() != 0) {
		_exit(SKIPPED);
	}
	make_programs();
	CHECK(chmod(directory, 0755) == 0);
	make_file("private", "\177ELF", 0700);
	CHECK(program_find("./private", NULL, path) == 0);
	CHECK(seteuid(NOBODY) == 0);
	CHECK(program_find("./private", NULL, path) == -EACCES);
	CHECK(program_find("./program", NULL, path) == 0);
}

static void the_effective_user_has_to_be_allowed_to_execute(void **state)
{
	(void)state;
	in_child(find_as_effective_user);
}

/** As before Linux 5.8. */
static void find_without_faccessat2(void)
{
	char path[PATH_MAX];
	make_programs();
	without_call(SYS_faccessat2);
	CHECK(program_find("./program", NULL, path) == 0);
	CHECK(program_find("./plain", NULL, path) == -EACCES);
}

static void an_older_kernel_can_be_asked_too(void **state)
{
	(void)state;
	in_child(find_without_faccessat2);
}

static void find_in_directories(void)
{
	char path[PATH_MAX];
	char longest[2 * PATH_MAX];
	make_programs();
	CHECK(program_find("program", "a:b", path) == 0);
	CHECK(strcmp(path, "b/program") == 0);
	/* What cannot be executed is remembered, and what is not there is not. */
	CHECK(program_find("program", "a:absent", path) == -EACCES);
	CHECK(program_find("program", "absent:a", path) == -EACCES);
	CHECK(program_find("absent", "a:b", path) == -ENOENT);
	static const char *const here[] = {"", ":", ":a", "a:", "absent::a"};
	for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
		CHECK(program_find("program", here[i], path) == 0);
		CHECK(strcmp(path, "./program") == 0);
	}
	memset(longest, 'x', PATH_MAX);
	strcpy(longest + PATH_MAX, ":b");
	CHECK(program_find("program", longest, path) == 0);
	CHECK(strcmp(path, "b/program") == 0);
	/* The longest path that there is; the next is not cut to it. */
	memset(longest, '/', sizeof longest);
	strcpy(longest + PATH_MAX - 1 - strlen(below("b/program")), below("b"));
	CHECK(program_find("program", longest, path) == 0);
	CHECK(program_find("programs", longest, path) == -ENOENT);
	CHECK(program_find("sh", NULL, path) == 0);
	CHECK(strcmp(path, "/bin/sh") == 0);
}

static void a_name_is_looked_for_in_one_directory_after_another(void **state)
{
	(void)state;
	in_child(find_in_directories);
}

static void find_at(void)
{
	char path[PATH_MAX];
	char expected[PATH_MAX];
	char longest[PATH_MAX + 1];
	make_programs();
	int b = open("b", O_PATH), program = open("program", O_PATH);
	snprintf(expected, sizeof expected, "/proc/self/fd/%d/program", b);
	CHECK(program_find_at(b, "program", path) == 0);
	CHECK(strcmp(path, expected) == 0);
	CHECK(program_find_at(b, "plain", path) == -ENOENT);
	snprintf(expected, sizeof expected, "/proc/self/fd/%d", program);
	CHECK(program_find_at(program, "", path) == 0);
	CHECK(strcmp(path, expected) == 0);
	CHECK(program_find_at(b, "", path) == -EACCES);
	CHECK(program_find_at(AT_FDCWD, "program", path) == 0);
	CHECK(strcmp(path, "program") == 0);
	CHECK(program_find_at(b, below("program"), path) == 0);
	CHECK(strcmp(path, below("program")) == 0);
	memset(longest, '/', sizeof longest);
	longest[PATH_MAX] = '\0';
	CHECK(program_find_at(AT_FDCWD, longest, path) == -ENAMETOOLONG);
}

static void a_program_is_found_from_an_open_directory_or_by_its_descriptor(void **state)
{
	(void)state;
	in_child(find_at);
}

/* Where does a script with this text lead? */
static const char *followed(const char *text, const char *directories, int depth)
{
	static char path[PATH_MAX];
	strcpy(path, make_file("script", text, 0755));
	CHECK(program_follow(path, directories) == depth);
	return path;
}

#define LEADS_TO(text, directories, depth, expected)                                               \
	CHECK(strcmp(followed(text, directories, depth), expected) == 0)

static void follow_scripts(void)
{
	make_programs();
	LEADS_TO("\177ELF", NULL, 0, below("script"));
	LEADS_TO("#!./program", NULL, 1, "./program");
	LEADS_TO("#! \t./program \t-x y \t\nmore", NULL, 1, "./program");
	LEADS_TO("#!./program\t\n", NULL, 1, "./program");
	/* What the kernel does not know is the shell's. */
	char shell[PATH_MAX] = "/bin/sh";
	CHECK(program_follow(shell, NULL) == 0);
	LEADS_TO("echo", NULL, 1, "/bin/sh");
	LEADS_TO("", NULL, 1, "/bin/sh");
	LEADS_TO("\177EL", NULL, 1, "/bin/sh");
	LEADS_TO("#! \t\n./program", NULL, 1, "/bin/sh");
	followed("#!./absent", NULL, -ENOENT);
	followed("#!./plain", NULL, -EACCES);
	LEADS_TO("#!./program\nx", NULL, 1, "./program");
}

static void a_script_leads_to_its_interpreter(void **state)
{
	(void)state;
	in_child(follow_scripts);
}

static void follow_env(void)
{
	static const char *const found[] = {
		"#!/usr/bin/env program",
		"#!/usr/bin/env program \t",
		"#!/usr/bin/env -S program -x",
		"#!/usr/bin/env -Sprogram",
		"#!/usr/bin/env -S A=1 B=2 program",
	};
	static const char *const hidden[] = {
		"#!/usr/bin/env -i program",
		"#!/usr/bin/env A=1",
		"#!/usr/bin/env -S -i program",
		"#!/usr/bin/env -S A=1",
		"#!/usr/bin/env -S",
		"#!/usr/bin/env absent",
		"#!/usr/bin/env",
	};
	make_programs();
	/* Though there are programs of these names. */
	make_file("b/-i program", "\177ELF", 0755);
	make_file("b/-i", "\177ELF", 0755);
	make_file("b/A=1", "\177ELF", 0755);
	for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
		LEADS_TO(found[i], "a:b", 1, "b/program");
		LEADS_TO(found[i], NULL, 1, "/usr/bin/env");
	}
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
		LEADS_TO(hidden[i], "a:b", 1, "/usr/bin/env");
	}
	CHECK(symlink("/usr/bin/env", "env") == 0);
	CHECK(symlink("/usr/bin/env", "printenv") == 0);
	LEADS_TO("#!./env program", "b", 1, "b/program");
	LEADS_TO("#!env program", "b", 1, "env");
	LEADS_TO("#!./printenv program", "b", 1, "./printenv");
}

/** It is given to the shell where it does not end in what the kernel reads: load_script(). */
static void follow_long_lines(void)
{
	char line[LINE_READ + 2];
	make_programs();
	memset(line, '/', sizeof line);
	line[sizeof line - 1] = '\0';
	memcpy(line, "#!", 2);
	memcpy(line + 2, directory, strlen(directory));
	char *end = line + LINE_READ - 1;
	memcpy(end - strlen("/program"), "/program", strlen("/program"));
	static const char ends[] = {'\n', ' ', '\t', '\0', 'x'};
	for (size_t i = 0; i < sizeof ends; i++) {
		*end = ends[i];
		const char *last = strrchr(followed(line, NULL, 1), '/');
		CHECK(strcmp(last, ends[i] == 'x' ? "/sh" : "/program") == 0);
	}
}

static void a_line_that_is_longer_than_the_kernel_reads_names_no_interpreter(void **state)
{
	(void)state;
	in_child(follow_long_lines);
}

static void a_script_that_env_starts_leads_to_the_program_that_env_would_run(void **state)
{
	(void)state;
	in_child(follow_env);
}

static void follow_chains(void)
{
	char name[16], text[32], path[PATH_MAX];
	make_programs();
	make_file("s0", "#!./program", 0755);
	for (int i = 1; i <= DEPTH_MAX; i++) {
		snprintf(name, sizeof name, "s%d", i);
		snprintf(text, sizeof text, "#!./s%d", i - 1);
		make_file(name, text, 0755);
		snprintf(path, sizeof path, "./%s", name);
		CHECK(program_follow(path, NULL) == (i < DEPTH_MAX ? i + 1 : -ELOOP));
	}
}

static void a_chain_is_followed_as_far_as_the_kernel_does(void **state)
{
	(void)state;
	in_child(follow_chains);
}

/* What stands against a program with this loader, of such a path; "" when nothing does. */
static const char *objection(const char *path, int fd, const char *interpreter, bool go)
{
	static char room[256];
	struct elf_facts facts = {.kind = elf_own, .go = go};
	struct text why = text_in(room, sizeof room);
	strcpy(facts.interpreter, interpreter);
	bool refused = program_refuses(path, fd, &facts, &elf_own, &why);
	CHECK(refused == (room[0] != '\0'));
	return room;
}

#define OBJECTS(found, expected) CHECK(strncmp(found, expected, strlen(expected)) == 0)
#define AGREES(found) CHECK(found[0] == '\0')

static void ask_of_kinds(void)
{
	static const char glibc[] = "/lib64/ld-linux-x86-64.so.2";
	static const char *const loaders[] = {glibc, "ld-linux.so.2", "/lib/ld.so.1",
					      "/usr/lib/valgrind/memcheck"};
	static const char *const others[] = {"/bin/ld", "/bin/xld-linux.so.2", "/ld-linux/x",
					     "/bin/valgrind"};
	static const char *const foreign[] = {"/lib/ld-musl-x86_64.so.1", "/lib/ld-uClibc.so.0",
					      "/system/bin/linker64"};
	int fd = open(make_file("program", "", 0755), O_RDONLY);
	AGREES(objection("/bin/x", fd, glibc, false));
	OBJECTS(objection("/bin/x", fd, "", false), "is statically linked:");
	OBJECTS(objection("/bin/x", fd, "", true), "is a Go program, statically linked:");
	OBJECTS(objection("/bin/x", fd, glibc, true), "is a Go program: linked to libc");
	for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) {
		AGREES(objection(loaders[i], fd, "", false));
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		OBJECTS(objection(others[i], fd, "", false), "is statically linked:");
	}
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		const char *why = objection("/bin/x", fd, foreign[i], false);
		OBJECTS(why, "is not linked to glibc (its loader is ");
		CHECK(strstr(why, foreign[i]) != NULL);
	}
	char room[256];
	struct elf_facts s390 = {.kind = {ELFCLASS64, ELFDATA2MSB, EM_S390}};
	struct elf_kind amd64 = {ELFCLASS64, ELFDATA2LSB, EM_X86_64};
	struct text why = text_in(room, sizeof room);
	CHECK(program_refuses("/bin/x", fd, &s390, &amd64, &why));
	CHECK(strcmp(room, "is a 64-bit big-endian S/390 program: the library is 64-bit x86-64 "
			   "and cannot be loaded into it") == 0);
}

static void a_program_without_glibcs_loader_is_refused(void **state)
{
	(void)state;
	in_child(ask_of_kinds);
}

/* What would the file with this owner and mode change? */
static const char *change(uid_t owner, gid_t group, mode_t mode)
{
	const char *path = make_file("changes", "", 0755);
	CHECK(chown(path, owner, group) == 0 && chmod(path, mode) == 0);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	const char *why = objection(path, fd, "/lib/ld-linux.so.2", false);
	close(fd);
	return why;
}

/* Where /tmp is mounted nosuid it does not count who owns a file, or what it may. */
static void need_root_and_ids(void)
{
	struct statvfs mounted;
	CHECK(statvfs(directory, &mounted) == 0);
	if (getuid() != 0 || (mounted.f_flag & ST_NOSUID) != 0) {
		_exit(SKIPPED);
	}
}

static void ask_of_ids(void)
{
	need_root_and_ids();
	AGREES(change(NOBODY, NOBODY, 0755));
	AGREES(change(0, 0, 06755));
	OBJECTS(change(NOBODY, 0, 04755), "runs under another user ID");
	OBJECTS(change(0, NOBODY, 02755), "runs under another group ID");
	/* That is mandatory locking. */
	AGREES(change(0, NOBODY, 02745));
	int fd = open(below("changes"), O_RDONLY);
	CHECK(fd >= 0 && seteuid(NOBODY) == 0);
	OBJECTS(objection("x", fd, "/lib/ld-linux.so.2", false), "runs under another user ID");
	CHECK(seteuid(0) == 0 && setegid(NOBODY) == 0);
	OBJECTS(objection("x", fd, "/lib/ld-linux.so.2", false), "runs under another group ID");
	CHECK(setegid(0) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	AGREES(change(NOBODY, NOBODY, 06755));
}

static void a_program_that_runs_under_another_id_is_refused(void **state)
{
	(void)state;
	in_child(ask_of_ids);
}

static void ask_of_capabilities(void)
{
	/* Version 2, effective: CAP_NET_BIND_SERVICE. */
	static const uint32_t capability[] = {0x02000001, 1 << 10, 0, 0, 0};
	const char *path = make_file("capable", "", 0755);
	int fd = open(path, O_RDONLY);
	need_root_and_ids();
	if (setxattr(path, "security.capability", capability, sizeof capability, 0) != 0) {
		_exit(SKIPPED);
	}
	AGREES(objection(path, fd, "/lib/ld-linux.so.2", false));
	CHECK(setresuid(NOBODY, NOBODY, NOBODY) == 0);
	OBJECTS(objection(path, fd, "/lib/ld-linux.so.2", false), "has file capabilities");
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	AGREES(objection(path, fd, "/lib/ld-linux.so.2", false));
}

static void file_capabilities_are_refused_but_to_root(void **state)
{
	(void)state;
	in_child(ask_of_capabilities);
}

static void ask_where_ids_are_ignored(void)
{
	if (getuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", directory, "tmpfs", MS_NOSUID, NULL) != 0) {
		_exit(SKIPPED);
	}
	AGREES(change(NOBODY, NOBODY, 06755));
	CHECK(mount("none", directory, NULL, MS_REMOUNT, NULL) == 0);
	OBJECTS(change(NOBODY, NOBODY, 06755), "runs under another user ID");
}

static void ids_do_not_count_where_the_mount_ignores_them(void **state)
{
	(void)state;
	in_child(ask_where_ids_are_ignored);
}

int main(void)
{
#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_variable_is_found_by_its_whole_name),
		FILE_TEST(a_name_with_a_slash_is_a_path),
		FILE_TEST(the_effective_user_has_to_be_allowed_to_execute),
		FILE_TEST(an_older_kernel_can_be_asked_too),
		FILE_TEST(a_name_is_looked_for_in_one_directory_after_another),
		FILE_TEST(a_program_is_found_from_an_open_directory_or_by_its_descriptor),
		FILE_TEST(a_script_leads_to_its_interpreter),
		FILE_TEST(a_line_that_is_longer_than_the_kernel_reads_names_no_interpreter),
		FILE_TEST(a_script_that_env_starts_leads_to_the_program_that_env_would_run),
		FILE_TEST(a_chain_is_followed_as_far_as_the_kernel_does),
		FILE_TEST(a_program_without_glibcs_loader_is_refused),
		FILE_TEST(a_program_that_runs_under_another_id_is_refused),
		FILE_TEST(file_capabilities_are_refused_but_to_root),
		FILE_TEST(ids_do_not_count_where_the_mount_ignores_them),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
