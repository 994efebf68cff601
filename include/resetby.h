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

/*
 * The library itself defines the functions and has no use for the null checks.
 */
#ifndef RESETBY_IMPLEMENTATION

static inline const char *resetby_version_if_loaded(void)
{
	return resetby_version ? resetby_version() : 0;
}
#define resetby_version() resetby_version_if_loaded()

#endif

#ifdef __cplusplus
}
#endif

#endif
