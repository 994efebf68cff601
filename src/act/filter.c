#include "filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include "../sys/raw.h"
#include "../sys/units.h"
#include "act.h"

#define FLAGS_OFFSET 13
#define SOURCE_PORT_OFFSET 0
#define IPV4_SOURCE_OFFSET 12
#define IPV6_SOURCE_OFFSET 8
/* What a filter of ours begins with: it may be found again in another program, after exec. */
#define MARK 0x72736279u
#define PASS 0xffffffffu
#define LOSE 0

/* Longest program: four words of address at three instructions, ports, chance, flags, verdicts. */
#define CODE_MAX 40
/* Those of two rules, drop and loss, one behind the other. */
#define CODE_ROOM (2 * CODE_MAX)

/* A program under construction: a test that fails jumps to `pass`, which is found at the end. */
struct program {
	struct sock_filter code[CODE_ROOM];
	uint16_t length;
	uint16_t to_pass[CODE_MAX]; /* instructions whose jump must be aimed at `pass` ... */
	bool if_true[CODE_MAX];     /* ... and by which of their two branches */
	uint16_t jumps;
};

static void put(struct program *program, uint16_t code, uint32_t k)
{
	program->code[program->length++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Go on if the accumulator compares so, else let the segment pass. */
static void require(struct program *program, uint16_t compare, uint32_t k, bool outcome)
{
	program->to_pass[program->jumps] = program->length;
	program->if_true[program->jumps++] = !outcome;
	put(program, BPF_JMP | compare | BPF_K, k);
}

/*
 * What passes goes on to the filter that the socket has already.
 *
 * @fd
 *         The socket; -1 when it has none of ours.
 */
static void finish(struct program *program, int fd)
{
	put(program, BPF_RET | BPF_K, LOSE);
	uint16_t pass = program->length;
	put(program, BPF_RET | BPF_K, PASS);
	socklen_t count = CODE_ROOM - pass;
	if (fd >= 0 &&
	    raw_getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, &program->code[pass], &count) == 0 &&
	    count > 0) {
		program->length = (uint16_t)(pass + count);
	}
	for (uint16_t i = 0; i < program->jumps; i++) {
		struct sock_filter *jump = &program->code[program->to_pass[i]];
		uint8_t distance = (uint8_t)(pass - program->to_pass[i] - 1);
		if (program->if_true[i]) {
			jump->jt = distance;
		} else {
			jump->jf = distance;
		}
	}
}

static uint32_t word_of(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* The source address, word by word as far as the prefix goes. */
static void require_network(struct program *program, const struct addr_range *range)
{
	uint32_t offset =
		range->network.family == AF_INET ? IPV4_SOURCE_OFFSET : IPV6_SOURCE_OFFSET;
	for (unsigned bits = range->prefix, word = 0; bits > 0; word++) {
		unsigned taken = bits < 32 ? bits : 32;
		uint32_t mask = (uint32_t)(UINT64_MAX << (32 - taken));
		put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_NET_OFF + offset + 4 * word);
		put(program, BPF_ALU | BPF_AND | BPF_K, mask);
		require(program, BPF_JEQ, word_of(&range->network.bytes[4 * word]) & mask, true);
		bits -= taken;
	}
}

static void require_source(struct program *program, const struct addr_range *range)
{
	if (range->network.family != 0) {
		require_network(program, range);
	}
	put(program, BPF_LD | BPF_H | BPF_ABS, SOURCE_PORT_OFFSET);
	require(program, BPF_JGE, range->port_first, true);
	require(program, BPF_JGT, range->port_last, false);
}

static void compile(struct program *program, const struct filter *filter, int fd)
{
	memset(program, 0, sizeof *program);
	put(program, BPF_LD | BPF_IMM, MARK);
	put(program, BPF_LD | BPF_B | BPF_ABS, FLAGS_OFFSET);
	put(program, BPF_ALU | BPF_AND | BPF_K, filter->mask);
	require(program, BPF_JEQ, filter->value, !filter->unless);
	if (filter->from != NULL) {
		require_source(program, filter->from);
	}
	if (filter->chance < PROBABILITY_ONE) {
		uint64_t limit = ((uint64_t)filter->chance << 32) / PROBABILITY_ONE;
		put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_RANDOM));
		require(program, BPF_JGE, (uint32_t)limit, false);
	}
	finish(program, fd);
}

/*
 * Somebody else's filter is attached: an error for longer ones, and for those that are not classic.
 *
 * @room
 *         For CODE_ROOM instructions.
 */
static bool has_foreign_filter(int fd, struct sock_filter *room)
{
	socklen_t count = CODE_ROOM;
	long result = raw_getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, room, &count);
	bool ours = room[0].code == (BPF_LD | BPF_IMM) && room[0].k == MARK;
	return result < 0 || (count > 0 && !ours);
}

/* -EPERM without the capability; -EBUSY when the program has a filter of its own. */
static int attach(struct conn *conn, int fd, const struct filter *filter)
{
	struct program program = {.length = 0};
	if (!conn_is(conn, CONN_FILTERED) && has_foreign_filter(fd, program.code)) {
		return -EBUSY;
	}
	compile(&program, filter, conn_is(conn, CONN_FILTERED) ? fd : -1);
	struct sock_fprog attached = {.len = program.length, .filter = program.code};
	long result = raw_setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached);
	if (result == 0) {
		conn_set(conn, CONN_FILTERED);
	}
	return (int)result;
}

static const char *excuse(int error)
{
	return error == -EBUSY   ? "the program has a socket filter of its own, which it keeps"
	       : error == -EPERM ? ACT_NEEDS_NET_ADMIN
				 : "the kernel refused the socket filter";
}

void filter_put_on(struct rule *rule, struct call *call, unsigned when, const struct filter *filter,
		   const char *by)
{
	bool first;
	if (!act_fires(rule, call, when, &first) || !first) {
		return;
	}
	int result = attach(call->conn, call->fd, filter);
	if (result < 0) {
		act_refuse(rule, call, first, excuse(result));
		return;
	}
	act_tell(rule, call, by);
}

/* The connection heals by retransmission. */
void filter_take_off(struct call *call)
{
	int unused = 0;
	if (conn_is(call->conn, CONN_FILTERED)) {
		raw_setsockopt(call->fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
		conn_clear(call->conn, CONN_FILTERED);
	}
}
