/* What an ELF file says about itself. The file is untrusted: every offset is checked. */
#ifndef RESETBY_SYS_ELF_H
#define RESETBY_SYS_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include "text.h"

/** For which processors it is. */
struct elf_kind {
	unsigned char class; /* ELFCLASS32, ELFCLASS64 */
	unsigned char order; /* ELFDATA2LSB, ELFDATA2MSB */
	uint16_t machine;    /* EM_X86_64 ... */
};

struct elf_facts {
	struct elf_kind kind;
	char interpreter[PATH_MAX]; /* the dynamic loader; empty when there is none */
	bool go;                    /* Go's linker made it */
};

/**
 * Read the facts. Of a file for another class, byte order or machine than this process only these
 * three are told.
 *
 * @fd
 *         Readable; its position is not used.
 * @return
 *         0; -ENOEXEC when this is no ELF file, or a broken one; another negative errno.
 */
int elf_read(int fd, struct elf_facts *facts);

/** What this process is, as far as elf_matches looks. */
extern const struct elf_kind elf_own;

/** Would the loader of one take the other into the same process? */
bool elf_matches(const struct elf_kind *one, const struct elf_kind *other);

/** `64-bit x86-64`. */
void elf_describe(struct text *text, const struct elf_kind *kind);

#endif
