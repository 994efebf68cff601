/*
 * Streams through one socket that three threads use: one writes, one reads, the peer's sends back.
 * Every byte is known. Every round is a new connection, so numbers are reused all the time.
 */
#include "stress.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUND_BYTES_MAX 100000u
#define PIECE_MAX 4096u

/* Every so many rounds the client ends it with a RST instead of a FIN. */
#define RESET_EVERY 3

/* A value that no call sets: what succeeds leaves it alone. */
#define UNTOUCHED 4242

static atomic_ullong resets, connections, bytes;

/* Where rules may send requests again: nothing here ever ends a connection that is to be used. */
#define STREAM_ADDRESS 0x7f000002

/* What the threads of one round share. */
struct round {
	struct pair pair;
	size_t size;
	uint32_t seed;
	uint32_t sent_sum, received_sum;
};

static uint32_t add_up(uint32_t sum, const unsigned char *piece, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		sum = sum * 31 + piece[i];
	}
	return sum;
}

static void untouched(const char *call)
{
	if (errno != UNTOUCHED) {
		wrong("%s succeeded and set errno to %s", call, strerrorname_np(errno));
	}
}

static ssize_t write_some(int fd, void *piece, size_t count, uint32_t how)
{
	struct iovec halves[] = {
		{piece, count / 2},
		{(char *)piece + count / 2, count - count / 2},
	};
	struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
	switch (how % 4) {
	case 0:
		return send(fd, piece, count, MSG_NOSIGNAL);
	case 1:
		return write(fd, piece, count);
	case 2:
		return writev(fd, halves, 2);
	default:
		return sendmsg(fd, &message, MSG_NOSIGNAL);
	}
}

static ssize_t read_some(int fd, void *piece, size_t count, uint32_t how)
{
	struct iovec halves[] = {
		{piece, count / 2},
		{(char *)piece + count / 2, count - count / 2},
	};
	struct msghdr message = {.msg_iov = halves, .msg_iovlen = 2};
	switch (how % 4) {
	case 0:
		return recv(fd, piece, count, 0);
	case 1:
		return read(fd, piece, count);
	case 2:
		return readv(fd, halves, 2);
	default:
		return recvmsg(fd, &message, 0);
	}
}

static void write_whole(int fd, unsigned char *piece, size_t count, uint32_t how)
{
	for (size_t done = 0; done < count;) {
		errno = UNTOUCHED;
		ssize_t sent = write_some(fd, piece + done, count - done, how);
		if (sent < 0 && errno != EINTR) {
			failed("a write of a stream");
		}
		if (sent >= 0) {
			untouched("a write of a stream");
			done += (size_t)sent;
		}
	}
}

/* Some of the next bytes; the stream does not end yet. */
static size_t read_piece(int fd, unsigned char *piece, size_t count, uint32_t how)
{
	for (;;) {
		errno = UNTOUCHED;
		ssize_t got = read_some(fd, piece, count, how);
		if (got > 0) {
			untouched("a read of a stream");
			return (size_t)got;
		}
		if (got == 0) {
			wrong("a stream ended early");
		}
		if (errno != EINTR) {
			failed("a read of a stream");
		}
	}
}

static size_t any_count(uint32_t *state, size_t left)
{
	size_t count = 1 + chance(state) % PIECE_MAX;
	return count < left ? count : left;
}

static void *send_back(void *argument)
{
	struct round *round = argument;
	uint32_t state = round->seed + 1;
	unsigned char piece[PIECE_MAX];
	int fd = round->pair.server;
	progress_begin("the peer");
	timer_begin();
	for (size_t left = round->size; left > 0;) {
		size_t got = read_piece(fd, piece, any_count(&state, left), chance(&state));
		write_whole(fd, piece, got, chance(&state));
		left -= got;
		progress("sending back");
	}
	timer_end();
	progress_end();
	return NULL;
}

static void *read_back(void *argument)
{
	struct round *round = argument;
	uint32_t state = round->seed + 2;
	unsigned char piece[PIECE_MAX];
	int fd = round->pair.client;
	progress_begin("the reader");
	timer_begin();
	for (size_t left = round->size; left > 0;) {
		size_t got = read_piece(fd, piece, any_count(&state, left), chance(&state));
		round->received_sum = add_up(round->received_sum, piece, got);
		left -= got;
		progress("reading");
	}
	timer_end();
	progress_end();
	return NULL;
}

static void write_all(struct round *round)
{
	uint32_t state = round->seed;
	unsigned char piece[PIECE_MAX];
	for (size_t left = round->size; left > 0;) {
		size_t count = any_count(&state, left);
		for (size_t i = 0; i < count; i++) {
			piece[i] = (unsigned char)chance(&state);
		}
		round->sent_sum = add_up(round->sent_sum, piece, count);
		write_whole(round->pair.client, piece, count, chance(&state));
		left -= count;
		progress("writing");
	}
}

/* A child may have been forked meanwhile and hold the socket: then this waits for its end. */
static void end_by_reset(const struct pair *pair)
{
	char byte;
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	progress("aborting");
	must(setsockopt(pair->client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
	must(close(pair->client));
	if (through(recv(pair->server, &byte, 1, 0)) != -1 || errno != ECONNRESET) {
		failed("recv of a connection that was reset");
	}
	atomic_fetch_add(&resets, 1);
	must(close(pair->server));
}

static void end_by_fin(const struct pair *pair)
{
	char byte;
	progress("ending");
	must(shutdown(pair->client, SHUT_WR));
	if (through(recv(pair->server, &byte, 1, 0)) != 0) {
		wrong("no end of file");
	}
	must(shutdown(pair->server, SHUT_WR));
	must(close(pair->server));
	if (through(recv(pair->client, &byte, 1, 0)) != 0) {
		wrong("no end of file at the other end");
	}
	must(close(pair->client));
}

void stream_end(const struct pair *pair, bool by_reset)
{
	if (by_reset) {
		end_by_reset(pair);
	} else {
		end_by_fin(pair);
	}
	atomic_fetch_add(&connections, 1);
}

static void go_round(struct round *round)
{
	pthread_t reader, peer;
	if (pthread_create(&reader, NULL, read_back, round) != 0 ||
	    pthread_create(&peer, NULL, send_back, round) != 0) {
		wrong("no thread could be made");
	}
	write_all(round);
	progress("waiting for reader and peer");
	pthread_join(reader, NULL);
	pthread_join(peer, NULL);
	if (round->sent_sum != round->received_sum) {
		wrong("%zu bytes came back changed", round->size);
	}
	atomic_fetch_add(&bytes, round->size);
}

void *stream_run(void *argument)
{
	uint32_t state = (uint32_t)(uintptr_t)argument;
	uint16_t port;
	progress_begin("a stream");
	live_at(STREAM_ADDRESS);
	timer_begin();
	int listener = listen_anywhere(&port);
	for (unsigned number = 0; !atomic_load(&stopping); number++) {
		int flags = chance(&state) % 2 == 0 ? SOCK_CLOEXEC : 0;
		struct round round = {
			.pair = pair_open(listener, port, flags),
			.size = 1 + chance(&state) % ROUND_BYTES_MAX,
			.seed = chance(&state),
		};
		go_round(&round);
		stream_end(&round.pair, number % RESET_EVERY == 0);
	}
	must(close(listener));
	timer_end();
	progress_end();
	return NULL;
}

uint64_t stream_resets(void)
{
	return atomic_load(&resets);
}

uint64_t stream_connections(void)
{
	return atomic_load(&connections);
}

uint64_t stream_bytes(void)
{
	return atomic_load(&bytes);
}
