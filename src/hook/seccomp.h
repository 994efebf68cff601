#ifndef RESETBY_HOOK_SECCOMP_H
#define RESETBY_HOOK_SECCOMP_H

/** syscall(SYS_seccomp) or syscall(SYS_prctl, PR_SET_SECCOMP) that sets a filter or strict mode. */
long seccomp_syscall(long number, long a, long b, long c, long d, long e, long f);

#endif
