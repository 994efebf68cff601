/* Which calls are cancellation points, and what a cancelled thread leaves behind. */
#include "probe.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static uint16_t port;
static int fd;
static char buffer[8];
static struct iovec piece = {buffer, 1};

/* clang-format off */
#define CALLS(row)                                                                                 \
	row(recv, recv(fd, buffer, 1, MSG_DONTWAIT))                                               \
	row(read, read(fd, buffer, 1))                                                             \
	row(readv, readv(fd, &piece, 1))                                                           \
	row(recvfrom, recvfrom(fd, buffer, 1, MSG_DONTWAIT, NULL, NULL))                           \
	row(recvmsg, recvmsg(fd, &(struct msghdr){.msg_iov = &piece, .msg_iovlen = 1}, 0))         \
	row(send, send(fd, "x", 1, 0))                                                             \
	row(write, write(fd, "x", 1))                                                              \
	row(writev, writev(fd, &piece, 1))                                                         \
	row(sendto, sendto(fd, "x", 1, 0, NULL, 0))                                                \
	row(sendmsg, sendmsg(fd, &(struct msghdr){.msg_iov = &piece, .msg_iovlen = 1}, 0))         \
	row(sendfile, sendfile(fd, 0, NULL, 1))                                                    \
	row(poll, poll(NULL, 0, 0))                                                                \
	row(select, select(0, NULL, NULL, NULL, &(struct timeval){0}))                             \
	row(epoll_wait, epoll_wait(-1, &(struct epoll_event){0}, 1, 0))                            \
	row(socket, close_it(socket(AF_INET, SOCK_STREAM, 0)))                                     \
	row(connect, dial_with(fd, port))                                                          \
	row(accept, accept(fd, NULL, NULL))                                                        \
	row(close, close(-1))                                                                      \
	row(dup, close_it(dup(fd)))                                                                \
	row(dup2, dup2(fd, fd))                                                                    \
	row(fcntl_getfl, fcntl(fd, F_GETFL))                                                       \
	row(ioctl, ioctl(fd, FIONREAD, buffer))                                                    \
	row(setsockopt, setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int)))          \
	row(getsockopt, getsockopt(fd, SOL_SOCKET, SO_ERROR, buffer, &(socklen_t){4}))             \
	row(getpeername, getpeername(fd, NULL, &(socklen_t){0}))                                   \
	row(bind, bind(fd, NULL, 0))                                                               \
	row(listen, listen(-1, 1))                                                                 \
	row(shutdown, shutdown(fd, 5))                                                             \
	row(syscall_read, syscall(SYS_read, fd, buffer, 1))                                        \
	row(syscall_getpid, syscall(SYS_getpid))                                                   \
	row(fork, join(fork()))                                                                    \
	row(execve, execve("/no/such/program", (char *[]){"none", NULL}, environ))                 \
	row(refused, refused())
/* clang-format on */

static long close_it(int made)
{
	return syscall(SYS_close, made);
}

static long join(pid_t child)
{
	if (child == 0) {
		_exit(0);
	}
	return (long)syscall(SYS_wait4, child, NULL, 0, NULL) == child;
}

/* Told by a call that is none: only what the library does itself could be one. */
static long refused(void)
{
	int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int state;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	dial_with(other, 1);
	poll(&(struct pollfd){.fd = other, .events = POLLOUT}, 1, 20000);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	int error = 0;
	getsockopt(other, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
	close_it(other);
	return error;
}

#define ENUM(name, call) CALL_##name,
enum { CALLS(ENUM) CALL_COUNT };

#define NAME(name, call) #name,
static const char *const names[] = {CALLS(NAME)};

static long make(int which)
{
	switch (which) {
#define CASE(name, call)                                                                           \
	case CALL_##name:                                                                          \
		return (call);
		CALLS(CASE)
	default:
		return 0;
	}
}

static void clean_up(void *name)
{
	say("%s: cleaned up\n", (const char *)name);
}

static pthread_barrier_t barrier;

/* A cancellation waits when the call is made. */
static void *call_cancelled(void *argument)
{
	int which = (int)(intptr_t)argument;
	int state;
	int type;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	pthread_cleanup_push(clean_up, (void *)(uintptr_t)names[which]);
	make(which);
	pthread_cleanup_pop(0);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	say("%s: went on, state %d, type %d\n", names[which], state, type);
	return NULL;
}

static void *block(void *argument)
{
	int which = (int)(intptr_t)argument;
	pthread_cleanup_push(clean_up, (void *)(uintptr_t)names[which]);
	pthread_barrier_wait(&barrier);
	struct epoll_event event = {.events = EPOLLIN};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	int other;
	switch (which) {
	case CALL_poll:
		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
		break;
	case CALL_epoll_wait:
		other = epoll_create1(0);
		epoll_ctl(other, EPOLL_CTL_ADD, fd, &event);
		epoll_wait(other, &event, 1, -1);
		break;
	case CALL_accept:
		other = socket(AF_INET, SOCK_STREAM, 0);
		listen(other, 1);
		accept(other, NULL, NULL);
		break;
	case CALL_readv:
		readv(fd, &piece, 1);
		break;
	case CALL_recvmsg:
		recvmsg(fd, &message, 0);
		break;
	default:
		recv(fd, buffer, 1, 0);
	}
	pthread_cleanup_pop(0);
	return NULL;
}

/* A thread that cancels itself, before there has been any other. */
static void cancel_alone(void)
{
	int state;
	pid_t child = fork();
	if (child == 0) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
		MUST(pthread_cancel(pthread_self()) == 0);
		recv(fd, buffer, 1, MSG_DONTWAIT);
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
		pthread_cleanup_push(clean_up, (void *)(uintptr_t) "alone");
		recv(fd, buffer, 1, MSG_DONTWAIT);
		pthread_cleanup_pop(0);
		say("alone: went on\n");
		_exit(0);
	}
	int status = 0;
	MUST(waitpid(child, &status, 0) == child);
	say("alone: status %d\n", status);
}

static void cancel(void *(*start)(void *), int which, int barriers)
{
	pthread_t thread;
	void *result = NULL;
	pthread_barrier_init(&barrier, NULL, 2);
	MUST(pthread_create(&thread, NULL, start, (void *)(intptr_t)which) == 0);
	pthread_barrier_wait(&barrier);
	MUST(pthread_cancel(thread) == 0);
	if (barriers == 2) {
		pthread_barrier_wait(&barrier);
	}
	MUST(pthread_join(thread, &result) == 0);
	wait_until_alone();
	say("%s: %s\n", names[which], result == PTHREAD_CANCELED ? "cancelled" : "ended");
}

/* The first cancellation of a process comes while the other thread waits. */
static void cancel_first(int which)
{
	pid_t child = fork();
	if (child == 0) {
		order(fd, 'e');
		DO(recv(fd, buffer, 1, 0));
		cancel(block, which, 1);
		_exit(0);
	}
	int status = 0;
	MUST(waitpid(child, &status, 0) == child);
	say("%s in a child: status %d\n", names[which], status);
}

int main(int argc, char **argv)
{
	static const int waits[] = {CALL_recv, CALL_readv,      CALL_recvmsg,
				    CALL_poll, CALL_epoll_wait, CALL_accept};
	MUST(argc == 2);
	port = port_of(argv[1]);
	fd = dial(port);
	order(fd, 'e');
	DO(recv(fd, buffer, 1, 0));
	cancel_alone();
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		cancel_first(waits[i]);
	}
	cancel(block, CALL_recv, 1);
	MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	for (int which = 0; which < CALL_COUNT; which++) {
		cancel(call_cancelled, which, 2);
	}
	MUST(fcntl(fd, F_SETFL, 0) == 0);
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		cancel(block, waits[i], 1);
	}
	say_state();
	/* What was cancelled has left nothing held. */
	order(fd, 'e');
	DO(recv(fd, buffer, 1, 0));
	live(port);
	return 0;
}
