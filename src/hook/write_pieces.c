/*
 * Bytes out, from several buffers: vectors and messages. On a calm connection the kernel reads them
 * first, and what it has refused nobody looks at here.
 */
#include "hook.h"

#include <limits.h>
#include "../log/log.h"
#include "../sys/memory.h"
#include "pieces.h"
#include "straight.h"
#include "write.h"

/* Keep what a rule with starts= looks at; before the write, for the rule may act on this one. */
static void keep_head(struct call *call, const struct iovec *pieces, size_t count)
{
	if (UNLIKELY(flow_keeps_heads)) {
		flow_keep_head(call->conn, DIRECTION_WRITE, pieces, count, call->asked);
	}
}

static ALWAYS_INLINE long message_straight(const struct conn *conn, int fd,
					   const struct msghdr *message, int flags)
{
	return goes_straight(conn, flags) ? kernel_sendmsg(fd, message, flags)
					  : kernels(real.sendmsg(fd, message, flags));
}

/* A calm call that is logged begins: how much it asks for tells whether it may have to wait. */
static NOINLINE void begin_aloud(struct call *call, const struct msghdr *message)
{
	if (!conn_is(call->conn, CONN_NONBLOCKING) && (call->flags & MSG_DONTWAIT) == 0) {
		message_measure(message, &call->asked);
	}
	straight_begin(call);
}

static ALWAYS_INLINE void begin_calm(struct call *call, const struct msghdr *message)
{
	if (UNLIKELY(log_wants(LOG_CALLS))) {
		begin_aloud(call, message);
	}
}

static ALWAYS_INLINE ssize_t end_calm(struct call *call, long result, const struct msghdr *message)
{
	if (UNLIKELY(call->began_ns != 0)) {
		call->asked = message_asked(result, message);
	}
	if (UNLIKELY(conn_turns(call->conn, DIRECTION_WRITE))) {
		call->bytes = message_head(result, message);
	}
	return straight_end_write(call, result);
}

static ALWAYS_INLINE struct msghdr message_of(const struct iovec *pieces, int count)
{
	return (struct msghdr){
		.msg_iov = (struct iovec *)(uintptr_t)pieces,
		.msg_iovlen = (size_t)count,
	};
}

/* Too many pieces are EINVAL as a vector, and EMSGSIZE as a message. */
static ALWAYS_INLINE bool is_count(int count)
{
	return count > 0 && count <= IOV_MAX;
}

/*
 * writev as a call with flags: for a socket they are the same (sock_write_iter()). A number that was
 * closed unseen may be a file by now.
 */
static ssize_t writev_quietly(struct call *call, const struct iovec *pieces, int count)
{
	const struct msghdr message = message_of(pieces, count);
	long result = message_straight(call->conn, call->fd, &message, MSG_NOSIGNAL);
	if (UNLIKELY(result == -ENOTSOCK)) {
		/* A pipe's signal is the kernel's. */
		call->flags = MSG_NOSIGNAL;
		return real.writev(call->fd, pieces, count);
	}
	return libcs(result);
}

static NOINLINE ssize_t writev_with_care(int fd, const struct iovec *pieces, int count)
{
	struct call call;
	size_t asked = 0;
	struct conn *conn = conn_find(fd);
	bool good = conn != NULL && pieces_measure(pieces, (size_t)count, &asked);
	if (!call_enter(&call, OP_WRITEV, conn, fd, asked)) {
		return real.writev(fd, pieces, count);
	}
	keep_head(&call, pieces, (size_t)count);
	/* Without a byte it is no question to the socket (vfs_writev()), and a message is one. */
	bool quietly = asked > 0 && is_count(count) && !sandbox_closed;
	do {
		if (!good || !call_answers_write(&call, pieces, (size_t)count, 0)) {
			call.result = quietly ? writev_quietly(&call, pieces, count)
					      : real.writev(fd, pieces, count);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	call.bytes = pieces_head(call.result, pieces, (size_t)count);
	return write_leave(&call, call.flags);
}

/* A calm one has failed; returns what is to be made of that. */
static long writev_failed(struct call *call, const struct iovec *pieces, int count, long result)
{
	if (result == -ENOTSOCK) {
		/* Closed unseen, and a file by now, or a pipe, whose signal is the kernel's. */
		call->flags = MSG_NOSIGNAL;
		return kernels(real.writev(call->fd, pieces, count));
	}
	if (result == -EPIPE && pieces_size(pieces, (size_t)count) == 0) {
		/* Nothing was to be written, and so no signal is to come. */
		call->flags = MSG_NOSIGNAL;
	}
	return result;
}

static NOINLINE ssize_t writev_ended(struct conn *conn, uint32_t generation, int fd,
				     const struct iovec *pieces, int count, long result)
{
	struct call call = call_of(conn, generation, OP_WRITEV, fd, NULL, 0, 0);
	if (result < 0) {
		result = writev_failed(&call, pieces, count, result);
	}
	call.bytes = pieces_head(result, pieces, (size_t)count);
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t writev_aloud(struct conn *conn, int fd, const struct iovec *pieces,
				     int count)
{
	struct call call = call_of(conn, conn_generation(conn), OP_WRITEV, fd, NULL, 0, 0);
	const struct msghdr message = message_of(pieces, count);
	begin_calm(&call, &message);
	long result = is_count(count) ? message_straight(conn, fd, &message, MSG_NOSIGNAL)
				      : kernels(real.writev(fd, pieces, count));
	if (UNLIKELY(result < 0)) {
		result = writev_failed(&call, pieces, count, result);
	}
	return end_calm(&call, result, &message);
}

HOT ssize_t hook_writev(int fd, const struct iovec *pieces, int count)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (conn == NULL) {
		return slot_is_foreign(slot) ? real.writev(fd, pieces, count)
					     : writev_with_care(fd, pieces, count);
	}
	if (!goes_silently(conn, 0) || UNLIKELY(!is_count(count))) {
		return writev_aloud(conn, fd, pieces, count);
	}
	uint32_t generation = conn_generation(conn);
	const struct msghdr message = message_of(pieces, count);
	long result = kernel_sendmsg(fd, &message, MSG_NOSIGNAL);
	return passes_write(conn, generation, OP_WRITEV, result)
		       ? libcs(result)
		       : writev_ended(conn, generation, fd, pieces, count, result);
}

static NOINLINE ssize_t pwritev2_with_care(int fd, const struct iovec *pieces, int count, int flags)
{
	struct call call;
	size_t asked = 0;
	struct conn *conn = conn_find(fd);
	bool good = conn != NULL && pieces_measure(pieces, (size_t)count, &asked);
	if (!call_enter(&call, OP_PWRITEV2, conn, fd, asked)) {
		return real.pwritev2(fd, pieces, count, -1, flags);
	}
	keep_head(&call, pieces, (size_t)count);
	struct sigpipe guard;
	write_guard_begin(&guard, &call);
	do {
		if (!good || !call_answers_write(&call, pieces, (size_t)count, 0)) {
			call.result = real.pwritev2(fd, pieces, count, -1, flags);
		}
	} while (call_again(&call, pieces, (size_t)count, 0));
	call.bytes = pieces_head(call.result, pieces, (size_t)count);
	return write_guard_end(&guard, &call);
}

HOT ssize_t hook_pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = conn_calm(slot);
	if (offset != -1 || (conn == NULL && slot_is_foreign(slot))) {
		return real.pwritev2(fd, pieces, count, offset, flags);
	}
	if (conn == NULL) {
		return pwritev2_with_care(fd, pieces, count, flags);
	}
	/* The kernel itself raises the signal. */
	struct call call =
		call_of(conn, conn_generation(conn), OP_PWRITEV2, fd, NULL, 0, MSG_NOSIGNAL);
	const struct msghdr message = message_of(pieces, count);
	begin_calm(&call, &message);
	return end_calm(&call, kernels(real.pwritev2(fd, pieces, count, -1, flags)), &message);
}

ssize_t hook_pwritev64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return hook_pwritev2(fd, pieces, count, offset, flags);
}

/* With MSG_FASTOPEN: the address is the message's. */
static ssize_t message_connecting(struct call *call, const struct msghdr *message, int flags)
{
	struct connect connect;
	connect_begin(&connect, call, message->msg_name, message->msg_namelen);
	if (!connect.target.answered) {
		struct msghdr elsewhere = *message;
		elsewhere.msg_name = (void *)(uintptr_t)connect.target.address;
		elsewhere.msg_namelen = connect.target.size;
		call->result = real.sendmsg(call->fd, &elsewhere, flags | write_unsignalled());
	}
	return write_connected(&connect, call);
}

static ssize_t message_elsewhere(int fd, const struct msghdr *message, int flags)
{
	ssize_t result = real.sendmsg(fd, message, flags);
	if (result >= 0 && UNLIKELY(message->msg_controllen > 0)) {
		flow_sent_descriptors(message);
	}
	return result;
}

static NOINLINE ssize_t message_with_care(int fd, const struct msghdr *message, int flags)
{
	struct call call;
	size_t asked = 0;
	struct conn *conn = conn_find_socket(fd);
	bool good = conn != NULL && message_measure(message, &asked);
	if (!call_enter_flags(&call, OP_SENDMSG, conn, fd, asked, flags)) {
		return message_elsewhere(fd, message, flags);
	}
	if (UNLIKELY((flags & MSG_FASTOPEN) != 0) && good && message->msg_name != NULL) {
		return message_connecting(&call, message, flags);
	}
	const struct iovec *pieces = good ? message->msg_iov : NULL;
	size_t count = good ? message->msg_iovlen : 0;
	keep_head(&call, pieces, count);
	do {
		if (!good || !call_answers_write(&call, pieces, count, flags)) {
			call.result =
				straight_sendmsg(conn, fd, message, flags | write_unsignalled());
		}
	} while (call_again(&call, pieces, count, flags));
	call.bytes = pieces_head(call.result, pieces, count);
	return write_leave(&call, flags);
}

static NOINLINE ssize_t message_ended(struct conn *conn, uint32_t generation, int fd,
				      const struct msghdr *message, int flags, long result)
{
	struct call call = call_of(conn, generation, OP_SENDMSG, fd, NULL, 0, flags);
	call.bytes = message_head(result, message);
	return straight_end_write(&call, result);
}

static NOINLINE ssize_t message_aloud(struct conn *conn, int fd, const struct msghdr *message,
				      int flags)
{
	struct call call = call_of(conn, conn_generation(conn), OP_SENDMSG, fd, NULL, 0, flags);
	begin_calm(&call, message);
	return end_calm(&call, message_straight(conn, fd, message, flags | MSG_NOSIGNAL), message);
}

HOT ssize_t hook_sendmsg(int fd, const struct msghdr *message, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = (flags & MSG_FASTOPEN) == 0 ? conn_calm(slot) : NULL;
	if (conn == NULL) {
		return slot == SLOT_OTHER ? message_elsewhere(fd, message, flags)
					  : message_with_care(fd, message, flags);
	}
	if (!goes_silently(conn, flags)) {
		return message_aloud(conn, fd, message, flags);
	}
	uint32_t generation = conn_generation(conn);
	long result = kernel_sendmsg(fd, message, flags | MSG_NOSIGNAL);
	return passes_write(conn, generation, OP_SENDMSG, result)
		       ? libcs(result)
		       : message_ended(conn, generation, fd, message, flags, result);
}

static int messages_elsewhere(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	int result = real.sendmmsg(fd, messages, count, flags);
	for (int i = 0; i < result; i++) {
		if (UNLIKELY(messages[i].msg_hdr.msg_controllen > 0)) {
			flow_sent_descriptors(&messages[i].msg_hdr);
		}
	}
	return result;
}

/* A rule has taken the first message: say so where the kernel would have. */
static void messages_answer(struct call *call, struct mmsghdr *messages)
{
	unsigned length = (unsigned)call->result;
	if (call->result >= 0 && !memory_write(&messages[0].msg_len, &length, sizeof length)) {
		call->result = -1;
		errno = EFAULT;
	}
}

static NOINLINE int messages_with_care(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	struct call call;
	size_t asked = 0;
	struct conn *conn = conn_find_socket(fd);
	bool good = conn != NULL && count > 0 && message_measure(&messages[0].msg_hdr, &asked);
	if (!call_enter_flags(&call, OP_SENDMMSG, conn, fd, asked, flags)) {
		return messages_elsewhere(fd, messages, count, flags);
	}
	const struct iovec *pieces = good ? messages[0].msg_hdr.msg_iov : NULL;
	size_t piece_count = good ? messages[0].msg_hdr.msg_iovlen : 0;
	int sent = 1;
	if (count > 1 && (conn->choice.actions & act_writers) != 0) {
		/* A rule acts on one message at a time; the rest is the program's next call. */
		count = 1;
	}
	keep_head(&call, pieces, piece_count);
	do {
		if (!good || !call_answers_write(&call, pieces, piece_count, flags)) {
			sent = real.sendmmsg(fd, messages, count, flags | write_unsignalled());
			call.result = messages_bytes(messages, sent);
		} else {
			messages_answer(&call, messages);
		}
	} while (call_again(&call, pieces, piece_count, flags));
	call.bytes = pieces_head(call.result, pieces, piece_count);
	return write_leave(&call, flags) < 0 ? -1 : sent;
}

HOT int hook_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	uintptr_t slot = table_get_near(fd);
	struct conn *conn = count != 0 ? conn_calm(slot) : NULL;
	if (conn == NULL) {
		return slot == SLOT_OTHER ? messages_elsewhere(fd, messages, count, flags)
					  : messages_with_care(fd, messages, count, flags);
	}
	struct call call = call_of(conn, conn_generation(conn), OP_SENDMMSG, fd, NULL, 0, flags);
	begin_calm(&call, &messages[0].msg_hdr);
	int sent = real.sendmmsg(fd, messages, count, flags | MSG_NOSIGNAL);
	long result = kernels(messages_bytes(messages, sent));
	return end_calm(&call, result, &messages[0].msg_hdr) < 0 ? -1 : sent;
}
