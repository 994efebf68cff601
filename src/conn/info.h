/* What the kernel says of a TCP socket (TCP_INFO), and what of it this kernel knows. */
#ifndef RESETBY_CONN_INFO_H
#define RESETBY_CONN_INFO_H

#include <linux/tcp.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * Read it; what the kernel does not give is 0.
 *
 * @return
 *         how many bytes it gave, for the questions below; a negative errno when it is no TCP socket
 */
long info_read(int fd, struct tcp_info *info);

/** Does it count the bytes? Since Linux 4.1. */
bool info_has_bytes(long size);

/** And the segments? Since Linux 4.2. */
bool info_has_segments(long size);

/** And those that were sent, and sent again? Since Linux 4.19. */
bool info_has_sent(long size);

/** How long a queue is: SIOCINQ, SIOCOUTQ, SIOCOUTQNSD; QUEUE_UNKNOWN when the kernel does not say. */
int64_t info_queue(int fd, unsigned long request);

/** Has the socket an error that a call would be told? It stays. */
bool info_error_waits(int fd);

#endif
