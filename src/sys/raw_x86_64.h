/* The system call instruction of x86_64: System V ABI, appendix A.2.1. */
#ifndef RESETBY_SYS_RAW_X86_64_H
#define RESETBY_SYS_RAW_X86_64_H

static inline long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
