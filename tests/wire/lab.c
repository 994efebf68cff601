#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/** What is known of each host: its namespace, and whether it has the nft table. */
static struct {
	int ns;
	bool nft;
} hosts[2] = {{.ns = -1}, {.ns = -1}};

static enum lab_host current;
static char directory[256];
static pid_t owner;

void lab_say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

const char *lab_text(const char *format, ...)
{
	static char ring[4][8192];
	static unsigned next;
	char *text = ring[next++ % 4];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(ring[0]), format, args);
	va_end(args);
	return text;
}

int64_t lab_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void lab_look_again(int64_t until_ms, const char *condition)
{
	if (lab_now_ms() > until_ms) {
		fail_msg("never came true: %s", condition);
	}
	lab_let_pass(1);
}

void lab_let_pass(int ms)
{
	poll(NULL, 0, ms);
}

char *lab_read_file(const char *path)
{
	size_t size = 0;
	size_t room = 65536;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	for (;;) {
		ssize_t got = fd < 0 ? 0 : read(fd, text + size, room - size - 1);
		if (got <= 0) {
			break;
		}
		size += (size_t)got;
		if (room - size < 2) {
			room *= 2;
			text = realloc(text, room);
		}
	}
	if (fd >= 0) {
		close(fd);
	}
	text[size] = '\0';
	return text;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_directory(void)
{
	/* A forked child that calls exit() must not take the directory away. */
	if (getpid() == owner) {
		nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
}

const char *lab_dir(void)
{
	if (directory[0] == '\0') {
		const char *base = getenv("TMPDIR");
		snprintf(directory, sizeof(directory), "%s/lab-XXXXXX", base ? base : "/tmp");
		if (mkdtemp(directory) == NULL) {
			fail_msg("mkdtemp %s: %s", directory, strerror(errno));
		}
		owner = getpid();
		atexit(remove_directory);
	}
	return directory;
}

const char *lab_write_rules(const char *text)
{
	static char path[300];
	snprintf(path, sizeof(path), "%s/rules", lab_dir());
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
	return path;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int saved = errno;
	if (fd >= 0) {
		close(fd);
	}
	errno = saved;
	return written;
}

static bool loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING};
	bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	if (fd >= 0) {
		close(fd);
	}
	return up;
}

/** Linux 6.18's own: a new namespace has those of the host, which somebody may have tuned. */
static void reset_buffer_sizes(void)
{
	write_text("/proc/sys/net/ipv4/tcp_rmem", "4096 131072 33554432");
	write_text("/proc/sys/net/ipv4/tcp_wmem", "4096 16384 4194304");
}

/** Root of a user namespace, so that programs like nft keep the capabilities when executed. */
static bool become_root_of_user_namespace(void)
{
	unsigned uid = getuid();
	unsigned gid = getgid();
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
	       write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/uid_map", lab_text("0 %u 1", uid)) &&
	       write_text("/proc/self/gid_map", lab_text("0 %u 1", gid));
}

static int open_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fail_msg("/proc/thread-self/ns/net: %s", strerror(errno));
	}
	return fd;
}

bool lab_enter(void)
{
	if (hosts[HOST_FIRST].ns >= 0) {
		return true;
	}
	/* Test points of a child that died must not be lost, nor repeated by a forked one. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	const char *path = getenv("PATH");
	setenv("PATH", lab_text("%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin"), 1);
	if (unshare(CLONE_NEWNET) != 0 && !become_root_of_user_namespace()) {
		lab_say("# skipped: no network namespace to be had: %s", strerror(errno));
		return false;
	}
	if (!loopback_up()) {
		lab_say("# skipped: lo cannot be brought up: %s", strerror(errno));
		return false;
	}
	reset_buffer_sizes();
	hosts[HOST_FIRST].ns = open_namespace();
	return true;
}

/** Run a program in a namespace and fail the test, with its output, if it fails. */
static void run_in(int ns, char *const argv[])
{
	int pipe_fds[2];
	char output[2048];
	size_t size = 0;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
		fail_msg("pipe2: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], STDOUT_FILENO);
		dup2(pipe_fds[1], STDERR_FILENO);
		if (setns(ns, CLONE_NEWNET) == 0) {
			execvp(argv[0], argv);
		}
		perror(argv[0]);
		_exit(127);
	}
	close(pipe_fds[1]);
	ssize_t got;
	while ((got = read(pipe_fds[0], output + size, sizeof(output) - size - 1)) > 0) {
		size += (size_t)got;
	}
	output[size] = '\0';
	close(pipe_fds[0]);
	int status = -1;
	waitpid(pid, &status, 0);
	if (status != 0) {
		fail_msg("%s %s: %s", argv[0], argv[argv[1] ? 1 : 0], output);
	}
}

static void shell_in(enum lab_host host, const char *script)
{
	run_in(hosts[host].ns, (char *[]){"sh", "-ec", (char *)script, NULL});
}

void lab_go(enum lab_host host)
{
	if (setns(hosts[host].ns, CLONE_NEWNET) != 0) {
		fail_msg("setns: %s", strerror(errno));
	}
	current = host;
}

void lab_second_host(void)
{
	if (hosts[HOST_SECOND].ns >= 0) {
		return;
	}
	lab_go(HOST_FIRST);
	if (unshare(CLONE_NEWNET) != 0 || !loopback_up()) {
		fail_msg("second host: %s", strerror(errno));
	}
	reset_buffer_sizes();
	hosts[HOST_SECOND].ns = open_namespace();
	lab_go(HOST_FIRST);
	/* Made on the second host, with the other end sent to this process's namespace. */
	shell_in(HOST_SECOND, lab_text("ip link add cable type veth peer name cable netns %d\n"
				       "ip addr add " SECOND_ADDR "/24 dev cable\n"
				       "ip addr add " SECOND_ADDR6 "/64 dev cable nodad\n"
				       "ip link set cable up",
				       (int)getpid()));
	shell_in(HOST_FIRST, "ip addr add " FIRST_ADDR "/24 dev cable\n"
			     "ip addr add " FIRST_ADDR6 "/64 dev cable nodad\n"
			     "ip link set cable up");
}

static void nft_run(const char *command)
{
	run_in(hosts[current].ns, (char *[]){"nft", (char *)command, NULL});
}

void nft(const char *format, ...)
{
	char command[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (!hosts[current].nft) {
		nft_run("table inet lab {\n"
			"chain in { type filter hook input priority 0; }\n"
			"chain out { type filter hook output priority 0; }\n}");
		hosts[current].nft = true;
	}
	nft_run(command);
}

void nft_flush(void)
{
	if (hosts[current].nft) {
		nft_run("flush table inet lab");
	}
}

int lab_teardown(void **state)
{
	(void)state;
	actor_kill_left();
	for (int host = HOST_SECOND; host >= HOST_FIRST; host--) {
		if (hosts[host].ns >= 0) {
			lab_go(host);
			nft_flush();
		}
	}
	return 0;
}

void lab_sysctl(const char *name, const char *value)
{
	if (!write_text(lab_text("/proc/sys/%s", name), value)) {
		fail_msg("sysctl %s = %s: %s", name, value, strerror(errno));
	}
}

/** Look a column up in a file of pairs of lines, "Prefix: names" and "Prefix: numbers". */
static bool find_counter(const char *path, const char *name, uint64_t *value)
{
	char *text = lab_read_file(path);
	bool found = false;
	char *lines = NULL;
	char *names;
	for (names = strtok_r(text, "\n", &lines); names && !found;
	     names = strtok_r(NULL, "\n", &lines)) {
		char *numbers = strtok_r(NULL, "\n", &lines);
		char *save_name = NULL;
		char *save_number = NULL;
		char *a = strtok_r(names, " ", &save_name);
		char *b = numbers ? strtok_r(numbers, " ", &save_number) : NULL;
		while (a && b && !found) {
			found = strcmp(a, name) == 0;
			*value = found ? strtoull(b, NULL, 10) : 0;
			a = strtok_r(NULL, " ", &save_name);
			b = strtok_r(NULL, " ", &save_number);
		}
	}
	free(text);
	return found;
}

uint64_t netstat_counter(const char *name)
{
	uint64_t value = 0;
	/* thread-self: /proc/net would do too, but only while the process has this one thread. */
	if (!find_counter("/proc/thread-self/net/netstat", name, &value) &&
	    !find_counter("/proc/thread-self/net/snmp", name, &value)) {
		fail_msg("there is no counter %s", name);
	}
	return value;
}
