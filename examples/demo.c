/*
 * The programs of `make demo`: a server and a client with plain sockets, which know nothing of
 * resetby.
 *
 *     demo server PORT-FILE page|cut|hasty    serve one connection on 127.0.0.1
 *     demo client PORT get|upload             be its client; says on stderr what went wrong
 *
 * The server writes its port, chosen by the kernel, to PORT-FILE (a FIFO will do). `page` answers
 * in full, `cut` closes in the middle of the answer, `hasty` answers without reading the upload.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE "Hello from the demo server.\n"
#define UPLOAD_SIZE 1048576

/** How long the server waits for a client before it gives up, so that nothing stays behind. */
#define PATIENCE_SECONDS 10

static struct sockaddr_in loopback(unsigned short port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)},
	};
}

static void tell_port(int listener, const char *path)
{
	struct sockaddr_in address = {0};
	socklen_t size = sizeof(address);
	FILE *file = fopen(path, "w");
	if (!file || getsockname(listener, (struct sockaddr *)&address, &size)) {
		err(1, "%s", path);
	}
	fprintf(file, "%d\n", ntohs(address.sin_port));
	fclose(file);
}

/* The head of the request, byte by byte, so that its body stays in the receive buffer. */
static void read_head(int fd)
{
	char head[4096];
	size_t length = 0;
	while (length < sizeof(head) - 1) {
		ssize_t got = recv(fd, head + length, 1, 0);
		if (got < 0) {
			err(1, "recv");
		}
		length += (size_t)got;
		head[length] = '\0';
		if (got == 0 || strstr(head, "\r\n\r\n")) {
			return;
		}
	}
}

static void answer(int fd, const char *status, size_t length, const char *body)
{
	char text[512];
	int size = snprintf(text, sizeof(text),
			    "HTTP/1.1 %s\r\nConnection: close\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    status, length, body);
	if (send(fd, text, (size_t)size, MSG_NOSIGNAL) < 0) {
		err(1, "send");
	}
}

static void serve(int fd, const char *mode)
{
	char byte;
	struct pollfd readable = {fd, POLLIN, 0};
	read_head(fd);
	if (!strcmp(mode, "page")) {
		answer(fd, "200 OK", strlen(PAGE), PAGE);
	} else if (!strcmp(mode, "cut")) {
		answer(fd, "200 OK", 100000, PAGE);
		/* The client shall have read that much when the close comes. */
		poll(&readable, 1, 200);
	} else {
		/* Some of the upload is there, and nobody reads it. */
		recv(fd, &byte, 1, MSG_PEEK);
		answer(fd, "403 Forbidden", 0, "");
	}
	close(fd);
}

static int server(const char *port_file, const char *mode)
{
	struct sockaddr_in address = loopback(0);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 8)) {
		err(1, "listen");
	}
	alarm(PATIENCE_SECONDS);
	tell_port(listener, port_file);
	int fd = accept(listener, NULL, NULL);
	if (fd < 0) {
		err(1, "accept");
	}
	serve(fd, mode);
	close(listener);
	return 0;
}

static void upload(int fd)
{
	static char block[16384];
	for (size_t sent = 0; sent < UPLOAD_SIZE; sent += sizeof(block)) {
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0) {
			err(1, "send");
		}
	}
}

/* What comes after the head, as it comes. */
static void print_answer(int fd)
{
	char text[4096 + 1];
	bool in_body = false;
	ssize_t got;
	while ((got = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[got] = '\0';
		const char *head_end = in_body ? NULL : strstr(text, "\r\n\r\n");
		fputs(head_end ? head_end + strlen("\r\n\r\n") : text, stdout);
		fflush(stdout);
		in_body = true;
	}
	if (got < 0) {
		err(1, "recv");
	}
}

static int client(unsigned short port, bool uploads)
{
	char request[256];
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		err(1, "connect");
	}
	int size = snprintf(request, sizeof(request),
			    "%s / HTTP/1.1\r\nHost: localhost\r\n"
			    "Content-Length: %d\r\n\r\n",
			    uploads ? "POST" : "GET", uploads ? UPLOAD_SIZE : 0);
	if (send(fd, request, (size_t)size, MSG_NOSIGNAL) < 0) {
		err(1, "send");
	}
	if (uploads) {
		upload(fd);
	}
	print_answer(fd);
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "server")) {
		return server(argv[2], argv[3]);
	}
	if (argc == 4 && !strcmp(argv[1], "client")) {
		return client((unsigned short)atoi(argv[2]), !strcmp(argv[3], "upload"));
	}
	fprintf(stderr, "usage: demo server PORT-FILE page|cut|hasty\n"
			"       demo client PORT get|upload\n");
	return 2;
}
