/* Ten thousand threads of the smallest size on one connection: threads PORT. */
#include "probe.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { THREADS = 10000 };

static int fd;
static pthread_barrier_t barrier;
static atomic_int waited;
static atomic_int sent;

static void *use(void *nothing)
{
	char byte = 'x';
	(void)nothing;
	waited += recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
	sent += send(fd, "x", 1, MSG_NOSIGNAL) == 1;
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	waited += recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS];
	pthread_attr_t attributes;
	MUST(argc == 2);
	fd = dial(port_of(argv[1]));
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	pthread_attr_init(&attributes);
	MUST(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], &attributes, use, NULL) != 0) {
			say("this machine grants only %d threads\n", i);
			return 77;
		}
	}
	pthread_barrier_wait(&barrier);
	say_state();
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++) {
		MUST(pthread_join(threads[i], NULL) == 0);
	}
	wait_until_alone();
	say("%d waited, %d sent\n", waited, sent);
	say_state();
	live(port_of(argv[1]));
	return 0;
}
