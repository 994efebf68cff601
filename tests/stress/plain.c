/*
 * The kernel's calls, and not a word of them to ThreadSanitizer: preloaded behind the library. A
 * descriptor that one thread closes while another uses it is a race of the program for it, and here
 * that is the test; races on memory it still finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* syscall() is the library's. */
#if defined(__x86_64__)
#include "../../src/sys/raw_x86_64.h"
#else
#include "../../src/sys/raw_aarch64.h"
#endif

static long told(long result)
{
	if (result < 0) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

#define A(argument) ((long)(argument))
#define CALL(number, a, b, c, d, e, f) told(raw_syscall(number, A(a), A(b), A(c), A(d), A(e), A(f)))

int open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	int mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, int) : 0;
	va_end(more);
	return (int)CALL(SYS_openat, AT_FDCWD, path, flags, mode, 0, 0);
}

int close(int fd)
{
	return (int)CALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

int dup(int fd)
{
	return (int)CALL(SYS_dup, fd, 0, 0, 0, 0, 0);
}

int dup2(int fd, int target)
{
	if (fd == target) {
		return (int)CALL(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) < 0 ? -1 : fd;
	}
	return (int)CALL(SYS_dup3, fd, target, 0, 0, 0, 0);
}

int dup3(int fd, int target, int flags)
{
	return (int)CALL(SYS_dup3, fd, target, flags, 0, 0, 0);
}

int socket(int family, int type, int protocol)
{
	return (int)CALL(SYS_socket, family, type, protocol, 0, 0, 0);
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return (int)CALL(SYS_bind, fd, address, size, 0, 0, 0);
}

int listen(int fd, int backlog)
{
	return (int)CALL(SYS_listen, fd, backlog, 0, 0, 0, 0);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return (int)CALL(SYS_connect, fd, address, size, 0, 0, 0);
}

int accept(int fd, struct sockaddr *address, socklen_t *size)
{
	return (int)CALL(SYS_accept, fd, address, size, 0, 0, 0);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	return (int)CALL(SYS_accept4, fd, address, size, flags, 0, 0);
}

ssize_t read(int fd, void *buffer, size_t size)
{
	return CALL(SYS_read, fd, buffer, size, 0, 0, 0);
}

ssize_t readv(int fd, const struct iovec *pieces, int count)
{
	return CALL(SYS_readv, fd, pieces, count, 0, 0, 0);
}

ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
	return CALL(SYS_recvfrom, fd, buffer, size, flags, 0, 0);
}

ssize_t recvfrom(int fd, void *buffer, size_t size, int flags, struct sockaddr *address,
		 socklen_t *address_size)
{
	return CALL(SYS_recvfrom, fd, buffer, size, flags, address, address_size);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	return CALL(SYS_recvmsg, fd, message, flags, 0, 0, 0);
}

ssize_t write(int fd, const void *buffer, size_t size)
{
	return CALL(SYS_write, fd, buffer, size, 0, 0, 0);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	return CALL(SYS_writev, fd, pieces, count, 0, 0, 0);
}

ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
	return CALL(SYS_sendto, fd, buffer, size, flags, 0, 0);
}

ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *address,
	       socklen_t address_size)
{
	return CALL(SYS_sendto, fd, buffer, size, flags, address, address_size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return CALL(SYS_sendmsg, fd, message, flags, 0, 0, 0);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct timespec limit = {timeout / 1000, timeout % 1000 * 1000000L};
	return (int)CALL(SYS_ppoll, fds, count, timeout < 0 ? NULL : &limit, NULL, 0, 0);
}
