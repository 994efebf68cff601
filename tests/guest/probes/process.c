/* Processes come and go: process PORT fork|vfork|spawn|exec|daemon|clone|tables. */
#include "probe.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *self;
static char *port_text;
static uint16_t port;

static void reap(pid_t child)
{
	int status = -1;
	MUST(waitpid(child, &status, 0) == child);
	say("child ended with %d\n", status);
}

static void exchange(int fd)
{
	char buffer[8];
	order(fd, 'e');
	DO(recv(fd, buffer, sizeof buffer, 0));
}

static int forks;

static void before_fork(void)
{
	forks += 100;
}

static void in_parent(void)
{
	forks += 10;
}

static void in_child(void)
{
	forks += 1;
}

/* Their other names, which no header has. */
pid_t __fork(void);
pid_t __vfork(void);

/* The child uses what it inherited, and leaves the parent's connection as it was. */
static void try_fork(void)
{
	int fd = dial(port);
	pthread_atfork(before_fork, in_parent, in_child);
	for (int way = 0; way < 4; way++) {
		pid_t child = way == 0   ? fork()
			      : way == 1 ? __fork()
			      : way == 2 ? _Fork()
					 : (pid_t)syscall(SYS_fork);
		MUST(child >= 0);
		if (child == 0) {
			exchange(fd);
			say("handlers %d\n", forks);
			say_state();
			DO(close(fd));
			live(port);
			_exit(7);
		}
		reap(child);
		say("handlers %d\n", forks);
		exchange(fd);
		say_state();
	}
	DO(close(fd));
}

/* What a child of vfork closes, its parent still has; what it changes in memory is the parent's. */
static void try_vfork(void)
{
	int fd = dial(port);
	for (int way = 0; way < 3; way++) {
		volatile int seen = 0;
		pid_t child = way == 2 ? __vfork() : vfork();
		if (child == 0) {
			seen = 1;
			close(fd);
			dup2(1, fd);
			close(fd);
			if (way != 1) {
				_exit(3);
			}
			execl(self, self, port_text, "child", NULL);
			_exit(4);
		}
		reap(child);
		say("shared %d\n", seen);
		exchange(fd);
		say_state();
	}
	DO(close(fd));
}

/* What it closes with a byte unread, the parent still has: no RST, and no line. */
static int in_clone(void *argument)
{
	const int *fds = argument;
	exchange(fds[0]);
	DO(close(fds[1]));
	say_state();
	return 5;
}

static void try_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fds[] = {dial(port), dial(port)};
	order(fds[1], 'e');
	for (int way = 0; way < 2; way++) {
		int flags = way == 0 ? SIGCHLD : SIGCHLD | CLONE_VM | CLONE_VFORK;
		reap(clone(in_clone, stack + sizeof stack, flags, fds));
		exchange(fds[0]);
	}
	say_state();
	char byte;
	DO(recv(fds[1], &byte, 1, 0));
	DO(close(fds[0]));
	DO(close(fds[1]));
}

static void try_spawn(void)
{
	posix_spawn_file_actions_t actions;
	char *const argv[] = {self, port_text, "child", "0", NULL};
	int fd = dial(port);
	pid_t child;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 0);
	posix_spawn_file_actions_addclose(&actions, fd);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	int error = posix_spawn(&child, self, &actions, NULL, argv, environ);
	reap(child);
	say("spawned, %d\n", error);
	DO(posix_spawn(&child, "/no/such/program", NULL, NULL, argv, environ));
	DO(system("exit 9"));
	char text[PATH_MAX];
	snprintf(text, sizeof text, "%s %s child", self, port_text);
	FILE *pipe = popen(text, "r");
	MUST(pipe != NULL);
	while (fgets(text, sizeof text, pipe) != NULL) {
		say("heard %s", text);
	}
	DO(pclose(pipe));
	exchange(fd);
	say_state();
	DO(close(fd));
}

static void try_exec(void)
{
	char number[16];
	int kept = dial(port);
	MUST(fcntl(dial(port), F_SETFD, FD_CLOEXEC) == 0);
	sigset_t usr1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR1);
	snprintf(number, sizeof number, "%d", kept);
	DO(execl("/no/such/program", "none", NULL));
	exchange(kept);
	execl(self, self, port_text, "child", number, NULL);
}

/* What exec began: a descriptor it was left, and a life of its own. */
static int be_child(const char *number)
{
	say_state();
	if (number != NULL) {
		int fd = atoi(number);
		exchange(fd);
		DO(close(fd));
	}
	live(port);
	return 0;
}

/* daemon() forks, leaves the session, and puts /dev/null on 0, 1 and 2, all inside libc. */
static void try_daemon(void)
{
	int ends[2];
	int fd = dial(port);
	MUST(pipe(ends) == 0);
	pid_t child = fork();
	if (child == 0) {
		int said = fcntl(1, F_DUPFD, 20);
		live(port);
		DO(daemon(0, 0));
		MUST(dup2(said, 1) == 1 && close(said) == 0);
		say("leads %s\n", getsid(0) == getpid() ? "itself" : "nobody, or another");
		exchange(fd);
		live(port);
		_exit(0);
	}
	close(ends[1]);
	/* Until the daemon, the last to hold the other end, has ended. */
	char byte;
	DO(read(ends[0], &byte, 1));
	reap(child);
	exchange(fd);
	say_state();
}

/* A thread that has its own table of descriptors: what it closes there, the others still have. */
static int tables_fd;

static void *close_apart(void *argument)
{
	int way = *(const int *)argument;
	if (way == 2) {
		DO(close_range(3, ~0U, CLOSE_RANGE_UNSHARE));
		return NULL;
	}
	DO(way == 0 ? unshare(CLONE_FILES) : (int)syscall(SYS_unshare, CLONE_FILES));
	DO(close(tables_fd));
	return NULL;
}

static void try_tables(void)
{
	char byte;
	for (int way = 0; way < 3; way++) {
		pthread_t thread;
		tables_fd = dial(port);
		order(tables_fd, 'e');
		MUST(pthread_create(&thread, NULL, close_apart, &way) == 0);
		MUST(pthread_join(thread, NULL) == 0);
		wait_until_alone();
		DO(recv(tables_fd, &byte, 1, 0));
		exchange(tables_fd);
		say_state();
		DO(close(tables_fd));
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*try)(void);
	} ways[] = {
		{"fork", try_fork},     {"vfork", try_vfork}, {"clone", try_clone},
		{"spawn", try_spawn},   {"exec", try_exec},   {"daemon", try_daemon},
		{"tables", try_tables},
	};
	MUST(argc >= 3);
	self = argv[0];
	port_text = argv[1];
	port = port_of(argv[1]);
	if (strcmp(argv[2], "child") == 0) {
		return be_child(argv[3]);
	}
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		if (strcmp(argv[2], ways[i].name) == 0) {
			ways[i].try();
			return 0;
		}
	}
	return 97;
}
