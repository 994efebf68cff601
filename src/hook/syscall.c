/*
 * syscall(): libuv closes that way, and others read and write. The numbers of hooked calls go
 * through the hooks, with cancellation off: syscall() is no cancellation point. A handler that
 * leaves the call by a long jump leaves it off; hence it stays on where nothing can come of it.
 */
#include "hook.h"

#include <pthread.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "flow.h"
#include "process.h"
#include "seccomp.h"
#include "straight.h"

#define P(argument) ((void *)(argument))
#define I(argument) ((int)(argument))
#define U(argument) ((unsigned)(argument))
#define S(argument) ((size_t)(argument))
#define L(argument) ((socklen_t)(argument))

/* Is it one of ours? Then *result is what it returned. */
static bool hooked(long number, long a, long b, long c, long d, long e, long f, long *result)
{
	switch (number) {
	case SYS_socket:
		*result = hook_socket(I(a), I(b), I(c));
		return true;
	case SYS_socketpair:
		*result = hook_socketpair(I(a), I(b), I(c), P(d));
		return true;
	case SYS_accept:
		*result = hook_accept(I(a), P(b), P(c));
		return true;
	case SYS_accept4:
		*result = hook_accept4(I(a), P(b), P(c), I(d));
		return true;
	case SYS_connect:
		*result = hook_connect(I(a), P(b), L(c));
		return true;
	case SYS_bind:
		*result = hook_bind(I(a), P(b), L(c));
		return true;
	case SYS_listen:
		*result = hook_listen(I(a), I(b));
		return true;
	case SYS_shutdown:
		*result = hook_shutdown(I(a), I(b));
		return true;
	case SYS_setsockopt:
		*result = hook_setsockopt(I(a), I(b), I(c), P(d), L(e));
		return true;
	case SYS_getsockopt:
		*result = hook_getsockopt(I(a), I(b), I(c), P(d), P(e));
		return true;
	case SYS_close:
		*result = hook_close(I(a));
		return true;
	case SYS_close_range:
		*result = hook_close_range(U(a), U(b), I(c));
		return true;
	case SYS_dup:
		*result = hook_dup(I(a));
		return true;
#ifdef SYS_dup2
	case SYS_dup2:
		*result = hook_dup2(I(a), I(b));
		return true;
#endif
	case SYS_dup3:
		*result = hook_dup3(I(a), I(b), I(c));
		return true;
	case SYS_fcntl:
		*result = hook_fcntl(I(a), I(b), c);
		return true;
	case SYS_ioctl:
		*result = hook_ioctl(I(a), (unsigned long)b, P(c));
		return true;
	case SYS_read:
		*result = hook_read(I(a), P(b), S(c));
		return true;
	case SYS_readv:
		*result = hook_readv(I(a), P(b), I(c));
		return true;
	case SYS_recvfrom:
		*result = hook_recvfrom(I(a), P(b), S(c), I(d), P(e), P(f));
		return true;
	case SYS_recvmsg:
		*result = hook_recvmsg(I(a), P(b), I(c));
		return true;
	case SYS_write:
		*result = hook_write(I(a), P(b), S(c));
		return true;
	case SYS_writev:
		*result = hook_writev(I(a), P(b), I(c));
		return true;
	case SYS_sendto:
		*result = hook_sendto(I(a), P(b), S(c), I(d), P(e), L(f));
		return true;
	case SYS_sendmsg:
		*result = hook_sendmsg(I(a), P(b), I(c));
		return true;
	case SYS_recvmmsg:
		*result = hook_recvmmsg(I(a), P(b), U(c), I(d), P(e));
		return true;
	case SYS_sendmmsg:
		*result = hook_sendmmsg(I(a), P(b), U(c), I(d));
		return true;
	case SYS_sendfile:
		*result = hook_sendfile(I(a), I(b), P(c), S(d));
		return true;
	case SYS_splice:
		*result = hook_splice(I(a), P(b), I(c), P(d), S(e), U(f));
		return true;
	case SYS_execve:
		*result = hook_execve(P(a), P(b), P(c));
		return true;
	case SYS_execveat:
		*result = hook_execveat(I(a), P(b), P(c), P(d), I(e));
		return true;
	case SYS_prctl:
		*result = hook_prctl(I(a), (unsigned long)b, (unsigned long)c, (unsigned long)d,
				     (unsigned long)e);
		return true;
	case SYS_unshare:
		*result = hook_unshare(I(a));
		return true;
	case SYS_epoll_ctl:
		*result = hook_epoll_ctl(I(a), I(b), I(c), P(d));
		return true;
	default:
		return false;
	}
}

/* A call that has succeeded. */
static bool is_fork(long number, long flags)
{
	if (number == SYS_clone3) {
		/* The flags are what its structure begins with. */
		const uint64_t *arguments = P(flags);
		return (*arguments & CLONE_VM) == 0;
	}
#ifdef SYS_fork
	if (number == SYS_fork) {
		return true;
	}
#endif
	return number == SYS_clone && (flags & CLONE_VM) == 0;
}

/* Bytes in or out of what is no TCP socket: the hooks have nothing to do. */
static bool is_foreign(long number, int fd)
{
	switch (number) {
	case SYS_read:
	case SYS_readv:
	case SYS_recvfrom:
	case SYS_write:
	case SYS_writev:
	case SYS_sendto:
		return conn_find(fd) == NULL;
	default:
		return false;
	}
}

static bool hooked_uncancelled(long number, long a, long b, long c, long d, long e, long f,
			       long *result)
{
	int cancellation;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
	bool ours = hooked(number, a, b, c, d, e, f, result);
	pthread_setcancelstate(cancellation, NULL);
	return ours;
}

long hook_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	bool filter = number == SYS_seccomp &&
		      (a == SECCOMP_SET_MODE_FILTER || a == SECCOMP_SET_MODE_STRICT);
	if (filter || (number == SYS_prctl && a == PR_SET_SECCOMP)) {
		return seccomp_syscall(number, a, b, c, d, e, f);
	}
	if (is_foreign(number, I(a))) {
		return real.syscall(number, a, b, c, d, e, f);
	}
	long result;
	/* Without another thread nobody can cancel. */
	if (*straight_single != 0 ? hooked(number, a, b, c, d, e, f, &result)
				  : hooked_uncancelled(number, a, b, c, d, e, f, &result)) {
		return result;
	}
	if (number == SYS_exit_group) {
		flow_exiting();
	}
	result = real.syscall(number, a, b, c, d, e, f);
	if (number == SYS_pidfd_getfd && result >= 0) {
		conn_forget((int)result, SLOT_UNKNOWN);
	}
	if (result >= 0 && is_fork(number, a)) {
		process_returned((pid_t)result);
	}
	return result;
}
