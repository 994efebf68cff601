/*
 * Bytes in, to several buffers: vectors and messages. On a calm connection the kernel reads them
 * first, and what it has refused nobody looks at here.
 */
#include "hook.h"

#include "../sys/memory.h"
#include "flow.h"
#include "pieces.h"
#include "straight.h"

/* So many bytes have come to these pieces. */
static void keep_head(struct call *call, ssize_t size, const struct iovec *pieces, size_t count)
{
	call->bytes = pieces_head(size, pieces, count);
	if (UNLIKELY(flow_keeps_heads) && size > 0 && conn_same(call->conn, call->generation)) {
		flow_keep_head(call->conn, DIRECTION_READ, pieces, count, (size_t)size);
	}
}

/* Sockets accept offset -1 only: the position of the stream. */
static ALWAYS_INLINE ssize_t real_vector(enum op op, int fd, const struct iovec *pieces, int count,
					 int flags)
{
	return op == OP_READV ? real.readv(fd, pieces, count)
			      : real.preadv2(fd, pieces, count, -1, flags);
}

/* The vector as the rules let it through: as the program gave it, or cut. */
static void vector_limited(struct call *call, const struct iovec *pieces, int count, size_t asked,
			   int flags)
{
	struct iovec cut[PIECES_MAX];
	if (UNLIKELY(call->asked < asked)) {
		count = (int)pieces_cut(cut, pieces, (size_t)count, call->asked);
		pieces = cut;
	}
	call->result = real_vector(call->op, call->fd, pieces, count, flags);
	keep_head(call, call->result, pieces, (size_t)count);
}

static NOINLINE ssize_t vector_with_care(enum op op, int fd, const struct iovec *pieces, int count,
					 int flags)
{
	struct call call;
	size_t asked = 0;
	struct conn *conn = conn_find(fd);
	bool good = conn != NULL && pieces_measure(pieces, (size_t)count, &asked);
	if (!call_enter(&call, op, conn, fd, asked)) {
		return real_vector(op, fd, pieces, count, flags);
	}
	do {
		if (!good || !call_answers_pieces(&call, pieces, (size_t)count, 0)) {
			vector_limited(&call, pieces, count, asked, flags);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	return call_leave_read(&call, true);
}

/*
 * Has a calm call to know how much was asked for? For its line, or to tell an end of file from a read
 * of nothing; what the error queue gives is no part of the stream.
 */
static ALWAYS_INLINE bool wants_asked(const struct call *call, long result)
{
	return UNLIKELY(call->began_ns != 0) ||
	       (UNLIKELY(result == 0) && (call->flags & MSG_ERRQUEUE) == 0);
}

static ssize_t vector_leave(struct call *call, const struct iovec *pieces, size_t count,
			    long result)
{
	if (wants_asked(call, result)) {
		call->asked = pieces_asked(result, pieces, count);
	}
	if (UNLIKELY(conn_turns(call->conn, DIRECTION_READ))) {
		call->bytes = pieces_head(result, pieces, count);
	}
	return straight_end_read(call, result);
}

static ssize_t message_leave(struct call *call, const struct msghdr *message, long result)
{
	if (wants_asked(call, result)) {
		call->asked = message_asked(result, message);
	}
	if (UNLIKELY(conn_turns(call->conn, DIRECTION_READ))) {
		call->bytes = message_head(result, message);
	}
	return straight_end_read(call, result);
}

/* At an urgent byte the stream goes on in the next message, however little is in the first. */
static ssize_t messages_first(const struct mmsghdr *messages, int count)
{
	return messages_bytes(messages, count > 1 ? 1 : count);
}

static NOINLINE ssize_t vector_ended(struct conn *conn, uint32_t generation, int fd,
				     const struct iovec *pieces, int count, long result)
{
	struct call call = call_of(conn, generation, OP_READV, fd, NULL, 0, 0);
	return vector_leave(&call, pieces, (size_t)count, result);
}

static NOINLINE ssize_t vector_aloud(struct conn *conn, enum op op, int fd,
				     const struct iovec *pieces, int count, int flags)
{
	struct call call = call_of(conn, conn_generation(conn), op, fd, NULL, 0, 0);
	straight_begin(&call);
	long result = op == OP_READV && goes_straight(conn, 0)
			      ? kernel_readv(fd, pieces, count)
			      : kernels(real_vector(op, fd, pieces, count, flags));
	return vector_leave(&call, pieces, (size_t)count, result);
}

HOT ssize_t hook_readv(int fd, const struct iovec *pieces, int count)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot_is_foreign(slot) ? real.readv(fd, pieces, count)
					     : vector_with_care(OP_READV, fd, pieces, count, 0);
	}
	if (!goes_silently(conn, 0)) {
		return vector_aloud(conn, OP_READV, fd, pieces, count, 0);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_readv(fd, pieces, count);
	return passes_read(conn, generation, OP_READV, result, 0)
		       ? libcs(result)
		       : vector_ended(conn, generation, fd, pieces, count, result);
}

ssize_t hook_preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (offset != -1 || (conn == NULL && slot_is_foreign(slot))) {
		return real.preadv2(fd, pieces, count, offset, flags);
	}
	return conn == NULL ? vector_with_care(OP_PREADV2, fd, pieces, count, flags)
			    : vector_aloud(conn, OP_PREADV2, fd, pieces, count, flags);
}

ssize_t hook_preadv64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return hook_preadv2(fd, pieces, count, offset, flags);
}

/* A read that a rule has answered, or cut, writes what the kernel would have. */
static void answer_write(struct call *call, void *to, const void *from, size_t size)
{
	if (call->result >= 0 && !memory_write(to, from, size)) {
		call->result = -1;
		errno = EFAULT;
	}
}

/* Beside the buffers: flags and lengths. */
static void message_answer(struct call *call, struct msghdr *message, const struct msghdr *answer)
{
	struct msghdr filled = *message;
	filled.msg_flags = answer->msg_flags;
	filled.msg_controllen = answer->msg_controllen;
	filled.msg_namelen = answer->msg_namelen;
	answer_write(call, message, &filled, sizeof filled);
}

/* As the kernel fills them for TCP. */
static const struct msghdr nothing_beside = {0};

/* A message as the rules let it through: as the program gave it, or cut. */
static void message_limited(struct call *call, struct msghdr *message, size_t asked, int flags)
{
	if (LIKELY(call->asked == asked)) {
		call->result = real.recvmsg(call->fd, message, flags);
		return;
	}
	struct iovec cut[PIECES_MAX];
	struct msghdr less = *message;
	less.msg_iovlen = pieces_cut(cut, message->msg_iov, message->msg_iovlen, call->asked);
	less.msg_iov = cut;
	call->result = real.recvmsg(call->fd, &less, flags);
	message_answer(call, message, &less);
}

static void messages_answer(struct call *call, struct mmsghdr *messages,
			    const struct msghdr *answer)
{
	unsigned length = (unsigned)call->result;
	message_answer(call, &messages[0].msg_hdr, answer);
	answer_write(call, &messages[0].msg_len, &length, sizeof length);
}

static void answer_time_left(struct call *call, struct timespec *timeout)
{
	if (timeout != NULL) {
		struct timespec all = *timeout;
		answer_write(call, timeout, &all, sizeof all);
	}
}

static ssize_t message_elsewhere(int fd, struct msghdr *message, int flags)
{
	ssize_t result = real.recvmsg(fd, message, flags);
	if (result >= 0 && message->msg_controllen > 0) {
		flow_received_descriptors(message);
	}
	return result;
}

static NOINLINE ssize_t message_with_care(int fd, struct msghdr *message, int flags)
{
	struct call call;
	size_t size = 0;
	struct conn *conn = conn_find_socket(fd);
	bool good = conn != NULL && message_measure(message, &size);
	/* What the error queue gives is no part of the stream, and nothing of it no end of file. */
	size_t asked = (flags & MSG_ERRQUEUE) == 0 ? size : 0;
	if (!call_enter_flags(&call, OP_RECVMSG, conn, fd, asked, flags)) {
		return message_elsewhere(fd, message, flags);
	}
	const struct iovec *pieces = good ? message->msg_iov : NULL;
	size_t count = good ? message->msg_iovlen : 0;
	do {
		if (!good || !call_answers_pieces(&call, pieces, count, flags)) {
			message_limited(&call, message, asked, flags);
			keep_head(&call, call.result, pieces, count);
		} else {
			message_answer(&call, message, &nothing_beside);
		}
	} while (call_again(&call, pieces, count, flags));
	return call_leave_read(&call, call_moves(flags));
}

static NOINLINE ssize_t message_ended(struct conn *conn, uint32_t generation, int fd,
				      const struct msghdr *message, int flags, long result)
{
	struct call call = call_of(conn, generation, OP_RECVMSG, fd, NULL, 0, flags);
	return message_leave(&call, message, result);
}

static NOINLINE ssize_t message_aloud(struct conn *conn, int fd, struct msghdr *message, int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_RECVMSG, fd, NULL, 0, flags);
	straight_begin(&call);
	long result = goes_straight(conn, flags) ? kernel_recvmsg(fd, message, flags)
						 : kernels(real.recvmsg(fd, message, flags));
	return message_leave(&call, message, result);
}

HOT ssize_t hook_recvmsg(int fd, struct msghdr *message, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot == SLOT_OTHER ? message_elsewhere(fd, message, flags)
					  : message_with_care(fd, message, flags);
	}
	if (!goes_silently(conn, flags)) {
		return message_aloud(conn, fd, message, flags);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_recvmsg(fd, message, flags);
	return passes_read(conn, generation, OP_RECVMSG, result, flags)
		       ? libcs(result)
		       : message_ended(conn, generation, fd, message, flags, result);
}

static int messages_elsewhere(int fd, struct mmsghdr *messages, unsigned count, int flags,
			      struct timespec *timeout)
{
	int result = real.recvmmsg(fd, messages, count, flags, timeout);
	for (int i = 0; i < result; i++) {
		if (messages[i].msg_hdr.msg_controllen > 0) {
			flow_received_descriptors(&messages[i].msg_hdr);
		}
	}
	return result;
}

static void messages_limited(struct call *call, struct mmsghdr *messages, unsigned count,
			     size_t asked, int flags, struct timespec *timeout, int *received)
{
	if (LIKELY(call->asked == asked)) {
		*received = real.recvmmsg(call->fd, messages, count, flags, timeout);
		call->result = messages_bytes(messages, *received);
		return;
	}
	struct iovec cut[PIECES_MAX];
	struct mmsghdr less = messages[0];
	less.msg_hdr.msg_iovlen = pieces_cut(cut, messages[0].msg_hdr.msg_iov,
					     messages[0].msg_hdr.msg_iovlen, call->asked);
	less.msg_hdr.msg_iov = cut;
	*received = real.recvmmsg(call->fd, &less, 1, flags, timeout);
	call->result = messages_bytes(&less, *received);
	messages_answer(call, messages, &less.msg_hdr);
}

static NOINLINE int messages_with_care(int fd, struct mmsghdr *messages, unsigned count, int flags,
				       struct timespec *timeout)
{
	struct call call;
	size_t size = 0;
	struct conn *conn = conn_find_socket(fd);
	bool good = conn != NULL && count > 0 && message_measure(&messages[0].msg_hdr, &size) &&
		    (timeout == NULL || memory_readable(timeout, sizeof *timeout));
	size_t asked = (flags & MSG_ERRQUEUE) == 0 ? size : 0;
	if (!call_enter_flags(&call, OP_RECVMMSG, conn, fd, asked, flags)) {
		return messages_elsewhere(fd, messages, count, flags, timeout);
	}
	const struct iovec *pieces = good ? messages[0].msg_hdr.msg_iov : NULL;
	size_t piece_count = good ? messages[0].msg_hdr.msg_iovlen : 0;
	int received = 1;
	if (count > 1 && (conn->choice.actions & act_readers) != 0) {
		/* A rule counts bytes: one at a time is what the stream allows anyway. */
		count = 1;
	}
	do {
		if (!good || !call_answers_pieces(&call, pieces, piece_count, flags)) {
			messages_limited(&call, messages, count, asked, flags, timeout, &received);
			keep_head(&call, messages_first(messages, received), pieces, piece_count);
		} else {
			messages_answer(&call, messages, &nothing_beside);
			answer_time_left(&call, timeout);
		}
	} while (call_again(&call, pieces, piece_count, flags));
	return call_leave_read(&call, call_moves(flags)) < 0 ? -1 : received;
}

HOT int hook_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		      struct timespec *timeout)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot == SLOT_OTHER ? messages_elsewhere(fd, messages, count, flags, timeout)
					  : messages_with_care(fd, messages, count, flags, timeout);
	}
	struct call call = call_of(conn, conn_generation(conn), OP_RECVMMSG, fd, NULL, 0, flags);
	straight_begin(&call);
	int received = real.recvmmsg(fd, messages, count, flags, timeout);
	long result = kernels(messages_bytes(messages, received));
	if (received != 0 && wants_asked(&call, result)) {
		call.asked = message_asked(result, &messages[0].msg_hdr);
	}
	call.bytes = message_head(messages_first(messages, received), &messages[0].msg_hdr);
	return straight_end_read(&call, result) < 0 ? -1 : received;
}
