/*
 * Buffers, names and values that lead nowhere: the kernel answers with EFAULT, and no library may
 * look first. (At vectors, poll sets and addresses for connect, the hooks do look first.)
 */
#include "probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Volatile, so that no compiler knows what it is. */
static char *volatile nowhere = (char *)16;
#define BAD ((void *)nowhere)
static volatile int many = 2000;
static volatile int negative = -1;

static int fd;
static int listener;

static void dial_self(void)
{
	struct sockaddr_in name;
	socklen_t size = sizeof name;
	getsockname(listener, (struct sockaddr *)&name, &size);
	dial(ntohs(name.sin_port));
}

static void give(void)
{
	struct iovec piece = {BAD, 10};
	struct iovec good = {(char[]){"x"}, 1};
	struct msghdr named = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_control = BAD, .msg_controllen = 64};
	int size = 4;
	DO(send(fd, BAD, 10, 0));
	DO(write(fd, BAD, 10));
	DO(writev(fd, &piece, 1));
	DO(writev(fd, &good, many));
	DO(writev(fd, &good, negative));
	DO(sendto(fd, BAD, 10, 0, NULL, 0));
	DO(sendmsg(fd, &named, 0));
	DO(sendfile(fd, 0, BAD, 1));
	DO(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, BAD, 4));
	DO(setsockopt(fd, SOL_SOCKET, SO_LINGER, &size, 4));
	DO(bind(socket(AF_INET, SOCK_STREAM, 0), BAD, 16));
}

static void take(void)
{
	char byte;
	struct iovec piece = {BAD, 10};
	struct iovec good = {&byte, 1};
	struct msghdr named = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_control = BAD, .msg_controllen = 64};
	socklen_t size = 16;
	order(fd, 'e');
	DO(recv(fd, BAD, 10, 0));
	DO(read(fd, BAD, 10));
	DO(readv(fd, &piece, 1));
	DO(readv(fd, &good, many));
	DO(readv(fd, &good, negative));
	DO(recvfrom(fd, BAD, 10, 0, NULL, NULL));
	DO(recvmsg(fd, &named, MSG_PEEK));
	DO(recv(fd, &byte, 1, 0));
	DO(getsockopt(fd, SOL_SOCKET, SO_ERROR, BAD, &size));
	DO(getsockopt(fd, SOL_SOCKET, SO_ERROR, &size, BAD));
	DO(getsockname(fd, BAD, &size));
	DO(getpeername(fd, BAD, &size));
	DO(getpeername(fd, (struct sockaddr *)&piece, BAD));
	DO(ioctl(fd, FIONREAD, BAD));
	DO(ioctl(fd, FIONBIO, BAD));
}

static void wait_for(void)
{
	int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	DO(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	DO(epoll_wait(epoll, BAD, 1, 0));
	DO(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, BAD));
	DO(close(epoll));
}

static void accept_one(void)
{
	socklen_t size = 16;
	struct sockaddr_in name;
	DO(accept(listener, BAD, &size));
	DO(accept(listener, (struct sockaddr *)&name, NULL));
	DO(accept(listener, NULL, BAD));
	size = 3;
	DO(accept(listener, (struct sockaddr *)&name, &size));
	say("size %u\n", size);
}

/* Nothing to write is a question to some calls, and none to others. */
static void write_nothing(uint16_t port)
{
	struct iovec nothing = {NULL, 0};
	for (int way = 0; way < 5; way++) {
		int reset = dial(port);
		order(reset, 'r');
		switch (way) {
		case 0:
			DO(write(reset, "", 0));
			break;
		case 1:
			DO(writev(reset, &nothing, 1));
			break;
		case 2:
			DO(writev(reset, NULL, 0));
			break;
		case 3:
			DO(send(reset, "", 0, 0));
			break;
		default:
			DO(read(reset, NULL, 0));
			break;
		}
		DO(close(reset));
	}
}

int main(int argc, char **argv)
{
	int pair[2];
	MUST(argc == 2);
	fd = dial(port_of(argv[1]));
	listener = socket(AF_INET, SOCK_STREAM, 0);
	MUST(listen(listener, 10) == 0);
	signal(SIGPIPE, SIG_IGN);
	give();
	take();
	write_nothing(port_of(argv[1]));
	wait_for();
	for (int i = 0; i < 5; i++) {
		dial_self();
	}
	accept_one();
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
	DO(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	say_state();
	_exit(0);
}
