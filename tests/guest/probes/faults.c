/*
 * Pointers that lead nowhere: the kernel answers with EFAULT, and no library may look first. What
 * libc itself looks at is a SIGSEGV without us, too.
 *
 *     faults PORT         what can be called with a pointer, with each kind of bad one
 *     faults PORT alive   without the resets at its end
 *     faults PORT short   on connections that end after three bytes
 *     faults PORT reset   on connections that are reset after three bytes
 *     faults PORT stays   the same, where it is left to a rule to reset them
 *     faults PORT names   addresses alone, without a connection
 */
#include "probe.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

/* What is bad about a pointer to something of `size` bytes. */
static const struct kind {
	const char *name;
	ptrdiff_t (*offset)(size_t size); /* from the end of the page before the hole */
	char *base;
} * kind;

static ptrdiff_t at_hole(size_t size)
{
	(void)size;
	return 0;
}

static ptrdiff_t at_edge(size_t size)
{
	return size > 4 ? -4 : -(ptrdiff_t)size / 2;
}

static ptrdiff_t at_half(size_t size)
{
	return -(ptrdiff_t)size / 2;
}

enum { NONE, SMALL, CLOSED, EDGE, HALF, GONE, READ_ONLY, HIGH, KINDS };

static struct kind kinds[KINDS] = {{"NULL", at_hole, NULL},      {"16", at_hole, (char *)16},
				   {"closed", at_hole, NULL},    {"edge", at_edge, NULL},
				   {"half", at_half, NULL},      {"gone", at_hole, NULL},
				   {"read-only", at_hole, NULL}, {"-1", at_hole, (char *)-1L}};

static char *unended; /* a page of letters before a hole */

static char *map(size_t pages, int access)
{
	void *mapped = mmap(NULL, pages * PAGE, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(mapped != MAP_FAILED);
	return mapped;
}

/* Where the kernel puts nothing by itself. */
static char *unmapped(void)
{
	char *low = (char *)0x10000000;
	MUST(mmap(low, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) ==
	     low);
	MUST(munmap(low, PAGE) == 0);
	return low;
}

static void make_kinds(void)
{
	char *pages = map(4, PROT_READ | PROT_WRITE);
	MUST(mprotect(pages + PAGE, PAGE, PROT_NONE) == 0);
	MUST(mprotect(pages + 3 * PAGE, PAGE, PROT_NONE) == 0);
	unended = memset(pages, 'A', PAGE);
	kinds[CLOSED].base = kinds[EDGE].base = kinds[HALF].base = pages + 3 * PAGE;
	kinds[GONE].base = unmapped();
	kinds[READ_ONLY].base = map(1, PROT_READ);
}

static char *volatile pointer;

/* A bad pointer to something of so many bytes, of which no compiler knows what it is. */
static void *bad(size_t size)
{
	pointer = kind->base + kind->offset(size);
	return pointer;
}

/* A string that begins well and has no end. */
static char *bad_string(void)
{
	return kind == &kinds[EDGE] ? unended + PAGE - 2 : kind == &kinds[HALF] ? unended : bad(4);
}

static sigjmp_buf back;

static void come_back(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* As DO, also when the call ends in a SIGSEGV. */
#define TRY(call)                                                                                  \
	__extension__({                                                                            \
		volatile long try_result = -1;                                                     \
		if (sigsetjmp(back, 1) == 0) {                                                     \
			errno = UNTOUCHED;                                                         \
			try_result = (long)(call);                                                 \
			int try_error = errno;                                                     \
			say("%s: %s = %ld %s\n", kind->name, #call, try_result,                    \
			    error_name(try_error));                                                \
		} else {                                                                           \
			say("%s: %s = SIGSEGV\n", kind->name, #call);                              \
		}                                                                                  \
		try_result;                                                                        \
	})

#define BAD(type) ((type *)bad(sizeof(type)))

static int fd;
static int listener;
static int file;
static int pipes[2];
static char byte;
static volatile int many = 2000;
static volatile int negative = -1;

static void give_pieces(void)
{
	struct iovec good = {"x", 1};
	struct iovec bytes = {bad(10), 10};
	struct iovec second[2] = {{"x", 1}, {bad(10), 10}};
	TRY(writev(fd, BAD(struct iovec), 1));
	TRY(writev(fd, bad(2 * sizeof good), 2));
	TRY(writev(fd, &bytes, 1));
	TRY(writev(fd, second, 2));
	TRY(writev(fd, bad(sizeof good), 0));
	TRY(writev(fd, bad(sizeof good), many));
	TRY(writev(fd, bad(sizeof good), negative));
	TRY(pwritev2(fd, BAD(struct iovec), 1, -1, 0));
	TRY(pwritev2(fd, bad(2 * sizeof good), 2, -1, 0));
	TRY(pwritev2(fd, &bytes, 1, -1, 0));
	TRY(pwritev2(fd, BAD(struct iovec), 1, 0, 0));
}

static void give_messages(void)
{
	struct iovec good = {"x", 1};
	struct iovec bytes = {bad(10), 10};
	struct msghdr pieces = {.msg_iov = BAD(struct iovec), .msg_iovlen = 1};
	struct msghdr many_pieces = {.msg_iov = BAD(struct iovec), .msg_iovlen = 2000};
	struct msghdr no_bytes = {.msg_iov = &bytes, .msg_iovlen = 1};
	struct msghdr named = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_name = bad(16), .msg_namelen = 16};
	struct msghdr controlled = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_control = bad(64), .msg_controllen = 64};
	struct mmsghdr several[2] = {{.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}},
				     {.msg_hdr = pieces}};
	struct mmsghdr first = {.msg_hdr = pieces};
	TRY(sendmsg(fd, BAD(struct msghdr), 0));
	TRY(sendmsg(fd, &pieces, 0));
	TRY(sendmsg(fd, &many_pieces, 0));
	TRY(sendmsg(fd, &no_bytes, 0));
	TRY(sendmsg(fd, &named, 0));
	TRY(sendmsg(fd, &controlled, 0));
	TRY(sendmmsg(fd, BAD(struct mmsghdr), 1, 0));
	TRY(sendmmsg(fd, bad(2 * sizeof first), 2, 0));
	TRY(sendmmsg(fd, BAD(struct mmsghdr), 0, 0));
	TRY(sendmmsg(fd, &first, 1, 0));
	TRY(sendmmsg(fd, several, 2, 0));
}

/* Bytes of the peer's, which would order further answers: those come whenever they come. */
static void forget_what_was_taken(void)
{
	char bytes[16];
	memset(kinds[HALF].base - PAGE, 'x', PAGE);
	while (read(pipes[0], bytes, sizeof bytes) > 0) {
	}
	MUST(write(pipes[1], "x", 1) == 1);
}

static void give(void)
{
	forget_what_was_taken();
	TRY(send(fd, bad(10), 10, 0));
	TRY(write(fd, bad(10), 10));
	TRY(sendto(fd, bad(10), 10, 0, NULL, 0));
	TRY(sendto(fd, "x", 1, 0, bad(16), 16));
	TRY(sendfile(fd, file, BAD(off_t), 1));
	TRY(splice(pipes[0], BAD(off_t), fd, NULL, 1, SPLICE_F_NONBLOCK));
	give_pieces();
	give_messages();
}

static void take_pieces(void)
{
	struct iovec good = {&byte, 1};
	struct iovec bytes = {bad(10), 10};
	struct iovec second[2] = {{&byte, 1}, {bad(10), 10}};
	TRY(readv(fd, BAD(struct iovec), 1));
	TRY(readv(fd, bad(2 * sizeof good), 2));
	TRY(readv(fd, &bytes, 1));
	TRY(readv(fd, second, 2));
	TRY(readv(fd, bad(sizeof good), 0));
	TRY(readv(fd, bad(sizeof good), many));
	TRY(readv(fd, bad(sizeof good), negative));
	TRY(preadv2(fd, BAD(struct iovec), 1, -1, 0));
	TRY(preadv2(fd, bad(2 * sizeof good), 2, -1, 0));
	TRY(preadv2(fd, &bytes, 1, -1, 0));
}

/* What the kernel keeps for the next call when the second of two messages was bad. */
static void take_error(void)
{
	int error;
	socklen_t size = sizeof error;
	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
}

static void take_messages(int flags)
{
	struct iovec good = {&byte, 1};
	struct iovec bytes = {bad(10), 10};
	struct msghdr pieces = {.msg_iov = BAD(struct iovec), .msg_iovlen = 1};
	struct msghdr many_pieces = {.msg_iov = BAD(struct iovec), .msg_iovlen = 2000};
	struct msghdr no_bytes = {.msg_iov = &bytes, .msg_iovlen = 1};
	struct msghdr named = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_name = bad(16), .msg_namelen = 16};
	struct msghdr controlled = {
		.msg_iov = &good, .msg_iovlen = 1, .msg_control = bad(64), .msg_controllen = 64};
	struct mmsghdr first = {.msg_hdr = pieces};
	struct mmsghdr whole = {.msg_hdr = {.msg_iov = &good, .msg_iovlen = 1}};
	TRY(recvmsg(fd, BAD(struct msghdr), flags));
	TRY(recvmsg(fd, &pieces, flags));
	TRY(recvmsg(fd, &many_pieces, flags));
	TRY(recvmsg(fd, &no_bytes, flags));
	TRY(recvmsg(fd, &named, flags));
	TRY(recvmsg(fd, &controlled, flags));
	TRY(recvmsg(fd, BAD(struct msghdr), flags | MSG_ERRQUEUE));
	TRY(recvmmsg(fd, BAD(struct mmsghdr), 1, flags, NULL));
	TRY(recvmmsg(fd, bad(2 * sizeof first), 2, flags, NULL));
	take_error();
	TRY(recvmmsg(fd, BAD(struct mmsghdr), 0, flags, NULL));
	TRY(recvmmsg(fd, &first, 1, flags, NULL));
	TRY(recvmmsg(fd, &whole, 1, flags, BAD(struct timespec)));
}

#define STOCK 100

/* Good pointers among the bad ones take bytes away: there shall be enough. */
static void stock_up(void)
{
	char orders[STOCK];
	int bytes = 0;
	memset(orders, 'e', sizeof orders);
	MUST(ioctl(fd, FIONREAD, &bytes) == 0);
	MUST(send(fd, orders, (size_t)(STOCK - bytes), 0) == STOCK - bytes);
	while (bytes < STOCK) {
		usleep(100);
		MUST(ioctl(fd, FIONREAD, &bytes) == 0);
	}
}

static void take(int flags)
{
	socklen_t size = 16;
	struct sockaddr_in name;
	TRY(recv(fd, bad(10), 10, flags));
	TRY(recv(fd, bad(10), 10, flags | MSG_TRUNC));
	TRY(read(fd, bad(10), 10));
	TRY(recvfrom(fd, bad(10), 10, flags, NULL, NULL));
	TRY(recvfrom(fd, &byte, 1, flags, bad(16), &size));
	TRY(recvfrom(fd, &byte, 1, flags, (struct sockaddr *)&name, BAD(socklen_t)));
	TRY(recvfrom(fd, &byte, 1, flags, NULL, BAD(socklen_t)));
	TRY(splice(fd, BAD(off_t), pipes[1], NULL, 1, SPLICE_F_NONBLOCK));
	take_pieces();
	take_messages(flags);
}

static void set_options(void)
{
	int on = 1;
	socklen_t size = 16;
	struct sockaddr_in name;
	TRY(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, BAD(int), sizeof on));
	TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, BAD(struct linger), sizeof(struct linger)));
	TRY(setsockopt(fd, SOL_SOCKET, SO_LINGER, BAD(struct linger), 4));
	TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, BAD(int), &size));
	TRY(getsockopt(fd, SOL_SOCKET, SO_ERROR, &on, BAD(socklen_t)));
	TRY(getsockopt(fd, SOL_SOCKET, SO_LINGER, BAD(struct linger), &size));
	TRY(getsockname(fd, bad(16), &size));
	TRY(getsockname(fd, (struct sockaddr *)&name, BAD(socklen_t)));
	TRY(getpeername(fd, bad(16), &size));
	TRY(getpeername(fd, (struct sockaddr *)&name, BAD(socklen_t)));
	TRY(ioctl(fd, FIONREAD, BAD(int)));
	TRY(ioctl(fd, FIONBIO, BAD(int)));
}

/* A wait of 30 ms is long enough for the library to look after things of its own inside of it. */
static void wait_poll(void)
{
	struct pollfd good = {.fd = fd, .events = POLLIN | POLLOUT};
	struct timespec soon = {.tv_nsec = 30000000};
	TRY(poll(BAD(struct pollfd), 1, 30));
	TRY(poll(bad(2 * sizeof good), 2, 0));
	TRY(ppoll(BAD(struct pollfd), 1, &soon, NULL));
	TRY(ppoll(&good, 1, BAD(struct timespec), NULL));
	TRY(ppoll(&good, 1, &soon, BAD(sigset_t)));
}

static void wait_select(void)
{
	fd_set good;
	struct timeval soon = {.tv_usec = 30000};
	struct timespec soon_ns = {.tv_nsec = 30000000};
	FD_ZERO(&good);
	FD_SET(fd, &good);
	TRY(select(fd + 1, bad(8), NULL, NULL, &soon));
	TRY(select(fd + 1, NULL, bad(8), NULL, &soon));
	TRY(select(fd + 1, NULL, NULL, bad(8), &soon));
	TRY(select(fd + 1, NULL, &good, NULL, BAD(struct timeval)));
	TRY(pselect(fd + 1, bad(8), NULL, NULL, &soon_ns, NULL));
	TRY(pselect(fd + 1, NULL, bad(8), NULL, &soon_ns, NULL));
	TRY(pselect(fd + 1, NULL, &good, NULL, BAD(struct timespec), NULL));
	TRY(pselect(fd + 1, NULL, &good, NULL, &soon_ns, BAD(sigset_t)));
}

static void wait_epoll(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT};
	struct epoll_event quiet = {.events = 0};
	struct timespec soon = {.tv_nsec = 30000000};
	if (TRY(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, BAD(struct epoll_event))) < 0) {
		MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
	}
	TRY(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, BAD(struct epoll_event)));
	MUST(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) == 0);
	TRY(epoll_wait(epoll, BAD(struct epoll_event), 1, 30));
	TRY(epoll_pwait(epoll, BAD(struct epoll_event), 1, 30, NULL));
	TRY(epoll_pwait(epoll, &event, 1, 30, BAD(sigset_t)));
	TRY(epoll_pwait2(epoll, BAD(struct epoll_event), 1, &soon, NULL));
	MUST(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &quiet) == 0);
	if (kind != &kinds[NONE]) {
		TRY(epoll_pwait2(epoll, &event, 1, BAD(struct timespec), NULL));
	}
	TRY(epoll_ctl(epoll, EPOLL_CTL_DEL, fd, BAD(struct epoll_event)));
	close(epoll);
}

static int new_socket(void)
{
	int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(made >= 0);
	return made;
}

static void connect_and_bind(void)
{
	struct iovec piece = {"x", 1};
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_name = bad(16), .msg_namelen = 16};
	int made = new_socket();
	TRY(connect(made, bad(16), 16));
	TRY(connect(made, bad(128), 128));
	TRY(connect(made, bad(129), 129));
	TRY(connect(made, bad(16), 1));
	TRY(connect(made, bad(16), 0));
	if (kind != &kinds[NONE]) {
		TRY(sendto(made, "x", 1, MSG_FASTOPEN, bad(16), 16));
	}
	TRY(sendmsg(made, kind == &kinds[NONE] ? BAD(struct msghdr) : &message, MSG_FASTOPEN));
	TRY(bind(made, bad(16), 16));
	TRY(getsockopt(made, SOL_SOCKET, SO_ERROR, &piece, BAD(socklen_t)));
	close(made);
}

static void dial_self(void)
{
	struct sockaddr_in name;
	socklen_t size = sizeof name;
	getsockname(listener, (struct sockaddr *)&name, &size);
	dial(ntohs(name.sin_port));
}

static void accept_from(struct sockaddr *name, socklen_t *size)
{
	dial_self();
	int made = (int)TRY(accept(listener, name, size));
	close(made);
	dial_self();
	made = (int)TRY(accept4(listener, name, size, SOCK_CLOEXEC));
	close(made);
}

static void accept_some(void)
{
	struct sockaddr_in name;
	socklen_t size = 16;
	accept_from(bad(16), &size);
	accept_from((struct sockaddr *)&name, BAD(socklen_t));
	accept_from(NULL, BAD(socklen_t));
	size = 3;
	accept_from((struct sockaddr *)&name, &size);
	say("size %u\n", size);
}

/* A list that begins well, where it can be looked at, and has no end. */
static char **bad_list(void)
{
	static char name[] = "A=b";
	char **list = bad(16);
	if (kind == &kinds[HALF]) {
		list[0] = name;
	}
	return list;
}

/* NULL for a list is none, and the program starts. */
static void execute(void)
{
	char *argv[] = {"true", NULL};
	char *envp[] = {"A=b", NULL};
	char *bad_argv[] = {bad_string(), NULL};
	char *bad_envp[] = {"A=b", bad_string(), NULL};
	int here = open("/bin/true", O_PATH | O_CLOEXEC);
	pid_t pid;
	TRY(execve(bad_string(), argv, envp));
	TRY(execv(bad_string(), argv));
	TRY(execvp(bad_string(), argv));
	TRY(syscall(SYS_execve, bad_string(), argv, envp));
	TRY(execveat(AT_FDCWD, bad_string(), argv, envp, 0));
	TRY(posix_spawn(&pid, bad_string(), NULL, NULL, argv, envp));
	if (kind != &kinds[NONE]) {
		TRY(execve("/bin/true", bad_list(), envp));
		TRY(execve("/bin/true", bad_argv, envp));
		TRY(execve("/bin/true", argv, bad_list()));
		TRY(execve("/bin/true", argv, bad_envp));
		TRY(execv("/bin/true", bad_list()));
		TRY(execvp("true", bad_argv));
		TRY(execvpe("true", argv, bad_list()));
		TRY(execveat(AT_FDCWD, "/bin/true", bad_argv, bad_list(), 0));
		TRY(fexecve(here, argv, bad_envp));
		TRY(execl("/bin/true", bad_string(), (char *)NULL));
		TRY(execle("/bin/true", "true", (char *)NULL, bad_envp));
		TRY(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, bad_envp));
	}
	close(here);
}

/* How many bytes there were to read. */
static void say_rest(void)
{
	int rest = 0;
	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
		rest++;
	}
	say("rest %d\n", rest);
}

static void ask_all(void)
{
	for (kind = kinds; kind < kinds + KINDS; kind++) {
		stock_up();
		take(MSG_DONTWAIT | MSG_PEEK);
		say_rest();
		stock_up();
		take(MSG_DONTWAIT);
		say_rest();
		set_options();
		wait_poll();
		wait_select();
		wait_epoll();
		accept_some();
		if (kind != &kinds[READ_ONLY]) {
			give();
			connect_and_bind();
			execute();
		}
		DO(socketpair(AF_UNIX, SOCK_STREAM, 0, bad(8)));
		order(fd, 'e');
		say_rest();
	}
}

/* A connection on which three bytes have arrived, and what comes behind them. */
static void dial_for_three(uint16_t port, const char *orders, short end)
{
	struct pollfd poll_fd = {.events = end};
	int bytes = 0;
	fd = dial(port);
	MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	MUST(send(fd, orders, strlen(orders), 0) == (ssize_t)strlen(orders));
	poll_fd.fd = fd;
	MUST(poll(&poll_fd, 1, 20000) == 1);
	while (bytes < 3) {
		usleep(100);
		MUST(ioctl(fd, FIONREAD, &bytes) == 0);
	}
}

/* What is in the kernel's half is refused at once, also a piece that a rule would cut off. */
#define KINDS_ASKED HIGH

static void ask_reset(uint16_t port, const char *orders)
{
	for (kind = kinds; kind < kinds + KINDS_ASKED; kind++) {
		struct iovec bytes = {bad(10), 10};
		struct iovec second[2] = {{&byte, 1}, {bad(10), 10}};
		struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
		dial_for_three(port, orders, orders[3] == 'r' ? POLLRDHUP : POLLIN);
		TRY(recv(fd, bad(10), 10, 0));
		TRY(read(fd, bad(10), 10));
		TRY(readv(fd, &bytes, 1));
		TRY(readv(fd, BAD(struct iovec), 1));
		TRY(readv(fd, second, 2));
		TRY(recvmsg(fd, &message, 0));
		TRY(recvmsg(fd, BAD(struct msghdr), 0));
		TRY(recv(fd, bad(1), 1, MSG_TRUNC));
		say_rest();
		DO(recv(fd, &byte, 1, 0));
		DO(close(fd));
	}
}

/* A connection that ends after three bytes, which are there. */
static void ask_short(uint16_t port, int flags)
{
	for (kind = kinds; kind < kinds + KINDS_ASKED; kind++) {
		dial_for_three(port, "eeec", POLLRDHUP);
		take(flags);
		say_rest();
		take(flags);
		DO(recv(fd, &byte, 1, 0));
		DO(close(fd));
	}
}

/* Two messages are filled where an urgent byte ends the first, which is shorter than it says. */
static void take_to_the_mark(uint16_t port)
{
	char text[10];
	kind = &kinds[EDGE];
	struct iovec first = {bad(10), 10};
	struct iovec second = {text, sizeof text};
	struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &first, .msg_iovlen = 1}},
				      {.msg_hdr = {.msg_iov = &second, .msg_iovlen = 1}}};
	dial_for_three(port, "eeeueeeeeec", POLLRDHUP);
	TRY(recvmmsg(fd, messages, 2, 0, NULL));
	say("%u and %u\n", messages[0].msg_len, messages[1].msg_len);
	DO(close(fd));
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

static void ask_names(void)
{
	for (kind = kinds; kind < kinds + KINDS; kind++) {
		if (kind != &kinds[READ_ONLY]) {
			connect_and_bind();
		}
	}
}

static void live_on(uint16_t port)
{
	fd = dial(port);
	MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	listener = new_socket();
	MUST(listen(listener, 10) == 0);
	ask_all();
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = come_back};
	MUST(argc >= 2);
	uint16_t port = port_of(argv[1]);
	const char *what = argc > 2 ? argv[2] : "";
	MUST(sigaction(SIGSEGV, &action, NULL) == 0);
	signal(SIGPIPE, SIG_IGN);
	make_kinds();
	MUST(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (strcmp(what, "names") == 0) {
		ask_names();
	} else if (strcmp(what, "short") == 0) {
		ask_short(port, 0);
	} else if (strcmp(what, "reset") == 0) {
		ask_reset(port, "eeer");
	} else if (strcmp(what, "stays") == 0) {
		ask_reset(port, "eee");
	} else {
		live_on(port);
	}
	if (strcmp(what, "") == 0) {
		write_nothing(port);
		take_to_the_mark(port);
		say_state();
	}
	_exit(0);
}
