/*
 * Another program takes the process over: what is known ends here, and begins anew in its own
 * constructor.
 */
#include "hook.h"

#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include "../log/log.h"
#include "../sys/self.h"
#include "flow.h"
#include "process.h"
#include "report.h"
#include "starts.h"
#include "successor.h"

static bool has_totals(void)
{
	return log_wants(LOG_CONNS) && conn_total() > 0;
}

/*
 * The totals so far, and what is told of connections that end here: when the exec succeeds, nobody
 * else will tell them.
 */
static void say_goodbye(void)
{
	int saved = errno;
	flow_replaced();
	if (has_totals()) {
		report_exit();
	}
	errno = saved;
}

/* Has it anything to say? Else nobody has to look for the program first. */
static bool has_news(void)
{
	return !flow_in_vfork_child && log_wants(LOG_RESETS) && (table_end() > 0 || has_totals()) &&
	       process_is_ours() && !self_shares_memory();
}

/* A shell tries one path after the other: only one that can be executed is the end. */
static void leaving_for(int directory, const char *path)
{
	if (has_news() && starts_at(directory, path)) {
		say_goodbye();
	}
	flow_executing();
}

static void leaving_by_name(const char *name)
{
	if (has_news() && starts_called(name)) {
		say_goodbye();
	}
	flow_executing();
}

int hook_execve(const char *path, char *const argv[], char *const envp[])
{
	successor_path(path, argv, envp);
	leaving_for(AT_FDCWD, path);
	return real.execve(path, argv, envp);
}

int hook_execv(const char *path, char *const argv[])
{
	successor_path(path, argv, environ);
	leaving_for(AT_FDCWD, path);
	return real.execv(path, argv);
}

int hook_execvp(const char *file, char *const argv[])
{
	successor_name(file, argv, environ);
	leaving_by_name(file);
	return real.execvp(file, argv);
}

int hook_execvpe(const char *file, char *const argv[], char *const envp[])
{
	successor_name(file, argv, envp);
	leaving_by_name(file);
	return real.execvpe(file, argv, envp);
}

int hook_execveat(int directory, const char *path, char *const argv[], char *const envp[],
		  int flags)
{
	successor_at(directory, path, argv, envp);
	leaving_for(directory, path);
	return real.execveat(directory, path, argv, envp, flags);
}

int hook_fexecve(int fd, char *const argv[], char *const envp[])
{
	successor_at(fd, "", argv, envp);
	leaving_for(fd, "");
	return real.fexecve(fd, argv, envp);
}

/* The arguments of the execl family up to and with the NULL. */
static size_t count_arguments(va_list *list)
{
	size_t count = 2;
	while (va_arg(*list, char *) != NULL) {
		count++;
	}
	return count;
}

static void gather_arguments(char **argv, const char *first, size_t count, va_list *list)
{
	argv[0] = (char *)(uintptr_t)first;
	for (size_t i = 1; i < count; i++) {
		argv[i] = va_arg(*list, char *);
	}
}

/* `count` of the arguments of a variadic function whose first is not NULL; 1 when it is. */
#define COUNT(count, first)                                                                        \
	size_t count = 1;                                                                          \
	va_list count##_list;                                                                      \
	va_start(count##_list, first);                                                             \
	if ((first) != NULL) {                                                                     \
		count = count_arguments(&count##_list);                                            \
	}                                                                                          \
	va_end(count##_list)

int hook_execl(const char *path, const char *argument, ...)
{
	COUNT(count, argument);
	char *argv[count];
	va_list list;
	va_start(list, argument);
	gather_arguments(argv, argument, count, &list);
	va_end(list);
	successor_path(path, argv, environ);
	leaving_for(AT_FDCWD, path);
	return real.execve(path, argv, environ);
}

int hook_execlp(const char *file, const char *argument, ...)
{
	COUNT(count, argument);
	char *argv[count];
	va_list list;
	va_start(list, argument);
	gather_arguments(argv, argument, count, &list);
	va_end(list);
	successor_name(file, argv, environ);
	leaving_by_name(file);
	return real.execvp(file, argv);
}

int hook_execle(const char *path, const char *argument, ...)
{
	COUNT(count, argument);
	char *argv[count];
	va_list list;
	va_start(list, argument);
	gather_arguments(argv, argument, count, &list);
	char **envp = va_arg(list, char **);
	va_end(list);
	successor_path(path, argv, envp);
	leaving_for(AT_FDCWD, path);
	return real.execve(path, argv, envp);
}

/*
 * A child of its own has what is open here, as after vfork, also what the actions take along. That is
 * said before, as another thread may close meanwhile; and again, for what was opened meanwhile.
 */
static void spawning(bool takes_along)
{
	if (!flow_in_vfork_child && (takes_along || flow_leaves_open())) {
		process_forked(false);
	}
}

static int spawned(bool takes_along, int error)
{
	if (error == 0) {
		spawning(takes_along);
	}
	return error;
}

int hook_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	successor_path(path, argv, envp);
	spawning(actions != NULL);
	return spawned(actions != NULL,
		       real.posix_spawn(pid, path, actions, attributes, argv, envp));
}

int hook_posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	successor_name(file, argv, envp);
	spawning(actions != NULL);
	return spawned(actions != NULL,
		       real.posix_spawnp(pid, file, actions, attributes, argv, envp));
}

int hook_pidfd_spawn(int *pidfd, const char *path, const posix_spawn_file_actions_t *actions,
		     const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	successor_path(path, argv, envp);
	spawning(actions != NULL);
	return spawned(actions != NULL,
		       real.pidfd_spawn(pidfd, path, actions, attributes, argv, envp));
}

int hook_pidfd_spawnp(int *pidfd, const char *file, const posix_spawn_file_actions_t *actions,
		      const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	successor_name(file, argv, envp);
	spawning(actions != NULL);
	return spawned(actions != NULL,
		       real.pidfd_spawnp(pidfd, file, actions, attributes, argv, envp));
}

/* The shell tells by itself what it starts. That of system() has ended when it returns. */
FILE *hook_popen(const char *command, const char *type)
{
	spawning(false);
	FILE *stream = real.popen(command, type);
	spawned(false, stream == NULL);
	return stream;
}
