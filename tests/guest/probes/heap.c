/*
 * A program with its own malloc, which counts, and which ends the program when it is called from
 * within a hook, at any time from before the constructors to the end.
 */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOM = 1 << 22, HEADER = 16 };

static _Alignas(16) char room[ROOM];
static atomic_size_t used;
static atomic_int allocations;
static atomic_int releases;
static __thread int in_call;

static void count(atomic_int *counter)
{
	static const char text[] = "malloc was called from within a hook\n";
	if (in_call) {
		(void)!write(1, text, sizeof text - 1);
		_exit(96);
	}
	atomic_fetch_add(counter, 1);
}

void *malloc(size_t size)
{
	count(&allocations);
	size_t whole = (size + HEADER + 15) / 16 * 16;
	size_t at = atomic_fetch_add(&used, whole);
	if (at + whole > ROOM) {
		_exit(95);
	}
	memcpy(room + at, &size, sizeof size);
	return room + at + HEADER;
}

void free(void *block)
{
	if (block != NULL) {
		count(&releases);
	}
}

void *calloc(size_t items, size_t size)
{
	/* Of zeros already, for no byte is given out twice. */
	return malloc(items * size);
}

void *realloc(void *block, size_t size)
{
	size_t old = 0;
	void *fresh = malloc(size);
	if (block != NULL) {
		memcpy(&old, (char *)block - HEADER, sizeof old);
		memcpy(fresh, block, old < size ? old : size);
	}
	return fresh;
}

/* Calls of this probe and of what it shares with others come here: they are the hooked ones. */
#define WITHIN(call)                                                                               \
	__extension__({                                                                            \
		in_call++;                                                                         \
		long within_result = (long)(call);                                                 \
		in_call--;                                                                         \
		within_result;                                                                     \
	})

static long early[6];

/* Before the constructor of any library. */
static void before_all(void)
{
	char byte;
	in_call++;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	early[0] = fd;
	early[1] = recv(fd, &byte, 1, MSG_DONTWAIT);
	early[2] = send(fd, &byte, 0, MSG_NOSIGNAL);
	early[3] = close(fd);
	early[4] = read(-1, &byte, 1);
	early[5] = poll(NULL, 0, 0);
	in_call--;
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = before_all;

/* Of glibc 2.39; in an older one a preload may offer it all the same, and says what it is worth. */
__attribute__((weak)) extern int pidfd_spawn(int *, const char *,
					     const posix_spawn_file_actions_t *,
					     const posix_spawnattr_t *, char *const[],
					     char *const[]);

static void spawn_nothing(void)
{
	int pidfd;
	char *argv[] = {"nothing", NULL};
	if (pidfd_spawn != NULL) {
		in_call++;
		int error = pidfd_spawn(&pidfd, "/nothing", NULL, NULL, argv, environ);
		in_call--;
		MUST(error == ENOENT || error == ENOSYS);
	}
}

static void *be_thread(void *port)
{
	in_call++;
	live(*(uint16_t *)port);
	in_call--;
	return NULL;
}

int main(int argc, char **argv)
{
	uint16_t port;
	pthread_t thread;
	MUST(argc == 2);
	port = port_of(argv[1]);
	say("early %ld %ld %ld %ld %ld %ld\n", early[0], early[1], early[2], early[3], early[4],
	    early[5]);
	say("at start: %d allocations, %d releases, %zu bytes\n", allocations, releases, used);
	in_call++;
	live(port);
	in_call--;
	say("after a life: %d allocations, %d releases\n", allocations, releases);
	for (int i = 0; i < 100; i++) {
		int fd = (int)WITHIN(dial(port));
		struct epoll_event event = {.events = EPOLLIN};
		int epoll = (int)WITHIN(epoll_create1(0));
		WITHIN(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
		WITHIN(epoll_wait(epoll, &event, 1, 0));
		WITHIN(close(epoll));
		WITHIN(fork() == 0 ? (_exit(0), 0) : 0);
		WITHIN(close(fd));
	}
	spawn_nothing();
	MUST(pthread_create(&thread, NULL, be_thread, &port) == 0);
	pthread_join(thread, NULL);
	say("after a thread: %d allocations, %d releases\n", allocations, releases);
	void *block = malloc(100);
	free(realloc(block, 1000));
	say("at end: %d allocations, %d releases\n", allocations, releases);
	return 0;
}
