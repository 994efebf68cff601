#include "actor.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t signals_seen;
static pid_t held = -1;

/** The one command that runs in a thread of its own. */
static struct {
	pthread_t thread;
	bool running;
	char line[8192];
	struct outcome outcome;
} background;

/** What a child is to do, and where it says what came of it. */
struct task {
	const struct words *words;
	struct outcome *outcome;
	int answer;
};

/** Runs the command and hands its outcome back through a pipe. */
static int be_child(void *argument)
{
	const struct task *task = argument;
	/* The outcome's words point into the line, which the child runs in its own copy. */
	run_command(task->words->rest, task->outcome);
	ssize_t written = write(task->answer, task->outcome, sizeof(*task->outcome));
	_exit(written == (ssize_t)sizeof(*task->outcome) ? 0 : 1);
}

/** fork in the way that the command is called by; clone_vm's child has its parent's memory. */
static pid_t fork_as(const char *way, struct task *task)
{
	static char stack[1 << 18] __attribute__((aligned(16)));
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	if (strcmp(way, "clone") == 0) {
		return clone(be_child, stack + sizeof(stack), SIGCHLD, task);
	}
	if (strcmp(way, "clone_vm") == 0) {
		return clone(be_child, stack + sizeof(stack), SIGCHLD | CLONE_VM | CLONE_VFORK,
			     task);
	}
	pid_t pid = strcmp(way, "_Fork") == 0 ? _Fork()
		    : strcmp(way, "clone3") == 0
			    ? (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments))
			    : fork();
	return pid == 0 ? be_child(task) : pid;
}

static void run_fork(const struct words *words, struct outcome *outcome)
{
	int ends[2];
	int status;
	if (pipe(ends) != 0) {
		confused("pipe");
	}
	struct task task = {words, outcome, ends[1]};
	pid_t pid = fork_as(words->w[0], &task);
	close(ends[1]);
	ssize_t got = read(ends[0], outcome, sizeof(*outcome));
	close(ends[0]);
	waitpid(pid, &status, 0);
	if (got != (ssize_t)sizeof(*outcome)) {
		*outcome = (struct outcome){.result = status};
		tell(outcome, WIFSIGNALED(status) ? "killed SIG%s" : "exited %s",
		     WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "early");
	}
}

static void run_forkhold(const struct words *words, struct outcome *outcome)
{
	(void)words;
	held = fork();
	if (held == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pause();
		}
	}
	outcome->result = held > 0 ? 0 : -1;
}

/** As inetd does: the child has it under another number, and waits. */
static void run_forkmove(const struct words *words, struct outcome *outcome)
{
	char moved;
	int ends[2];
	int fd = fd_at(words, 1);
	if (pipe2(ends, O_CLOEXEC) != 0) {
		confused("pipe");
	}
	held = fork();
	if (held == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup(fd) < 0 || close(fd) != 0 || write(ends[1], "m", 1) != 1) {
			_exit(1);
		}
		for (;;) {
			pause();
		}
	}
	close(ends[1]);
	outcome->result = read(ends[0], &moved, 1) == 1 ? 0 : -1;
	close(ends[0]);
}

/** A file system that nobody serves: to ask for anything in it is to wait for ever. */
static int open_mute_directory(void)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[100];
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fuse,
		 (unsigned)getuid(), (unsigned)getgid());
	if (fuse < 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("mute", "/tmp", "fuse", 0, options) != 0) {
		return -1;
	}
	return open("/tmp", O_PATH);
}

/** The child has the socket no more, but such a directory. */
static void run_forkmute(const struct words *words, struct outcome *outcome)
{
	int ends[2];
	int fd = fd_at(words, 1);
	if (pipe2(ends, O_CLOEXEC) != 0) {
		confused("pipe");
	}
	held = fork();
	if (held == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int error = open_mute_directory() < 0 ? errno : 0;
		close(fd);
		if (write(ends[1], &error, sizeof(error)) != sizeof(error)) {
			_exit(1);
		}
		for (;;) {
			pause();
		}
	}
	close(ends[1]);
	outcome->error = EPIPE;
	outcome->result =
		read(ends[0], &outcome->error, sizeof(int)) > 0 && !outcome->error ? 0 : -1;
	outcome->left = outcome->error;
	close(ends[0]);
}

/** As a server's that has no child to wait for: the first one ends, and the second one has the socket. */
static void run_forktwice(const struct words *words, struct outcome *outcome)
{
	char nothing;
	int ends[2];
	int status = -1;
	(void)words;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		confused("pipe");
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			close(ends[1]);
			/* Until this process has ended; nothing is to be told of it. */
			outcome->result = read(ends[0], &nothing, 1);
			raise(SIGKILL);
		}
		_exit(0);
	}
	close(ends[0]);
	outcome->result = waitpid(pid, &status, 0) == pid ? status : -1;
}

/** Closes while such a child is ending: its descriptors go first, here thousands. */
static void run_forktwice_close(const struct words *words, struct outcome *outcome)
{
	char path[64];
	char nothing;
	struct rlimit limit;
	int ends[2];
	int fd = fd_at(words, 1);
	if (pipe2(ends, O_CLOEXEC) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		confused("pipe");
	}
	pid_t pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			close(ends[1]);
			outcome->result = read(ends[0], &nothing, 1);
			raise(SIGKILL);
		}
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		for (int i = 0; i < 10000 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0; i++) {
		}
		_exit(0);
	}
	close(ends[0]);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	while (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
	}
	CALL(outcome, close(fd));
	waitpid(pid, NULL, 0);
}

/** The child stops, and when it is continued it reads what has come, and ends. */
static void run_forktake(const struct words *words, struct outcome *outcome)
{
	char bytes[1000];
	int fd = fd_at(words, 1);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		raise(SIGSTOP);
		_exit(recv(fd, bytes, sizeof(bytes), 0) < 0);
	}
	outcome->result = pid;
}

static void *fork_and_wait(void *forked)
{
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pause();
		}
	}
	sem_post(forked);
	waitpid(child, NULL, 0);
	return NULL;
}

/** A thread has a child, which holds what there is as long as this process lives. */
static void run_threadhold(const struct words *words, struct outcome *outcome)
{
	pthread_t thread;
	sem_t forked;
	(void)words;
	sem_init(&forked, 0, 0);
	outcome->result = pthread_create(&thread, NULL, fork_and_wait, &forked) == 0 ? 0 : -1;
	sem_wait(&forked);
}

/** Where the child of forkhandler reads what it is to do, in its own good time. */
static int handler = -1;

static void run_forkhandler(const struct words *words, struct outcome *outcome)
{
	char line[256] = "";
	int ends[2];
	(void)words;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		confused("pipe");
	}
	held = fork();
	if (held == 0) {
		close(ends[1]);
		if (read(ends[0], line, sizeof(line) - 1) > 0) {
			run_command(line, outcome);
		}
		_exit(0);
	}
	close(ends[0]);
	handler = ends[1];
	outcome->result = held > 0 ? 0 : -1;
}

static void run_handler(const struct words *words, struct outcome *outcome)
{
	if (handler < 0 || write(handler, words->rest, strlen(words->rest)) < 0) {
		confused("handler without forkhandler");
	}
	close(handler);
	handler = -1;
	outcome->result = waitpid(held, NULL, 0) == held ? 0 : -1;
	held = -1;
}

typedef int spawning(int *, const char *, const posix_spawn_file_actions_t *,
		     const posix_spawnattr_t *, char *const[], char *const[]);

/** pidfd_spawn or pidfd_spawnp, of glibc 2.39; ENOSYS before. */
static int spawn_with_pidfd(const char *name, const char *program,
			    const posix_spawn_file_actions_t *actions, char *argv[])
{
	void *found = dlsym(RTLD_DEFAULT, name);
	void *get_pid = dlsym(RTLD_DEFAULT, "pidfd_getpid");
	int pidfd = -1;
	int error = ENOSYS;
	if (found != NULL) {
		error = ((spawning *)found)(&pidfd, program, actions, NULL, argv, environ);
	}
	if (error == 0) {
		held = ((pid_t(*)(int))get_pid)(pidfd);
		close(pidfd);
	}
	return error;
}

/** The program that holds all that is open here ends with the pipe that it reads. */
static void run_spawnhold(const struct words *words, struct outcome *outcome)
{
	int ends[2];
	char *argv[] = {"cat", NULL};
	posix_spawn_file_actions_t actions;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		confused("pipe");
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
	if (strcmp(words->w[0], "spawnphold") == 0) {
		outcome->result = posix_spawnp(&held, "cat", &actions, NULL, argv, environ);
	} else if (strcmp(words->w[0], "pidfd_spawnhold") == 0) {
		outcome->result = spawn_with_pidfd("pidfd_spawn", "/bin/cat", &actions, argv);
	} else if (strcmp(words->w[0], "pidfd_spawnphold") == 0) {
		outcome->result = spawn_with_pidfd("pidfd_spawnp", "cat", &actions, argv);
	} else {
		outcome->result = posix_spawn(&held, "/bin/cat", &actions, NULL, argv, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	close(ends[0]);
}

static void run_pidfd_spawnhold(const struct words *words, struct outcome *outcome)
{
	run_spawnhold(words, outcome);
	outcome->error = (int)outcome->result;
	outcome->result = outcome->error == 0 ? 0 : -1;
}

static FILE *held_stream;

static void run_popenhold(const struct words *words, struct outcome *outcome)
{
	(void)words;
	held_stream = popen("cat", "w");
	outcome->result = held_stream != NULL ? 0 : -1;
}

static void run_forkkill(const struct words *words, struct outcome *outcome)
{
	(void)words;
	if (held > 0) {
		kill(held, SIGKILL);
		outcome->result = waitpid(held, NULL, 0) == held ? 0 : -1;
		held = -1;
	} else if (held_stream != NULL) {
		outcome->result = pclose(held_stream);
		held_stream = NULL;
	} else {
		confused("forkkill without a child that holds");
	}
}

/** What the child of a vfork closes, the parent still has open. */
static void run_vfork_close(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	int status = -1;
	pid_t pid = vfork();
	if (pid == 0) {
		_exit(close(fd) == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	outcome->result = status == 0 ? 0 : -1;
}

/** Before an exec programs close what they do not know, some of them twice. */
static void run_vfork_close_all(const struct words *words, struct outcome *outcome)
{
	int status = -1;
	(void)words;
	pid_t pid = vfork();
	if (pid == 0) {
		close_range(3, ~0u, 0);
		for (int fd = 3; fd < 1024; fd++) {
			close(fd);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	outcome->result = status == 0 ? 0 : -1;
}

static void *run_in_background(void *unused)
{
	run_command(background.line, &background.outcome);
	return unused;
}

static void run_background(const struct words *words, struct outcome *outcome)
{
	if (background.running) {
		confused("one background command at a time");
	}
	snprintf(background.line, sizeof(background.line), "%s", words->rest);
	background.running = pthread_create(&background.thread, NULL, run_in_background, NULL) == 0;
	outcome->result = background.running ? 0 : -1;
}

static void *join(void)
{
	void *result;
	if (!background.running) {
		confused("no background command");
	}
	pthread_join(background.thread, &result);
	background.running = false;
	return result;
}

static void run_join(const struct words *words, struct outcome *outcome)
{
	(void)words;
	join();
	*outcome = background.outcome;
}

static void run_thread(const struct words *words, struct outcome *outcome)
{
	run_background(words, outcome);
	run_join(words, outcome);
}

/** This thread goes to another network namespace, and runs a command there. */
static void run_enter(const struct words *words, struct outcome *outcome)
{
	int namespace = open(word_at(words, 1, ""), O_RDONLY | O_CLOEXEC);
	if (setns(namespace, CLONE_NEWNET) != 0) {
		confused("setns: %s", strerror(errno));
	}
	close(namespace);
	run_command(words->rest, outcome);
}

static void run_cancel(const struct words *words, struct outcome *outcome)
{
	(void)words;
	if (!background.running) {
		confused("no background command");
	}
	CALL(outcome, pthread_cancel(background.thread));
	if (join() != PTHREAD_CANCELED) {
		*outcome = background.outcome;
	} else {
		tell(outcome, "cancelled");
	}
}

/** Replace this program by itself; the new one answers. Or by another one, which cannot be. */
static int exec_as(const char *way, const char *path, char *list)
{
	char *argv[] = {"actor", list, NULL};
	int fd = strcmp(way, "fexecve") == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	return strcmp(way, "execv") == 0      ? execv(path, argv)
	       : strcmp(way, "execve") == 0   ? execve(path, argv, environ)
	       : strcmp(way, "execvp") == 0   ? execvp(path, argv)
	       : strcmp(way, "execvpe") == 0  ? execvpe(path, argv, environ)
	       : strcmp(way, "execlp") == 0   ? execlp(path, "actor", list, NULL)
	       : strcmp(way, "execle") == 0   ? execle(path, "actor", list, NULL, environ)
	       : strcmp(way, "execveat") == 0 ? execveat(AT_FDCWD, path, argv, environ, 0)
	       : strcmp(way, "fexecve") == 0  ? fexecve(fd, argv, environ)
					      : execl(path, "actor", list, NULL);
}

static void run_exec(const struct words *words, struct outcome *outcome)
{
	char list[SLOTS * 12] = "";
	char path[4096] = "";
	if (words->count > 1) {
		CALL(outcome, execl(words->w[1], "actor", NULL));
		return;
	}
	/* By its name: the process would be called "exe" otherwise. */
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) {
		confused("readlink");
	}
	for (int i = 0; i < SLOTS; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%d,", slots[i]);
	}
	CALL(outcome, exec_as(words->w[0], path, list));
}

/** As a handler of the program's own does; what it was registered for is under way by then. */
static void end_now(void)
{
	_exit(0);
}

static void run_end(const struct words *words, struct outcome *outcome)
{
	int status = (int)number_at(words, 1, 0);
	(void)outcome;
	if (strcmp(words->w[0], "exit") == 0) {
		exit(status);
	} else if (strcmp(words->w[0], "_exit") == 0) {
		_exit(status);
	} else if (strcmp(words->w[0], "_Exit") == 0) {
		_Exit(status);
	} else if (strcmp(words->w[0], "quick_exit") == 0) {
		quick_exit(status);
	} else if (strcmp(words->w[0], "quick_exit_twice") == 0) {
		at_quick_exit(end_now);
		quick_exit(status);
	}
	abort();
}

static void count_signal(int number)
{
	(void)number;
	signals_seen++;
}

static void run_sigpipe(const struct words *words, struct outcome *outcome)
{
	struct sigaction action = {
		.sa_handler = has_word(words, "ignore")  ? SIG_IGN
			      : has_word(words, "count") ? count_signal
							 : SIG_DFL,
	};
	CALL(outcome, sigaction(SIGPIPE, &action, NULL));
}

static void run_signals(const struct words *words, struct outcome *outcome)
{
	(void)words;
	outcome->result = signals_seen;
}

/** Forbids what only the library does, where it may not. */
static int enter_seccomp(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

static void run_seccomp(const struct words *words, struct outcome *outcome)
{
	(void)words;
	CALL(outcome, enter_seccomp());
}

/** In a child, which closes what it does not know, and becomes another program. */
static void run_vfork_seccomp(const struct words *words, struct outcome *outcome)
{
	static char *argv[] = {"true", NULL};
	static char *envp[] = {NULL};
	int status = -1;
	(void)words;
	pid_t pid = vfork();
	if (pid == 0) {
		if (enter_seccomp() != 0) {
			_exit(1);
		}
		for (int fd = 3; fd < 1024; fd++) {
			close(fd);
		}
		execve("/bin/true", argv, envp);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	outcome->result = status;
}

/** SIGALRM is counted from here on; it interrupts calls, unless they are to be restarted. */
static void run_on_alarm(const struct words *words, struct outcome *outcome)
{
	struct sigaction action = {
		.sa_handler = count_signal,
		.sa_flags = has_word(words, "restart") ? SA_RESTART : 0,
	};
	outcome->result = sigaction(SIGALRM, &action, NULL);
}

const struct command process_commands[] = {
	{"fork", "CMD", run_fork},
	{"_Fork", "CMD", run_fork},
	{"clone", "CMD", run_fork},
	{"clone3", "CMD", run_fork},
	{"clone_vm", "CMD", run_fork},
	{"forkhold", "", run_forkhold},
	{"threadhold", "", run_threadhold},
	{"forkmove", "FD", run_forkmove},
	{"forkmute", "FD", run_forkmute},
	{"forktwice", "", run_forktwice},
	{"forktwice_close", "FD", run_forktwice_close},
	{"forktake", "FD", run_forktake},
	{"forkhandler", "", run_forkhandler},
	{"handler", "CMD", run_handler},
	{"spawnhold", "", run_spawnhold},
	{"spawnphold", "", run_spawnhold},
	{"pidfd_spawnhold", "", run_pidfd_spawnhold},
	{"pidfd_spawnphold", "", run_pidfd_spawnhold},
	{"popenhold", "", run_popenhold},
	{"forkkill", "", run_forkkill},
	{"vfork_close", "FD", run_vfork_close},
	{"vfork_close_all", "", run_vfork_close_all},
	{"thread", "CMD", run_thread},
	{"background", "CMD", run_background},
	{"enter", "NAMESPACE CMD", run_enter},
	{"join", "", run_join},
	{"cancel", "", run_cancel},
	{"exec", "[PATH]", run_exec},
	{"execv", "", run_exec},
	{"execve", "", run_exec},
	{"execvp", "", run_exec},
	{"execvpe", "", run_exec},
	{"execlp", "", run_exec},
	{"execle", "", run_exec},
	{"execveat", "", run_exec},
	{"fexecve", "", run_exec},
	{"exit", "[STATUS]", run_end},
	{"_exit", "[STATUS]", run_end},
	{"_Exit", "[STATUS]", run_end},
	{"quick_exit", "[STATUS]", run_end},
	{"quick_exit_twice", "[STATUS]", run_end},
	{"abort", "", run_end},
	{"sigpipe", "ignore|default|count", run_sigpipe},
	{"signals", "", run_signals},
	{"seccomp", "", run_seccomp},
	{"vfork_seccomp", "", run_vfork_seccomp},
	{"on_alarm", "[restart]", run_on_alarm},
	{0},
};
