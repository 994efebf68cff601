/*
 * Processes begin while all that is under way: by fork, by vfork and by posix_spawn, going on as
 * the same program or as another one that inherits a connection.
 */
#include "stress.h"

#include <errno.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* How a child says that all went well. */
#define WELL 7

static atomic_ullong children;

/* Ping and its echo over a connection. */
static void exchange(const struct pair *pair)
{
	char word[] = "ping";
	if (through(send(pair->client, word, sizeof word, MSG_NOSIGNAL)) != sizeof word) {
		failed("send of a child");
	}
	memset(word, 0, sizeof word);
	if (through(recv(pair->server, word, sizeof word, MSG_WAITALL)) != sizeof word ||
	    strcmp(word, "ping") != 0) {
		failed("recv of a child");
	}
}

static void child_of_fork(void)
{
	uint16_t port;
	int listener = listen_anywhere(&port);
	struct pair pair = pair_open(listener, port, 0);
	exchange(&pair);
	must(close_range(FOUGHT_FIRST, FOUGHT_FIRST + FOUGHT_COUNT, 0));
	must(close(pair.client));
	must(close(listener));
	/* The other end is left to _exit. */
	_exit(WELL);
}

int executed(int fd)
{
	char word[5] = "";
	if (through(recv(fd, word, sizeof word, MSG_WAITALL)) != sizeof word ||
	    strcmp(word, "ping") != 0) {
		failed("recv after exec");
	}
	if (through(send(fd, word, sizeof word, MSG_NOSIGNAL)) != sizeof word) {
		failed("send after exec");
	}
	must(close(fd));
	return WELL;
}

static pid_t begin(uint32_t how, char *const arguments[])
{
	static const char *const self = "/proc/self/exe";
	pid_t pid = -1;
	switch (how % 3) {
	case 0:
		pid = must(fork());
		if (pid == 0) {
			execv(self, arguments);
			_exit(1);
		}
		break;
	case 1:
		pid = must(vfork());
		if (pid == 0) {
			execv(self, arguments);
			_exit(1);
		}
		break;
	default:
		errno = posix_spawn(&pid, self, NULL, NULL, arguments, environ);
		if (errno != 0) {
			failed("posix_spawn");
		}
		break;
	}
	return pid;
}

static pid_t execute(int listener, uint16_t port, uint32_t how, struct pair *pair)
{
	*pair = pair_open(listener, port, 0);
	char number[12];
	char *const arguments[] = {(char[]){"stress"}, (char[]){EXECUTED}, number, NULL};
	snprintf(number, sizeof number, "%d", pair->server);
	return begin(how, arguments);
}

static void expect_echo(const struct pair *pair)
{
	char word[] = "ping";
	must(close(pair->server));
	if (through(send(pair->client, word, sizeof word, MSG_NOSIGNAL)) != sizeof word) {
		failed("send to a child");
	}
	memset(word, 0, sizeof word);
	if (through(recv(pair->client, word, sizeof word, MSG_WAITALL)) != sizeof word ||
	    strcmp(word, "ping") != 0) {
		failed("recv from a child");
	}
	must(close(pair->client));
}

static void expect_well(pid_t pid)
{
	int status;
	progress("waiting for a child");
	if (through(waitpid(pid, &status, 0)) != pid) {
		failed("waitpid");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != WELL) {
		wrong("a child ended with status %x", status);
	}
	atomic_fetch_add(&children, 1);
}

void *forker_run(void *argument)
{
	uint32_t state = (uint32_t)(uintptr_t)argument;
	uint16_t port;
	progress_begin("the forker");
	timer_begin();
	int listener = listen_anywhere(&port);
	while (!atomic_load(&stopping)) {
		struct pair pair;
		pid_t pid;
		progress("forking");
		if (chance(&state) % 2 == 0) {
			pid = must(fork());
			if (pid == 0) {
				child_of_fork();
			}
		} else {
			pid = execute(listener, port, chance(&state), &pair);
			expect_echo(&pair);
		}
		expect_well(pid);
	}
	must(close(listener));
	timer_end();
	progress_end();
	return NULL;
}

uint64_t forker_children(void)
{
	return atomic_load(&children);
}
