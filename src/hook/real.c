#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

/* What a symbol that this libc lacks does. */
#define HOOK(result, name, parameters, arguments)                                                  \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		errno = ENOSYS;                                                                    \
		return -1;                                                                         \
	}
#define HOOK_POINTER(result, name, parameters, arguments)                                          \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		errno = ENOSYS;                                                                    \
		return NULL;                                                                       \
	}
#define HOOK_VOID(result, name, parameters, arguments)                                             \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		errno = ENOSYS;                                                                    \
	}
#define HOOK_NEWER(result, name, parameters, arguments)                                            \
	static result missing_##name parameters                                                    \
	{                                                                                          \
		return ENOSYS;                                                                     \
	}
#define HOOK_VARIADIC(result, name, real, parameters, arguments) HOOK(result, name, real, arguments)
#define HOOK_ALONE(result, name, parameters)
#define HOOK_ALIAS(result, name, parameters, target)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "hooks.def"
#pragma GCC diagnostic pop
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC

static void *find(const char *name, void *missing)
{
	int saved = errno;
	void *found = dlsym(RTLD_NEXT, name);
	if (found == NULL) {
		/* A failed look-up leaves a message, which is not the program's to find. */
		dlerror();
		found = missing;
	}
	errno = saved;
	return found;
}

/* What a row of HOOK_NEWER needs. */
#define NEWER_GLIBC "2.39"

/* A look-up that fails takes memory from the program's heap, and keeps it. */
static void *find_newer(const char *name, void *missing)
{
	bool has = strverscmp(gnu_get_libc_version(), NEWER_GLIBC) >= 0;
	return has ? find(name, missing) : missing;
}

#define FIND_BY(find, name)                                                                        \
	__atomic_store_n((void **)(void *)&real.name, find(#name, (void *)missing_##name),         \
			 __ATOMIC_RELAXED)
#define FIND(name) FIND_BY(find, name)

/*
 * What a symbol does that was not looked up yet. It looks up itself alone: a look-up that fails
 * allocates, and the program's malloc may come back into a hook.
 */
#define HOOK(result, name, parameters, arguments)                                                  \
	static result resolve_##name parameters                                                    \
	{                                                                                          \
		FIND(name);                                                                        \
		return real.name arguments;                                                        \
	}
#define HOOK_POINTER HOOK
#define HOOK_VOID(result, name, parameters, arguments)                                             \
	static result resolve_##name parameters                                                    \
	{                                                                                          \
		FIND(name);                                                                        \
		real.name arguments;                                                               \
	}
#define HOOK_VARIADIC(result, name, real, parameters, arguments)                                   \
	HOOK(result, name, parameters, arguments)
#define HOOK_NEWER(result, name, parameters, arguments)                                            \
	static result resolve_##name parameters                                                    \
	{                                                                                          \
		FIND_BY(find_newer, name);                                                         \
		return real.name arguments;                                                        \
	}
#include "hooks.def"
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC

struct real real = {
#define HOOK(result, name, parameters, arguments) .name = resolve_##name,
#define HOOK_POINTER HOOK
#define HOOK_VOID HOOK
/* The registers of a variadic call are those of a fixed one on every machine we know. */
#define HOOK_VARIADIC(result, name, real_parameters, parameters, arguments)                        \
	.name = (result(*) real_parameters)(void *)resolve_##name,
#include "hooks.def"
#undef HOOK
#undef HOOK_POINTER
#undef HOOK_VOID
#undef HOOK_VARIADIC
};

void real_resolve(void)
{
	static atomic_bool resolved;
	if (atomic_load_explicit(&resolved, memory_order_acquire)) {
		return;
	}
	/* Two threads may do this at once, and find the same. */
#define HOOK(result, name, parameters, arguments) FIND(name);
#define HOOK_POINTER HOOK
#define HOOK_VOID HOOK
#define HOOK_VARIADIC(result, name, real, parameters, arguments)                                   \
	HOOK(result, name, parameters, arguments)
#define HOOK_NEWER(result, name, parameters, arguments) FIND_BY(find_newer, name);
#include "hooks.def"
	atomic_store_explicit(&resolved, true, memory_order_release);
}
