#ifndef RESETBY_ACT_PLANT_H
#define RESETBY_ACT_PLANT_H

/**
 * Put one byte into a socket's own receive queue (TCP_REPAIR, TCP_RECV_QUEUE).
 *
 * @return
 *         0, -EPERM without CAP_NET_ADMIN in the socket's network namespace, or another negative
 *         errno.
 */
int plant_byte(int fd);

#endif
