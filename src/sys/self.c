#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include "raw.h"
#include "self.h"

/* The kernel rounds it up to a page. */
#define MEMO_SIZE sizeof(uint64_t)

/*
 * Where the process is remembered: the generation in the high half, the pid in the low half. The
 * word lives in a page of its own that is zero again in a forked child (MADV_WIPEONFORK).
 */
static _Atomic uint64_t *_Atomic memo;

/* Stands for a page that could not be had (before Linux 4.14): nothing is ever written to it. */
static _Atomic uint64_t no_memo;

/* Goes on in a child, so that its first generation is none of its parent's. */
static atomic_uint generations;

/* The tid in the low half, and the generation that it was asked in. */
static __thread _Atomic uint64_t thread __attribute__((tls_model("initial-exec")));

/* The tid of the generation before. */
static __thread uint32_t tid_before __attribute__((tls_model("initial-exec")));

static uint32_t high(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static int low(uint64_t word)
{
	return (int)(uint32_t)word;
}

static _Atomic uint64_t *map_memo(void)
{
	void *mapped = raw_map(MEMO_SIZE);
	if (mapped == NULL) {
		return &no_memo;
	}
	if (raw3(SYS_madvise, mapped, MEMO_SIZE, MADV_WIPEONFORK) < 0) {
		raw_unmap(mapped, MEMO_SIZE);
		return &no_memo;
	}
	return mapped;
}

static _Atomic uint64_t *take_memo(void)
{
	_Atomic uint64_t *known = atomic_load(&memo);
	if (known) {
		return known;
	}
	_Atomic uint64_t *mapped = map_memo();
	if (atomic_compare_exchange_strong(&memo, &known, mapped)) {
		return mapped;
	}
	if (mapped != &no_memo) {
		raw_unmap(mapped, MEMO_SIZE);
	}
	return known;
}

static uint64_t remember_process(int pid)
{
	_Atomic uint64_t *word = take_memo();
	if (word == &no_memo) {
		return 0;
	}
	uint64_t process = (uint64_t)(atomic_fetch_add(&generations, 1) + 1) << 32 | (uint32_t)pid;
	uint64_t first = 0;
	return atomic_compare_exchange_strong(word, &first, process) ? process : first;
}

static __attribute__((noinline)) struct self ask(uint64_t process)
{
	struct self self = {.pid = (int)raw0(SYS_getpid), .tid = (int)raw0(SYS_gettid)};
	if (self.pid < 0) {
		/* Nobody may be asked (sandbox.h): the first thread of the process stands for all. */
		return (struct self){low(process), low(process), 0};
	}
	if (process == 0) {
		process = remember_process(self.pid);
	}
	/* In a child of vfork this variable is the parent's. */
	if (process != 0 && low(process) == self.pid) {
		self.generation = high(process);
		tid_before = (uint32_t)atomic_load_explicit(&thread, memory_order_relaxed);
		atomic_store_explicit(&thread, (uint64_t)self.generation << 32 | (uint32_t)self.tid,
				      memory_order_relaxed);
	}
	return self;
}

struct self self_now(void)
{
	_Atomic uint64_t *word = atomic_load_explicit(&memo, memory_order_acquire);
	uint64_t process = word ? atomic_load_explicit(word, memory_order_relaxed) : 0;
	uint64_t mine = atomic_load_explicit(&thread, memory_order_relaxed);
	if (process == 0 || high(mine) != high(process)) {
		return ask(process);
	}
	return (struct self){low(process), low(mine), high(process)};
}

uint32_t self_tid_before(void)
{
	return tid_before;
}

bool self_shares_memory(void)
{
	_Atomic uint64_t *word = atomic_load(&memo);
	uint64_t process = word != NULL ? atomic_load(word) : 0;
	long pid = process != 0 ? raw0(SYS_getpid) : -ESRCH;
	return pid >= 0 && low(process) != (int)pid;
}

void self_renew(void)
{
	_Atomic uint64_t *word = atomic_load(&memo);
	if (word != NULL && word != &no_memo) {
		atomic_store(word, 0);
	}
}
