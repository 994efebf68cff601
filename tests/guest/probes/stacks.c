/*
 * How much stack the hooks take, from a thread of the smallest size and from a signal stack of the
 * smallest size: stacks PORT thread|signal. Says how deep each call went, which is for the test to
 * compare, and no matter of equality.
 */
#include "probe.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAINT 0xa5

static uint16_t port;

/* Connections that are made outside of the small stack, for what is to happen on it. */
enum what { QUIET, RESET_READ, RESET_WRITE, REFUSED, CLOSE_UNREAD, WHATS };
static int fds[WHATS];
static long results[WHATS];
static int errors[WHATS];

static const char *const names[WHATS] = {"quiet recv and send", "recv of a reset",
					 "write on a reset", "refused connect",
					 "close of what is unread"};

static void prepare(enum what what)
{
	fds[what] = socket(AF_INET, SOCK_STREAM, 0);
	if (what == REFUSED) {
		return;
	}
	MUST(dial_with(fds[what], port) == 0);
	if (what == RESET_READ || what == RESET_WRITE) {
		order(fds[what], 'r');
	} else if (what == CLOSE_UNREAD) {
		order(fds[what], 'e');
	}
}

static void act(enum what what)
{
	char byte = 0;
	int fd = fds[what];
	errno = UNTOUCHED;
	switch (what) {
	case QUIET:
		results[what] = recv(fd, &byte, 1, MSG_DONTWAIT) + send(fd, &byte, 1, 0);
		break;
	case RESET_READ:
		results[what] = recv(fd, &byte, 1, 0);
		break;
	case RESET_WRITE:
		results[what] = write(fd, &byte, 1);
		break;
	case REFUSED:
		results[what] = dial_with(fd, 1);
		break;
	default:
		results[what] = close(fd);
		break;
	}
	errors[what] = errno;
}

static size_t depth(const unsigned char *low, size_t size)
{
	size_t clean = 0;
	while (clean < size && low[clean] == PAINT) {
		clean++;
	}
	return size - clean;
}

static unsigned char *alternate;
static size_t alternate_size;
static volatile enum what now;

static char *top;

static void handler(int signal)
{
	(void)signal;
	top = __builtin_frame_address(0);
	act(now);
}

/* Room for the kernel's frame, and the 2 KiB that everybody grants a handler. */
static void on_signal_stack(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	alternate_size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 2048;
	/* Below it is nothing: who goes deeper is killed. */
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t pages = (alternate_size + page - 1) / page * page;
	char *mapped = mmap(NULL, pages + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(mapped != MAP_FAILED && mprotect(mapped + page, pages, PROT_READ | PROT_WRITE) == 0);
	alternate = (unsigned char *)mapped + page;
	alternate_size = pages;
	stack_t stack = {.ss_sp = alternate, .ss_size = alternate_size};
	MUST(sigaltstack(&stack, NULL) == 0);
	sigaction(SIGUSR1, &action, NULL);
	for (int what = 0; what < WHATS; what++) {
		prepare((enum what)what);
		now = (enum what)what;
		memset(alternate, PAINT, alternate_size);
		raise(SIGUSR1);
		size_t below = (size_t)(top - (char *)alternate);
		say("%s: %ld %s\n", names[what], results[what], error_name(errors[what]));
		say("depth %zu %s\n", depth(alternate, below), names[what]);
	}
}

static void *run(void *nothing)
{
	(void)nothing;
	for (int what = 0; what < WHATS; what++) {
		prepare((enum what)what);
		act((enum what)what);
	}
	return NULL;
}

static void on_thread_stack(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *stack = mmap(NULL, (size_t)PTHREAD_STACK_MIN, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(stack, PAINT, (size_t)PTHREAD_STACK_MIN);
	pthread_attr_init(&attributes);
	MUST(pthread_attr_setstack(&attributes, stack, (size_t)PTHREAD_STACK_MIN) == 0);
	MUST(pthread_create(&thread, &attributes, run, NULL) == 0);
	MUST(pthread_join(thread, NULL) == 0);
	wait_until_alone();
	for (int what = 0; what < WHATS; what++) {
		say("%s: %ld %s\n", names[what], results[what], error_name(errors[what]));
	}
	say("depth %zu in all\n", depth(stack, (size_t)PTHREAD_STACK_MIN));
}

int main(int argc, char **argv)
{
	MUST(argc == 3);
	port = port_of(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	/* The dynamic linker looks a name up at its first call, and that takes more than any hook. */
	close(-1);
	if (strcmp(argv[2], "thread") == 0) {
		on_thread_stack();
	} else {
		on_signal_stack();
	}
	say_state();
	return 0;
}
