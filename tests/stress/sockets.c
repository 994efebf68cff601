#include "stress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static __thread uint32_t host = INADDR_LOOPBACK;

void live_at(uint32_t address)
{
	host = address;
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(host),
	};
	return address;
}

int bind_anywhere(uint16_t *port)
{
	struct sockaddr_in address = loopback(0);
	socklen_t size = sizeof address;
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	must(bind(fd, (struct sockaddr *)&address, size));
	must(getsockname(fd, (struct sockaddr *)&address, &size));
	*port = ntohs(address.sin_port);
	return fd;
}

int listen_anywhere(uint16_t *port)
{
	int listener = bind_anywhere(port);
	must(listen(listener, 64));
	return listener;
}

int connect_through(int fd, uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
		return 0;
	}
	if (errno != EINTR && errno != EINPROGRESS) {
		return errno;
	}
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	through(poll(&ready, 1, -1));
	int error = 0;
	socklen_t size = sizeof error;
	must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
	return error;
}

struct pair pair_open(int listener, uint16_t port, int flags)
{
	struct pair pair;
	pair.client = must(socket(AF_INET, SOCK_STREAM | flags, 0));
	int error = connect_through(pair.client, port);
	if (error != 0) {
		errno = error;
		failed("connect");
	}
	pair.server = through(accept4(listener, NULL, NULL, flags));
	if (pair.server < 0) {
		failed("accept4");
	}
	return pair;
}
