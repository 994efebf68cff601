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
 * Put a filter on the call's socket when the rule fires there for the first time, and tell.
 *
 * @when
 *         As act_fires() has it.
 * @by
 *         What it loses, for the log.
 */
void filter_put_on(struct rule *rule, struct call *call, unsigned when, const struct filter *filter,
		   const char *by);

/** Take ours off again: the `ended` of the actions that put it on. */
void filter_take_off(struct call *call);

#endif
