/*
 * resetby.h: for programs that want to cooperate with libresetby.so.
 *
 * Nothing here is needed: the library works on programs that have never heard of it. A program
 * that includes this header needs no library to link or to run, either; while libresetby.so is not
 * preloaded, every call is a no-op that says so.
 *
 * The functions are weak symbols that the preload defines. That takes position-independent code,
 * which is what compilers make today unless told otherwise: in a program built with -fno-pie, and
 * in a static one, the library always looks absent.
 *
 * Each name is also exported by the library as it stands, for dlsym, ctypes and the like.
 */
#ifndef RESETBY_H
#define RESETBY_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RESETBY_API __attribute__((weak, visibility("default")))

/**
 * The version of the library that is loaded into this process.
 *
 * @return
 *         `0.1.0`, in memory that is never freed; a null pointer when the library is not loaded.
 */
RESETBY_API extern const char *resetby_version(void);

/**
 * Say that requests which are sent on this descriptor from now on may be executed twice: with a rule
 * `retry` they are sent again over a new connection when a reset meets them before any of the
 * response has come (libresetby.7, RETRY). Without such a rule it has no effect.
 *
 * @fd
 *         A TCP socket; what is said holds for every descriptor of it, until it is taken back.
 * @return
 *         0; -1 with errno EBADF when it is no TCP socket, ENOSYS when the library is not loaded.
 */
RESETBY_API extern int resetby_mark_idempotent(int fd);

/** Take that back. Parameters and results are the same. */
RESETBY_API extern int resetby_clear_idempotent(int fd);

/*
 * The library itself defines the functions and has no use for the null checks.
 */
#ifndef RESETBY_IMPLEMENTATION

static __inline__ const char *resetby_version_if_loaded(void)
{
	return resetby_version ? resetby_version() : 0;
}
#define resetby_version() resetby_version_if_loaded()

static __inline__ int resetby_mark_if_loaded(int fd)
{
	return resetby_mark_idempotent ? resetby_mark_idempotent(fd) : (errno = ENOSYS, -1);
}
#define resetby_mark_idempotent(fd) resetby_mark_if_loaded(fd)

static __inline__ int resetby_clear_if_loaded(int fd)
{
	return resetby_clear_idempotent ? resetby_clear_idempotent(fd) : (errno = ENOSYS, -1);
}
#define resetby_clear_idempotent(fd) resetby_clear_if_loaded(fd)

#endif

#ifdef __cplusplus
}
#endif

#endif
