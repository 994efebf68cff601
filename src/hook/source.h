/*
 * What sendfile and splice take a connection's bytes from, a file or a pipe. A rule that takes the
 * bytes in the kernel's place has to leave it as the kernel would.
 */
#ifndef RESETBY_HOOK_SOURCE_H
#define RESETBY_HOOK_SOURCE_H

#include <stddef.h>
#include <sys/types.h>

/**
 * How much of this size it can give at once; 0 also where that cannot be known, or the kernel would take
 * nothing from there.
 *
 * @kind
 *         What the call takes from: S_IFREG or S_IFIFO.
 * @offset
 *         Of the file; NULL where its own counts, or in a pipe.
 */
size_t source_holds(int in, mode_t kind, const off_t *offset, size_t size);

/** So many bytes that it holds are gone. */
void source_take(int in, off_t *offset, size_t size);

#endif
