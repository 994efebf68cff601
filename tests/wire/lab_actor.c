#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** Actors that one test may have at a time, and variables it may add to their environment. */
#define ACTORS_MAX 16
#define VARIABLES_MAX 64

extern char **environ;

/** Where each running actor's struct is; a failed test leaves without stopping its actors. */
static struct actor *running[ACTORS_MAX];

/** Copies of the left ones' file names: the structs themselves were on the failed test's stack. */
static struct actor copies[ACTORS_MAX];

static unsigned started;

static void forget(const struct actor *actor)
{
	for (int i = 0; i < ACTORS_MAX; i++) {
		if (running[i] == actor) {
			running[i] = NULL;
		}
	}
}

static void remember(struct actor *actor)
{
	forget(actor);
	for (int i = 0; i < ACTORS_MAX; i++) {
		if (running[i] == NULL) {
			running[i] = actor;
			copies[i] = *actor;
			return;
		}
	}
	fail_msg("more than %d actors", ACTORS_MAX);
}

/** It ends after its threads, and one that the test traces only when the test has waited for it. */
static void reap_traced(pid_t process)
{
	pid_t ended;
	do {
		ended = waitpid(-1, NULL, __WALL);
	} while (ended != process && ended >= 0);
}

void actor_kill_left(void)
{
	for (int i = 0; i < ACTORS_MAX; i++) {
		if (running[i] == NULL) {
			continue;
		}
		running[i] = NULL;
		lab_say("# an actor was left running:");
		log_dump(&copies[i]);
		close(copies[i].commands);
		close(copies[i].results);
		close(copies[i].pidfd);
		/* Reaped already if its end was noticed: the number may be somebody else's then. */
		if (waitpid(copies[i].pid, NULL, WNOHANG) == 0) {
			kill(copies[i].pid, SIGKILL);
			reap_traced(copies[i].pid);
		}
	}
}

/** Where the build is: from the environment, or two directories above this program. */
static const char *build_dir(void)
{
	static char path[400];
	const char *told = getenv("RESETBY_BUILD");
	if (told != NULL) {
		return told;
	}
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[length < 0 ? 0 : length] = '\0';
	for (int up = 0; up < 3 && strrchr(path, '/'); up++) {
		*strrchr(path, '/') = '\0';
	}
	return path;
}

/** Set a variable in a list: the place of one with the same name, or a new one. */
static void put(char **list, size_t *count, const char *variable)
{
	size_t name = strcspn(variable, "=") + 1;
	size_t at = 0;
	while (at < *count && strncmp(list[at], variable, name) != 0) {
		at++;
	}
	if (at == VARIABLES_MAX * 8 - 1) {
		fail_msg("too many variables");
	}
	list[at] = strdup(variable);
	*count += at == *count;
	list[*count] = NULL;
}

/** The actor's environment: ours without what steers the library, the defaults, the test's own. */
static char **make_environment(struct actor *actor, int modes, const char *const added[])
{
	char **list = calloc(VARIABLES_MAX * 8, sizeof(*list));
	size_t count = 0;
	for (char **variable = environ; *variable; variable++) {
		if (strncmp(*variable, "RESETBY_", 8) != 0 && strncmp(*variable, "LD_", 3) != 0) {
			put(list, &count, *variable);
		}
	}
	if (!(modes & ACTOR_BARE)) {
		put(list, &count, lab_text("LD_PRELOAD=%s/libresetby.so", build_dir()));
	}
	put(list, &count, lab_text("RESETBY_LOG=%s", actor->log));
	put(list, &count, "RESETBY_FORMAT=json");
	for (; added && *added; added++) {
		put(list, &count, *added);
		if (strcmp(*added, "RESETBY_LOG=stderr") == 0) {
			snprintf(actor->log, sizeof(actor->log), "%s", actor->errors);
		} else if (strncmp(*added, "RESETBY_LOG=", 12) == 0) {
			snprintf(actor->log, sizeof(actor->log), "%s", *added + 12);
		}
	}
	return list;
}

static void drop_capabilities(void)
{
	/* exec of a program by uid 0 gives what the bounding set has, so empty that. */
	for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	}
}

static void become_actor(const int pipes[4], const struct actor *actor, int modes, char **list)
{
	const char *program = lab_text("%s/tests/wire/actor", build_dir());
	int errors = open(actor->errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	sigset_t none;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(pipes[0], STDIN_FILENO);
	dup2(pipes[3], STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	if (modes & ACTOR_UNPRIVILEGED) {
		drop_capabilities();
	}
	execve(program, (char *[]){(char *)program, NULL}, list);
	perror(program);
	_exit(127);
}

void actor_start_as(struct actor *actor, int modes, const char *const environment[])
{
	int pipes[4];
	*actor = (struct actor){0};
	started++;
	snprintf(actor->log, sizeof(actor->log), "%s/actor%u.log", lab_dir(), started);
	snprintf(actor->errors, sizeof(actor->errors), "%s/actor%u.stderr", lab_dir(), started);
	if (!(modes & ACTOR_BARE)) {
		const char *library = lab_text("%s/libresetby.so", build_dir());
		if (access(library, R_OK) != 0) {
			fail_msg("%s: %s", library, strerror(errno));
		}
	}
	char **list = make_environment(actor, modes, environment);
	if (pipe2(pipes, O_CLOEXEC) != 0 || pipe2(pipes + 2, O_CLOEXEC) != 0) {
		fail_msg("pipe2: %s", strerror(errno));
	}
	fflush(NULL);
	actor->pid = fork();
	if (actor->pid == 0) {
		become_actor(pipes, actor, modes, list);
	}
	actor->pidfd = pidfd_open(actor->pid, 0);
	close(pipes[0]);
	close(pipes[3]);
	actor->commands = pipes[1];
	actor->results = pipes[2];
	for (char **variable = list; *variable; variable++) {
		free(*variable);
	}
	free(list);
	remember(actor);
	/* Else everything that is to be quiet would be. */
	bool wanted = !(modes & ACTOR_BARE);
	const char *found = actor_do(actor, "preloaded");
	if (strcmp(found, wanted ? "1 -" : "0 -") != 0) {
		fail_msg("the library is %s the actor: %s", wanted ? "not in" : "in", found);
	}
}

void actor_start(struct actor *actor, const char *const environment[])
{
	actor_start_as(actor, ACTOR_PRELOADED, environment);
}

static void send_command(struct actor *actor, const char *format, va_list args)
{
	char line[8192];
	int size = vsnprintf(line, sizeof(line) - 1, format, args);
	if (size < 0 || (size_t)size >= sizeof(line) - 1 || strchr(line, '\n')) {
		fail_msg("no command of one line: %s", line);
	}
	line[size] = '\n';
	/* A dead actor is noticed when its result is asked for. */
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;
	sigaction(SIGPIPE, &ignore, &before);
	ssize_t written = write(actor->commands, line, (size_t)size + 1);
	(void)written;
	sigaction(SIGPIPE, &before, NULL);
}

void actor_send(struct actor *actor, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	send_command(actor, format, args);
	va_end(args);
}

/** Take the wait status, once. */
static void reap(struct actor *actor)
{
	if (!actor->ended) {
		waitpid(actor->pid, &actor->status, 0);
		actor->ended = true;
	}
}

static const char *ending(struct actor *actor)
{
	reap(actor);
	return WIFSIGNALED(actor->status)
		       ? lab_text("killed SIG%s", sigabbrev_np(WTERMSIG(actor->status)))
		       : lab_text("exited %d", WEXITSTATUS(actor->status));
}

/** Take one whole line out of what has come, or NULL. */
static const char *take_line(struct actor *actor)
{
	char *end = memchr(actor->pending, '\n', actor->pending_size);
	if (end == NULL) {
		return NULL;
	}
	size_t length = (size_t)(end - actor->pending);
	const char *line = lab_text("%.*s", (int)length, actor->pending);
	actor->pending_size -= length + 1;
	memmove(actor->pending, end + 1, actor->pending_size);
	return line;
}

/** Wait for more of the results; false when the time is up or the actor has ended without more. */
static bool read_more(struct actor *actor, int timeout_ms)
{
	/* Not by end of file alone: forked children hold the pipe too. */
	struct pollfd either[] = {{.fd = actor->results, .events = POLLIN},
				  {.fd = actor->pidfd, .events = POLLIN}};
	poll(either, 2, timeout_ms);
	size_t room = sizeof(actor->pending) - actor->pending_size;
	if (!either[0].revents && !peer_poll(actor->results, POLLIN, 0)) {
		return false;
	}
	ssize_t got = read(actor->results, actor->pending + actor->pending_size, room);
	actor->pending_size += got > 0 ? (size_t)got : 0;
	return got > 0;
}

const char *actor_result_within(struct actor *actor, int timeout_ms)
{
	int64_t until = lab_now_ms() + timeout_ms;
	const char *line;
	while ((line = take_line(actor)) == NULL) {
		int64_t left = until - lab_now_ms();
		if (!read_more(actor, left > 0 ? (int)left : 0)) {
			bool over =
				actor->ended || peer_poll(actor->pidfd, POLLIN, left > 0 ? 100 : 0);
			return over ? ending(actor) : NULL;
		}
	}
	return line;
}

const char *actor_result(struct actor *actor)
{
	const char *result = actor_result_within(actor, LAB_PATIENCE_MS);
	if (result == NULL) {
		fail_msg("the actor gave no result for %d ms", LAB_PATIENCE_MS);
	}
	return result;
}

const char *actor_do(struct actor *actor, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	send_command(actor, format, args);
	va_end(args);
	const char *result = actor_result(actor);
	if (strncmp(result, "? ", 2) == 0) {
		fail_msg("the actor does not understand: %s", result + 2);
	}
	return result;
}

/** Whether a thread sleeps in a call: its number and first argument. */
static bool sleeps(pid_t pid, const char *thread, int *number, unsigned *argument)
{
	char *text = lab_read_file(lab_text("/proc/%d/task/%s/syscall", (int)pid, thread));
	bool there = sscanf(text, "%d 0x%x", number, argument) == 2;
	free(text);
	return there;
}

static bool background_sleeps(struct actor *actor, int fd)
{
	bool there = false;
	int number;
	unsigned argument;
	DIR *threads = opendir(lab_text("/proc/%d/task", (int)actor->pid));
	for (struct dirent *thread; threads && (thread = readdir(threads)) != NULL;) {
		if (atoi(thread->d_name) > 0 && atoi(thread->d_name) != actor->pid) {
			there |= sleeps(actor->pid, thread->d_name, &number, &argument) &&
				 argument == (unsigned)fd;
		}
	}
	closedir(threads);
	return there;
}

void actor_wait_background(struct actor *actor, const char *slot)
{
	int fd = (int)actor_number(actor_do(actor, "fd %s", slot));
	lab_until(background_sleeps(actor, fd));
}

/** In none with which it reads its commands or writes its log. */
static bool command_sleeps(struct actor *actor)
{
	int number;
	unsigned argument;
	return sleeps(actor->pid, lab_text("%d", (int)actor->pid), &number, &argument) &&
	       argument != STDIN_FILENO && number != SYS_write;
}

void actor_wait_asleep(struct actor *actor)
{
	lab_until(command_sleeps(actor));
	assert_null(actor_result_within(actor, 0));
}

void actor_alarm(struct actor *actor)
{
	actor_wait_asleep(actor);
	kill(actor->pid, SIGALRM);
}

long actor_number(const char *result)
{
	char *end;
	long number = strtol(result, &end, 10);
	if (end == result) {
		fail_msg("no number in: %s", result);
	}
	return number;
}

int actor_stop(struct actor *actor)
{
	close(actor->commands);
	if (!actor->ended && !peer_poll(actor->pidfd, POLLIN, LAB_PATIENCE_MS)) {
		fail_msg("the actor does not end");
	}
	reap(actor);
	close(actor->results);
	close(actor->pidfd);
	forget(actor);
	return actor->status;
}

unsigned actor_descriptors(const struct actor *actor)
{
	unsigned count = 0;
	DIR *directory = opendir(lab_text("/proc/%d/fd", (int)actor->pid));
	assert_non_null(directory);
	while (readdir(directory) != NULL) {
		count++;
	}
	closedir(directory);
	/* Without . and .. */
	return count - 2;
}

const char *actor_stderr(struct actor *actor)
{
	static char *text;
	free(text);
	text = lab_read_file(actor->errors);
	return text;
}
