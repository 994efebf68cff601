/* The calls that are timed. A loop around each and nothing else: its own cost is in the numbers. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BACKLOG 128
#define SEND_SIZE 64
#define STREAM_SIZE 16384

/* As many sends of SEND_SIZE as surely fit into a receive buffer; as many writes as a small file. */
#define SEND_BATCH 64
#define FILE_BATCH 1024

int must(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "worker: %s: %s\n", what, strerror(errno));
		exit(1);
	}
	return result;
}

int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof *address;
	*address = (struct sockaddr_in){.sin_family = AF_INET};
	int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(bind(listener, (struct sockaddr *)address, size), "bind");
	must(listen(listener, BACKLOG), "listen");
	must(getsockname(listener, (struct sockaddr *)address, &size), "getsockname");
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return listener;
}

void connect_pair(int listener, const struct sockaddr_in *address, int *client, int *server)
{
	*client = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(connect(*client, (const struct sockaddr *)address, sizeof *address), "connect");
	*server = must(accept(listener, NULL, NULL), "accept");
}

static int open_file(void)
{
	char name[] = "/tmp/resetby-bench-XXXXXX";
	int fd = must(mkstemp(name), name);
	unlink(name);
	return fd;
}

void place_make(struct place *place)
{
	const int on = 1;
	place->listener = listen_on_loopback(&place->address);
	connect_pair(place->listener, &place->address, &place->client, &place->server);
	must(setsockopt(place->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "setsockopt");
	must(fcntl(place->client, F_SETFL, O_NONBLOCK), "fcntl");
	must(fcntl(place->server, F_SETFL, O_NONBLOCK), "fcntl");
	must(pipe(place->pipe), "pipe");
	place->null = must(open("/dev/null", O_RDWR), "/dev/null");
	place->file = open_file();
	place->empty = open_file();
}

#define LOOP(name, call)                                                                           \
	static void name(struct place *place, unsigned long count)                                 \
	{                                                                                          \
		for (; count > 0; count--) {                                                       \
			call;                                                                      \
		}                                                                                  \
	}

/* A benchmark of calls that fail, unnoticed, would be one of something else. */
static inline void expect(ssize_t result, ssize_t wanted)
{
	if (__builtin_expect(result != wanted, 0)) {
		fprintf(stderr, "worker: a call gave %zd, not %zd: %s\n", result, wanted,
			strerror(errno));
		exit(1);
	}
}

void receive(int fd, char *buffer, size_t bytes)
{
	while (bytes > 0) {
		ssize_t got = recv(fd, buffer, PLACE_BUFFER, 0);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			must(-1, "recv");
		}
		bytes -= got > 0 ? (size_t)got : 0;
	}
}

/* SEND_SIZE bytes in two pieces. */
static struct msghdr *halves(struct place *place)
{
	static struct iovec pieces[2];
	static struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
	pieces[0] = (struct iovec){place->buffer, SEND_SIZE / 2};
	pieces[1] = (struct iovec){place->buffer + SEND_SIZE / 2, SEND_SIZE / 2};
	return &message;
}

LOOP(recv_nothing, expect(recv(place->client, place->buffer, sizeof place->buffer, 0), -1))
LOOP(send_64, expect(send(place->client, place->buffer, SEND_SIZE, 0), SEND_SIZE))
LOOP(write_64, expect(write(place->client, place->buffer, SEND_SIZE), SEND_SIZE))
LOOP(writev_64, expect(writev(place->client, halves(place)->msg_iov, 2), SEND_SIZE))
LOOP(sendmsg_64, expect(sendmsg(place->client, halves(place), 0), SEND_SIZE))
LOOP(readv_nothing, expect(readv(place->client, halves(place)->msg_iov, 2), -1))
LOOP(recvmsg_nothing, expect(recvmsg(place->client, halves(place), 0), -1))
LOOP(ping, expect(send(place->client, place->buffer, 1, 0), 1);
     expect(recv(place->server, place->buffer, sizeof place->buffer, 0), 1))
LOOP(copy, expect(write(place->client, place->buffer, 1), 1);
     expect(read(place->server, place->buffer, sizeof place->buffer), 1))

/* Many small pieces are on their way before the other end reads; the reads are in the figure. */
static void stream_64(struct place *place, unsigned long count)
{
	while (count > 0) {
		unsigned long batch = count < SEND_BATCH ? count : SEND_BATCH;
		for (unsigned long i = 0; i < batch; i++) {
			expect(send(place->client, place->buffer, SEND_SIZE, 0), SEND_SIZE);
		}
		receive(place->server, place->buffer, batch * SEND_SIZE);
		count -= batch;
	}
}

LOOP(stream_16k, expect(send(place->client, place->buffer, STREAM_SIZE, 0), STREAM_SIZE);
     receive(place->server, place->buffer, STREAM_SIZE))
LOOP(pipe_byte, expect(write(place->pipe[1], place->buffer, 1), 1);
     expect(read(place->pipe[0], place->buffer, sizeof place->buffer), 1))
LOOP(null_write, expect(write(place->null, place->buffer, SEND_SIZE), SEND_SIZE))
LOOP(null_read, expect(read(place->null, place->buffer, sizeof place->buffer), 0))
LOOP(file_write, expect(write(place->file, place->buffer, SEND_SIZE), SEND_SIZE))
LOOP(file_read, expect(read(place->empty, place->buffer, SEND_SIZE), 0))
LOOP(close_nothing, (void)place; expect(close(-1), -1))

static void set_option(struct place *place, unsigned long count)
{
	const int on = 1;
	for (; count > 0; count--) {
		expect(setsockopt(place->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	}
}

static void poll_one(struct place *place, unsigned long count)
{
	struct pollfd one = {.fd = place->client, .events = POLLIN};
	for (; count > 0; count--) {
		expect(poll(&one, 1, 0), 0);
	}
}

static void connect_close(struct place *place, unsigned long count)
{
	for (; count > 0; count--) {
		int client, server;
		connect_pair(place->listener, &place->address, &client, &server);
		close(client);
		close(server);
	}
}

static void drain(struct place *place)
{
	while (recv(place->server, place->buffer, sizeof place->buffer, 0) > 0) {
	}
}

static void rewind_file(struct place *place)
{
	lseek(place->file, 0, SEEK_SET);
}

const struct operation operations[] = {
	{"recv-eagain", recv_nothing, NULL, ULONG_MAX},
	{"send-64", send_64, drain, SEND_BATCH},
	{"write-64", write_64, drain, SEND_BATCH},
	{"writev-64", writev_64, drain, SEND_BATCH},
	{"sendmsg-64", sendmsg_64, drain, SEND_BATCH},
	{"readv-eagain", readv_nothing, NULL, ULONG_MAX},
	{"recvmsg-eagain", recvmsg_nothing, NULL, ULONG_MAX},
	{"ping-pong-1", ping, NULL, ULONG_MAX},
	{"write+read-1", copy, NULL, ULONG_MAX},
	{"stream-64", stream_64, NULL, ULONG_MAX},
	{"stream-16k", stream_16k, NULL, ULONG_MAX},
	{"ask-100", ask_100, NULL, ULONG_MAX},
	{"ask-16k", ask_16k, NULL, ULONG_MAX},
	{"http-100", http_100, NULL, ULONG_MAX},
	{"http-16k", http_16k, NULL, ULONG_MAX},
	{"poll-1", poll_one, NULL, ULONG_MAX},
	{"setsockopt", set_option, NULL, ULONG_MAX},
	{"connect+close", connect_close, NULL, ULONG_MAX},
	{"close-none", close_nothing, NULL, ULONG_MAX},
	{"pipe-1", pipe_byte, NULL, ULONG_MAX},
	{"null-write-64", null_write, NULL, ULONG_MAX},
	{"null-read", null_read, NULL, ULONG_MAX},
	{"file-write-64", file_write, rewind_file, FILE_BATCH},
	{"file-read-end", file_read, NULL, ULONG_MAX},
	{NULL, NULL, NULL, 0},
};

const struct operation *operation_find(const char *name)
{
	for (const struct operation *each = operations; each->name; each++) {
		if (strcmp(each->name, name) == 0) {
			return each;
		}
	}
	fprintf(stderr, "worker: no operation %s\n", name);
	exit(2);
}
