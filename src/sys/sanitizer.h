/*
 * Sanitizers see what libc does. Of system calls that are not libc's they have to be told; in an
 * ordinary build all of this is nothing.
 */
#ifndef RESETBY_SYS_SANITIZER_H
#define RESETBY_SYS_SANITIZER_H

#if defined(__has_feature)
#define SANITIZER_OF_ADDRESSES __has_feature(address_sanitizer)
#define SANITIZER_OF_MEMORY __has_feature(memory_sanitizer)
#define SANITIZER_OF_THREADS __has_feature(thread_sanitizer)
#else
#define SANITIZER_OF_MEMORY 0
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZER_OF_ADDRESSES 1
#else
#define SANITIZER_OF_ADDRESSES 0
#endif
#if defined(__SANITIZE_THREAD__)
#define SANITIZER_OF_THREADS 1
#else
#define SANITIZER_OF_THREADS 0
#endif
#endif

/** Memory has a shadow: what the process uses says nothing of what we use. */
#define SANITIZER_SHADOWS (SANITIZER_OF_ADDRESSES || SANITIZER_OF_MEMORY || SANITIZER_OF_THREADS)

/** The kernel has written here. */
#if SANITIZER_OF_MEMORY
#include <sanitizer/msan_interface.h>
#define SANITIZER_WRITTEN(memory, size) __msan_unpoison(memory, size)
#else
#define SANITIZER_WRITTEN(memory, size) ((void)(memory), (void)(size))
#endif

#endif
