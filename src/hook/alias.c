/* The other names under which libc exports the same functions. */
#include "hook.h"

int hook___close(int fd)
{
	return hook_close(fd);
}

int hook___connect(int fd, const struct sockaddr *address, socklen_t size)
{
	return hook_connect(fd, address, size);
}

int hook___dup2(int fd, int target)
{
	return hook_dup2(fd, target);
}

int hook___fcntl(int fd, int command, long argument)
{
	return hook_fcntl(fd, command, argument);
}

pid_t hook___fork(void)
{
	return hook_fork();
}

int hook___poll(struct pollfd *fds, nfds_t count, int timeout)
{
	return hook_poll(fds, count, timeout);
}

ssize_t hook___read(int fd, void *buffer, size_t size)
{
	return hook_read(fd, buffer, size);
}

int hook___select(int count, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	return hook_select(count, in, out, except, timeout);
}

ssize_t hook___send(int fd, const void *buffer, size_t size, int flags)
{
	return hook_send(fd, buffer, size, flags);
}

char *hook___strerror_r(int error, char *buffer, size_t size)
{
	return hook_strerror_r(error, buffer, size);
}

ssize_t hook___write(int fd, const void *buffer, size_t size)
{
	return hook_write(fd, buffer, size);
}

void hook__Exit(int status)
{
	hook__exit(status);
}
