/*
 * unread: close while the receive buffer is not empty, tcp_close(): RST (TCPAbortOnClose).
 * unread=SIZE: reads end after SIZE bytes, so that there is something left.
 */
#include "act.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include "../sys/raw.h"
#include "plant.h"
#include "reset_close.h"

static int64_t unread_bytes(int fd)
{
	int bytes = 0;
	return raw_ioctl(fd, SIOCINQ, &bytes) < 0 ? 0 : bytes;
}

static bool at_read(struct rule *rule, struct call *call)
{
	bool first;
	if (!rule->has_value || call->asked == 0 || !act_fires(rule, call, WHEN_READ, &first)) {
		return false;
	}
	if (first) {
		char room[160];
		struct text by = text_in(room, sizeof room);
		text_format(&by, "reads end after %z; what comes then stays in the receive buffer",
			    rule->value.size);
		act_tell(rule, call, room);
	}
	uint64_t received = atomic_load_explicit(&call->conn->bytes_in, memory_order_relaxed);
	if (received >= rule->value.size) {
		call->result = 0;
		return true;
	}
	uint64_t left = rule->value.size - received;
	if (call->asked > left) {
		call->asked = (size_t)left;
	}
	return false;
}

/* Is there something unread, now or within the rule's wait=? */
static int64_t wait_for_bytes(const struct rule *rule, int fd)
{
	int64_t bytes = unread_bytes(fd);
	if (bytes == 0 && rule->wait_ms > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		raw_poll(&ready, 1, (long)rule->wait_ms);
		bytes = unread_bytes(fd);
	}
	return bytes;
}

static enum act_end at_close(struct rule *rule, struct call *call)
{
	bool first;
	if (!reset_close_possible(call->fd) || !act_fires(rule, call, WHEN_CLOSE, &first)) {
		return ACT_END_SAME;
	}
	char room[256];
	struct text by = text_in(room, sizeof room);
	bool alone = conn_holding(call->conn) == HOLDING_ALONE;
	int64_t bytes = alone ? wait_for_bytes(rule, call->fd) : 0;
	if (!alone) {
		/* A byte planted here would be read by the other process. */
		struct reset_close done = reset_close_by_linger(call->fd);
		reset_close_write(&by, &done, call->conn);
	} else if (bytes > 0) {
		text_format(&by, "closed with %z unread: RST", (uint64_t)bytes);
	} else {
		int planted = plant_byte(call->fd);
		if (planted == 0) {
			text_string(&by, "the receive buffer was empty: a byte planted in it by "
					 "TCP_REPAIR, closed unread: RST");
		} else {
			struct reset_close done = reset_close_by_linger(call->fd);
			text_string(&by,
				    "the receive buffer was empty and no byte could be planted (");
			text_string(&by, planted == -EPIPE ? "behind our own FIN): "
							   : "TCP_REPAIR needs CAP_NET_ADMIN): ");
			reset_close_write(&by, &done, call->conn);
		}
	}
	act_tell(rule, call, room);
	return ACT_END_RST;
}

const struct act act_UNREAD = {.read = at_read, .close = at_close};
