/*
 * Sanitizers see what libc does. Of system calls that are not libc's they have to be told; in an
 * ordinary build all of this is nothing.
 */
#ifndef RESETBY_SYS_SANITIZER_H
#define RESETBY_SYS_SANITIZER_H

/* ThreadSanitizer: memory that is unmapped and mapped anew is other memory. */
#if defined(__has_feature)
#define SANITIZER_OF_THREADS __has_feature(thread_sanitizer)
#define SANITIZER_OF_MEMORY __has_feature(memory_sanitizer)
#elif defined(__SANITIZE_THREAD__)
#define SANITIZER_OF_THREADS 1
#define SANITIZER_OF_MEMORY 0
#else
#define SANITIZER_OF_THREADS 0
#define SANITIZER_OF_MEMORY 0
#endif

/** The kernel has written here. */
#if SANITIZER_OF_MEMORY
#include <sanitizer/msan_interface.h>
#define SANITIZER_WRITTEN(memory, size) __msan_unpoison(memory, size)
#else
#define SANITIZER_WRITTEN(memory, size) ((void)(memory), (void)(size))
#endif

#endif
