/*
 * The exported names. hook_NAME is what the program reaches when it calls NAME; the assembler name
 * keeps our declarations out of the way of libc's headers.
 */
#ifndef RESETBY_HOOK_HOOK_H
#define RESETBY_HOOK_HOOK_H

#include "real.h"

#define EXPORT __attribute__((visibility("default")))

#define HOOK(result, name, parameters, arguments)                                                  \
	EXPORT result hook_##name parameters __asm__(#name);
#define HOOK_POINTER HOOK
#define HOOK_VOID HOOK
#define HOOK_VARIADIC(result, name, real, parameters, arguments)                                   \
	EXPORT result hook_##name parameters __asm__(#name);
#define HOOK_ALONE(result, name, parameters) EXPORT result hook_##name parameters __asm__(#name);
#define HOOK_ALIAS(result, name, parameters, target)                                               \
	EXPORT result hook_##name parameters __asm__(#name);
#include "hooks.def"
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC
#undef HOOK_ALONE
#undef HOOK_ALIAS

#endif
