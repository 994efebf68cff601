/*
 * Bytes that the kernel has moved on a connection and no hook has counted: stdio on a socket,
 * io_uring, system call instructions of the program's own. Found from numbers that were asked for
 * anyway; the kernel is asked more only where they do not agree.
 */
#ifndef RESETBY_CONN_UNSEEN_H
#define RESETBY_CONN_UNSEEN_H

#include <stdbool.h>
#include <stdint.h>
#include "conn.h"
#include "evidence.h"

/**
 * Could bytes have gone past the hooks? No system call; true also while bytes wait to be read.
 *
 * @received, acked
 *         tcpi_bytes_received and tcpi_bytes_acked.
 */
bool unseen_suspected(const struct conn *conn, uint64_t received, uint64_t acked);

/**
 * Let another thread, where there is one, count what it has just sent: within one machine the RST that
 * answers it is met before its call returns.
 *
 * @acked
 *         tcpi_bytes_acked.
 */
void unseen_await(const struct conn *conn, int fd, uint64_t acked);

/**
 * Find out how many, and tell the evidence: unseen_in and unseen_out, and what follows from them.
 * Says nothing where bytes may be another process's, or those of a call that is still under way.
 *
 * @evidence
 *         Filled by evidence_collect but for this.
 */
void unseen_collect(struct evidence *evidence, const struct conn *conn, int fd);

/** A connection that was open before it was seen here: its counts begin with the kernel's.
 *
 * @received, acked
 *         Bytes, without SYN and FIN.
 */
void unseen_begin(struct conn *conn, int fd, uint64_t received, uint64_t acked);

#endif
