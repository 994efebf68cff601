/*
 * Threads that take a few numbers from each other: each opens, closes, duplicates and uses whatever
 * a number happens to be at that moment. Only the answers that no state of it could give are wrong.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each thread has a listener of its own, so that nobody aborts what it is just connecting. */
static __thread int listener;
static __thread uint16_t port;
static _Atomic uint16_t ports[THIEVES];

static int any_number(uint32_t *state)
{
	return FOUGHT_FIRST + (int)(chance(state) % FOUGHT_COUNT);
}

/* A result that is -1 with an errno that nobody sets, or with none, is wrong. */
static void plausible(const char *call, long result)
{
	if (result >= 0) {
		return;
	}
	switch (errno) {
	case EBADF:
	case EBUSY: /* dup2 against an open of another thread */
	case EAGAIN:
	case EINTR:
	case EPIPE:
	case ENOTCONN:
	case ECONNRESET:
	case ECONNREFUSED:
	case ECONNABORTED:
	case EISCONN:
	case EALREADY:
	case EINPROGRESS:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		return;
	default:
		failed(call);
	}
}

/* Put a descriptor of ours under a number of theirs. */
static void plant(int fd, uint32_t *state)
{
	plausible("dup2", dup2(fd, any_number(state)));
	must(close(fd));
}

static void open_something(uint32_t *state)
{
	struct pair pair;
	switch (chance(state) % 4) {
	case 0:
		plant(must(open("/dev/null", O_RDWR)), state);
		break;
	case 1:
		plant(must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), state);
		break;
	default:
		pair = pair_open(listener, port, SOCK_NONBLOCK);
		plant(pair.client, state);
		plant(pair.server, state);
		break;
	}
}

static void take(uint32_t *state)
{
	int from = any_number(state);
	int copy;
	switch (chance(state) % 5) {
	case 0:
		plausible("dup2", dup2(from, any_number(state)));
		break;
	case 1:
		plausible("dup3", dup3(from, any_number(state), O_CLOEXEC));
		break;
	case 2:
		copy = fcntl(from, F_DUPFD, FOUGHT_FIRST + FOUGHT_COUNT + 1);
		plausible("fcntl", copy);
		if (copy >= 0) {
			must(close(copy));
		}
		break;
	case 3:
		copy = dup(from);
		plausible("dup", copy);
		if (copy >= 0) {
			plant(copy, state);
		}
		break;
	default:
		plausible("close_range", close_range((unsigned)from, (unsigned)from + 1, 0));
		break;
	}
}

static void use(uint32_t *state)
{
	char bytes[64] = "stolen";
	int fd = any_number(state);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
	switch (chance(state) % 9) {
	case 0:
	case 1:
		plausible("send", send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT));
		break;
	case 2:
	case 3:
		plausible("read", read(fd, bytes, sizeof bytes));
		break;
	case 4:
		plausible("recvfrom", recvfrom(fd, bytes, sizeof bytes, MSG_DONTWAIT, NULL, NULL));
		break;
	case 5:
		plausible("poll", poll(&ready, 1, 0));
		break;
	case 6:
		plausible("shutdown", shutdown(fd, SHUT_WR));
		break;
	case 7:
		plausible("setsockopt", setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
		break;
	default:
		plausible("connect", connect(fd, &unspecified, sizeof unspecified));
		break;
	}
}

void *thief_run(void *argument)
{
	uint32_t state = (uint32_t)(uintptr_t)argument;
	progress_begin("a thief");
	timer_begin();
	listener = listen_anywhere(&port);
	atomic_store(&ports[state % THIEVES], port);
	while (!atomic_load(&stopping)) {
		switch (chance(&state) % 8) {
		case 0:
			open_something(&state);
			break;
		case 1:
			plausible("close", close(any_number(&state)));
			break;
		case 2:
			take(&state);
			break;
		default:
			use(&state);
			break;
		}
		progress("stealing");
	}
	must(close(listener));
	timer_end();
	progress_end();
	return NULL;
}

void thief_end(void)
{
	for (int fd = FOUGHT_FIRST; fd <= FOUGHT_FIRST + FOUGHT_COUNT; fd++) {
		close(fd);
		errno = 0;
		if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) {
			wrong("number %d is still there", fd);
		}
	}
}

uint16_t thief_port(int thief)
{
	return atomic_load(&ports[thief]);
}
