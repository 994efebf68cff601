#include "starts.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "../sys/memory.h"
#include "../sys/program.h"
#include "../sys/raw.h"
#include "../sys/scratch.h"

/* Too much for a small stack. */
struct desk {
	char path[PATH_MAX];
	struct elf_facts facts;
};

_Static_assert(sizeof(struct desk) <= SCRATCH_SIZE, "a program fits on one scratch block");

static long open_program(const char *path)
{
	return raw_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
}

/* What the kernel starts: a program for this processor, or a script whose interpreter is one. */
static bool is_program(struct desk *desk)
{
	long fd = program_follow(desk->path, NULL) < 0 ? -ENOEXEC : open_program(desk->path);
	/* What may be executed and not read is taken for one. */
	bool found = fd == -EACCES || (fd >= 0 && elf_read((int)fd, &desk->facts) == 0 &&
				       elf_matches(&desk->facts.kind, &elf_own));
	if (fd >= 0) {
		raw_close((int)fd);
	}
	return found;
}

/* The shell's way with other files, which is execvp's, is none of the kernel's. */
static bool has_magic(const char *path)
{
	char magic[4] = "";
	long fd = open_program(path);
	if (fd >= 0) {
		raw_read((int)fd, magic, sizeof magic);
		raw_close((int)fd);
	}
	return fd == -EACCES || memcmp(magic, "#!", 2) == 0 || memcmp(magic, ELFMAG, SELFMAG) == 0;
}

bool starts_at(int directory, const char *path)
{
	struct desk *desk = memory_has_string(path) ? scratch_take() : NULL;
	bool found = desk != NULL && program_find_at(directory, path, desk->path) == 0 &&
		     has_magic(desk->path) && is_program(desk);
	if (desk != NULL) {
		scratch_give(desk);
	}
	return found;
}

bool starts_called(const char *name)
{
	struct desk *desk = memory_has_string(name) ? scratch_take() : NULL;
	const char *directories = program_variable(environ, "PATH");
	bool found = desk != NULL && program_find(name, directories, desk->path) == 0 &&
		     is_program(desk);
	if (desk != NULL) {
		scratch_give(desk);
	}
	return found;
}
