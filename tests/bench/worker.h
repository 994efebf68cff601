/* What the benchmarked program is made of. */
#ifndef RESETBY_BENCH_WORKER_H
#define RESETBY_BENCH_WORKER_H

#include <netinet/in.h>
#include <stddef.h>

/** What one thread works on. */
struct place {
	int client, server; /* the two ends of a TCP connection, non-blocking */
	int pipe[2];
	int null, file, empty;
	int listener;
	struct sockaddr_in address; /* the listener's */
	char buffer[4096];
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

/** A connection over loopback to a listener. */
void connect_pair(int listener, const struct sockaddr_in *address, int *client, int *server);

int listen_on_loopback(struct sockaddr_in *address);

/**
 * Print what connections and pipes cost in memory, one `what bytes` a line.
 *
 * @return
 *         The exit status: 1 when the heap has grown, which no library may make it do.
 */
int measure_memory(int count);

/** End the program when a call failed. */
int must(int result, const char *what);

#endif
