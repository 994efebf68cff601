#include "evidence.h"

#include <stddef.h>

const struct op_facts op_table[OP_COUNT] = {
#define OP_ROW(symbol, name, direction) [OP_##symbol] = {PEN_WORD(name), direction},
	OPS(OP_ROW)
#undef OP_ROW
};

const char *state_name(enum tcp_state_number state)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_ESTABLISHED] = "ESTABLISHED",
		[STATE_SYN_SENT] = "SYN_SENT",
		[STATE_SYN_RECV] = "SYN_RECV",
		[STATE_FIN_WAIT1] = "FIN_WAIT_1",
		[STATE_FIN_WAIT2] = "FIN_WAIT_2",
		[STATE_TIME_WAIT] = "TIME_WAIT",
		[STATE_CLOSE] = "CLOSE",
		[STATE_CLOSE_WAIT] = "CLOSE_WAIT",
		[STATE_LAST_ACK] = "LAST_ACK",
		[STATE_LISTEN] = "LISTEN",
		[STATE_CLOSING] = "CLOSING",
		[STATE_NEW_SYN_RECV] = "SYN_RECV",
	};
	return state < STATE_COUNT ? names[state] : NULL;
}

const char *side_name(enum side side)
{
	static const char *const names[] = {"unknown", "client", "server"};
	return names[side];
}
