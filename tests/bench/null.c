/*
 * The cheapest library that can stand in front of the same names: each forwards through a table of
 * pointers, and that is all. What resetby costs is what it costs more than this. The table is
 * resetby's own (real.c), for constructors of other libraries call before ours has run.
 */
#include "../../src/hook/hook.h"

#define HOOK(result, name, parameters, arguments)                                                  \
	result hook_##name parameters                                                              \
	{                                                                                          \
		return real.name arguments;                                                        \
	}
#define HOOK_POINTER HOOK
#define HOOK_VOID(result, name, parameters, arguments)                                             \
	void hook_##name parameters                                                                \
	{                                                                                          \
		real.name arguments;                                                               \
	}
#define HOOK_VARIADIC(result, name, real_parameters, parameters, arguments)                        \
	HOOK(result, name, parameters, arguments)
/* The execl family takes its arguments from the stack, and cannot be forwarded. */
#define HOOK_ALONE(result, name, parameters)
#define HOOK_ALIAS(result, name, parameters, target)
#include "../../src/hook/hooks.def"
#undef HOOK
#undef HOOK_VOID
#undef HOOK_VARIADIC
#undef HOOK_ALIAS

/* POSIX allows it, and a frame of ours would not outlive a real vfork. */
pid_t hook_vfork(void)
{
	return real.fork();
}

#define HOOK(result, name, parameters, arguments)
#define HOOK_VOID(result, name, parameters, arguments)
#define HOOK_VARIADIC(result, name, real_parameters, parameters, arguments)
#define HOOK_ALIAS(result, name, parameters, target)                                               \
	__asm__(".globl " #name "\n.set " #name ", " #target);
#include "../../src/hook/hooks.def"
#undef HOOK
#undef HOOK_VOID
#undef HOOK_VARIADIC

__attribute__((constructor)) static void resolve(void)
{
	real_resolve();
}
