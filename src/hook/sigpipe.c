#include "sigpipe.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include "../sys/raw.h"

void sigpipe_hold(struct sigpipe *guard)
{
	uint64_t pipe = (uint64_t)1 << (SIGPIPE - 1);
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &pipe, &guard->mask, RAW_SIGSET_SIZE);
}

void sigpipe_release(const struct sigpipe *guard)
{
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &guard->mask, NULL, RAW_SIGSET_SIZE);
}

static void raise_pipe(void)
{
	siginfo_t info;
	memset(&info, 0, sizeof info);
	long pid = raw0(SYS_getpid);
	info.si_signo = SIGPIPE;
	info.si_code = SI_USER;
	info.si_pid = (pid_t)pid;
	info.si_uid = (uid_t)raw0(SYS_getuid);
	raw4(SYS_rt_tgsigqueueinfo, pid, raw0(SYS_gettid), SIGPIPE, &info);
}

ssize_t sigpipe_after(ssize_t result, int flags)
{
	bool wanted = (flags & MSG_NOSIGNAL) == 0 && !sandbox_closed;
	if (result < 0 && errno == EPIPE && wanted) {
		raise_pipe();
		errno = EPIPE;
	}
	return result;
}
