/*
 * Places on loopback where a SYN meets what a rule wants. No privilege is needed.
 *
 * The hole is a listener whose accept queue is full: it drops every further SYN, so that a connect
 * to it stays in a genuine SYN_SENT (tcp_conn_request(), sk_acceptq_is_full()). The closed port is
 * bound and does not listen: the kernel answers a SYN to it with a RST.
 */
#ifndef RESETBY_ACT_PLACE_H
#define RESETBY_ACT_PLACE_H

#include <sys/socket.h>

enum place { PLACE_HOLE, PLACE_CLOSED };

/**
 * The address of a place that a socket can be connected to; made when there is none yet.
 *
 * @fd
 *         The socket: its family, its network namespace, IPV6_V6ONLY.
 * @address
 *         Room for the address.
 * @return
 *         The address's size, or a negative errno: -ENODEV when the socket is bound to a device and
 *         cannot reach loopback, -ENETUNREACH when loopback is down.
 */
int place_address(enum place place, int fd, struct sockaddr_storage *address);

/** What to say when there is no such place: one clause. */
const char *place_excuse(int error);

#endif
