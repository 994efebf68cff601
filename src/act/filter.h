/*
 * Socket filters (SO_ATTACH_FILTER, classic BPF): on a TCP socket they see every arriving segment
 * from the TCP header on, and returning 0 loses it (tcp_filter()). They stay on after close, and a
 * listener's are inherited by what it accepts. Kernels of 2026 want CAP_NET_ADMIN for them.
 */
#ifndef RESETBY_ACT_FILTER_H
#define RESETBY_ACT_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include "../conn/call.h"
#include "../rule/rule.h"

/** Which segments are lost: those whose flags, masked, are (or are not) a value; by chance. */
struct filter {
	uint8_t mask, value;           /* flags of the TCP header, byte 13 */
	bool unless;                   /* lose all others instead */
	uint32_t chance;               /* millionths; PROBABILITY_ONE: always */
	const struct addr_range *from; /* only from these addresses, NULL for all (listeners) */
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/**
 * Attach.
 *
 * @return
 *         0; -EPERM without the capability; -EBUSY when the program has a filter of its own.
 */
int filter_attach(struct conn *conn, int fd, const struct filter *filter);

/** Take ours off again; the connection heals by retransmission. */
void filter_detach(struct conn *conn, int fd);

/** The `ended` of the actions that attach filters. */
void filter_ended(struct call *call);

/** What to say when a filter cannot be attached: one clause. */
const char *filter_excuse(int error);

#endif
