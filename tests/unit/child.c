#include "child.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <cmocka.h>

/* A child that blocks is killed, and its test fails. */
#define PATIENCE_S 60

char directory[64];
char log_path[128];
char content[32 << 20];

int make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/resetby-unit.XXXXXX");
	if (!mkdtemp(directory)) {
		return -1;
	}
	snprintf(log_path, sizeof log_path, "%s/log", directory);
	return 0;
}

int remove_directory(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", directory);
	return system(command);
}

void in_child(void (*body)(void))
{
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		alarm(PATIENCE_S);
		body();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		skip();
	}
	assert_int_equal(status, 0);
}

void without_call(int number)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof program / sizeof *program, program};
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
		_exit(SKIPPED);
	}
}

size_t load(const char *path)
{
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	size_t length = 0;
	ssize_t got;
	while ((got = read(fd, content + length, sizeof content - 1 - length)) > 0) {
		length += (size_t)got;
	}
	close(fd);
	content[length] = '\0';
	return length;
}

bool file_is(const char *path, const char *expected)
{
	load(path);
	return strcmp(content, expected) == 0;
}
