/* The calls that a connection can see, as users name them. */
#ifndef RESETBY_CONN_OP_H
#define RESETBY_CONN_OP_H

#include "../sys/hidden.h"
#include "../sys/pen.h"

enum direction { DIRECTION_NONE, DIRECTION_READ, DIRECTION_WRITE };

/* OP(SYMBOL, "name", direction) */
#define OPS(OP)                                                                                    \
	OP(NONE, "none", DIRECTION_NONE)                                                           \
	OP(SOCKET, "socket", DIRECTION_NONE)                                                       \
	OP(CONNECT, "connect", DIRECTION_NONE)                                                     \
	OP(ACCEPT, "accept", DIRECTION_NONE)                                                       \
	OP(ACCEPT4, "accept4", DIRECTION_NONE)                                                     \
	OP(BIND, "bind", DIRECTION_NONE)                                                           \
	OP(LISTEN, "listen", DIRECTION_NONE)                                                       \
	OP(SHUTDOWN, "shutdown", DIRECTION_NONE)                                                   \
	OP(CLOSE, "close", DIRECTION_NONE)                                                         \
	OP(CLOSE_RANGE, "close_range", DIRECTION_NONE)                                             \
	OP(CLOSEFROM, "closefrom", DIRECTION_NONE)                                                 \
	OP(FCLOSE, "fclose", DIRECTION_NONE)                                                       \
	OP(DUP, "dup", DIRECTION_NONE)                                                             \
	OP(DUP2, "dup2", DIRECTION_NONE)                                                           \
	OP(DUP3, "dup3", DIRECTION_NONE)                                                           \
	OP(FCNTL, "fcntl", DIRECTION_NONE)                                                         \
	OP(IOCTL, "ioctl", DIRECTION_NONE)                                                         \
	OP(SETSOCKOPT, "setsockopt", DIRECTION_NONE)                                               \
	OP(GETSOCKOPT, "getsockopt", DIRECTION_NONE)                                               \
	OP(GETPEERNAME, "getpeername", DIRECTION_NONE)                                             \
	OP(GETSOCKNAME, "getsockname", DIRECTION_NONE)                                             \
	OP(SEND, "send", DIRECTION_WRITE)                                                          \
	OP(SENDTO, "sendto", DIRECTION_WRITE)                                                      \
	OP(SENDMSG, "sendmsg", DIRECTION_WRITE)                                                    \
	OP(SENDMMSG, "sendmmsg", DIRECTION_WRITE)                                                  \
	OP(WRITE, "write", DIRECTION_WRITE)                                                        \
	OP(WRITEV, "writev", DIRECTION_WRITE)                                                      \
	OP(PWRITEV2, "pwritev2", DIRECTION_WRITE)                                                  \
	OP(SENDFILE, "sendfile", DIRECTION_WRITE)                                                  \
	OP(SPLICE_OUT, "splice", DIRECTION_WRITE)                                                  \
	OP(RECV, "recv", DIRECTION_READ)                                                           \
	OP(RECVFROM, "recvfrom", DIRECTION_READ)                                                   \
	OP(RECVMSG, "recvmsg", DIRECTION_READ)                                                     \
	OP(RECVMMSG, "recvmmsg", DIRECTION_READ)                                                   \
	OP(READ, "read", DIRECTION_READ)                                                           \
	OP(READV, "readv", DIRECTION_READ)                                                         \
	OP(PREADV2, "preadv2", DIRECTION_READ)                                                     \
	OP(SPLICE_IN, "splice", DIRECTION_READ)                                                    \
	OP(POLL, "poll", DIRECTION_NONE)                                                           \
	OP(SELECT, "select", DIRECTION_NONE)                                                       \
	OP(EXECVE, "execve", DIRECTION_NONE)                                                       \
	OP(EXIT, "exit", DIRECTION_NONE)

enum op {
#define OP_ENUM(symbol, name, direction) OP_##symbol,
	OPS(OP_ENUM)
#undef OP_ENUM
		OP_COUNT
};

struct op_facts {
	struct pen_word word;
	enum direction direction;
};

/* Inline: they are asked for with every logged call. */
extern HIDDEN const struct op_facts op_table[OP_COUNT];

static inline const struct pen_word *op_word(enum op op)
{
	return &op_table[op].word;
}

static inline const char *op_name(enum op op)
{
	return op_table[op].word.text;
}

static inline enum direction op_direction(enum op op)
{
	return op_table[op].direction;
}

#endif
