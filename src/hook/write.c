/* Bytes out, from one buffer or none; write_pieces.c has the calls with several. */
#include "hook.h"

#include <sys/stat.h>
#include "source.h"
#include "straight.h"
#include "write.h"

/* Keep what a rule with starts= looks at; before the write, for the rule may act on this one. */
static ALWAYS_INLINE void keep_head(struct call *call, const struct iovec *piece)
{
	call->bytes = piece->iov_base;
	if (UNLIKELY(flow_keeps_heads)) {
		flow_keep_head(call->conn, DIRECTION_WRITE, piece, 1, call->asked);
	}
}

static NOINLINE ssize_t send_with_care(int fd, const void *buffer, size_t size, int flags)
{
	struct call call;
	if (!call_enter_flags(&call, OP_SEND, conn_find_socket(fd), fd, size, flags)) {
		return real.send(fd, buffer, size, flags);
	}
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	keep_head(&call, &piece);
	do {
		if (!call_answers_write(&call, &piece, 1, flags)) {
			call.result = straight_send(call.conn, fd, buffer, size,
						    flags | write_unsignalled());
		}
	} while (call_again(&call, &piece, 1, flags));
	return write_leave(&call, flags);
}

/* It has failed, or something is due beside it. */
static NOINLINE ssize_t send_ended(struct conn *conn, uint32_t generation, int fd,
				   const void *buffer, size_t size, int flags, long result)
{
	struct call call = call_of(conn, generation, OP_SEND, fd, buffer, size, flags);
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t send_aloud(struct conn *conn, int fd, const void *buffer, size_t size,
				   int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_SEND, fd, buffer, size, flags);
	straight_begin(&call);
	long result = goes_straight(conn, flags)
			      ? kernel_send(fd, buffer, size, flags | MSG_NOSIGNAL)
			      : kernels(real.send(fd, buffer, size, flags | MSG_NOSIGNAL));
	return straight_end_write(&call, result);
}

HOT ssize_t hook_send(int fd, const void *buffer, size_t size, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot == SLOT_OTHER ? real.send(fd, buffer, size, flags)
					  : send_with_care(fd, buffer, size, flags);
	}
	if (!goes_silently(conn, flags)) {
		return send_aloud(conn, fd, buffer, size, flags);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_send(fd, buffer, size, flags | MSG_NOSIGNAL);
	return passes_write(conn, generation, OP_SEND, result)
		       ? libcs(result)
		       : send_ended(conn, generation, fd, buffer, size, flags, result);
}

ssize_t write_connected(struct connect *connect, struct call *call)
{
	if (!connect->target.answered) {
		call->error = call->result < 0 ? errno : 0;
	}
	ssize_t sent = call->result;
	call->result = sent < 0 ? -1 : 0;
	conn_set(call->conn, CONN_EARLY);
	connect_end(connect, call);
	if (sent < 0 || call->result < 0) {
		errno = call->error;
		return -1;
	}
	call->result = sent;
	return call_leave_write(call);
}

static ssize_t send_connecting(struct call *call, const void *buffer, size_t size, int flags,
			       const struct sockaddr *address, socklen_t address_size)
{
	struct connect connect;
	connect_begin(&connect, call, address, address_size);
	if (!connect.target.answered) {
		call->result = real.sendto(call->fd, buffer, size, flags | write_unsignalled(),
					   connect.target.address, connect.target.size);
	}
	return write_connected(&connect, call);
}

HOT ssize_t hook_sendto(int fd, const void *buffer, size_t size, int flags,
			const struct sockaddr *address, socklen_t address_size)
{
	struct call call;
	if (!call_enter_flags(&call, OP_SENDTO, conn_find_socket(fd), fd, size, flags)) {
		return real.sendto(fd, buffer, size, flags, address, address_size);
	}
	if (UNLIKELY((flags & MSG_FASTOPEN) != 0) && address != NULL) {
		return send_connecting(&call, buffer, size, flags, address, address_size);
	}
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	keep_head(&call, &piece);
	do {
		if (!call_answers_write(&call, &piece, 1, flags)) {
			call.result = real.sendto(fd, buffer, size, flags | write_unsignalled(),
						  address, address_size);
		}
	} while (call_again(&call, &piece, 1, flags));
	return write_leave(&call, flags);
}

/*
 * MAX_RW_COUNT, what the kernel writes at most. Of a larger size write(2) wants all to be addresses of
 * the program's, and refuses it otherwise (vfs_write()). sendto(2) cuts it first, and would send what
 * stands behind the buffer to the peer of a program that writes -1 bytes.
 */
#define WRITE_MOST ((size_t)0x7ffff000)

static NOINLINE ssize_t write_too_much(int fd, const void *buffer, size_t size)
{
	struct call call;
	if (!call_enter(&call, OP_WRITE, conn_find(fd), fd, size)) {
		return real.write(fd, buffer, size);
	}
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	keep_head(&call, &piece);
	struct sigpipe guard;
	write_guard_begin(&guard, &call);
	do {
		if (!call_answers_write(&call, &piece, 1, 0)) {
			call.result = real.write(fd, buffer, size);
		}
	} while (call_again(&call, &piece, 1, 0));
	return write_guard_end(&guard, &call);
}

/*
 * write as a call with flags: for a socket they are the same (sock_write_iter()), up to WRITE_MOST. A
 * number that was closed unseen may be a file by now.
 */
static ssize_t write_quietly(struct call *call, const void *buffer, size_t size)
{
	ssize_t result = straight_send(call->conn, call->fd, buffer, size, MSG_NOSIGNAL);
	if (UNLIKELY(result < 0) && errno == ENOTSOCK) {
		/* A pipe's signal is the kernel's. */
		call->flags = MSG_NOSIGNAL;
		return real.write(call->fd, buffer, size);
	}
	return result;
}

static NOINLINE ssize_t write_with_care(int fd, const void *buffer, size_t size)
{
	struct call call;
	if (UNLIKELY(size > WRITE_MOST)) {
		return write_too_much(fd, buffer, size);
	}
	if (!call_enter(&call, OP_WRITE, conn_find(fd), fd, size)) {
		return real.write(fd, buffer, size);
	}
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	keep_head(&call, &piece);
	do {
		if (!call_answers_write(&call, &piece, 1, 0)) {
			call.result = UNLIKELY(sandbox_closed) ? real.write(fd, buffer, size)
							       : write_quietly(&call, buffer, size);
		}
	} while (call_again(&call, &piece, 1, 0));
	return write_leave(&call, call.flags);
}

static NOINLINE ssize_t write_ended(struct conn *conn, uint32_t generation, int fd,
				    const void *buffer, size_t size, long result)
{
	struct call call = call_of(conn, generation, OP_WRITE, fd, buffer, size, 0);
	if (result == -ENOTSOCK) {
		/* Closed unseen, and a file by now, or a pipe, whose signal is the kernel's. */
		call.flags = MSG_NOSIGNAL;
		result = kernels(real.write(fd, buffer, size));
	}
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t write_aloud(struct conn *conn, int fd, const void *buffer, size_t size)
{
	struct call call = call_of(conn, conn_generation(conn), OP_WRITE, fd, buffer, size, 0);
	straight_begin(&call);
	long result = goes_straight(conn, 0) ? kernel_send(fd, buffer, size, MSG_NOSIGNAL)
					     : kernels(real.send(fd, buffer, size, MSG_NOSIGNAL));
	if (result == -ENOTSOCK) {
		call.flags = MSG_NOSIGNAL;
		result = kernels(real.write(fd, buffer, size));
	}
	return straight_end_write(&call, result);
}

HOT ssize_t hook_write(int fd, const void *buffer, size_t size)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL || UNLIKELY(size > WRITE_MOST)) {
		return slot_is_foreign(slot) ? real.write(fd, buffer, size)
					     : write_with_care(fd, buffer, size);
	}
	if (!goes_silently(conn, 0)) {
		return write_aloud(conn, fd, buffer, size);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_send(fd, buffer, size, MSG_NOSIGNAL);
	return passes_write(conn, generation, OP_WRITE, result)
		       ? libcs(result)
		       : write_ended(conn, generation, fd, buffer, size, result);
}

/*
 * Does a rule answer a write whose bytes come from a file or a pipe? What it takes is gone there, and
 * it takes no more than there is.
 */
static bool answers_from(struct call *call, int in, mode_t kind, off_t *offset)
{
	size_t asked = call->asked;
	if (LIKELY((call->conn->choice.actions & act_writers) == 0)) {
		return false;
	}
	call->asked = source_holds(in, kind, offset, asked);
	bool answers = call_answers_write(call, NULL, 0, 0);
	if (answers && call->result > 0) {
		source_take(in, offset, (size_t)call->result);
	}
	call->asked = asked;
	return answers;
}

ssize_t hook_sendfile(int out, int in, off_t *offset, size_t size)
{
	struct call call;
	if (!call_enter(&call, OP_SENDFILE, conn_find(out), out, size)) {
		return real.sendfile(out, in, offset, size);
	}
	struct sigpipe guard;
	write_guard_begin(&guard, &call);
	do {
		if (!answers_from(&call, in, S_IFREG, offset)) {
			call.result = real.sendfile(out, in, offset, size);
		}
	} while (call_again(&call, NULL, 0, 0));
	return write_guard_end(&guard, &call);
}

ssize_t hook_sendfile64(int out, int in, off64_t *offset, size_t size)
{
	return hook_sendfile(out, in, offset, size);
}

/* One end of a splice is a pipe; the other may be a connection, going either way. */
ssize_t hook_splice(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t size,
		    unsigned flags)
{
	struct call call;
	if (in_offset != NULL || out_offset != NULL) {
		/* Only files have offsets; between a connection and a pipe this is refused. */
		return real.splice(in, in_offset, out, out_offset, size, flags);
	}
	struct conn *source = conn_find(in);
	if (call_enter(&call, OP_SPLICE_IN, source, in, size)) {
		do {
			if (!call_answers_pieces(&call, NULL, 0, 0)) {
				call.result = real.splice(in, NULL, out, NULL, call.asked, flags);
			}
		} while (call_again(&call, NULL, 0, 0));
		return call_leave_read(&call, true);
	}
	if (!call_enter(&call, OP_SPLICE_OUT, conn_find(out), out, size)) {
		return real.splice(in, NULL, out, NULL, size, flags);
	}
	struct sigpipe guard;
	write_guard_begin(&guard, &call);
	do {
		if (!answers_from(&call, in, S_IFIFO, NULL)) {
			call.result = real.splice(in, NULL, out, NULL, size, flags);
		}
	} while (call_again(&call, NULL, 0, 0));
	return write_guard_end(&guard, &call);
}
