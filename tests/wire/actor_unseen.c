#include "actor.h"

#include <dlfcn.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* libc's own syscall(), which nobody can put himself in front of. */
static long (*unseen_syscall(void))(long, ...)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	long (*unseen)(long, ...) = NULL;
	*(void **)&unseen = libc ? dlsym(libc, "syscall") : NULL;
	if (unseen == NULL) {
		confused("libc's syscall");
	}
	return unseen;
}

static void run_unseen(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	size_t size = (size_t)number_at(words, 2, 4096);
	if (strcmp(words->w[0], "unseen_close") == 0) {
		CALL(outcome, unseen_syscall()(SYS_close, fd));
	} else if (strcmp(words->w[0], "unseen_send") == 0) {
		CALL(outcome, unseen_syscall()(SYS_sendto, fd, pattern(size), size, 0, NULL, 0));
	} else {
		char *bytes = malloc(size);
		CALL(outcome, unseen_syscall()(SYS_recvfrom, fd, bytes, size, 0, NULL, NULL));
		free(bytes);
	}
}

static void run_unseen_socket4(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL),
		  (int)unseen_syscall()(SYS_socket, AF_INET, SOCK_STREAM, 0));
}

/** The end to write to, under the lowest free number, of a pipe that nobody reads. */
static int broken_pipe(void)
{
	int ends[2];
	if (pipe(ends) < 0) {
		return -1;
	}
	unseen_syscall()(SYS_close, ends[0]);
	int fd = (int)unseen_syscall()(SYS_dup, ends[1]);
	unseen_syscall()(SYS_close, ends[1]);
	return fd;
}

static void run_broken_pipe(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL), broken_pipe());
}

static void run_unseen_accept(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 2, NULL),
		  (int)unseen_syscall()(SYS_accept, fd_at(words, 1), NULL, NULL));
}

/** What a preload in front of the library does that asks libc itself for its functions. */
static void run_unseen_connect(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address;
	socklen_t size = parse_address(word_at(words, 2, NULL), number_at(words, 3, 0), &address);
	CALL(outcome, unseen_syscall()(SYS_connect, fd_at(words, 1), &address, size));
}

static void *ring_map(int ring, size_t size, off_t offset)
{
	void *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, offset);
	if (mapped == MAP_FAILED) {
		confused("mmap of a ring");
	}
	return mapped;
}

static int ring_make(struct io_uring_params *params)
{
	memset(params, 0, sizeof(*params));
	return (int)syscall(SYS_io_uring_setup, 1, params);
}

/** One request through a ring of its own. */
static void run_uring(const struct words *words, struct outcome *outcome)
{
	struct io_uring_params params;
	bool sends = strcmp(words->w[0], "uring_send") == 0;
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = sends ? pattern(size) : malloc(size);
	int ring = ring_make(&params);
	if (ring < 0) {
		CALL(outcome, ring);
		return;
	}
	size_t queue_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = ring_map(ring, params.sq_off.array + sizeof(unsigned), IORING_OFF_SQ_RING);
	char *cq = ring_map(ring, queue_size, IORING_OFF_CQ_RING);
	struct io_uring_sqe *entry = ring_map(ring, sizeof(*entry), IORING_OFF_SQES);
	*entry = (struct io_uring_sqe){
		.opcode = sends ? IORING_OP_SEND : IORING_OP_RECV,
		.fd = fd_at(words, 1),
		.addr = (uintptr_t)bytes,
		.len = (unsigned)size,
	};
	*(unsigned *)(void *)(sq + params.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(void *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) {
		confused("io_uring_enter");
	}
	outcome->result = ((struct io_uring_cqe *)(void *)(cq + params.cq_off.cqes))->res;
	munmap(sq, params.sq_off.array + sizeof(unsigned));
	munmap(cq, queue_size);
	munmap(entry, sizeof(*entry));
	close(ring);
	if (!sends) {
		free(bytes);
	}
}

/** The stream of the last descriptor that stdio was used on. */
static FILE *stream_of(int fd)
{
	static FILE *stream;
	if (stream == NULL || fileno(stream) != fd) {
		stream = fdopen(fd, "r+");
	}
	return stream;
}

static void run_stdio(const struct words *words, struct outcome *outcome)
{
	FILE *stream = stream_of(fd_at(words, 1));
	size_t size = (size_t)number_at(words, 2, 4096);
	char *bytes = pattern(size);
	if (strcmp(words->w[0], "stdio_write") == 0) {
		CALL(outcome, fwrite(bytes, 1, size, stream));
		fflush(stream);
	} else {
		bytes = malloc(size);
		CALL(outcome, fread(bytes, 1, size, stream));
		free(bytes);
	}
}

const struct command unseen_commands[] = {
	{"unseen_close", "FD", run_unseen},
	{"unseen_send", "FD SIZE", run_unseen},
	{"unseen_recv", "FD SIZE", run_unseen},
	{"uring_send", "FD SIZE", run_uring},
	{"unseen_connect", "FD ADDR PORT", run_unseen_connect},
	{"unseen_socket4", "SLOT", run_unseen_socket4},
	{"broken_pipe", "SLOT", run_broken_pipe},
	{"unseen_accept", "FD SLOT", run_unseen_accept},
	{"uring_recv", "FD SIZE", run_uring},
	{"stdio_write", "FD SIZE", run_stdio},
	{"stdio_read", "FD SIZE", run_stdio},
	{0},
};
