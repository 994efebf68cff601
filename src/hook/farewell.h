/*
 * What is written last, without waiting for an answer, is a farewell (TLS's close_notify, FTP's QUIT):
 * that the peer had closed before is of no consequence to anybody. A program that waited has seen a
 * hang-up, after which the connection is calm no more; after the end of file, which most TLS servers
 * read before their close_notify, no answer is waited for, but one may be given that somebody wanted.
 * And so it is with what is shut down behind it. TLS's goodbye (conn/goodbye.h) waits for nothing,
 * however long ago it was said, and may cross the other side's (gnutls_bye, SSL_shutdown twice).
 */
#ifndef RESETBY_HOOK_FAREWELL_H
#define RESETBY_HOOK_FAREWELL_H

#include <stdbool.h>
#include "../why/why.h"

struct conn;

/** Was it a farewell that met this? Then nobody is told. */
bool farewell_is(const struct conn *conn, const struct evidence *e, enum cause cause);

#endif
