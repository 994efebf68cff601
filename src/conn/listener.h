/*
 * Connections that a listener loses. What the kernel counts at the socket (sk_drops) is every segment
 * that it dropped there: a SYN for which the accept queue had no room, but also a RST that comes after
 * its connection is gone, a segment with senseless flags, what a socket filter lost. Overflows are
 * counted, but for the whole network namespace. Only both together tell something.
 */
#ifndef RESETBY_CONN_LISTENER_H
#define RESETBY_CONN_LISTENER_H

#include "conn.h"
#include "evidence.h"

/** What was counted so far: at the listener, and in its network namespace. */
struct listener_losses {
	uint32_t drops, overflows;
};

struct listener_losses listener_losses(int fd);

/** These are known; what the kernel counts from there on is news. */
void listener_knows(struct conn *conn, struct listener_losses losses);

/** Has it dropped anything that is news? One system call. */
bool listener_has_news(const struct conn *conn, int fd);

/** What is news; the rest of the evidence is filled by evidence_collect. */
void listener_collect(struct evidence *evidence, const struct conn *conn, int fd);

#endif
