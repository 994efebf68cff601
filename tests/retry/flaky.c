/*
 * An HTTP server that breaks connections, and counts what it has executed.
 *
 *     flaky PORT MODE [SEED]
 *
 * A request is METHOD /r/ID/N; the answer is the path N times over, for every fourth ID in a chunk. A
 * request's body has to be the same. On PORT + 1 any request is answered as soon as nothing that
 * was to be broken is left unbroken. At SIGTERM one line for each method that was met is printed:
 *
 *     GET ids=900 executions=1200 most=2
 *
 * where an execution is a request that was read to its last byte, and then `wrong=0 broken=300`: request
 * bodies that were not as promised, and connections that were broken.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDS (1 << 21)
#define CONNECTIONS 4096
#define HEAD_MOST 4096
#define BODY_MOST (1 << 20)
#define CLOSE_AFTER 4  /* answers, the last of which says so */
#define IDLE_AFTER 3   /* answers, before an idle connection is ended */
#define DOWN_EVERY 100 /* executions */
#define DOWN_US 50000
#define BACKLOG 511
#define STACK (256 * 1024)

static const char *const modes[] = {
	"none",   /* breaks nothing */
	"accept", /* resets every second connection at once; an answer in four says close */
	"before", /* the same when a request is there, without reading it */
	"after",  /* resets after the whole request, the first time for an eighth of the requests */
	"twice",  /* the same the first two times */
	"middle", /* resets after half of the answer, the first time for a fifth */
	"second", /* resets after the second whole request of a connection */
	"idle-fin", /* ends connections after some answers, with FIN */
	"idle-rst", /* and with RST */
	"hang",     /* reads a tenth of the requests and never answers */
	"down",     /* resets everything and listens no more, for 50 ms, after some executions */
	"chaos",    /* resets after a random number of bytes, or ends with FIN between requests */
};
enum mode {
	MODE_NONE,
	MODE_ACCEPT,
	MODE_BEFORE,
	MODE_AFTER,
	MODE_TWICE,
	MODE_MIDDLE,
	MODE_SECOND,
	MODE_IDLE_FIN,
	MODE_IDLE_RST,
	MODE_HANG,
	MODE_DOWN,
	MODE_CHAOS,
	MODE_COUNT
};

static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"};
#define METHODS (sizeof methods / sizeof methods[0])
#define METHOD_HEAD 1

static enum mode mode;
static uint64_t seed;
static int listener = -1;
static _Atomic uint8_t executed[METHODS][IDS];
static _Atomic unsigned connections, executions, wrong, broken, settling;
static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static int open_fds[CONNECTIONS];
static unsigned open_count;

struct connection {
	int fd;
	unsigned number, answers;
	uint64_t left; /* bytes, both ways, until it is reset */
	bool fin;      /* ... or ended with FIN after the answer before that */
	bool settling; /* it is counted there */
	size_t have, used;
	char in[HEAD_MOST];
	char *out;
};

struct request {
	unsigned method, id, repeat;
	unsigned execution; /* how often it was met, this time included */
	size_t length;      /* of its body */
	char path[64];
};

static void die(const char *what)
{
	fprintf(stderr, "flaky: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: one number for each (seed, connection, use). */
static uint64_t draw(unsigned connection, unsigned use)
{
	uint64_t x = seed + UINT64_C(0x9e3779b97f4a7c15) * (connection * 16 + use + 1);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void set_linger0(int fd)
{
	const struct linger now = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* Connections that can be reset from outside: `was` becomes `is`, -1 is a free place. */
static void note_open(int was, int is)
{
	pthread_mutex_lock(&open_lock);
	unsigned i = 0;
	while (i < open_count && open_fds[i] != was) {
		i++;
	}
	if (i < CONNECTIONS) {
		open_fds[i] = is;
		open_count += i == open_count;
	}
	pthread_mutex_unlock(&open_lock);
}

static void reset(struct connection *connection)
{
	broken++;
	set_linger0(connection->fd);
}

/* As after a crash: every connection is reset, and connects are refused for a while. */
static void go_down(void)
{
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&one_at_a_time);
	shutdown(listener, SHUT_RD);
	pthread_mutex_lock(&open_lock);
	for (unsigned i = 0; i < open_count; i++) {
		if (open_fds[i] >= 0) {
			broken++;
			connect(open_fds[i], &nowhere, sizeof nowhere);
		}
	}
	pthread_mutex_unlock(&open_lock);
	usleep(DOWN_US);
	if (listen(listener, BACKLOG) < 0) {
		die("listen");
	}
	pthread_mutex_unlock(&one_at_a_time);
}

/* More bytes behind those that there are; false when the connection has ended, or ends now. */
static bool receive(struct connection *connection)
{
	size_t room = sizeof connection->in - connection->have;
	if (connection->left == 0 || room == 0) {
		reset(connection);
		return false;
	}
	size_t most = room < connection->left ? room : connection->left;
	ssize_t got = recv(connection->fd, connection->in + connection->have, most, 0);
	if (got <= 0) {
		return false;
	}
	connection->left -= (size_t)got;
	connection->have += (size_t)got;
	return true;
}

static bool transmit(struct connection *connection, size_t size, int flags)
{
	size_t most = size < connection->left ? size : connection->left;
	for (size_t sent = 0; sent < most;) {
		ssize_t now = send(connection->fd, connection->out + sent, most - sent,
				   flags | MSG_NOSIGNAL);
		if (now <= 0) {
			return false;
		}
		sent += (size_t)now;
	}
	connection->left -= most;
	if (most < size) {
		reset(connection);
	}
	return most == size;
}

static void take(struct connection *connection, size_t size)
{
	memmove(connection->in, connection->in + size, connection->have - size);
	connection->have -= size;
}

static bool parse(char *head, struct request *request)
{
	char method[16];
	if (sscanf(head, "%15s %63s", method, request->path) != 2 ||
	    sscanf(request->path, "/r/%u/%u", &request->id, &request->repeat) != 2 ||
	    request->id >= IDS || strlen(request->path) * request->repeat > BODY_MOST) {
		return false;
	}
	const char *length = strcasestr(head, "\r\nContent-Length:");
	request->length = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
	for (request->method = 0; request->method < METHODS; request->method++) {
		if (strcmp(methods[request->method], method) == 0) {
			return true;
		}
	}
	return false;
}

/* The body has to be the path over and over. */
static bool read_body(struct connection *connection, const struct request *request)
{
	size_t period = strlen(request->path);
	for (size_t at = 0; at < request->length;) {
		if (connection->have == 0 && !receive(connection)) {
			return false;
		}
		size_t part = request->length - at;
		part = part < connection->have ? part : connection->have;
		for (size_t i = 0; i < part; i++) {
			if (connection->in[i] != request->path[(at + i) % period]) {
				wrong++;
				return false;
			}
		}
		take(connection, part);
		at += part;
	}
	return true;
}

static bool read_request(struct connection *connection, struct request *request)
{
	char *end;
	while (connection->have == 0 ||
	       (end = memmem(connection->in, connection->have, "\r\n\r\n", 4)) == NULL) {
		if (!receive(connection)) {
			return false;
		}
	}
	end[2] = '\0';
	if (!parse(connection->in, request)) {
		wrong++;
		return false;
	}
	take(connection, (size_t)(end - connection->in) + 4);
	return read_body(connection, request);
}

static size_t write_answer(char *out, const struct request *request, bool close)
{
	size_t period = strlen(request->path);
	size_t body = period * request->repeat;
	bool chunked = request->id % 4 == 3 && body > 0;
	size_t size = (size_t)sprintf(
		out, "HTTP/1.1 200 OK\r\n%s%s%zu\r\n\r\n", close ? "Connection: close\r\n" : "",
		chunked ? "Transfer-Encoding: chunked\r\nX-Size: " : "Content-Length: ", body);
	if (request->method == METHOD_HEAD) {
		return size;
	}
	if (chunked) {
		size += (size_t)sprintf(out + size, "%zx\r\n", body);
	}
	for (unsigned i = 0; i < request->repeat; i++, size += period) {
		memcpy(out + size, request->path, period);
	}
	if (chunked) {
		size += (size_t)sprintf(out + size, "\r\n0\r\n\r\n");
	}
	return size;
}

/* Is the connection reset instead of answering this request, whose every byte was read? */
static bool resets_instead(const struct connection *connection, const struct request *request)
{
	switch (mode) {
	case MODE_AFTER:
		return request->id % 8 == 0 && request->execution == 1;
	case MODE_TWICE:
		return request->id % 8 == 0 && request->execution <= 2;
	case MODE_SECOND:
		return connection->answers == 1;
	default:
		return false;
	}
}

static bool ends_after_answer(const struct connection *connection)
{
	return (mode == MODE_IDLE_FIN || mode == MODE_IDLE_RST)
		       ? connection->answers + 1 == IDLE_AFTER
		       : connection->fin && connection->left < HEAD_MOST;
}

/* true when the connection goes on. */
static bool answer(struct connection *connection, const struct request *request)
{
	if (resets_instead(connection, request)) {
		reset(connection);
		return false;
	}
	bool close = (mode == MODE_ACCEPT || mode == MODE_BEFORE) &&
		     connection->answers + 1 == CLOSE_AFTER;
	size_t size = write_answer(connection->out, request, close);
	if (mode == MODE_MIDDLE && request->id % 5 == 0 && request->execution == 1) {
		connection->left = size / 2;
	} else if (ends_after_answer(connection)) {
		/* MSG_MORE: the FIN goes out with the answer, so that who has the one has the other. */
		connection->settling = true;
		settling++;
		connection->left = UINT64_MAX;
		transmit(connection, size, mode == MODE_IDLE_RST ? 0 : MSG_MORE);
		broken++;
		if (mode == MODE_IDLE_RST) {
			set_linger0(connection->fd);
		}
		return false;
	}
	connection->answers++;
	return transmit(connection, size, 0) && !close;
}

/* The first bytes are there, and none was read. */
static bool breaks_at_begin(struct connection *connection)
{
	char byte;
	if ((mode != MODE_ACCEPT && mode != MODE_BEFORE) || connection->number % 2 == 0) {
		return false;
	}
	if (mode == MODE_ACCEPT || recv(connection->fd, &byte, 1, MSG_PEEK) > 0) {
		reset(connection);
	}
	return true;
}

static void converse(struct connection *connection)
{
	struct request request = {0};
	if (mode == MODE_CHAOS) {
		/* As many below 200 bytes as between 1 and 2 KB, or 20 and 50. */
		uint64_t most = UINT64_C(100) << draw(connection->number, 1) % 10;
		connection->left = 1 + draw(connection->number, 2) % most;
		connection->fin = draw(connection->number, 3) % 4 == 0;
	}
	if (breaks_at_begin(connection)) {
		return;
	}
	while (read_request(connection, &request)) {
		request.execution = ++executed[request.method][request.id];
		if (mode == MODE_HANG && request.id % 10 == 0) {
			while (receive(connection)) {
			}
			return;
		}
		if (mode == MODE_DOWN && ++executions % DOWN_EVERY == 0) {
			go_down();
			return;
		}
		if (!answer(connection, &request)) {
			return;
		}
	}
}

static void *serve(void *argument)
{
	struct connection connection = {.fd = (int)(intptr_t)argument, .left = UINT64_MAX};
	connection.number = connections++;
	connection.out = malloc(BODY_MOST + HEAD_MOST);
	note_open(-1, connection.fd);
	converse(&connection);
	note_open(connection.fd, -1);
	close(connection.fd);
	settling -= connection.settling;
	free(connection.out);
	return NULL;
}

static void *tell_settled(void *argument)
{
	struct connection connection = {.fd = (int)(intptr_t)argument, .left = UINT64_MAX};
	struct request request;
	char room[HEAD_MOST];
	connection.out = room;
	while (read_request(&connection, &request)) {
		while (settling > 0) {
			usleep(100);
		}
		if (!transmit(&connection, write_answer(room, &request, false), 0)) {
			break;
		}
	}
	close(connection.fd);
	return NULL;
}

static int listen_on(uint16_t port)
{
	const int on = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0) {
		die("listen");
	}
	return fd;
}

static void start(void *(*run)(void *), int fd)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if ((errno = pthread_create(&thread, &attributes, run, (void *)(intptr_t)fd)) != 0) {
		die("pthread_create");
	}
}

struct door {
	int fd;
	void *(*run)(void *);
};

static void *accept_all(void *argument)
{
	const struct door *door = argument;
	const int on = 1;
	for (;;) {
		int fd = accept(door->fd, NULL, NULL);
		if (fd >= 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
			start(door->run, fd);
		} else {
			usleep(1000); /* it is down */
		}
	}
	return NULL;
}

static void report(void)
{
	for (unsigned method = 0; method < METHODS; method++) {
		unsigned ids = 0, all = 0, most = 0;
		for (unsigned id = 0; id < IDS; id++) {
			unsigned times = executed[method][id];
			ids += times > 0;
			all += times;
			most = times > most ? times : most;
		}
		if (ids > 0) {
			printf("%s ids=%u executions=%u most=%u\n", methods[method], ids, all,
			       most);
		}
	}
	printf("wrong=%u broken=%u\n", wrong, broken);
}

int main(int argc, char **argv)
{
	while (argc > 2 && mode < MODE_COUNT && strcmp(modes[mode], argv[2]) != 0) {
		mode++;
	}
	if (argc < 3 || mode == MODE_COUNT) {
		fprintf(stderr, "usage: flaky PORT MODE [SEED]\n");
		return 2;
	}
	seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	uint16_t port = (uint16_t)atoi(argv[1]);
	sigset_t ending;
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	static struct door settled, door;
	settled = (struct door){listen_on((uint16_t)(port + 1)), tell_settled};
	door = (struct door){listener = listen_on(port), serve};
	pthread_t threads[2];
	pthread_create(&threads[0], NULL, accept_all, &settled);
	pthread_create(&threads[1], NULL, accept_all, &door);
	int signal_number;
	sigwait(&ending, &signal_number);
	report();
	return 0;
}
