/*
 * A handler that connects, wherever the signal strikes: strike. Who runs it raises SIGUSR1 in the
 * middle of the first connect. Says what became of this one, of the handler's, and of one that is made
 * in peace afterwards.
 */
#include "probe.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

/* An answer from this host comes at once. */
#define PATIENCE_MS 50

static int fds[3] = {-1, -1, -1};

static int dial_without_waiting(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons(1),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	return connect(fd, (struct sockaddr *)&name, sizeof name) < 0 && errno == EINPROGRESS ? fd
											      : -1;
}

static void handler(int signal)
{
	(void)signal;
	fds[1] = dial_without_waiting();
}

static const char *fate(int fd)
{
	int error = 0;
	socklen_t size = sizeof error;
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	if (fd < 0) {
		return "none";
	}
	if (poll(&ready, 1, PATIENCE_MS) == 0) {
		return "under way";
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error_name(error);
}

int main(void)
{
	struct sigaction action = {.sa_handler = handler};
	sigaction(SIGUSR1, &action, NULL);
	fds[0] = dial_without_waiting();
	fds[2] = dial_without_waiting();
	say("interrupted: %s, handler: %s", fate(fds[0]), fate(fds[1]));
	say(", afterwards: %s\n", fate(fds[2]));
	return 0;
}
