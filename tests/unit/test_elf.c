#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "sys/elf.h"
#include "sys/scratch.h"

#define LOADER "/lib/ld.so"
#define GO_BUILD_ID 4

/** A program's file: what elf_read looks at, and nothing else. */
static struct image {
	ElfW(Ehdr) header;
	ElfW(Phdr) segments[2];
	ElfW(Shdr) sections[3];
	char interpreter[PATH_MAX + 1];
	char notes[128];
	char names[3 * SCRATCH_SIZE];
} image;

/* Every part is where the headers say, and holds nothing yet. */
static int make_image(void **state)
{
	(void)state;
	memset(&image, 0, sizeof image);
	memcpy(image.header.e_ident, ELFMAG, SELFMAG);
	image.header.e_ident[EI_CLASS] = elf_own.class;
	image.header.e_ident[EI_DATA] = elf_own.order;
	image.header.e_machine = elf_own.machine;
	image.header.e_phoff = offsetof(struct image, segments);
	image.header.e_phentsize = sizeof *image.segments;
	image.header.e_phnum = 2;
	image.header.e_shoff = offsetof(struct image, sections);
	image.header.e_shentsize = sizeof *image.sections;
	image.header.e_shnum = 3;
	image.header.e_shstrndx = 1;
	image.sections[1].sh_offset = offsetof(struct image, names);
	return 0;
}

static void put_interpreter(const char *path, size_t size)
{
	memcpy(image.interpreter, path, size);
	image.segments[0].p_type = PT_INTERP;
	image.segments[0].p_offset = offsetof(struct image, interpreter);
	image.segments[0].p_filesz = size;
}

/* Returns where the next note begins. */
static size_t put_note(size_t at, const char *owner, size_t owner_size, uint32_t type,
		       uint32_t content, size_t alignment)
{
	ElfW(Nhdr) note = {(ElfW(Word))owner_size, content, type};
	memcpy(image.notes + at, &note, sizeof note);
	memcpy(image.notes + at + sizeof note, owner, owner_size);
	size_t end = (sizeof note + owner_size + alignment - 1) / alignment * alignment;
	end = (end + content + alignment - 1) / alignment * alignment;
	image.segments[1].p_type = PT_NOTE;
	image.segments[1].p_align = alignment;
	image.segments[1].p_offset = offsetof(struct image, notes);
	image.segments[1].p_filesz = at + end;
	return at + end;
}

/* One behind another in the table of names. */
static void put_section_names(const char *first, const char *second)
{
	strcpy(image.names + 1, first);
	strcpy(image.names + 1 + strlen(first) + 1, second);
	image.sections[0].sh_name = 1;
	image.sections[2].sh_name = (ElfW(Word))(1 + strlen(first) + 1);
	image.sections[1].sh_size = image.sections[2].sh_name + strlen(second) + 1;
}

/* Only so much of the image is in the file. */
static int read_cut(size_t size, struct elf_facts *facts)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, &image, size), size);
	memset(facts, '#', sizeof *facts);
	int result = elf_read(fd, facts);
	close(fd);
	return result;
}

static struct elf_facts facts_of_image(void)
{
	struct elf_facts facts;
	assert_int_equal(read_cut(sizeof image, &facts), 0);
	return facts;
}

static int result_of_image(void)
{
	struct elf_facts facts;
	return read_cut(sizeof image, &facts);
}

static void what_is_no_elf_file_or_cut_short_is_refused(void **state)
{
	(void)state;
	struct elf_facts facts;
	put_interpreter(LOADER, sizeof LOADER);
	const size_t whole = offsetof(struct image, interpreter) + sizeof LOADER;
	for (size_t size = 0; size < whole; size++) {
		assert_int_equal(read_cut(size, &facts), -ENOEXEC);
	}
	assert_int_equal(read_cut(whole, &facts), 0);
	image.header.e_ident[EI_MAG3] = 'E';
	assert_int_equal(result_of_image(), -ENOEXEC);
}

static void of_another_machine_the_kind_alone_is_told(void **state)
{
	(void)state;
	struct elf_facts facts;
	put_interpreter(LOADER, sizeof LOADER);
	image.header.e_ident[EI_CLASS] = ELFCLASS64;
	image.header.e_ident[EI_DATA] = ELFDATA2MSB;
	image.header.e_machine = (ElfW(Half))(EM_PPC64 << 8 | 1);
	assert_int_equal(read_cut(EI_NIDENT + 4, &facts), 0);
	assert_int_equal(facts.kind.class, ELFCLASS64);
	assert_int_equal(facts.kind.order, ELFDATA2MSB);
	assert_int_equal(facts.kind.machine, 1 << 8 | EM_PPC64);
	assert_string_equal(facts.interpreter, "");
	assert_false(facts.go);
}

static void kinds_match_when_all_of_them_is_the_same(void **state)
{
	(void)state;
	struct elf_kind other = elf_own;
	assert_true(elf_matches(&elf_own, &other));
	other.class ++;
	assert_false(elf_matches(&elf_own, &other));
	other = elf_own;
	other.order++;
	assert_false(elf_matches(&elf_own, &other));
	other = elf_own;
	other.machine++;
	assert_false(elf_matches(&elf_own, &other));
}

static void a_kind_is_described_as_people_name_it(void **state)
{
	(void)state;
	static const struct {
		struct elf_kind kind;
		const char *text;
	} rows[] = {
		{{ELFCLASS32, ELFDATA2LSB, EM_386}, "32-bit i386"},
		{{ELFCLASS64, ELFDATA2LSB, EM_X86_64}, "64-bit x86-64"},
		{{ELFCLASS32, ELFDATA2LSB, EM_ARM}, "32-bit ARM"},
		{{ELFCLASS64, ELFDATA2LSB, EM_AARCH64}, "64-bit AArch64"},
		{{ELFCLASS64, ELFDATA2MSB, EM_PPC64}, "64-bit big-endian PowerPC"},
		{{ELFCLASS64, ELFDATA2MSB, EM_S390}, "64-bit big-endian S/390"},
		{{ELFCLASS64, ELFDATA2LSB, EM_RISCV}, "64-bit RISC-V"},
		{{ELFCLASS32, ELFDATA2MSB, 12345}, "32-bit big-endian machine 12345"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char room[64];
		struct text text = text_in(room, sizeof room);
		elf_describe(&text, &rows[i].kind);
		assert_string_equal(room, rows[i].text);
	}
}

static void the_interpreter_is_that_of_the_first_segment_that_names_one(void **state)
{
	(void)state;
	assert_string_equal(facts_of_image().interpreter, "");
	put_interpreter(LOADER, sizeof LOADER);
	image.segments[1] = image.segments[0];
	image.segments[1].p_offset += 1;
	image.segments[1].p_filesz -= 1;
	assert_string_equal(facts_of_image().interpreter, LOADER);
	image.header.e_phnum = 0;
	assert_string_equal(facts_of_image().interpreter, "");
}

static void an_interpreter_that_is_no_string_is_refused(void **state)
{
	(void)state;
	char longest[PATH_MAX + 1];
	memset(longest, 'x', sizeof longest);
	longest[PATH_MAX - 1] = '\0';
	longest[PATH_MAX] = '\0';
	put_interpreter(longest, PATH_MAX);
	assert_int_equal(strlen(facts_of_image().interpreter), PATH_MAX - 1);
	put_interpreter(longest, PATH_MAX + 1);
	assert_int_equal(result_of_image(), -ENOEXEC);
	put_interpreter("x", 2);
	assert_string_equal(facts_of_image().interpreter, "x");
	put_interpreter("", 1);
	assert_int_equal(result_of_image(), -ENOEXEC);
	put_interpreter(LOADER, sizeof LOADER - 1);
	assert_int_equal(result_of_image(), -ENOEXEC);
}

static void headers_of_another_size_or_behind_every_file_are_refused(void **state)
{
	(void)state;
	image.header.e_phentsize++;
	assert_int_equal(result_of_image(), -ENOEXEC);
	image.header.e_phentsize--;
	image.header.e_phoff = (ElfW(Off))INT64_MAX;
	assert_int_equal(result_of_image(), -ENOEXEC);
	image.header.e_phoff = (ElfW(Off)) - 1;
	assert_int_equal(result_of_image(), -ENOEXEC);
}

static void a_note_of_gos_linker_is_found_behind_others(void **state)
{
	(void)state;
	for (size_t alignment = 4; alignment <= 8; alignment += 4) {
		make_image(NULL);
		size_t next = put_note(0, "GNU", 4, GO_BUILD_ID, 5, alignment);
		next = put_note(next, "Go\0", 4, 1, 0, alignment);
		next = put_note(next, "Go", 3, GO_BUILD_ID, 0, alignment);
		next = put_note(next, "Gone", 5, GO_BUILD_ID, 3, alignment);
		assert_false(facts_of_image().go);
		put_note(next, "Go\0", 4, GO_BUILD_ID, 1, alignment);
		assert_true(facts_of_image().go);
		/* What is behind the segment's end is none of its notes. */
		image.segments[1].p_filesz = next;
		assert_false(facts_of_image().go);
	}
}

/** Also the one whose sizes lead nowhere. */
static void other_segments_and_broken_notes_say_nothing_of_go(void **state)
{
	(void)state;
	put_note(0, "Go\0", 4, GO_BUILD_ID, 0, 4);
	image.segments[1].p_type = PT_LOAD;
	assert_false(facts_of_image().go);
	image.segments[1].p_type = PT_NOTE;
	image.segments[1].p_offset = sizeof image - 4;
	assert_false(facts_of_image().go);
	ElfW(Nhdr) endless = {UINT32_MAX, UINT32_MAX, GO_BUILD_ID};
	memcpy(image.notes, &endless, sizeof endless);
	image.segments[1].p_offset = offsetof(struct image, notes);
	image.segments[1].p_filesz = UINT64_MAX;
	assert_false(facts_of_image().go);
}

static void a_section_of_gos_linker_is_found_by_its_name(void **state)
{
	(void)state;
	put_section_names(".text", ".go.buildinfos");
	assert_false(facts_of_image().go);
	put_section_names(".text", ".go.buildinfo");
	assert_true(facts_of_image().go);
	put_section_names(".note.go.buildid", ".text");
	assert_true(facts_of_image().go);
	image.header.e_shnum = 0;
	assert_false(facts_of_image().go);
}

static void sections_that_cannot_be_read_say_nothing_of_go(void **state)
{
	(void)state;
	struct elf_facts facts;
	put_section_names(".text", ".go.buildinfo");
	image.header.e_shentsize++;
	assert_false(facts_of_image().go);
	image.header.e_shentsize--;
	image.header.e_shstrndx = 3;
	assert_false(facts_of_image().go);
	image.header.e_shstrndx = 1;
	/* A name that is cut is another. */
	image.sections[1].sh_size -= 2;
	assert_false(facts_of_image().go);
	image.sections[1].sh_size += 2;
	assert_int_equal(read_cut(offsetof(struct image, names), &facts), 0);
	assert_false(facts.go);
	assert_int_equal(read_cut(offsetof(struct image, sections), &facts), 0);
	assert_false(facts.go);
	image.sections[2].sh_name = UINT32_MAX;
	assert_false(facts_of_image().go);
	image.sections[1].sh_offset = (ElfW(Off)) - 1;
	assert_false(facts_of_image().go);
	image.header.e_shstrndx = UINT16_MAX - 1;
	image.header.e_shoff = (ElfW(Off)) - 1;
	assert_false(facts_of_image().go);
}

/** Of a larger table the beginning is looked at. */
static void as_many_names_of_sections_are_read_as_there_is_room_for(void **state)
{
	(void)state;
	put_section_names(".text", ".go.buildinfo");
	image.sections[1].sh_size = sizeof image.names;
	assert_true(facts_of_image().go);
	image.header.e_shnum = UINT16_MAX;
	assert_true(facts_of_image().go);
	for (size_t at = 16; at < sizeof image.names - 16; at += 512) {
		image.sections[2].sh_name = (ElfW(Word))at;
		strcpy(image.names + at, ".go.buildinfo");
		assert_int_equal(facts_of_image().go, at < SCRATCH_SIZE / 2);
		memset(image.names + at, 0, 16);
	}
}

static void no_scratch_block_is_kept(void **state)
{
	(void)state;
	void *block = scratch_take();
	scratch_give(block);
	facts_of_image();
	assert_ptr_equal(scratch_take(), block);
	scratch_give(block);
}

int main(void)
{
#define IMAGE_TEST(test) cmocka_unit_test_setup(test, make_image)
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(what_is_no_elf_file_or_cut_short_is_refused),
		IMAGE_TEST(of_another_machine_the_kind_alone_is_told),
		IMAGE_TEST(kinds_match_when_all_of_them_is_the_same),
		IMAGE_TEST(a_kind_is_described_as_people_name_it),
		IMAGE_TEST(the_interpreter_is_that_of_the_first_segment_that_names_one),
		IMAGE_TEST(an_interpreter_that_is_no_string_is_refused),
		IMAGE_TEST(headers_of_another_size_or_behind_every_file_are_refused),
		IMAGE_TEST(a_note_of_gos_linker_is_found_behind_others),
		IMAGE_TEST(other_segments_and_broken_notes_say_nothing_of_go),
		IMAGE_TEST(a_section_of_gos_linker_is_found_by_its_name),
		IMAGE_TEST(sections_that_cannot_be_read_say_nothing_of_go),
		IMAGE_TEST(as_many_names_of_sections_are_read_as_there_is_room_for),
		IMAGE_TEST(no_scratch_block_is_kept),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
