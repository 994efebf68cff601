#include "memory.h"

#include <linux/futex.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>
#include "raw.h"

/* The smallest that there are: larger ones are asked for more than once. */
#define PAGE ((uintptr_t)4096)

static uintptr_t page_of(uintptr_t at)
{
	return at & ~(PAGE - 1);
}

/*
 * The cheapest call that reads memory and does nothing else: it compares a word with 0, and moves
 * none of those who wait there to where they are. Every process may make it, also in a sandbox of
 * its supervisor's.
 */
static bool is_readable(uintptr_t at)
{
	uintptr_t word = at & ~(uintptr_t)(sizeof(uint32_t) - 1);
	return raw6(SYS_futex, word, FUTEX_CMP_REQUEUE | FUTEX_PRIVATE_FLAG, 0, 0, word, 0) !=
	       -EFAULT;
}

/*
 * The first thread's stack is one piece from where that stands up to the random bytes that the kernel
 * put above its first frame: create_elf_tables(). So nobody has to be asked about what is between,
 * where most servers have the address that they accept into. Other stacks do not say where they end;
 * so near below that one none can be: the kernel keeps far more free for it to grow.
 */
#define DEEP ((uintptr_t)1 << 16)

static uintptr_t stack_top;

void memory_start(void)
{
	stack_top = getauxval(AT_RANDOM);
}

/* A walk through memory that asks for each page once. */
struct walk {
	uintptr_t known, end; /* whole pages that are known to be readable */
};

static struct walk walk_begin(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	bool first = here < stack_top && stack_top - here < DEEP;
	return (struct walk){
		.known = page_of(here),
		.end = page_of(first ? stack_top : here) + PAGE,
	};
}

static bool walk_to(struct walk *walk, uintptr_t at)
{
	if (at < walk->known || at >= walk->end) {
		if (!is_readable(at)) {
			return false;
		}
		walk->known = page_of(at);
		walk->end = walk->known + PAGE;
	}
	return true;
}

static bool walk_over(struct walk *walk, uintptr_t at, size_t size)
{
	uintptr_t end;
	if (__builtin_add_overflow(at, size, &end)) {
		return false;
	}
	for (; at < end; at = page_of(at) + PAGE) {
		if (!walk_to(walk, at)) {
			return false;
		}
	}
	return true;
}

static bool walk_string(struct walk *walk, const char *string)
{
	for (uintptr_t at = (uintptr_t)string;; at = page_of(at) + PAGE) {
		if (!walk_to(walk, at)) {
			return false;
		}
		size_t rest = page_of(at) + PAGE - at;
		if (memchr((const char *)at, '\0', rest) != NULL) {
			return true;
		}
	}
}

bool memory_readable(const void *at, size_t size)
{
	struct walk walk = walk_begin();
	return walk_over(&walk, (uintptr_t)at, size);
}

bool memory_has_string(const char *string)
{
	struct walk walk = walk_begin();
	return walk_string(&walk, string);
}

bool memory_has_strings(char *const *list)
{
	struct walk of_list = walk_begin();
	struct walk of_strings = of_list;
	for (; walk_over(&of_list, (uintptr_t)list, sizeof *list); list++) {
		if (*list == NULL) {
			return true;
		}
		if (!walk_string(&of_strings, *list)) {
			return false;
		}
	}
	return false;
}

bool memory_write(void *to, const void *from, size_t size)
{
	struct iovec here = {(void *)(uintptr_t)from, size};
	struct iovec there = {to, size};
	long written = raw6(SYS_process_vm_writev, raw0(SYS_getpid), &here, 1, &there, 1, 0);
	if (written < 0 && written != -EFAULT) {
		/* Forbidden, or not built into this kernel. */
		memcpy(to, from, size);
		return true;
	}
	return written == (long)size;
}
