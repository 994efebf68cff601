/*
 * libc's own functions (or the next library's in line). Every entry begins as a resolver, which
 * looks itself up and then goes on as the function: so hooks work before any
 * constructor has run, and a call costs one indirect jump.
 */
#ifndef RESETBY_HOOK_REAL_H
#define RESETBY_HOOK_REAL_H

#include <poll.h>
#include <locale.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "../sys/hidden.h"

struct real {
#define HOOK(result, name, parameters, arguments) result(*name) parameters;
#define HOOK_POINTER HOOK
#define HOOK_VOID HOOK
#define HOOK_VARIADIC(result, name, real, parameters, arguments) result(*name) real;
#define HOOK_ALONE(result, name, parameters)
#define HOOK_ALIAS(result, name, parameters, target)
#include "hooks.def"
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC
#undef HOOK_ALONE
#undef HOOK_ALIAS
};

extern HIDDEN struct real real;

/** Look all of them up, once; the constructor does, so that no signal handler has to. */
void real_resolve(void);

#endif
