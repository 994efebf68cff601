#include "actor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What -D_FORTIFY_SOURCE makes of read, recv and recvfrom. */
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern ssize_t __read(int, void *, size_t);

/** A buffer for so many bytes, told about and freed by finish(). */
static char *buffer(size_t size)
{
	return calloc(1, size + 1);
}

static void finish(struct outcome *outcome, char *bytes)
{
	if (outcome->result > 0) {
		tell_bytes(outcome, bytes, (size_t)outcome->result);
	}
	free(bytes);
}

/** With MSG_TRUNC bytes go nowhere. */
static void run_recv_nowhere(const struct words *words, struct outcome *outcome)
{
	CALL(outcome,
	     recv(fd_at(words, 1), NULL, (size_t)number_at(words, 2, 1), flags_from(words, 3)));
}

/** All calls that fill one buffer. */
static void run_read(const struct words *words, struct outcome *outcome)
{
	const char *name = words->w[0];
	int fd = fd_at(words, 1);
	size_t size = (size_t)number_at(words, 2, 4096);
	int flags = flags_from(words, 3);
	char *bytes = buffer(size);
	if (strcmp(name, "recv") == 0) {
		CALL(outcome, recv(fd, bytes, size, flags));
	} else if (strcmp(name, "recvfrom") == 0) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		CALL(outcome, recvfrom(fd, bytes, size, flags, (struct sockaddr *)&from, &length));
	} else if (strcmp(name, "read") == 0) {
		CALL(outcome, read(fd, bytes, size));
	} else if (strcmp(name, "__read") == 0) {
		CALL(outcome, __read(fd, bytes, size));
	} else if (strcmp(name, "__read_chk") == 0) {
		CALL(outcome, __read_chk(fd, bytes, size, size));
	} else if (strcmp(name, "__recv_chk") == 0) {
		CALL(outcome, __recv_chk(fd, bytes, size, size, flags));
	} else if (strcmp(name, "__recvfrom_chk") == 0) {
		CALL(outcome, __recvfrom_chk(fd, bytes, size, size, flags, NULL, NULL));
	} else if (strcmp(name, "sys_read") == 0) {
		CALL(outcome, syscall(SYS_read, fd, bytes, size));
	} else {
		CALL(outcome, syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL));
	}
	finish(outcome, bytes);
}

static void run_readv(const struct words *words, struct outcome *outcome)
{
	struct iovec pieces[PIECES_MAX];
	int fd = fd_at(words, 1);
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = buffer(size);
	int count = cut(pieces, bytes, size, number_at(words, 3, 1));
	if (strcmp(words->w[0], "preadv2") == 0) {
		CALL(outcome, preadv2(fd, pieces, count, -1, 0));
	} else {
		CALL(outcome, readv(fd, pieces, count));
	}
	finish(outcome, bytes);
}

static void run_recvmsg(const struct words *words, struct outcome *outcome)
{
	struct iovec pieces[PIECES_MAX];
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = buffer(size);
	int count = cut(pieces, bytes, size, number_at(words, 3, 1));
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
	CALL(outcome, recvmsg(fd_at(words, 1), &message, flags_from(words, 4)));
	finish(outcome, bytes);
}

/** The result is the number of messages; each one's bytes are told with a space between. */
static void run_recvmmsg(const struct words *words, struct outcome *outcome)
{
	struct mmsghdr messages[PIECES_MAX] = {0};
	struct iovec pieces[PIECES_MAX];
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = buffer(size);
	int count = cut(pieces, bytes, size, number_at(words, 3, 1));
	for (int i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	CALL(outcome,
	     recvmmsg(fd_at(words, 1), messages, (unsigned)count, flags_from(words, 4), NULL));
	for (long i = 0; i < outcome->result; i++) {
		tell(outcome, "%s", i ? " " : "");
		tell_bytes(outcome, pieces[i].iov_base, messages[i].msg_len);
	}
	free(bytes);
}

/** From a socket into a pipe. */
static void run_splice_out(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = buffer(size);
	int ends[2];
	if (pipe(ends) != 0 || fcntl(ends[1], F_SETPIPE_SZ, size) < 0) {
		confused("a pipe for %zu bytes", size);
	}
	CALL(outcome, splice(fd_at(words, 1), NULL, ends[1], NULL, size, 0));
	if (outcome->result > 0 && read(ends[0], bytes, size) != outcome->result) {
		confused("the pipe");
	}
	close(ends[0]);
	close(ends[1]);
	finish(outcome, bytes);
}

/** recv until so many bytes have come, or the end: the result of the last call, the sum as extra. */
static void run_recvall(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 4096);
	size_t total = 0;
	char *bytes = buffer(size);
	do {
		CALL(outcome, recv(fd_at(words, 1), bytes, size - total, 0));
		total += outcome->result > 0 ? (size_t)outcome->result : 0;
	} while (outcome->result > 0 && total < size);
	tell(outcome, "%zu", total);
	free(bytes);
}

const struct command recv_commands[] = {
	{"recv", "FD [SIZE [FLAG...]]", run_read},
	{"recvfrom", "FD [SIZE [FLAG...]]", run_read},
	{"read", "FD [SIZE]", run_read},
	{"__read", "FD [SIZE]", run_read},
	{"__read_chk", "FD [SIZE]", run_read},
	{"__recv_chk", "FD [SIZE [FLAG...]]", run_read},
	{"__recvfrom_chk", "FD [SIZE [FLAG...]]", run_read},
	{"sys_read", "FD [SIZE]", run_read},
	{"sys_recvfrom", "FD [SIZE [FLAG...]]", run_read},
	{"recv_nowhere", "FD SIZE [FLAG...]", run_recv_nowhere},
	{"readv", "FD SIZE PIECES", run_readv},
	{"preadv2", "FD SIZE PIECES", run_readv},
	{"recvmsg", "FD SIZE [PIECES [FLAG...]]", run_recvmsg},
	{"recvmmsg", "FD SIZE [MESSAGES [FLAG...]]", run_recvmmsg},
	{"splice_out", "FD [SIZE]", run_splice_out},
	{"recvall", "FD SIZE", run_recvall},
	{0},
};
