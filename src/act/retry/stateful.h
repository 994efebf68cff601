/* Protocols that bind a state to the connection, so that a new one could not go on for it. */
#ifndef RESETBY_ACT_RETRY_STATEFUL_H
#define RESETBY_ACT_RETRY_STATEFUL_H

#include <stddef.h>

/**
 * Does a request begin as one that gives the connection a state? Knows the openings that are met
 * most: TLS, HTTP/2, SSH, PostgreSQL, MQTT, AMQP, and Redis commands such as AUTH and SELECT.
 *
 * @return
 *         The protocol's name, NULL for none of them.
 */
const char *stateful_name(const char *bytes, size_t length);

#endif
