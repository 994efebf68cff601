/*
 * System calls without libc: no errno, no cancellation point, no interposed symbol, usable in
 * signal handlers and after vfork. Each returns the kernel's result: >= 0, or a negative errno.
 */
#ifndef RESETBY_SYS_RAW_H
#define RESETBY_SYS_RAW_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/stat.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include "sanitizer.h"
#include "sandbox.h"

#if defined(__x86_64__)
#include "raw_x86_64.h"
#elif defined(__aarch64__)
#include "raw_aarch64.h"
#else
#error "resetby knows the system calls of x86_64 and aarch64; add src/sys/raw_<arch>.h"
#endif

/** Size in bytes of the kernel's signal set (sigset_t of libc is larger). */
#define RAW_SIGSET_SIZE 8

/** The system call instruction, unless the process may be killed for it. */
static inline long raw_guarded(long number, long a, long b, long c, long d, long e, long f)
{
	if (__builtin_expect(sandbox_closed, 0) && number != SYS_write) {
		return -ENOSYS;
	}
	return raw_syscall(number, a, b, c, d, e, f);
}

#define RAW_ARG(value) ((long)(value))
#define raw0(n) raw_guarded(n, 0, 0, 0, 0, 0, 0)
#define raw1(n, a) raw_guarded(n, RAW_ARG(a), 0, 0, 0, 0, 0)
#define raw2(n, a, b) raw_guarded(n, RAW_ARG(a), RAW_ARG(b), 0, 0, 0, 0)
#define raw3(n, a, b, c) raw_guarded(n, RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), 0, 0, 0)
#define raw4(n, a, b, c, d) raw_guarded(n, RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), RAW_ARG(d), 0, 0)
#define raw5(n, a, b, c, d, e)                                                                     \
	raw_guarded(n, RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), RAW_ARG(d), RAW_ARG(e), 0)
#define raw6(n, a, b, c, d, e, f)                                                                  \
	raw_guarded(n, RAW_ARG(a), RAW_ARG(b), RAW_ARG(c), RAW_ARG(d), RAW_ARG(e), RAW_ARG(f))

static inline long raw_open(const char *path, int flags, int mode)
{
	return raw4(SYS_openat, AT_FDCWD, path, flags, mode);
}

static inline long raw_close(int fd)
{
	return raw1(SYS_close, fd);
}

static inline long raw_read(int fd, void *buffer, size_t size)
{
	long got = raw3(SYS_read, fd, buffer, size);
	SANITIZER_WRITTEN(buffer, got > 0 ? (size_t)got : 0);
	return got;
}

static inline long raw_write(int fd, const void *buffer, size_t size)
{
	return raw3(SYS_write, fd, buffer, size);
}

/** From a place in a file, once: fewer bytes may come although there are more. */
static inline long raw_pread(int fd, void *buffer, size_t size, uint64_t at)
{
	long got = raw4(SYS_pread64, fd, buffer, size, at);
	SANITIZER_WRITTEN(buffer, got > 0 ? (size_t)got : 0);
	return got;
}

static inline long raw_fcntl(int fd, int command, long argument)
{
	return raw3(SYS_fcntl, fd, command, argument);
}

static inline long raw_ioctl(int fd, unsigned long request, void *argument)
{
	long result = raw3(SYS_ioctl, fd, request, argument);
	SANITIZER_WRITTEN(argument, result == 0 ? sizeof(int) : 0);
	return result;
}

static inline long raw_getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
	long result = raw5(SYS_getsockopt, fd, level, name, value, size);
	SANITIZER_WRITTEN(value, result == 0 ? *size : 0);
	return result;
}

static inline long raw_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	return raw5(SYS_setsockopt, fd, level, name, value, size);
}

static inline long raw_getsockname(int fd, void *address, socklen_t *size)
{
	long result = raw3(SYS_getsockname, fd, address, size);
	SANITIZER_WRITTEN(address, result == 0 ? *size : 0);
	return result;
}

static inline long raw_getpeername(int fd, void *address, socklen_t *size)
{
	long result = raw3(SYS_getpeername, fd, address, size);
	SANITIZER_WRITTEN(address, result == 0 ? *size : 0);
	return result;
}

static inline long raw_connect(int fd, const void *address, socklen_t size)
{
	return raw3(SYS_connect, fd, address, size);
}

/**
 * Status of an open descriptor: identity (stx_dev_*, stx_ino), type, size, and no times: since
 * Linux 6.13 who asks for them makes the next write to that file a dear one (a new time stamp).
 */
static inline long raw_fstat(int fd, struct statx *status)
{
	unsigned mask = STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE;
	return raw5(SYS_statx, fd, "", AT_EMPTY_PATH, mask, status);
}

/**
 * Status of what a path names, following links.
 */
static inline long raw_stat(const char *path, struct statx *status)
{
	return raw5(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, status);
}

/** Fresh memory, all zeros, in pages that are touched as they are used; NULL when there is none. */
static inline void *raw_map(size_t size)
{
	long mapped = raw6(SYS_mmap, NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return mapped < 0 ? NULL : (void *)mapped;
}

static inline void raw_unmap(void *memory, size_t size)
{
#if SANITIZER_OF_THREADS
	/* It has to see that what is mapped there next is other memory, and sees whole pages only. */
	size_t page = 4096;
	munmap(memory, (size + page - 1) / page * page);
#else
	raw2(SYS_munmap, memory, size);
#endif
}

/** Make a mapping larger or smaller, wherever there is room. NULL: it stays what it is. */
static inline void *raw_remap(void *memory, size_t old, size_t size)
{
#if SANITIZER_OF_THREADS
	/* It does not see what mremap gives back. */
	void *fresh = raw_map(size);
	if (fresh != NULL) {
		memcpy(fresh, memory, old < size ? old : size);
		raw_unmap(memory, old);
	}
	return fresh;
#else
	long moved = raw4(SYS_mremap, memory, old, size, MREMAP_MAYMOVE);
	return moved < 0 ? NULL : (void *)moved;
#endif
}

/**
 * Wait for descriptors; a timeout_ms below 0 waits without end, one of more than 24 days so long.
 */
static inline long raw_poll(struct pollfd *fds, unsigned count, long timeout_ms)
{
#ifdef SYS_poll
	return raw3(SYS_poll, fds, count, timeout_ms < INT_MAX ? timeout_ms : INT_MAX);
#else
	struct timespec wait = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (timeout_ms % 1000) * 1000000,
	};
	return raw5(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &wait, NULL, 0);
#endif
}

#endif
