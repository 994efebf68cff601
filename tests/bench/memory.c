/* What the library keeps for each descriptor, read from the kernel's own count of pages. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A destination address has some 28,000 ports to come from; each ten thousand go to another one. */
#define PER_ADDRESS 10000

static char file[8192];

/* Bytes of anonymous memory in use: smaps_rollup counts pages, where status may lag behind. */
static long anonymous_bytes(void)
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

static void open_connections(int count)
{
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address);
	in_addr_t first = ntohl(address.sin_addr.s_addr);
	char byte = 'x';
	for (int i = 0; i < count; i++) {
		int client, server;
		address.sin_addr.s_addr = htonl(first + (in_addr_t)(i / PER_ADDRESS));
		connect_pair(listener, &address, &client, &server);
		must((int)send(client, &byte, 1, 0), "send");
		must((int)recv(server, &byte, 1, 0), "recv");
	}
}

static void open_pipes(int count)
{
	char byte;
	for (int i = 0; i < count; i++) {
		int ends[2];
		must(pipe2(ends, O_NONBLOCK), "pipe2");
		if (read(ends[0], &byte, 1) != -1 || write(ends[1], &byte, 0) != 0) {
			must(-1, "pipe");
		}
	}
}

/* Two descriptors each, all of them used once: what was never used is not known to the library. */
static long measure(void (*open_all)(int), int count)
{
	long before = anonymous_bytes();
	open_all(count);
	return anonymous_bytes() - before;
}

int measure_memory(int count)
{
	struct rlimit limit = {.rlim_cur = (rlim_t)count * 4 + 64,
			       .rlim_max = (rlim_t)count * 4 + 64};
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	anonymous_bytes();
	size_t heap = heap_bytes();
	long at_start = anonymous_bytes();
	long connections = measure(open_connections, count);
	long pipes = measure(open_pipes, count);
	size_t heap_after = heap_bytes();
	printf("start %ld\ntcp %.1f\nother %.1f\nheap %zu %zu\n", at_start,
	       (double)connections / (count * 2), (double)pipes / (count * 2), heap, heap_after);
	return heap == heap_after ? 0 : 1;
}
