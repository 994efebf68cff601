/*
 * The hole: a loopback listener whose accept queue is full drops every further SYN, so that a
 * connect to it stays in a genuine SYN_SENT (tcp_conn_request(), sk_acceptq_is_full()).
 */
#ifndef RESETBY_ACT_HOLE_H
#define RESETBY_ACT_HOLE_H

#include <sys/socket.h>

/**
 * The address of a hole that a socket can be connected to; digs one when there is none yet.
 *
 * @fd
 *         The socket: its family, its network namespace, IPV6_V6ONLY.
 * @address
 *         Room for the address.
 * @return
 *         The address's size, or a negative errno: -ENETUNREACH when loopback is down.
 */
int hole_address(int fd, struct sockaddr_storage *address);

#endif
