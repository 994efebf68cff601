/* What the benchmarked program is made of. */
#ifndef RESETBY_BENCH_WORKER_H
#define RESETBY_BENCH_WORKER_H

#include <netinet/in.h>
#include <stddef.h>

#define PLACE_BUFFER 16384

/** What one thread works on. */
struct place {
	int client, server; /* the two ends of a TCP connection, non-blocking */
	int pipe[2];
	int null, file, empty;
	int listener;
	struct sockaddr_in address; /* the listener's */
	char buffer[PLACE_BUFFER];
};

struct operation {
	const char *name;
	void (*run)(struct place *place, unsigned long count);
	/** Done after each batch, not timed; may be NULL. */
	void (*refresh)(struct place *place);
	unsigned long batch;
};

/** Ends with a name that is NULL. */
extern const struct operation operations[];

/** Ends the program when there is none of that name. */
const struct operation *operation_find(const char *name);

void place_make(struct place *place);

/**
 * Requests of 100 bytes and 16 KiB from the client, each with an answer of 100 bytes: `ask` in a
 * protocol that nobody knows, `http` in HTTP/1.1.
 */
void ask_100(struct place *place, unsigned long count);
void ask_16k(struct place *place, unsigned long count);
void http_100(struct place *place, unsigned long count);
void http_16k(struct place *place, unsigned long count);

/**
 * What the client's end of a connection costs in memory: `count` connections, a request of 100 bytes
 * and its answer on each, then all of them closed. Prints bytes a connection: `open N`, and
 * `closed N` for what is not given back.
 */
int ask_on_each(int count);

/** A connection over loopback to a listener. */
void connect_pair(int listener, const struct sockaddr_in *address, int *client, int *server);

int listen_on_loopback(struct sockaddr_in *address);

/**
 * Open `count` connections, and as many pipes, then close and open connections again. Prints
 * what they cost in memory, one `what bytes` a line; then, for each line of standard input, the
 * nanoseconds of processor time of one recv that finds nothing, mean of
 * one on every connection.
 *
 * @return
 *         The exit status: 1 when the heap has grown, which no library may make it do.
 */
int many_connections(int count);

/**
 * Be the client of an echo server at 127.0.0.1: `count` messages of ECHO_SIZE bytes there and back,
 * on so many connections in turn.
 */
int echo_load(int port, int connections, long count);
#define ECHO_SIZE 64

/** Anonymous memory of this process in use. */
long anonymous_bytes(void);

/** Read so many bytes into a buffer of PLACE_BUFFER; what is not there yet is asked for again. */
void receive(int fd, char *buffer, size_t bytes);

/** Processor time of this thread. */
double spent_ns(void);

/** End the program when a call failed. */
int must(int result, const char *what);

#endif
