#include "info.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "../sys/raw.h"

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
