/*
 * The cheapest library that knows of a reset in the accept queue and of one that a close makes: it asks
 * the kernel once at accept and once at close, of the connections that were accepted, and does nothing
 * with the answers. What resetby costs a server's connection is what it costs more than this.
 */
#include <dlfcn.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#define DESCRIPTORS 65536

static bool accepted[DESCRIPTORS];
static int (*real_accept)(int, struct sockaddr *, socklen_t *);
static int (*real_accept4)(int, struct sockaddr *, socklen_t *, int);
static int (*real_close)(int);

__attribute__((constructor)) static void resolve(void)
{
	real_accept = (int (*)(int, struct sockaddr *, socklen_t *))dlsym(RTLD_NEXT, "accept");
	real_accept4 =
		(int (*)(int, struct sockaddr *, socklen_t *, int))dlsym(RTLD_NEXT, "accept4");
	real_close = (int (*)(int))dlsym(RTLD_NEXT, "close");
}

static int ask_whether_reset(int fd)
{
	if (fd >= 0 && fd < DESCRIPTORS) {
		struct pollfd look = {.fd = fd};
		poll(&look, 1, 0);
		accepted[fd] = true;
	}
	return fd;
}

int accept(int listener, struct sockaddr *address, socklen_t *size)
{
	return ask_whether_reset(real_accept(listener, address, size));
}

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags)
{
	return ask_whether_reset(real_accept4(listener, address, size, flags));
}

int close(int fd)
{
	if (fd >= 0 && fd < DESCRIPTORS && accepted[fd]) {
		struct tcp_info info;
		socklen_t size = sizeof info;
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
		accepted[fd] = false;
	}
	return real_close(fd);
}
