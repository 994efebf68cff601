#include "plant.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include "../sys/raw.h"

static long set(int fd, int name, int value)
{
	return raw_setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value);
}

int plant_byte(int fd)
{
	long result = set(fd, TCP_REPAIR, TCP_REPAIR_ON);
	if (result < 0) {
		return (int)result;
	}
	result = set(fd, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	if (result == 0) {
		char byte = 0;
		/* Behind our own FIN it is EPIPE all the same: sk_stream_wait_connect(). */
		result = raw6(SYS_sendto, fd, &byte, sizeof byte, MSG_DONTWAIT | MSG_NOSIGNAL, NULL,
			      0);
	}
	/* Without a window probe: nothing may be seen on the wire but the RST. The queue goes with it. */
	set(fd, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
	return result < 0 ? (int)result : 0;
}
