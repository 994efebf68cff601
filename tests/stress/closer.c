/*
 * Connections that are closed under the threads that use them: one is inside a read, another inside
 * a write, while a third closes the number, puts something else in its place, as the JVM closes, or
 * has a child close it. Nobody else ever opens the numbers of these connections.
 */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The threads use the connection for so long at most before it is closed. */
#define USED_US 3000

#define PIECE 512

/* What goes to the peer, and what comes back. */
#define SENT 's'
#define ECHO 'e'

static atomic_ullong closed;

/* What the threads of one round share. */
struct contest {
	int number; /* by which reader and writer know the connection */
	int server;
};

/* The number is gone, or is no socket any more, or its connection has ended. */
static void expected(const char *call)
{
	switch (errno) {
	case EBADF:
	case ENOTSOCK:
	case ECONNRESET:
	case EPIPE:
		return;
	default:
		failed(call);
	}
}

static void all_are(char wanted, const char *bytes, ssize_t count)
{
	for (ssize_t i = 0; i < count; i++) {
		if (bytes[i] != wanted) {
			wrong("byte %zd of %zd is %02x", i, count, (unsigned char)bytes[i]);
		}
	}
}

static void *read_until_closed(void *argument)
{
	const struct contest *contest = argument;
	char bytes[PIECE];
	ssize_t got;
	progress_begin("a reader whose number is closed");
	timer_begin();
	while ((got = through(recvfrom(contest->number, bytes, sizeof bytes, 0, NULL, NULL))) > 0) {
		all_are(ECHO, bytes, got);
		progress("reading");
	}
	if (got < 0) {
		expected("recvfrom of a number that is closed");
	}
	timer_end();
	progress_end();
	return NULL;
}

static void *write_until_closed(void *argument)
{
	const struct contest *contest = argument;
	char bytes[PIECE];
	memset(bytes, SENT, sizeof bytes);
	progress_begin("a writer whose number is closed");
	timer_begin();
	while (through(send(contest->number, bytes, sizeof bytes, MSG_NOSIGNAL)) > 0) {
		progress("writing");
	}
	expected("send to a number that is closed");
	timer_end();
	progress_end();
	return NULL;
}

static void *echo(void *argument)
{
	const struct contest *contest = argument;
	char bytes[PIECE];
	ssize_t got;
	progress_begin("a peer whose client is closed");
	while ((got = through(read(contest->server, bytes, sizeof bytes))) > 0) {
		all_are(SENT, bytes, got);
		memset(bytes, ECHO, (size_t)got);
		if (through(send(contest->server, bytes, (size_t)got, MSG_NOSIGNAL)) < 0) {
			break;
		}
		progress("sending back");
	}
	progress_end();
	return NULL;
}

/* A child has the connection as well, and closes it. */
static void fork_and_close(int number)
{
	int status;
	pid_t pid = must(fork());
	if (pid == 0) {
		must(close(number));
		_exit(0);
	}
	if (through(waitpid(pid, &status, 0)) != pid || status != 0) {
		wrong("a child that closed ended with status %x", status);
	}
	must(close(number));
}

/* Another connection takes the number over, and ends. */
static void replace(int number, int listener, uint16_t port)
{
	struct pair next = pair_open(listener, port, 0);
	must(dup2(next.client, number));
	must(close(next.client));
	/* Those who were inside a call go on with it: they meet its end. */
	must(close(next.server));
}

/* Returns whether the number is still something, which is to be closed in the end. */
static bool close_somehow(uint32_t how, int number, int listener, uint16_t port)
{
	int other;
	switch (how % 5) {
	case 0:
		must(close(number));
		return false;
	case 1:
		must(close_range((unsigned)number, (unsigned)number, 0));
		return false;
	case 2:
		other = must(open("/dev/null", O_RDWR));
		must(dup2(other, number));
		must(close(other));
		return true;
	case 3:
		fork_and_close(number);
		return false;
	default:
		replace(number, listener, port);
		return true;
	}
}

static void contend(struct contest *contest, int listener, uint16_t port, uint32_t *state)
{
	pthread_t reader, writer, peer;
	if (pthread_create(&reader, NULL, read_until_closed, contest) != 0 ||
	    pthread_create(&writer, NULL, write_until_closed, contest) != 0 ||
	    pthread_create(&peer, NULL, echo, contest) != 0) {
		wrong("no thread could be made");
	}
	usleep(chance(state) % USED_US);
	progress("closing under the others");
	bool left = close_somehow(chance(state), contest->number, listener, port);
	/* Who waits inside a call keeps the socket: its peer's end wakes them. */
	progress("waiting for the peer");
	shutdown(contest->server, SHUT_RDWR);
	pthread_join(peer, NULL);
	must(close(contest->server));
	progress("waiting for reader and writer");
	pthread_join(reader, NULL);
	pthread_join(writer, NULL);
	if (left) {
		must(close(contest->number));
	}
}

void *closer_run(void *argument)
{
	uint32_t state = (uint32_t)(uintptr_t)argument;
	uint16_t port;
	progress_begin("a closer");
	timer_begin();
	int listener = listen_anywhere(&port);
	while (!atomic_load(&stopping)) {
		struct pair pair = pair_open(listener, port, 0);
		struct contest contest = {
			.number = CLOSED_FIRST + (int)(uintptr_t)argument,
			.server = pair.server,
		};
		must(dup2(pair.client, contest.number));
		must(close(pair.client));
		contend(&contest, listener, port, &state);
		atomic_fetch_add(&closed, 1);
	}
	must(close(listener));
	timer_end();
	progress_end();
	return NULL;
}

uint64_t closer_closed(void)
{
	return atomic_load(&closed);
}
