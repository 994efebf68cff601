/*
 * A handler that forks in the middle of writing a line, and both processes go on where it struck:
 * within PORT. Or that leaves it by a long jump: within PORT jump. At level `calls` lines wait in a
 * mapped file; where a write to it is made to fault, the handler is known to strike there.
 */
#include "probe.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static char *start;
static size_t size;

static int calls;
static volatile sig_atomic_t strikes;
static volatile pid_t child = -1;

/* Where the lines wait. */
static void find_file(void)
{
	static char text[65536];
	size_t length = 0;
	ssize_t more;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	MUST(fd >= 0);
	while ((more = read(fd, text + length, sizeof text - 1 - length)) > 0) {
		length += (size_t)more;
	}
	close(fd);
	char *line = strstr(text, ".pending");
	MUST(line != NULL);
	while (line > text && line[-1] != '\n') {
		line--;
	}
	start = (char *)strtoul(line, &line, 16);
	size = (size_t)((char *)strtoul(line + 1, NULL, 16) - start);
}

static void fork_here(int signal)
{
	(void)signal;
	child = fork();
}

static void strike(int signal)
{
	if (strikes++ > 0) {
		/* The same again: it is no page of ours any more. */
		sigaction(SIGSEGV, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
		return;
	}
	MUST(mprotect(start, size, PROT_READ | PROT_WRITE) == 0);
	if (signal == SIGSEGV) {
		raise(SIGUSR1);
	}
}

/* Nothing comes back, as both processes would wait for it. */
static void call(int fd)
{
	order(fd, 'x');
	calls++;
}

/* The file may not be written to from this offset on: who does that next is struck. */
static void go_on_until_struck(int fd, size_t offset)
{
	strikes = 0;
	MUST(mprotect(start + offset, size - offset, PROT_READ) == 0);
	while (strikes == 0) {
		call(fd);
		/* Longer than lines wait, so that the next call writes this one's. */
		usleep(30000);
	}
	for (int i = 0; i < 20; i++) {
		call(fd);
	}
	if (child == 0) {
		_exit(5);
	}
	int status = -1;
	MUST(waitpid(child, &status, 0) == child);
	say("child ended with %d\n", status);
}

static sigjmp_buf place;

static void jump(int signal)
{
	MUST(mprotect(start, size, PROT_READ | PROT_WRITE) == 0);
	siglongjmp(place, signal);
}

static void *go_on(void *argument)
{
	for (int i = 0; i < 20; i++) {
		call(*(const int *)argument);
		/* So that lines are due, and all have to be looked after. */
		usleep(3000);
	}
	return NULL;
}

/* Nobody writes the line any more, and nobody else waits for that. */
static void jump_out(int fd)
{
	pthread_t thread;
	sigaction(SIGSEGV, &(struct sigaction){.sa_handler = jump}, NULL);
	if (sigsetjmp(place, 1) == 0) {
		MUST(mprotect(start, size, PROT_READ) == 0);
		go_on(&fd);
	}
	MUST(pthread_create(&thread, NULL, go_on, &fd) == 0);
	MUST(pthread_join(thread, NULL) == 0);
	go_on(&fd);
}

int main(int argc, char **argv)
{
	struct sigaction on_fault = {.sa_handler = strike};
	struct sigaction on_signal = {.sa_handler = fork_here};
	MUST(argc >= 2);
	int fd = dial(port_of(argv[1]));
	for (int i = 0; i < 20; i++) {
		call(fd);
	}
	find_file();
	if (argc > 2) {
		jump_out(fd);
		say("%d calls\n", calls);
		return 0;
	}
	sigaction(SIGSEGV, &on_fault, NULL);
	sigaction(SIGUSR1, &on_signal, NULL);
	go_on_until_struck(fd, 0);
	/* The last page has no lines, and the mark that a flush sets before it writes them. */
	go_on_until_struck(fd, size - PAGE);
	say("%d calls of %d\n", calls, getpid());
	return 0;
}
