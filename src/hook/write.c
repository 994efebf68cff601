/*
 * Bytes out. A write on a dead connection raises SIGPIPE, which kills most programs before they or
 * we can say a word. Calls are made with MSG_NOSIGNAL, also those that have no flags, and the signal
 * is raised after the verdict is logged. Where there is no call with flags that does the same
 * (sendfile, splice, pwritev2), it is held back where the connection is known to have ended
 * (sigpipe.h).
 */
#include "hook.h"

#include <limits.h>
#include "../sys/sandbox.h"
#include "connect.h"
#include "flow.h"
#include "pieces.h"
#include "sigpipe.h"
#include "straight.h"

/* In a sandbox the signal could not be raised by us: then it is the kernel's to raise. */
static ALWAYS_INLINE int unsignalled(void)
{
	return LIKELY(!sandbox_closed) ? MSG_NOSIGNAL : 0;
}

static bool is_suspect(const struct conn *conn)
{
	return (conn->choice.actions & act_repeaters) != 0 || conn->told_error != 0 ||
	       conn->peer_fin || conn->shut_write;
}

/* Keep what a rule with starts= looks at; before the write, for the rule may act on this one. */
static ALWAYS_INLINE void keep_vector_head(struct call *call, const struct iovec *pieces,
					   size_t count)
{
	if (UNLIKELY(flow_keeps_heads)) {
		flow_keep_head(call->conn, DIRECTION_WRITE, pieces, count, call->asked);
	}
}

static ALWAYS_INLINE void keep_head(struct call *call, const void *buffer)
{
	struct iovec piece = {(void *)(uintptr_t)buffer, call->asked};
	keep_vector_head(call, &piece, 1);
}

static ssize_t leave_with_signal(struct call *call, int flags)
{
	return sigpipe_after(call_leave_write(call), flags);
}

static NOINLINE ssize_t send_with_care(int fd, const void *buffer, size_t size, int flags)
{
	struct call call;
	if (!call_enter_flags(&call, OP_SEND, conn_find_socket(fd), fd, size, flags)) {
		return real.send(fd, buffer, size, flags);
	}
	keep_head(&call, buffer);
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	do {
		if (!call_answers_write(&call, &piece, 1, flags)) {
			call.result =
				straight_send(call.conn, fd, buffer, size, flags | unsignalled());
		}
	} while (call_again(&call, &piece, 1, flags));
	return leave_with_signal(&call, flags);
}

/* It has failed, or something is due beside it. */
static NOINLINE ssize_t send_ended(struct conn *conn, uint32_t generation, int fd, size_t size,
				   int flags, long result)
{
	struct call call = call_of(conn, generation, OP_SEND, fd, size, flags);
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t send_aloud(struct conn *conn, int fd, const void *buffer, size_t size,
				   int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_SEND, fd, size, flags);
	straight_begin(&call);
	long result = goes_straight(conn, flags)
			      ? kernel_send(fd, buffer, size, flags | MSG_NOSIGNAL)
			      : kernels(real.send(fd, buffer, size, flags | MSG_NOSIGNAL));
	return passes_write(conn, call.generation, OP_SEND, result)
		       ? straight_end(&call, result)
		       : straight_end_write(&call, result);
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
		       : send_ended(conn, generation, fd, size, flags, result);
}

/* TCP Fast Open: a send that connects. */
static ssize_t send_connecting(struct call *call, const void *buffer, size_t size, int flags,
			       const struct sockaddr *address, socklen_t address_size)
{
	struct connect connect;
	connect_begin(&connect, call, address, address_size);
	if (!connect.target.answered) {
		call->result = real.sendto(call->fd, buffer, size, flags | unsignalled(),
					   connect.target.address, connect.target.size);
		call->error = call->result < 0 ? errno : 0;
	}
	ssize_t sent = call->result;
	call->result = sent < 0 ? -1 : 0;
	connect_end(&connect, call);
	if (sent < 0 || call->result < 0) {
		errno = call->error;
		return -1;
	}
	call->result = sent;
	return call_leave_write(call);
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
	keep_head(&call, buffer);
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	do {
		if (!call_answers_write(&call, &piece, 1, flags)) {
			call.result = real.sendto(fd, buffer, size, flags | unsignalled(), address,
						  address_size);
		}
	} while (call_again(&call, &piece, 1, flags));
	return leave_with_signal(&call, flags);
}

/* sendmsg with MSG_FASTOPEN: its address is the message's. */
static ssize_t sendmsg_connecting(struct call *call, const struct msghdr *message, int flags)
{
	struct connect connect;
	connect_begin(&connect, call, message->msg_name, message->msg_namelen);
	if (!connect.target.answered) {
		struct msghdr elsewhere = *message;
		elsewhere.msg_name = (void *)(uintptr_t)connect.target.address;
		elsewhere.msg_namelen = connect.target.size;
		call->result = real.sendmsg(call->fd, &elsewhere, flags | unsignalled());
		call->error = call->result < 0 ? errno : 0;
	}
	ssize_t sent = call->result;
	call->result = sent < 0 ? -1 : 0;
	connect_end(&connect, call);
	if (sent < 0 || call->result < 0) {
		errno = call->error;
		return -1;
	}
	call->result = sent;
	return call_leave_write(call);
}

ssize_t hook_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct call call;
	struct conn *conn = message != NULL ? conn_find_socket(fd) : NULL;
	size_t asked = conn != NULL ? pieces_size(message->msg_iov, message->msg_iovlen) : 0;
	if (!call_enter_flags(&call, OP_SENDMSG, conn, fd, asked, flags)) {
		ssize_t result = real.sendmsg(fd, message, flags);
		if (result >= 0 && UNLIKELY(message->msg_controllen > 0)) {
			flow_sent_descriptors(message);
		}
		return result;
	}
	if (UNLIKELY((flags & MSG_FASTOPEN) != 0) && message->msg_name != NULL) {
		return sendmsg_connecting(&call, message, flags);
	}
	keep_vector_head(&call, message->msg_iov, message->msg_iovlen);
	do {
		if (!call_answers_write(&call, message->msg_iov, message->msg_iovlen, flags)) {
			call.result =
				straight_sendmsg(call.conn, fd, message, flags | unsignalled());
		}
	} while (call_again(&call, message->msg_iov, message->msg_iovlen, flags));
	return leave_with_signal(&call, flags);
}

int hook_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	struct call call;
	struct conn *conn = conn_find_socket(fd);
	if (conn == NULL || messages == NULL || count == 0) {
		int result = real.sendmmsg(fd, messages, count, flags);
		for (int i = 0; i < result; i++) {
			if (UNLIKELY(messages[i].msg_hdr.msg_controllen > 0)) {
				flow_sent_descriptors(&messages[i].msg_hdr);
			}
		}
		return result;
	}
	if (UNLIKELY(conn->choice.actions & act_writers)) {
		/* A rule acts on one message at a time; the rest is the program's next call. */
		ssize_t sent = hook_sendmsg(fd, &messages[0].msg_hdr, flags);
		messages[0].msg_len = sent < 0 ? 0 : (unsigned)sent;
		return sent < 0 ? -1 : 1;
	}
	call_enter(&call, OP_SENDMMSG, conn, fd,
		   pieces_size(messages[0].msg_hdr.msg_iov, messages[0].msg_hdr.msg_iovlen));
	int sent = real.sendmmsg(fd, messages, count, flags | unsignalled());
	call.result = sent;
	for (int i = 0; i < sent; i++) {
		call.result = i == 0 ? messages[i].msg_len : call.result + messages[i].msg_len;
	}
	leave_with_signal(&call, flags);
	return sent;
}

/*
 * write and writev as calls with flags: for a socket they are the same (sock_write_iter()). A number
 * that was closed unseen may be a file by now.
 */
static ssize_t write_quietly(const struct conn *conn, int fd, const void *buffer, size_t size)
{
	ssize_t result = straight_send(conn, fd, buffer, size, MSG_NOSIGNAL);
	return UNLIKELY(result < 0) && errno == ENOTSOCK ? real.write(fd, buffer, size) : result;
}

static ssize_t writev_quietly(const struct conn *conn, int fd, const struct iovec *pieces,
			      int count, size_t asked)
{
	/*
	 * Too many pieces are EINVAL here and EMSGSIZE there; without a byte it is no question to the
	 * socket here (do_iter_write()), and one there.
	 */
	if (count < 0 || count > IOV_MAX || asked == 0 || sandbox_closed) {
		return real.writev(fd, pieces, count);
	}
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)pieces,
		.msg_iovlen = (size_t)count,
	};
	ssize_t result = straight_sendmsg(conn, fd, &message, MSG_NOSIGNAL);
	return UNLIKELY(result < 0) && errno == ENOTSOCK ? real.writev(fd, pieces, count) : result;
}

/* For calls without flags: the signal waits until the verdict is logged. */
static ALWAYS_INLINE void guard_begin(struct sigpipe *guard, const struct conn *conn)
{
	guard->held = UNLIKELY(is_suspect(conn));
	if (guard->held) {
		sigpipe_hold(guard);
	}
}

static ALWAYS_INLINE ssize_t guard_end(const struct sigpipe *guard, struct call *call)
{
	ssize_t result = call_leave_write(call);
	if (guard->held) {
		sigpipe_release(guard);
	}
	return result;
}

static NOINLINE ssize_t write_with_care(int fd, const void *buffer, size_t size)
{
	struct call call;
	if (!call_enter(&call, OP_WRITE, conn_find(fd), fd, size)) {
		return real.write(fd, buffer, size);
	}
	keep_head(&call, buffer);
	struct iovec piece = {(void *)(uintptr_t)buffer, size};
	do {
		if (!call_answers_write(&call, &piece, 1, 0)) {
			call.result = UNLIKELY(sandbox_closed)
					      ? real.write(fd, buffer, size)
					      : write_quietly(call.conn, fd, buffer, size);
		}
	} while (call_again(&call, &piece, 1, 0));
	return leave_with_signal(&call, 0);
}

static NOINLINE ssize_t write_ended(struct conn *conn, uint32_t generation, int fd,
				    const void *buffer, size_t size, long result)
{
	struct call call = call_of(conn, generation, OP_WRITE, fd, size, 0);
	if (result == -ENOTSOCK) {
		/* Closed unseen, and a file by now. */
		result = kernels(real.write(fd, buffer, size));
	}
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t write_aloud(struct conn *conn, int fd, const void *buffer, size_t size)
{
	struct call call = call_of(conn, conn_generation(conn), OP_WRITE, fd, size, 0);
	straight_begin(&call);
	long result = goes_straight(conn, 0) ? kernel_send(fd, buffer, size, MSG_NOSIGNAL)
					     : kernels(real.send(fd, buffer, size, MSG_NOSIGNAL));
	if (result == -ENOTSOCK) {
		result = kernels(real.write(fd, buffer, size));
	}
	return passes_write(conn, call.generation, OP_WRITE, result)
		       ? straight_end(&call, result)
		       : straight_end_write(&call, result);
}

HOT ssize_t hook_write(int fd, const void *buffer, size_t size)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
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

ssize_t hook_writev(int fd, const struct iovec *pieces, int count)
{
	struct call call;
	struct conn *conn = conn_find(fd);
	size_t asked = conn != NULL ? pieces_size(pieces, (size_t)count) : 0;
	if (!call_enter(&call, OP_WRITEV, conn, fd, asked)) {
		return real.writev(fd, pieces, count);
	}
	keep_vector_head(&call, pieces, (size_t)count);
	do {
		if (!call_answers_write(&call, pieces, (size_t)count, 0)) {
			call.result = writev_quietly(call.conn, fd, pieces, count, asked);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	return leave_with_signal(&call, 0);
}

ssize_t hook_pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	struct call call;
	struct conn *conn = offset == -1 ? conn_find(fd) : NULL;
	size_t asked = conn != NULL ? pieces_size(pieces, (size_t)count) : 0;
	if (!call_enter(&call, OP_PWRITEV2, conn, fd, asked)) {
		return real.pwritev2(fd, pieces, count, offset, flags);
	}
	keep_vector_head(&call, pieces, (size_t)count);
	struct sigpipe guard;
	guard_begin(&guard, call.conn);
	do {
		if (!call_answers_write(&call, pieces, (size_t)count, 0)) {
			call.result = real.pwritev2(fd, pieces, count, offset, flags);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	return guard_end(&guard, &call);
}

ssize_t hook_pwritev64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return hook_pwritev2(fd, pieces, count, offset, flags);
}

ssize_t hook_sendfile(int out, int in, off_t *offset, size_t size)
{
	struct call call;
	if (!call_enter(&call, OP_SENDFILE, conn_find(out), out, size)) {
		return real.sendfile(out, in, offset, size);
	}
	struct sigpipe guard;
	guard_begin(&guard, call.conn);
	do {
		if (!call_answers_write(&call, NULL, 0, 0)) {
			call.result = real.sendfile(out, in, offset, size);
		}
	} while (call_again(&call, NULL, 0, 0));
	return guard_end(&guard, &call);
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
	struct conn *source = conn_find(in);
	if (call_enter(&call, OP_SPLICE_IN, source, in, size)) {
		do {
			if (!call_answers_pieces(&call, NULL, 0, 0)) {
				call.result = real.splice(in, in_offset, out, out_offset,
							  call.asked, flags);
			}
		} while (call_again(&call, NULL, 0, 0));
		return call_leave_read(&call, true);
	}
	if (!call_enter(&call, OP_SPLICE_OUT, conn_find(out), out, size)) {
		return real.splice(in, in_offset, out, out_offset, size, flags);
	}
	struct sigpipe guard;
	guard_begin(&guard, call.conn);
	do {
		if (!call_answers_write(&call, NULL, 0, 0)) {
			call.result = real.splice(in, in_offset, out, out_offset, size, flags);
		}
	} while (call_again(&call, NULL, 0, 0));
	return guard_end(&guard, &call);
}
