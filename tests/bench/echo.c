/* The client side of `asyncio echo`. It is the same for every configuration, and never preloaded. */
#include "worker.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

static void exchange(const int *fds, int connections)
{
	char message[ECHO_SIZE] = "x";
	for (int i = 0; i < connections; i++) {
		must((int)send(fds[i], message, sizeof message, 0), "send");
	}
	for (int i = 0; i < connections; i++) {
		if (recv(fds[i], message, sizeof message, MSG_WAITALL) != sizeof message) {
			must(-1, "the echo");
		}
	}
}

int echo_load(int port, int connections, long count)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int *fds = calloc((size_t)connections, sizeof *fds);
	if (fds == NULL) {
		must(-1, "calloc");
		return 1;
	}
	for (int i = 0; i < connections; i++) {
		fds[i] = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
		must(connect(fds[i], (struct sockaddr *)&address, sizeof address), "connect");
	}
	for (long sent = 0; sent < count; sent += connections) {
		exchange(fds, connections);
	}
	free(fds);
	return 0;
}
