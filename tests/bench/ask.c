/*
 * Requests and their answers between the two ends of a connection: what a `retry` rule costs, which
 * keeps each request and follows each answer.
 */
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SMALL 100
#define LARGE 16384

/* Two ends each, and a few more. */
#define SPARE 64

static const char filler[] = "What follows is there for its length only.";

/* `size` bytes of text behind those that are there. */
static void fill(char *text, size_t size)
{
	for (size_t at = strlen(text), turn = 0; at < size; at++, turn++) {
		text[at] = filler[turn % (sizeof filler - 1)];
	}
}

/* A head that promises as many bytes as are left of `size`. */
static void fill_http(char *text, size_t size, const char *first_line)
{
	size_t digits = size > 1000 ? 5 : 2;
	size_t head = strlen(first_line) + strlen("Content-Length: \r\n\r\n") + digits;
	sprintf(text, "%sContent-Length: %zu\r\n\r\n", first_line, size - head);
	fill(text, size);
}

static void exchange(struct place *place, unsigned long count, const char *request, size_t size,
		     const char *answer)
{
	for (; count > 0; count--) {
		must((int)send(place->client, request, size, 0) == (int)size ? 0 : -1, "send");
		receive(place->server, place->buffer, size);
		must((int)send(place->server, answer, SMALL, 0) == SMALL ? 0 : -1, "send");
		receive(place->client, place->buffer, SMALL);
	}
}

static void ask(struct place *place, unsigned long count, size_t size)
{
	char request[LARGE] = "ask ";
	fill(request, size);
	exchange(place, count, request, size, request);
}

static void ask_http(struct place *place, unsigned long count, size_t size)
{
	char request[LARGE];
	char answer[SMALL];
	fill_http(request, size, "PUT / HTTP/1.1\r\nHost: localhost\r\n");
	fill_http(answer, sizeof answer, "HTTP/1.1 200 OK\r\n");
	exchange(place, count, request, size, answer);
}

void ask_100(struct place *place, unsigned long count)
{
	ask(place, count, SMALL);
}

void ask_16k(struct place *place, unsigned long count)
{
	ask(place, count, LARGE);
}

void http_100(struct place *place, unsigned long count)
{
	ask_http(place, count, SMALL);
}

void http_16k(struct place *place, unsigned long count)
{
	ask_http(place, count, LARGE);
}

int ask_on_each(int count)
{
	rlim_t wanted = (rlim_t)count * 2 + SPARE;
	struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};
	static struct place place;
	struct place *places = calloc((size_t)count, sizeof *places);
	must(places != NULL ? 0 : -1, "calloc");
	must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	place.listener = listen_on_loopback(&place.address);
	for (int i = 0; i < count; i++) {
		/* All of it is the program's own from the beginning. */
		memset(&places[i], 1, sizeof places[i]);
	}
	anonymous_bytes();
	long before = anonymous_bytes();
	for (int i = 0; i < count; i++) {
		connect_pair(place.listener, &place.address, &places[i].client, &places[i].server);
		ask_100(&places[i], 1);
	}
	long open = anonymous_bytes() - before;
	for (int i = 0; i < count; i++) {
		close(places[i].client);
		close(places[i].server);
	}
	printf("open %.1f\nclosed %.1f\n", (double)open / count,
	       (double)(anonymous_bytes() - before) / count);
	free(places);
	return 0;
}
