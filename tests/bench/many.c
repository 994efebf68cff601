/*
 * Many connections in one process: what the library keeps for each descriptor, read from the
 * kernel's own count of pages, and whether a call costs the same as with few. The other ends are
 * another process's, so that all descriptors a process may have are connections of this one.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A destination address has some 28,000 ports to come from; each ten thousand go to another one. */
#define PER_ADDRESS 10000
/* Descriptors that are no connection: the standard three, the listener, the pipes to the child. */
#define SPARE 64
/* Connections that wait to be accepted at once; the listener's backlog is larger. */
#define BATCH 64

static char file[8192];

/* smaps_rollup counts pages, where status may lag behind. */
long anonymous_bytes(void)
{
	int fd = must(open("/proc/self/smaps_rollup", O_RDONLY), "smaps_rollup");
	size_t length = (size_t)must((int)read(fd, file, sizeof file - 1), "smaps_rollup");
	close(fd);
	file[length] = '\0';
	const char *at = strstr(file, "\nAnonymous:");
	return at ? strtol(at + strlen("\nAnonymous:"), NULL, 10) * 1024 : 0;
}

/* Memory that malloc has from the kernel, and memory of it that is handed out. */
static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.arena + info.hblkhd + info.uordblks;
}

/* ---- the other process ---- */

struct peer {
	int listener;
	struct sockaddr_in address;
	int orders[2]; /* a byte each: so many connections more; 0: close all */
	pid_t pid;
};

static int connect_to(struct peer *peer, int opened)
{
	struct sockaddr_in address = peer->address;
	in_addr_t first = ntohl(address.sin_addr.s_addr);
	address.sin_addr.s_addr = htonl(first + (in_addr_t)(opened / PER_ADDRESS));
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
	must((int)send(fd, "x", 1, 0), "send");
	return fd;
}

static void be_the_peer(struct peer *peer, int count)
{
	int *fds = calloc((size_t)count, sizeof *fds);
	int opened = 0;
	unsigned char order;
	if (fds == NULL) {
		_exit(1);
	}
	while (read(peer->orders[0], &order, 1) == 1) {
		while (order == 0 && opened > 0) {
			close(fds[--opened]);
		}
		for (; order > 0; order--) {
			fds[opened] = connect_to(peer, opened);
			opened++;
		}
	}
	_exit(0);
}

static void peer_make(struct peer *peer, int count)
{
	peer->listener = listen_on_loopback(&peer->address);
	must(pipe2(peer->orders, O_CLOEXEC), "pipe2");
	peer->pid = must(fork(), "fork");
	if (peer->pid == 0) {
		close(peer->listener);
		close(peer->orders[1]);
		be_the_peer(peer, count);
	}
	close(peer->orders[0]);
}

static void order(struct peer *peer, unsigned char what)
{
	must((int)write(peer->orders[1], &what, 1), "write");
}

/* ---- this process ---- */

static void open_connections(struct peer *peer, int *fds, int count)
{
	char byte;
	for (int i = 0; i < count; i++) {
		if (i % BATCH == 0) {
			order(peer, (unsigned char)(count - i < BATCH ? count - i : BATCH));
		}
		fds[i] = must(accept(peer->listener, NULL, NULL), "accept");
		must((int)recv(fds[i], &byte, 1, 0), "recv");
		must(fcntl(fds[i], F_SETFL, O_NONBLOCK), "fcntl");
	}
}

static void close_connections(struct peer *peer, const int *fds, int count)
{
	order(peer, 0);
	for (int i = 0; i < count; i++) {
		close(fds[i]);
	}
}

/* All of them used once: what was never used is not known to the library. */
static void open_pipes(int *fds, int count)
{
	char byte;
	for (int i = 0; i + 1 < count; i += 2) {
		must(pipe2(&fds[i], O_NONBLOCK), "pipe2");
		if (read(fds[i], &byte, 1) != -1 || write(fds[i + 1], &byte, 0) != 0) {
			must(-1, "pipe");
		}
	}
}

static double recv_on_each(const int *fds, int count)
{
	char byte;
	double begun = spent_ns();
	for (int i = 0; i < count; i++) {
		if (recv(fds[i], &byte, 1, 0) != -1 || errno != EAGAIN) {
			must(-1, "recv");
		}
	}
	return (spent_ns() - begun) / count;
}

static void measure_memory(struct peer *peer, int *fds, int count)
{
	anonymous_bytes();
	size_t heap = heap_bytes();
	long before = anonymous_bytes();
	printf("start %ld\n", before);
	/* Pipes first, on the same numbers: their slots are not the connections' twice. */
	open_pipes(fds, count);
	long pipes = anonymous_bytes() - before;
	for (int i = 0; i < count / 2 * 2; i++) {
		close(fds[i]);
	}
	open_connections(peer, fds, count);
	long connections = anonymous_bytes() - before;
	/* A record that was given back once is told from a new one; that is paid for once. */
	close_connections(peer, fds, count);
	open_connections(peer, fds, count);
	long once_closed = anonymous_bytes();
	close_connections(peer, fds, count);
	open_connections(peer, fds, count);
	long again = anonymous_bytes() - once_closed;
	printf("other %.1f\ntcp %.1f\nagain %ld\nheap %ld\n", (double)pipes / count,
	       (double)connections / count, again, (long)(heap_bytes() - heap));
	fflush(stdout);
}

int many_connections(int count)
{
	struct rlimit limit = {.rlim_cur = (rlim_t)count + SPARE,
			       .rlim_max = (rlim_t)count + SPARE};
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	struct peer peer;
	int *fds = calloc((size_t)count, sizeof *fds);
	if (fds == NULL) {
		return 1;
	}
	/* The pages of the array are the program's own. */
	memset(fds, 1, (size_t)count * sizeof *fds);
	/* Standard input allocates its buffer now, and not as the library's. */
	setvbuf(stdin, NULL, _IONBF, 0);
	printf("connections %d\n", count);
	fflush(stdout);
	peer_make(&peer, count);
	measure_memory(&peer, fds, count);
	while (getchar() != EOF) {
		printf("%.2f\n", recv_on_each(fds, count));
		fflush(stdout);
	}
	close(peer.orders[1]);
	must(waitpid(peer.pid, NULL, 0), "waitpid");
	free(fds);
	return 0;
}
