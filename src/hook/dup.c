/* One socket, several descriptors: dup, dup2, dup3, fcntl(F_DUPFD). */
#include "hook.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "../log/log.h"
#include "../sys/own.h"
#include "../sys/raw.h"
#include "flow.h"

static void duplicated(int from, int fd, enum op op)
{
	if (fd < 0 || flow_in_vfork_child) {
		return;
	}
	conn_share(from, fd);
	struct conn *conn = conn_known(fd);
	if (conn != NULL) {
		conn_remember(conn, op, fd, 0, (uint32_t)clock_coarse_ms());
	}
}

/* Descriptors of ours do not exist for the program. */
static bool is_hidden(int fd)
{
	if (UNLIKELY(own_may_be(fd)) && !flow_in_vfork_child && own_is_indeed(fd)) {
		errno = EBADF;
		return true;
	}
	return false;
}

int hook_dup(int fd)
{
	if (is_hidden(fd)) {
		return -1;
	}
	int made = real.dup(fd);
	duplicated(fd, made, OP_DUP);
	return made;
}

/* Will the kernel do it? What it refuses leaves the target alone. */
static bool is_granted(int fd, int target, int flags)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
	raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
	return (flags & ~O_CLOEXEC) == 0 && (rlim_t)target < limit.rlim_cur &&
	       raw_fcntl(fd, F_GETFD, 0) >= 0;
}

/* `target` is about to become what `fd` is: what it was is closed, as by close. */
static void overwritten(int fd, int target, int flags, enum op op)
{
	if (flow_in_vfork_child || fd == target) {
		return;
	}
	if (UNLIKELY(own_is(target))) {
		own_move(target);
	}
	if (conn_known(target) != NULL && is_granted(fd, target, flags)) {
		flow_closing(target, op);
	}
}

static void overwrote(int fd, int target, int result, enum op op)
{
	if (result < 0 || fd == target) {
		return;
	}
	duplicated(fd, target, op);
	if (target == STDERR_FILENO && !flow_in_vfork_child) {
		log_stderr_replaced();
	}
}

int hook_dup2(int fd, int target)
{
	if (is_hidden(fd)) {
		return -1;
	}
	overwritten(fd, target, 0, OP_DUP2);
	int result = real.dup2(fd, target);
	overwrote(fd, target, result, OP_DUP2);
	return result;
}

int hook_dup3(int fd, int target, int flags)
{
	if (is_hidden(fd)) {
		return -1;
	}
	overwritten(fd, target, flags, OP_DUP3);
	int result = real.dup3(fd, target, flags);
	overwrote(fd, target, result, OP_DUP3);
	return result;
}

static void controlled(int fd, int command, long argument, int result)
{
	if (result < 0) {
		return;
	}
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) {
		duplicated(fd, result, OP_FCNTL);
	} else if (command == F_SETFL) {
		struct conn *conn = conn_known(fd);
		if (conn != NULL) {
			conn_put(conn, CONN_NONBLOCKING, (argument & O_NONBLOCK) != 0);
		}
	}
}

int hook_fcntl(int fd, int command, long argument)
{
	if (is_hidden(fd)) {
		return -1;
	}
	int result = real.fcntl(fd, command, argument);
	controlled(fd, command, argument, result);
	return result;
}

int hook_fcntl64(int fd, int command, long argument)
{
	if (is_hidden(fd)) {
		return -1;
	}
	int result = real.fcntl64(fd, command, argument);
	controlled(fd, command, argument, result);
	return result;
}
