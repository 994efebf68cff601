/*
 * What was sent since a request began, kept to be sent again. Memory comes from mmap, grows as it is
 * needed up to a limit for each connection and one for the process, and is given back.
 */
#ifndef RESETBY_ACT_RETRY_RETAINED_H
#define RESETBY_ACT_RETRY_RETAINED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/** RESETBY_RETRY_BUFFER when it is not set. */
#define RETAINED_CONN_DEFAULT (64 * 1024)
#define RETAINED_PROCESS_DEFAULT (8 * 1024 * 1024)

struct retained {
	char *bytes;
	size_t length, mapped;
};

/** The limits in bytes: of one connection, and of all of them. */
void retained_limit(size_t connection, size_t process);

/**
 * Add what a write has taken.
 *
 * @pieces
 *         Where the bytes are.
 * @size
 *         How many of them were taken.
 * @return
 *         0, or -ENOBUFS when they do not all fit: then what is kept is not enough to send the
 *         request again, but as a rule its head, which tells how its answer will end.
 */
int retained_add(struct retained *retained, const struct iovec *pieces, size_t count, size_t size);

/** A new request begins: forget the bytes, and give back more memory than most requests need. */
void retained_clear(struct retained *retained);

/** Give back everything. */
void retained_free(struct retained *retained);

#endif
