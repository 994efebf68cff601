#include "info.h"

#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../sys/raw.h"
#include "evidence.h"

#define HAS(size, field)                                                                           \
	((size) >=                                                                                 \
	 (long)(offsetof(struct tcp_info, field) + sizeof(((struct tcp_info *)NULL)->field)))

long info_read(int fd, struct tcp_info *info)
{
	memset(info, 0, sizeof *info);
	socklen_t size = sizeof *info;
	long result = raw_getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size);
	return result < 0 ? result : (long)size;
}

bool info_has_bytes(long size)
{
	return HAS(size, tcpi_bytes_received);
}

bool info_has_segments(long size)
{
	return HAS(size, tcpi_segs_in);
}

bool info_has_sent(long size)
{
	return HAS(size, tcpi_bytes_retrans);
}

int64_t info_queue(int fd, unsigned long request)
{
	int length = 0;
	return raw_ioctl(fd, request, &length) < 0 ? QUEUE_UNKNOWN : length;
}

/* The error queue's messages are others, and seldom there. */
bool info_error_waits(int fd)
{
	struct pollfd look = {.fd = fd};
	return raw_poll(&look, 1, 0) > 0 && (look.revents & POLLERR) != 0;
}
