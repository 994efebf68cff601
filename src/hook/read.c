/* Bytes in, to one buffer; read_pieces.c has the calls with several. */
#include "hook.h"

#include "../sys/memory.h"
#include "flow.h"
#include "straight.h"

static ALWAYS_INLINE void keep_head(struct call *call, void *buffer)
{
	call->bytes = buffer;
	if (UNLIKELY(flow_keeps_heads) && call->result > 0 &&
	    conn_same(call->conn, call->generation)) {
		struct iovec piece = {buffer, (size_t)call->result};
		flow_keep_head(call->conn, DIRECTION_READ, &piece, 1, piece.iov_len);
	}
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
static NOINLINE ssize_t recv_ended(struct conn *conn, uint32_t generation, int fd, void *buffer,
				   size_t size, int flags, long result)
{
	struct call call = call_of(conn, generation, OP_RECV, fd, buffer, size, flags);
	return straight_end_read(&call, result);
}

static NOINLINE ssize_t recv_aloud(struct conn *conn, int fd, void *buffer, size_t size, int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_RECV, fd, buffer, size, flags);
	straight_begin(&call);
	long result = goes_straight(conn, flags) ? kernel_recv(fd, buffer, size, flags)
						 : kernels(real.recv(fd, buffer, size, flags));
	return straight_end_read(&call, result);
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
		       : recv_ended(conn, generation, fd, buffer, size, flags, result);
}

/* What recvfrom says of the peer where a rule has answered: of a stream, nothing. */
static void answer_nameless(struct call *call, const struct sockaddr *address, socklen_t *size)
{
	socklen_t none = 0;
	if (call->result >= 0 && address != NULL && !memory_write(size, &none, sizeof none)) {
		call->result = -1;
		errno = EFAULT;
	}
}

static NOINLINE ssize_t recvfrom_with_care(int fd, void *buffer, size_t size, int flags,
					   struct sockaddr *address, socklen_t *address_size)
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
		} else {
			answer_nameless(&call, address, address_size);
		}
	} while (call_again_one(&call, buffer, flags));
	return call_leave_read(&call, call_moves(flags));
}

HOT ssize_t hook_recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
			  socklen_t *address_size)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot == SLOT_OTHER
			       ? real.recvfrom(fd, buffer, size, flags, address, address_size)
			       : recvfrom_with_care(fd, buffer, size, flags, address, address_size);
	}
	struct call call =
		call_of(conn, conn_generation(conn), OP_RECVFROM, fd, buffer, size, flags);
	straight_begin(&call);
	long result = kernels(real.recvfrom(fd, buffer, size, flags, address, address_size));
	return straight_end_read(&call, result);
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

static NOINLINE ssize_t read_ended(struct conn *conn, uint32_t generation, int fd, void *buffer,
				   size_t size, long result)
{
	struct call call = call_of(conn, generation, OP_READ, fd, buffer, size, 0);
	return straight_end_read(&call, result);
}

static NOINLINE ssize_t read_aloud(struct conn *conn, int fd, void *buffer, size_t size)
{
	struct call call = call_of(conn, conn_generation(conn), OP_READ, fd, buffer, size, 0);
	straight_begin(&call);
	long result = goes_straight(conn, 0) ? kernel_read(fd, buffer, size)
					     : kernels(real.read(fd, buffer, size));
	return straight_end_read(&call, result);
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
		       : read_ended(conn, generation, fd, buffer, size, result);
}

/*
 * What programs that are built with _FORTIFY_SOURCE call: the same, unless there is less room than
 * is asked for, which ends the program.
 */

HOT ssize_t hook___recv_chk(int fd, void *buffer, size_t size, size_t room, int flags)
{
	return LIKELY(size <= room) ? hook_recv(fd, buffer, size, flags)
				    : real.__recv_chk(fd, buffer, size, room, flags);
}

HOT ssize_t hook___recvfrom_chk(int fd, void *buffer, size_t size, size_t room, int flags,
				struct sockaddr *address, socklen_t *address_size)
{
	return LIKELY(size <= room)
		       ? hook_recvfrom(fd, buffer, size, flags, address, address_size)
		       : real.__recvfrom_chk(fd, buffer, size, room, flags, address, address_size);
}

HOT ssize_t hook___read_chk(int fd, void *buffer, size_t size, size_t room)
{
	return LIKELY(size <= room) ? hook_read(fd, buffer, size)
				    : real.__read_chk(fd, buffer, size, room);
}
