#include "elf.h"
#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include "raw.h"
#include "scratch.h"

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_ORDER (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB)

#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#endif

/** What cmd/link of Go calls the owner of its notes, the NUL included. */
#define GO_NOTE_OWNER "Go\0"
#define GO_NOTE_BUILD_ID 4

/** So much of the section headers, and of their names, is looked at. */
#define SECTIONS_SIZE (SCRATCH_SIZE / 2)

const struct elf_kind elf_own = {NATIVE_CLASS, NATIVE_ORDER, NATIVE_MACHINE};

/* How many bytes there are at `offset`, at most `size`. */
static size_t read_some(int fd, uint64_t offset, void *buffer, size_t size)
{
	long got = raw_pread(fd, buffer, size, offset);
	return got > 0 ? (size_t)got : 0;
}

/* All of `size` bytes at `offset`, or nothing. */
static bool read_at(int fd, uint64_t offset, void *buffer, size_t size)
{
	return read_some(fd, offset, buffer, size) == size;
}

static bool read_interpreter(int fd, const ElfW(Phdr) * segment, char path[PATH_MAX])
{
	size_t size = segment->p_filesz;
	if (size < 2 || size > PATH_MAX || !read_at(fd, segment->p_offset, path, size)) {
		return false;
	}
	return path[size - 1] == '\0';
}

static uint64_t round_up(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) / alignment * alignment;
}

/* The fields of a note are 32 bits wide in both classes, so that no sum here can overflow. */
static bool has_go_note(int fd, const ElfW(Phdr) * segment)
{
	uint64_t alignment = segment->p_align == 8 ? 8 : 4;
	uint64_t offset = 0;
	while (offset < segment->p_filesz) {
		ElfW(Nhdr) note = {0};
		char owner[sizeof(GO_NOTE_OWNER)];
		uint64_t at = segment->p_offset + offset;
		if (!read_at(fd, at, &note, sizeof(note))) {
			return false;
		}
		if (note.n_type == GO_NOTE_BUILD_ID && note.n_namesz == sizeof(owner) &&
		    read_at(fd, at + sizeof(note), owner, sizeof(owner)) &&
		    !memcmp(owner, GO_NOTE_OWNER, sizeof(owner))) {
			return true;
		}
		uint64_t owner_end = round_up(sizeof(note) + (uint64_t)note.n_namesz, alignment);
		offset += round_up(owner_end + note.n_descsz, alignment);
	}
	return false;
}

static int read_segments(int fd, const ElfW(Ehdr) * header, struct elf_facts *facts)
{
	if (header->e_phentsize != sizeof(ElfW(Phdr))) {
		return -ENOEXEC;
	}
	for (size_t i = 0; i < header->e_phnum; i++) {
		ElfW(Phdr) segment = {0};
		if (!read_at(fd, header->e_phoff + i * sizeof(segment), &segment,
			     sizeof(segment))) {
			return -ENOEXEC;
		}
		if (segment.p_type == PT_INTERP && !facts->interpreter[0] &&
		    !read_interpreter(fd, &segment, facts->interpreter)) {
			return -ENOEXEC;
		}
		if (segment.p_type == PT_NOTE && has_go_note(fd, &segment)) {
			facts->go = true;
		}
	}
	return 0;
}

static bool is_go_section(const char *name)
{
	return !strcmp(name, ".go.buildinfo") || !strcmp(name, ".note.go.buildid");
}

/* Sections are no part of the running program: a stripped or broken table proves nothing. */
static bool has_go_section(int fd, const ElfW(Ehdr) * header)
{
	char *room = scratch_take();
	if (room == NULL) {
		return false;
	}
	const ElfW(Shdr) *sections = (const void *)room;
	char *names = room + SECTIONS_SIZE;
	size_t size = header->e_shnum * sizeof *sections;
	size = read_some(fd, header->e_shoff, room, size < SECTIONS_SIZE ? size : SECTIONS_SIZE);
	size_t count = header->e_shentsize == sizeof *sections ? size / sizeof *sections : 0;
	size_t length = 0;
	if (header->e_shstrndx < count) {
		const ElfW(Shdr) *section = &sections[header->e_shstrndx];
		size_t wanted =
			section->sh_size < SECTIONS_SIZE ? section->sh_size : SECTIONS_SIZE - 1;
		length = read_some(fd, section->sh_offset, names, wanted);
	}
	names[length] = '\0';
	bool found = false;
	for (size_t i = 0; i < count && !found; i++) {
		found = sections[i].sh_name < length && is_go_section(names + sections[i].sh_name);
	}
	scratch_give(room);
	return found;
}

int elf_read(int fd, struct elf_facts *facts)
{
	unsigned char start[EI_NIDENT + 4] = {0};
	memset(facts, 0, sizeof(*facts));
	if (!read_at(fd, 0, start, sizeof(start)) || memcmp(start, ELFMAG, SELFMAG) != 0) {
		return -ENOEXEC;
	}
	facts->kind.class = start[EI_CLASS];
	facts->kind.order = start[EI_DATA];
	/* e_machine stands behind e_ident and e_type, in the file's own byte order. */
	const unsigned char *machine = start + EI_NIDENT + 2;
	bool big = facts->kind.order == ELFDATA2MSB;
	facts->kind.machine = (uint16_t)(machine[big ? 0 : 1] << 8 | machine[big ? 1 : 0]);
	if (!elf_matches(&facts->kind, &elf_own)) {
		return 0;
	}

	ElfW(Ehdr) header;
	if (!read_at(fd, 0, &header, sizeof(header))) {
		return -ENOEXEC;
	}
	int result = read_segments(fd, &header, facts);
	if (result == 0 && has_go_section(fd, &header)) {
		facts->go = true;
	}
	return result;
}

bool elf_matches(const struct elf_kind *one, const struct elf_kind *other)
{
	return one->class == other->class && one->order == other->order &&
	       one->machine == other->machine;
}

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_X86_64:
		return "x86-64";
	case EM_ARM:
		return "ARM";
	case EM_AARCH64:
		return "AArch64";
	case EM_PPC64:
		return "PowerPC";
	case EM_S390:
		return "S/390";
	case EM_RISCV:
		return "RISC-V";
	default:
		return NULL;
	}
}

void elf_describe(struct text *text, const struct elf_kind *kind)
{
	const char *name = machine_name(kind->machine);
	text_format(text, "%d-bit%s ", kind->class == ELFCLASS64 ? 64 : 32,
		    kind->order == ELFDATA2MSB ? " big-endian" : "");
	if (name != NULL) {
		text_string(text, name);
	} else {
		text_format(text, "machine %u", kind->machine);
	}
}
