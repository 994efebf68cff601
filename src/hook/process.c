/* Processes fork and end. */
#include "process.h"

#include <sched.h>
#include "../act/kept.h"
#include "../conn/conn.h"
#include "../log/log.h"
#include "../rule/active.h"
#include "../sys/clock.h"
#include "../sys/self.h"
#include "flow.h"
#include "hook.h"
#include "straight.h"
#include "successor.h"
#include "tally.h"

static void forked(bool child)
{
	int saved = errno;
	process_forked(child);
	rules_after_fork(child);
	if (child) {
		clock_exact_after_fork();
		conn_total_after_fork();
		tally_after_fork();
		log_after_fork();
		kept_after_fork();
		/* No connection is calm: the first byte of each says that this process uses it. */
		flow_rules_changed();
	}
	errno = saved;
}

void process_returned(pid_t pid)
{
	if (pid >= 0) {
		forked(pid == 0);
	}
}

void process_look(void)
{
	if (process_is_new()) {
		/* clone(), and what libc forks inside (daemon, forkpty). */
		forked(true);
	}
}

bool process_is_ours(void)
{
	process_look();
	/* Without a rule nothing is done to a connection, and nobody need be asked. */
	return rules_now() == NULL || !self_shares_memory();
}

pid_t hook_fork(void)
{
	successor_share();
	pid_t pid = real.fork();
	process_returned(pid);
	return pid;
}

/* For signal handlers: glibc 2.34. */
pid_t hook__Fork(void)
{
	successor_share();
	pid_t pid = real._Fork();
	process_returned(pid);
	return pid;
}

/*
 * vfork's child runs on our stack: a hook in C that returned twice would find its own frame
 * overwritten. So the return address is kept in a register, as libc does, and put back on both
 * returns. The child jumps there: a shadow stack, where the processor keeps one, is not only the
 * child's, and a return would take the parent's address from it.
 */
void process_vforked(int pid);
long process_vfork_failed(int error);

void process_vforked(int pid)
{
	flow_in_vfork_child = pid == 0;
	if (pid > 0) {
		flow_child_is_sandboxed = false;
		forked(false);
		successor_tell_noted();
	}
}

long process_vfork_failed(int error)
{
	errno = error;
	return -1;
}

#if defined(__x86_64__)
__asm__(".text\n"
	".globl vfork\n"
	".type vfork, @function\n"
	"vfork:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	popq %rdx\n" /* the kernel leaves rdx alone */
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register rip, rdx\n"
	"	movl $58, %eax\n"
	"	syscall\n"
	"	pushq %rdx\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	.cfi_rel_offset rip, 0\n"
	"	cmpq $-4095, %rax\n"
	"	jae 1f\n"
	"	pushq %rax\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	movl %eax, %edi\n"
	"	call process_vforked\n"
	"	popq %rax\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	testl %eax, %eax\n"
	"	jz 2f\n"
	"	ret\n"
	"2:	.cfi_remember_state\n"
	"	popq %rcx\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	.cfi_register rip, rcx\n"
	"	jmp *%rcx\n"
	"	.cfi_restore_state\n"
	"1:	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	negl %eax\n"
	"	movl %eax, %edi\n"
	"	call process_vfork_failed\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size vfork, . - vfork\n"
	".globl __vfork\n"
	".set __vfork, vfork\n");
#else
/* POSIX lets vfork be fork. */
pid_t hook_vfork(void)
{
	return hook_fork();
}

pid_t hook___vfork(void)
{
	return hook_fork();
}
#endif

void process_parts_with_files(void)
{
	if (!flow_in_vfork_child && *straight_single == 0) {
		process_parted();
		forked(false);
	}
}

int hook_unshare(int flags)
{
	int result = real.unshare(flags);
	if (result == 0 && (flags & CLONE_FILES) != 0) {
		process_parts_with_files();
	}
	return result;
}

void hook__exit(int status)
{
	flow_exiting();
	real._exit(status);
	__builtin_unreachable();
}

void hook_quick_exit(int status)
{
	flow_exiting();
	real.quick_exit(status);
	__builtin_unreachable();
}

__attribute__((destructor)) static void exiting(void)
{
	flow_exiting();
}
