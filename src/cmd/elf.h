/* What an ELF file says about itself. The file is untrusted: every offset is checked. */
#ifndef RESETBY_CMD_ELF_H
#define RESETBY_CMD_ELF_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_facts {
	unsigned char class;        /* ELFCLASS32, ELFCLASS64 */
	unsigned char order;        /* ELFDATA2LSB, ELFDATA2MSB */
	uint16_t machine;           /* EM_X86_64 ... */
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

/** Would the loader of one take the other into the same process? */
bool elf_matches(const struct elf_facts *one, const struct elf_facts *other);

/** `64-bit x86-64`, in `buffer`. */
const char *elf_describe(const struct elf_facts *facts, char *buffer, size_t size);

#endif
