#include "actor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A C library that began after __send was out of use has it for old programs only. */
#if defined(__aarch64__)
__asm__(".symver __send, __send@GLIBC_2.17");
#endif

static void run_send(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "__send") == 0) {
		extern ssize_t __send(int, const void *, size_t, int);
		CALL(outcome, __send(fd, pattern(size), size, flags_from(words, 3)));
	} else if (strcmp(words->w[0], "sendto") == 0) {
		CALL(outcome, sendto(fd, pattern(size), size, flags_from(words, 3), NULL, 0));
	} else if (strcmp(words->w[0], "sys_sendto") == 0) {
		CALL(outcome,
		     syscall(SYS_sendto, fd, pattern(size), size, flags_from(words, 3), NULL, 0));
	} else {
		CALL(outcome, send(fd, pattern(size), size, flags_from(words, 3)));
	}
}

/** What is sent from here on, up to 4096 bytes at once, begins with this. */
static void run_begin(const struct words *words, struct outcome *outcome)
{
	(void)outcome;
	size_t size = unescape(words->rest);
	memcpy(pattern(4096), words->rest, size);
}

static void run_sendtext(const struct words *words, struct outcome *outcome)
{
	size_t size = unescape(words->rest);
	CALL(outcome, send(fd_at(words, 1), words->rest, size, MSG_NOSIGNAL));
}

static void run_writetext(const struct words *words, struct outcome *outcome)
{
	size_t size = unescape(words->rest);
	CALL(outcome, write(fd_at(words, 1), words->rest, size));
}

static void run_sendto_fastopen(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address;
	socklen_t length = parse_address(word_at(words, 2, NULL), number_at(words, 3, 0), &address);
	size_t size = (size_t)number_at(words, 4, 1);
	CALL(outcome, sendto(fd_at(words, 1), pattern(size), size, MSG_FASTOPEN,
			     (struct sockaddr *)&address, length));
}

static void run_sendmsg(const struct words *words, struct outcome *outcome)
{
	struct iovec pieces[PIECES_MAX];
	size_t size = (size_t)number_at(words, 2, 1);
	int count = cut(pieces, pattern(size), size, number_at(words, 3, 1));
	struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
	CALL(outcome, sendmsg(fd_at(words, 1), &message, flags_from(words, 4)));
}

static void run_sendmmsg(const struct words *words, struct outcome *outcome)
{
	struct mmsghdr messages[PIECES_MAX] = {0};
	struct iovec pieces[PIECES_MAX];
	size_t size = (size_t)number_at(words, 2, 1);
	int count = cut(pieces, pattern(size), size, number_at(words, 3, 1));
	for (int i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	CALL(outcome, sendmmsg(fd_at(words, 1), messages, (unsigned)count, flags_from(words, 4)));
	for (long i = 0; i < outcome->result; i++) {
		tell(outcome, "%s%u", i ? " " : "", messages[i].msg_len);
	}
}

static void run_write(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "__write") == 0) {
		extern ssize_t __write(int, const void *, size_t);
		CALL(outcome, __write(fd, pattern(size), size));
	} else if (strcmp(words->w[0], "sys_write") == 0) {
		CALL(outcome, syscall(SYS_write, fd, pattern(size), size));
	} else {
		CALL(outcome, write(fd, pattern(size), size));
	}
}

/** More bytes than there are. */
static void run_write_past(const struct words *words, struct outcome *outcome)
{
	CALL(outcome, write(fd_at(words, 1), pattern(10), (size_t)number_at(words, 2, -1)));
}

static void run_writev(const struct words *words, struct outcome *outcome)
{
	struct iovec pieces[PIECES_MAX];
	size_t size = (size_t)number_at(words, 2, 1);
	int count = cut(pieces, pattern(size), size, number_at(words, 3, 1));
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "pwritev2") == 0) {
		CALL(outcome, pwritev2(fd, pieces, count, -1, 0));
	} else {
		CALL(outcome, writev(fd, pieces, count));
	}
}

static void run_sendfile(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int file = memfd_create("sendfile", MFD_CLOEXEC);
	off64_t at = 0;
	if (write(file, pattern(size), size) != (ssize_t)size) {
		confused("memfd");
	}
	if (strcmp(words->w[0], "sendfile64") == 0) {
		CALL(outcome, sendfile64(fd_at(words, 1), file, &at, size));
	} else {
		CALL(outcome, sendfile(fd_at(words, 1), file, &at, size));
	}
	close(file);
}

/** From a pipe into a socket. */
static void run_splice_in(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int ends[2];
	if (pipe(ends) != 0 || fcntl(ends[1], F_SETPIPE_SZ, size) < 0 ||
	    write(ends[1], pattern(size), size) != (ssize_t)size) {
		confused("a pipe with %zu bytes", size);
	}
	close(ends[1]);
	CALL(outcome, splice(ends[0], NULL, fd_at(words, 1), NULL, size, 0));
	close(ends[0]);
}

/** Asked for more or less than a file holds, which tells where it stands afterwards. */
static void run_sendfile_rest(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int file = memfd_create("sendfile", MFD_CLOEXEC);
	if (write(file, pattern(size), size) != (ssize_t)size || lseek(file, 0, SEEK_SET) != 0) {
		confused("memfd");
	}
	CALL(outcome, sendfile(fd_at(words, 1), file, NULL, (size_t)number_at(words, 3, 1)));
	tell(outcome, "at %ld", (long)lseek(file, 0, SEEK_CUR));
	close(file);
}

/** The same of a pipe, which tells what is left in it. */
static void run_splice_rest(const struct words *words, struct outcome *outcome)
{
	size_t size = (size_t)number_at(words, 2, 1);
	int ends[2];
	int left = -1;
	if (pipe(ends) != 0 || write(ends[1], pattern(size), size) != (ssize_t)size) {
		confused("a pipe with %zu bytes", size);
	}
	CALL(outcome,
	     splice(ends[0], NULL, fd_at(words, 1), NULL, (size_t)number_at(words, 3, 1), 0));
	ioctl(ends[0], FIONREAD, &left);
	tell(outcome, "left %d", left);
	close(ends[0]);
	close(ends[1]);
}

/** From where the kernel takes nothing; tells where the file stands and what is left in the pipe. */
static void run_send_from(const struct words *words, struct outcome *outcome)
{
	const char *what = words->w[2];
	char name[32];
	int ends[2];
	int file = memfd_create("source", MFD_CLOEXEC);
	int left = -1;
	if (pipe(ends) != 0 || write(ends[1], "pipe", 4) != 4 || write(file, "file", 4) != 4) {
		confused("a file and a pipe");
	}
	snprintf(name, sizeof name, "/proc/self/fd/%d", file);
	int unread = open(name, O_WRONLY | O_CLOEXEC);
	lseek(file, 0, SEEK_SET);
	if (strcmp(what, "sendfile_pipe") == 0) {
		CALL(outcome, sendfile(fd_at(words, 1), ends[0], NULL, 4));
	} else if (strcmp(what, "sendfile_unreadable") == 0) {
		CALL(outcome, sendfile(fd_at(words, 1), unread, NULL, 4));
	} else if (strcmp(what, "splice_file") == 0) {
		CALL(outcome, splice(file, NULL, fd_at(words, 1), NULL, 4, 0));
	} else {
		CALL(outcome, splice(ends[1], NULL, fd_at(words, 1), NULL, 4, 0));
	}
	ioctl(ends[0], FIONREAD, &left);
	tell(outcome, "at %ld left %d", (long)lseek(file, 0, SEEK_CUR), left);
	close(unread);
	close(file);
	close(ends[0]);
	close(ends[1]);
}

const struct command send_commands[] = {
	{"begin", "- TEXT", run_begin},
	{"send", "FD SIZE [FLAG...]", run_send},
	{"__send", "FD SIZE [FLAG...]", run_send},
	{"sendto", "FD SIZE [FLAG...]", run_send},
	{"sys_sendto", "FD SIZE [FLAG...]", run_send},
	{"sendtext", "FD TEXT", run_sendtext},
	{"writetext", "FD TEXT", run_writetext},
	{"sendto_fastopen", "FD ADDR PORT SIZE", run_sendto_fastopen},
	{"sendmsg", "FD SIZE [PIECES [FLAG...]]", run_sendmsg},
	{"sendmmsg", "FD SIZE [MESSAGES [FLAG...]]", run_sendmmsg},
	{"write", "FD SIZE", run_write},
	{"__write", "FD SIZE", run_write},
	{"sys_write", "FD SIZE", run_write},
	{"write_past", "FD SIZE", run_write_past},
	{"writev", "FD SIZE PIECES", run_writev},
	{"pwritev2", "FD SIZE PIECES", run_writev},
	{"sendfile", "FD SIZE", run_sendfile},
	{"sendfile64", "FD SIZE", run_sendfile},
	{"sendfile_rest", "FD SIZE ASKED", run_sendfile_rest},
	{"send_from", "FD SOURCE", run_send_from},
	{"splice_in", "FD SIZE", run_splice_in},
	{"splice_rest", "FD SIZE ASKED", run_splice_rest},
	{0},
};
