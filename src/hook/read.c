/* Bytes in. */
#include "hook.h"

#include "flow.h"
#include "pieces.h"
#include "straight.h"

static ALWAYS_INLINE void keep_vector_head(struct call *call, const struct iovec *pieces,
					   size_t count)
{
	if (UNLIKELY(flow_keeps_heads) && call->result > 0 &&
	    conn_same(call->conn, call->generation)) {
		flow_keep_head(call->conn, DIRECTION_READ, pieces, count, (size_t)call->result);
	}
}

static ALWAYS_INLINE void keep_head(struct call *call, void *buffer)
{
	struct iovec piece = {buffer, call->result > 0 ? (size_t)call->result : 0};
	keep_vector_head(call, &piece, 1);
}

static NOINLINE ssize_t recv_with_care(int fd, void *buffer, size_t size, int flags)
{
	struct call call;
	if (!call_enter_flags(&call, OP_RECV, conn_find_socket(fd), fd, size, flags)) {
		return real.recv(fd, buffer, size, flags);
	}
	do {
		if (!call_answers_read(&call, buffer, flags)) {
			call.result = straight_recv(call.conn, fd, buffer, call.asked, flags);
			keep_head(&call, buffer);
		}
	} while (call_again_one(&call, buffer, flags));
	return call_leave_read(&call, call_moves(flags));
}

/* It has failed, has met the end, or something is due beside it. */
static NOINLINE ssize_t recv_ended(struct conn *conn, uint32_t generation, int fd, size_t size,
				   int flags, long result)
{
	struct call call = call_of(conn, generation, OP_RECV, fd, size, flags);
	return straight_end_read(&call, result);
}

static NOINLINE ssize_t recv_aloud(struct conn *conn, int fd, void *buffer, size_t size, int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_RECV, fd, size, flags);
	straight_begin(&call);
	long result = goes_straight(conn, flags) ? kernel_recv(fd, buffer, size, flags)
						 : kernels(real.recv(fd, buffer, size, flags));
	return passes_read(conn, call.generation, OP_RECV, result, flags)
		       ? straight_end(&call, result)
		       : straight_end_read(&call, result);
}

HOT ssize_t hook_recv(int fd, void *buffer, size_t size, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot == SLOT_OTHER ? real.recv(fd, buffer, size, flags)
					  : recv_with_care(fd, buffer, size, flags);
	}
	if (!goes_silently(conn, flags)) {
		return recv_aloud(conn, fd, buffer, size, flags);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_recv(fd, buffer, size, flags);
	return passes_read(conn, generation, OP_RECV, result, flags)
		       ? libcs(result)
		       : recv_ended(conn, generation, fd, size, flags, result);
}

HOT ssize_t hook___recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
	struct call call;
	if (!call_enter_flags(&call, OP_RECV, conn_find_socket(fd), fd, size, flags) ||
	    size > room) {
		return real.__recv_chk(fd, buffer, size, room, flags);
	}
	do {
		if (!call_answers_read(&call, buffer, flags)) {
			call.result = real.__recv_chk(fd, buffer, call.asked, room, flags);
			keep_head(&call, buffer);
		}
	} while (call_again_one(&call, buffer, flags));
	return call_leave_read(&call, call_moves(flags));
}

HOT ssize_t hook_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
			  socklen_t *address_size)
{
	struct call call;
	if (!call_enter_flags(&call, OP_RECVFROM, conn_find_socket(fd), fd, size, flags)) {
		return real.recvfrom(fd, buffer, size, flags, address, address_size);
	}
	do {
		if (!call_answers_read(&call, buffer, flags)) {
			call.result =
				real.recvfrom(fd, buffer, call.asked, flags, address, address_size);
			keep_head(&call, buffer);
		} else if (call.result >= 0 && address != NULL && address_size != NULL) {
			*address_size = 0;
		}
	} while (call_again_one(&call, buffer, flags));
	return call_leave_read(&call, call_moves(flags));
}

HOT ssize_t hook___recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags,
				struct sockaddr *address, socklen_t *address_size)
{
	struct call call;
	if (!call_enter_flags(&call, OP_RECVFROM, conn_find_socket(fd), fd, size, flags) ||
	    size > room) {
		return real.__recvfrom_chk(fd, buffer, size, room, flags, address, address_size);
	}
	do {
		if (!call_answers_read(&call, buffer, flags)) {
			call.result = real.__recvfrom_chk(fd, buffer, call.asked, room, flags,
							  address, address_size);
			keep_head(&call, buffer);
		} else if (call.result >= 0 && address != NULL && address_size != NULL) {
			*address_size = 0;
		}
	} while (call_again_one(&call, buffer, flags));
	return call_leave_read(&call, call_moves(flags));
}

static NOINLINE ssize_t read_with_care(int fd, void *buffer, size_t size)
{
	struct call call;
	if (!call_enter(&call, OP_READ, conn_find(fd), fd, size)) {
		return real.read(fd, buffer, size);
	}
	do {
		if (!call_answers_read(&call, buffer, 0)) {
			call.result = straight_read(call.conn, fd, buffer, call.asked);
			keep_head(&call, buffer);
		}
	} while (call_again_one(&call, buffer, 0));
	return call_leave_read(&call, true);
}

static NOINLINE ssize_t read_ended(struct conn *conn, uint32_t generation, int fd, size_t size,
				   long result)
{
	struct call call = call_of(conn, generation, OP_READ, fd, size, 0);
	return straight_end_read(&call, result);
}

static NOINLINE ssize_t read_aloud(struct conn *conn, int fd, void *buffer, size_t size)
{
	struct call call = call_of(conn, conn_generation(conn), OP_READ, fd, size, 0);
	straight_begin(&call);
	long result = goes_straight(conn, 0) ? kernel_read(fd, buffer, size)
					     : kernels(real.read(fd, buffer, size));
	return passes_read(conn, call.generation, OP_READ, result, 0)
		       ? straight_end(&call, result)
		       : straight_end_read(&call, result);
}

HOT ssize_t hook_read(int fd, void *buffer, size_t size)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot_is_foreign(slot) ? real.read(fd, buffer, size)
					     : read_with_care(fd, buffer, size);
	}
	if (!goes_silently(conn, 0)) {
		return read_aloud(conn, fd, buffer, size);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_read(fd, buffer, size);
	return passes_read(conn, generation, OP_READ, result, 0)
		       ? libcs(result)
		       : read_ended(conn, generation, fd, size, result);
}

HOT ssize_t hook___read_chk(int fd, void *buffer, size_t size, size_t room)
{
	struct call call;
	if (!call_enter(&call, OP_READ, conn_find(fd), fd, size) || size > room) {
		return real.__read_chk(fd, buffer, size, room);
	}
	do {
		if (!call_answers_read(&call, buffer, 0)) {
			call.result = real.__read_chk(fd, buffer, call.asked, room);
			keep_head(&call, buffer);
		}
	} while (call_again_one(&call, buffer, 0));
	return call_leave_read(&call, true);
}

/* A vector as the rules let it through: as the program gave it, or cut. */
struct vector {
	const struct iovec *pieces;
	int count;
	struct iovec cut[PIECES_MAX];
};

static void vector_limit(struct vector *vector, const struct call *call, size_t asked)
{
	if (UNLIKELY(call->asked < asked)) {
		vector->count = (int)pieces_cut(vector->cut, vector->pieces, (size_t)vector->count,
						call->asked);
		vector->pieces = vector->cut;
	}
}

ssize_t hook_readv(int fd, const struct iovec *pieces, int count)
{
	struct call call;
	struct vector vector;
	struct conn *conn = conn_find(fd);
	size_t asked = conn != NULL ? pieces_size(pieces, (size_t)count) : 0;
	if (!call_enter(&call, OP_READV, conn, fd, asked)) {
		return real.readv(fd, pieces, count);
	}
	do {
		if (!call_answers_pieces(&call, pieces, (size_t)count, 0)) {
			vector.pieces = pieces;
			vector.count = count;
			vector_limit(&vector, &call, asked);
			call.result = real.readv(fd, vector.pieces, vector.count);
			keep_vector_head(&call, vector.pieces, (size_t)vector.count);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	return call_leave_read(&call, true);
}

/* Sockets accept offset -1 only: the position of the stream. */
ssize_t hook_preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	struct call call;
	struct vector vector;
	struct conn *conn = offset == -1 ? conn_find(fd) : NULL;
	size_t asked = conn != NULL ? pieces_size(pieces, (size_t)count) : 0;
	if (!call_enter(&call, OP_PREADV2, conn, fd, asked)) {
		return real.preadv2(fd, pieces, count, offset, flags);
	}
	do {
		if (!call_answers_pieces(&call, pieces, (size_t)count, 0)) {
			vector.pieces = pieces;
			vector.count = count;
			vector_limit(&vector, &call, asked);
			call.result = real.preadv2(fd, vector.pieces, vector.count, offset, flags);
			keep_vector_head(&call, vector.pieces, (size_t)vector.count);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	return call_leave_read(&call, true);
}

ssize_t hook_preadv64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return hook_preadv2(fd, pieces, count, offset, flags);
}

/* A message as the rules let it through: as the program gave it, or cut. */
static void recvmsg_limited(struct call *call, struct msghdr *message, size_t asked, int flags)
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
	message->msg_flags = less.msg_flags;
	message->msg_controllen = less.msg_controllen;
	message->msg_namelen = less.msg_namelen;
}

ssize_t hook_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct call call;
	struct conn *conn = message != NULL ? conn_find_socket(fd) : NULL;
	/* What the error queue gives is no part of the stream, and nothing of it no end of file. */
	bool asks = conn != NULL && (flags & MSG_ERRQUEUE) == 0;
	size_t asked = asks ? pieces_size(message->msg_iov, message->msg_iovlen) : 0;
	if (!call_enter_flags(&call, OP_RECVMSG, conn, fd, asked, flags)) {
		ssize_t result = real.recvmsg(fd, message, flags);
		if (result >= 0 && message->msg_controllen > 0) {
			flow_received_descriptors(message);
		}
		return result;
	}
	const struct iovec *pieces = message->msg_iov;
	size_t count = message->msg_iovlen;
	do {
		if (!call_answers_pieces(&call, pieces, count, flags)) {
			recvmsg_limited(&call, message, asked, flags);
			keep_vector_head(&call, pieces, count);
		} else if (call.result >= 0) {
			/* As the kernel fills them for TCP. */
			message->msg_flags = 0;
			message->msg_controllen = 0;
			message->msg_namelen = 0;
		}
	} while (call_again(&call, pieces, count, flags));
	return call_leave_read(&call, call_moves(flags));
}

/* Several messages of a stream are several reads in a row; the result counts messages. */
static size_t messages_bytes(const struct mmsghdr *messages, int count)
{
	size_t bytes = 0;
	for (int i = 0; i < count; i++) {
		bytes += messages[i].msg_len;
	}
	return bytes;
}

int hook_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		  struct timespec *timeout)
{
	struct call call;
	struct conn *conn = conn_find_socket(fd);
	if (conn == NULL || count == 0 || messages == NULL) {
		int result = real.recvmmsg(fd, messages, count, flags, timeout);
		for (int i = 0; i < result; i++) {
			if (messages[i].msg_hdr.msg_controllen > 0) {
				flow_received_descriptors(&messages[i].msg_hdr);
			}
		}
		return result;
	}
	if (UNLIKELY(conn->choice.actions & act_readers)) {
		/* A rule counts bytes: one message at a time is what the stream allows anyway. */
		ssize_t got = hook_recvmsg(fd, &messages[0].msg_hdr, flags & ~MSG_WAITFORONE);
		if (got < 0) {
			return -1;
		}
		messages[0].msg_len = (unsigned)got;
		return 1;
	}
	call_enter(&call, OP_RECVMMSG, conn, fd,
		   pieces_size(messages[0].msg_hdr.msg_iov, messages[0].msg_hdr.msg_iovlen));
	int result = real.recvmmsg(fd, messages, count, flags, timeout);
	call.result = result <= 0 ? result : (ssize_t)messages_bytes(messages, result);
	call_leave_read(&call, call_moves(flags));
	return result;
}
