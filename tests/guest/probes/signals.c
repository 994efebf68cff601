/* Handlers that interrupt hooks, call them, and leave them by a long jump: signals PORT leap|storm. */
#include "probe.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

static uint16_t port;
static sigjmp_buf place;

static void leap(int signal)
{
	siglongjmp(place, signal);
}

/* For each byte an alarm, once its process has been seen asleep so often: that is in the call. */
enum { SEEN_ASLEEP = 5 };

static void ring(pid_t sleeper, int asked)
{
	char path[64];
	char byte;
	snprintf(path, sizeof path, "/proc/%d/stat", (int)sleeper);
	while (read(asked, &byte, 1) == 1) {
		for (int seen = 0; seen < SEEN_ASLEEP;) {
			char text[256] = "";
			int fd = open(path, O_RDONLY);
			MUST(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
			close(fd);
			seen = strstr(text, ") S ") != NULL ? seen + 1 : 0;
			poll(NULL, 0, 1);
		}
		kill(sleeper, SIGALRM);
	}
	_exit(0);
}

static int bell;

static void make_bell(void)
{
	int ends[2];
	pid_t sleeper = getpid();
	MUST(pipe(ends) == 0);
	if (fork() == 0) {
		close(ends[1]);
		ring(sleeper, ends[0]);
	}
	close(ends[0]);
	bell = ends[1];
}

/*
 * Fill what the kernel takes of a peer that reads nothing, and whose window is closed: a call that has sent
 * a part when it is left is one that nobody has seen the end of.
 */
static void fill(int fd)
{
	static char bytes[65536];
	/* What is acknowledged makes room again: twice nothing, with nothing under way, is for ever. */
	for (int full = 0; full < 2;) {
		int left = 0;
		int unsent = 0;
		ssize_t sent = send(fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
		MUST(ioctl(fd, SIOCOUTQNSD, &unsent) == 0 && ioctl(fd, SIOCOUTQ, &left) == 0);
		full = sent < 0 && left == unsent ? full + 1 : 0;
	}
}

/* A listener whose queue is full answers no SYN any more. */
static int dial_in_vain(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	MUST(bind(listener, (struct sockaddr *)&name, size) == 0 && listen(listener, 0) == 0);
	MUST(getsockname(listener, (struct sockaddr *)&name, &size) == 0);
	dial(ntohs(name.sin_port));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return connect(fd, (struct sockaddr *)&name, size);
}

static int accept_in_vain(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	listen(listener, 1);
	return accept(listener, NULL, NULL);
}

static int wait_in_vain(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	return epoll_wait(epoll, &event, 1, -1);
}

static int select_in_vain(int fd)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, NULL);
}

enum { WAYS = 17 };

static void *rest(void *nothing)
{
	pause();
	return nothing;
}

/* There is somebody who could cancel, and the hooks have nothing to do with a pipe. */
static long read_pipe_beside_a_thread(void)
{
	pthread_t thread;
	int ends[2];
	char byte;
	MUST(pthread_create(&thread, NULL, rest, NULL) == 0);
	MUST(pipe(ends) == 0);
	return syscall(SYS_read, ends[0], &byte, 1);
}

/* What a call that takes no bytes of ours takes. */
static int file;
static int pipes[2];

static void make_sources(void)
{
	file = memfd_create("bytes", MFD_CLOEXEC);
	MUST(ftruncate(file, 1 << 20) == 0);
	MUST(pipe(pipes) == 0);
	/* As much as it takes: a few bytes may still find room where there was none. */
	MUST(sendfile(pipes[1], file, NULL, 65536) == 65536);
}

/* Blocks until the alarm; `half` is a connection whose peer has shut down and reads nothing. */
static long block(int way, int fd, int half)
{
	static char bytes[65536];
	struct iovec piece = {bytes, sizeof bytes};
	switch (way) {
	case 0:
		return recv(fd, bytes, 1, 0);
	case 1:
		return read(fd, bytes, 1);
	case 2:
		return readv(fd, &piece, 1);
	case 3:
		return accept_in_vain();
	case 4:
		return dial_in_vain();
	case 5:
		return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
	case 6:
		return select_in_vain(fd);
	case 7:
		return wait_in_vain(fd);
	case 8:
		return send(half, bytes, sizeof bytes, 0);
	case 9:
		return write(half, bytes, sizeof bytes);
	case 10:
		return writev(half, &piece, 1);
	case 11:
		return syscall(SYS_read, fd, bytes, 1);
	case 12:
		return syscall(SYS_write, half, bytes, sizeof bytes);
	case 13:
		return sendfile(half, file, NULL, sizeof bytes);
	case 14:
		return splice(pipes[0], NULL, half, NULL, sizeof bytes, 0);
	case 15:
		return pwritev2(half, &piece, 1, -1, 0);
	default:
		return read_pipe_beside_a_thread();
	}
}

/* longjmp alone leaves the mask as it was in the handler; siglongjmp puts back what was saved. */
static void leap_from(int way, int saves_mask)
{
	static int fd;
	static int half;
	char buffer[8];
	int state = -1;
	fd = dial(port);
	half = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(half, SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
	MUST(dial_with(half, port) == 0);
	order(half, 'f');
	MUST(read(half, buffer, 1) == 0);
	fill(half);
	if (sigsetjmp(place, saves_mask) == 0) {
		MUST(write(bell, "", 1) == 1);
		say("way %d returned %ld\n", way, block(way, fd, half));
	}
	say("way %d, mask saved %d:", way, saves_mask);
	say_state();
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	say("cancel state %d\n", state);
	sigset_t alarm;
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	order(fd, 'e');
	DO(recv(fd, buffer, 1, 0));
}

static void leap_out_of_each(void)
{
	struct sigaction action = {.sa_handler = leap};
	sigaction(SIGALRM, &action, NULL);
	make_bell();
	make_sources();
	for (int way = 0; way < WAYS; way++) {
		leap_from(way, 0);
		leap_from(way, 1);
	}
}

enum { REFUSALS = 40, STORMS = 3000 };

static int beside;
static volatile sig_atomic_t refusals;
static volatile sig_atomic_t wrong;

/* Uses another connection, and meets errors, wherever the signal has struck. */
static void use_hooks(int signal)
{
	char buffer[8];
	int saved = errno;
	(void)signal;
	wrong |= recv(beside, buffer, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN;
	wrong |= send(beside, "x", 1, MSG_NOSIGNAL) != 1;
	if (refusals < REFUSALS) {
		refusals++;
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		wrong |= dial_with(fd, 1) != -1 || errno != ECONNREFUSED;
		wrong |= close(fd) != 0;
	}
	errno = saved;
}

static void live_in_a_storm(void)
{
	struct sigaction action = {.sa_handler = use_hooks, .sa_flags = SA_RESTART | SA_NODEFER};
	struct itimerval often = {{0, 150}, {0, 150}};
	int resets = 0;
	beside = dial(port);
	int fd = dial(port);
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	MUST(setitimer(ITIMER_REAL, &often, NULL) == 0 &&
	     setitimer(ITIMER_PROF, &often, NULL) == 0);
	for (int i = 0; i < STORMS || refusals < REFUSALS; i++) {
		char byte;
		MUST(write(fd, "e", 1) == 1);
		MUST(read(fd, &byte, 1) == 1 && byte == 'e');
		if (i % 100 == 0) {
			int victim = dial(port);
			MUST(send(victim, "r", 1, 0) == 1);
			resets += recv(victim, &byte, 1, 0) == -1 && errno == ECONNRESET;
			MUST(close(victim) == 0);
		}
		if (i == STORMS - 1) {
			say("%d resets were told\n", resets);
		}
	}
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	setitimer(ITIMER_PROF, &(struct itimerval){0}, NULL);
	say("%d refusals, %d wrong:", (int)refusals, (int)wrong);
	say_state();
	order(fd, 'c');
	close(fd);
	close(beside);
}

int main(int argc, char **argv)
{
	MUST(argc == 3);
	port = port_of(argv[1]);
	if (strcmp(argv[2], "leap") == 0) {
		leap_out_of_each();
	} else {
		live_in_a_storm();
	}
	return 0;
}
