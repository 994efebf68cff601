#include "listener.h"

#include <linux/sock_diag.h>
#include "../sys/proc.h"
#include "../sys/raw.h"

/* In overflows_seen: they could not be read. */
#define OVERFLOWS_UNKNOWN UINT32_MAX

static uint32_t drops_of(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof memory;
	raw_getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
	return memory[SK_MEMINFO_DROPS];
}

static uint32_t overflows(void)
{
	int64_t counted = proc_tcp_counter("ListenOverflows");
	return counted < 0 ? OVERFLOWS_UNKNOWN : (uint32_t)counted;
}

struct listener_losses listener_losses(int fd)
{
	return (struct listener_losses){.drops = drops_of(fd), .overflows = overflows()};
}

void listener_knows(struct conn *conn, struct listener_losses losses)
{
	conn->drops_seen = losses.drops;
	conn->overflows_seen = losses.overflows;
}

bool listener_has_news(const struct conn *conn, int fd)
{
	return drops_of(fd) != conn->drops_seen;
}

/* Fewer than before: of another namespace, which the thread has moved to. */
static int64_t new_overflows(const struct conn *conn)
{
	uint32_t now = overflows();
	uint32_t seen = conn->overflows_seen;
	return now == OVERFLOWS_UNKNOWN || seen == OVERFLOWS_UNKNOWN || now < seen
		       ? -1
		       : (int64_t)(now - seen);
}

void listener_collect(struct evidence *evidence, const struct conn *conn, int fd)
{
	evidence->drops = drops_of(fd);
	evidence->new_drops = evidence->drops - conn->drops_seen;
	if (evidence->surface == SURFACE_PASSING && evidence->new_drops > 0) {
		evidence->new_overflows = new_overflows(conn);
	}
}
