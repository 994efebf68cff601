#include "preflight.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../sys/program.h"
#include "cmd.h"

#define WHY_SIZE (PATH_MAX + 200)

static int status_of(int error)
{
	return error == -ENOENT || error == -ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
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
	char room[WHY_SIZE];
	struct text why = text_in(room, sizeof(room));
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
	bool refused = result == 0 && program_refuses(path, fd, &program, &ours.kind, &why);
	close(fd);
	if (result < 0) {
		cmd_complain("%s: %s", subject, strerror(-result));
		return STATUS_NOT_EXECUTABLE;
	}
	if (refused) {
		cmd_complain("%s %s", subject, room);
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
	const char *directories = getenv("PATH");
	int result = program_find(program, directories, path);
	if (result < 0) {
		cmd_complain("%s: %s", program, strerror(-result));
		return status_of(result);
	}

	strcpy(started, path);
	int depth = program_follow(started, directories ? directories : PROGRAM_DIRECTORIES);
	if (depth == -ELOOP) {
		cmd_complain("%s: %s", program, strerror(ELOOP));
		return STATUS_NOT_EXECUTABLE;
	}
	if (depth < 0) {
		cmd_complain("%s: its interpreter %s: %s", program, started, strerror(-depth));
		return status_of(depth);
	}
	snprintf(subject, sizeof(subject), depth ? "%2$s, which runs %1$s," : "%1$s", program,
		 started);
	return inspect(subject, started, library);
}
