/*
 * A timer for each thread, whose handler is a program of its own: it talks over a connection,
 * polls, opens, is refused and told so, and closes. The thread is most of the time inside a hook.
 */
#include "stress.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Each handler's end leaves its thread this much time at least. */
#define PAUSE_NS 400000

/* One run in so many opens a socket; the others use those that are there. */
#define OPENS_EVERY 8

static atomic_ullong refused, runs;

static __thread timer_t timer;
static __thread pid_t process;
static __thread struct pair talk;
static __thread uint32_t turn;
/* A port that nobody listens on: bound, so that nobody else gets it. */
static __thread int bound;
static __thread uint16_t bound_port;

static void arm(void)
{
	struct itimerspec once = {.it_value.tv_nsec = PAUSE_NS};
	timer_settime(timer, 0, &once, NULL);
}

static void talk_to_myself(void)
{
	char byte = (char)turn;
	char back = 0;
	if (send(talk.client, &byte, 1, MSG_NOSIGNAL) != 1) {
		failed("send in the handler");
	}
	struct pollfd ready = {.fd = talk.server, .events = POLLIN};
	if (poll(&ready, 1, 10000) != 1 || ready.revents != POLLIN) {
		wrong("poll in the handler: %x", ready.revents);
	}
	if (recv(talk.server, &back, 1, 0) != 1 || back != byte) {
		wrong("recv in the handler: %d, sent %d", back, byte);
	}
	errno = 0;
	if (recv(talk.server, &back, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN) {
		failed("recv of nothing in the handler");
	}
}

static void be_refused(void)
{
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int error = connect_through(fd, bound_port);
	if (error != ECONNREFUSED) {
		wrong("connect in the handler: %s", strerrorname_np(error));
	}
	atomic_fetch_add(&refused, 1);
	must(close(fd));
}

static void handle(int signal)
{
	(void)signal;
	int saved = errno;
	if (getpid() != process) {
		/* ThreadSanitizer delivers late, and may do so in a forked child. */
		return;
	}
	turn++;
	atomic_fetch_add(&runs, 1);
	talk_to_myself();
	if (turn % OPENS_EVERY == 0) {
		be_refused();
	}
	arm();
	errno = saved;
}

void timer_begin(void)
{
	uint16_t port;
	process = getpid();
	int listener = listen_anywhere(&port);
	talk = pair_open(listener, port, SOCK_CLOEXEC);
	must(close(listener));
	bound = bind_anywhere(&bound_port);
	struct sigaction action = {.sa_handler = handle};
	must(sigaction(SIGUSR1, &action, NULL));
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR1,
		.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid),
	};
	must(timer_create(CLOCK_MONOTONIC, &event, &timer));
	arm();
}

void timer_end(void)
{
	sigset_t mine;
	sigemptyset(&mine);
	sigaddset(&mine, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mine, NULL);
	must(timer_delete(timer));
	must(close(talk.client));
	must(close(talk.server));
	must(close(bound));
}

uint64_t handler_refused(void)
{
	return atomic_load(&refused);
}

uint64_t handler_runs(void)
{
	return atomic_load(&runs);
}
