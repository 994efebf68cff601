/*
 * Numbers of descriptors, by a program that counts on them: descriptors PORT HOW. HOW it closes all
 * of them: closefrom, close_range, cloexec, loop, listed; or how many it may have; or `full`, where
 * it has no number left; or the path of a log, whose number, if there is one, it must not meet.
 */
#include "probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint16_t port;

static void loop(void)
{
	struct rlimit limit;
	long closed = 0;
	getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 3; fd < (int)limit.rlim_cur; fd++) {
		closed += close(fd) == 0;
	}
	say("closed %ld\n", closed);
}

static void listed(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	while ((entry = readdir(directory)) != NULL) {
		int fd = atoi(entry->d_name);
		if (fd > 2 && fd != dirfd(directory)) {
			DO(close(fd));
		}
	}
	closedir(directory);
}

static void close_all(const char *how)
{
	if (strcmp(how, "closefrom") == 0) {
		closefrom(3);
	} else if (strcmp(how, "close_range") == 0) {
		DO(close_range(3, ~0U, 0));
	} else if (strcmp(how, "cloexec") == 0) {
		DO(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC));
		closefrom(3);
	} else if (strcmp(how, "listed") == 0) {
		listed();
	} else {
		loop();
	}
}

static void exchange(int fd)
{
	char byte;
	order(fd, 'e');
	DO(recv(fd, &byte, 1, 0));
}

static void live_between(const char *how)
{
	live(port);
	for (int i = 0; i < 2; i++) {
		int fd = dial(port);
		DO(dup(fd));
		DO(fcntl(fd, F_DUPFD, 1000));
		close_all(how);
		say_state();
		DO(open("/dev/null", O_RDWR));
		DO(write(3, "x", 1));
		DO(close(3));
	}
	live(port);
}

static long memory(void)
{
	char text[128] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	MUST(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	/* Resident pages are the second number. */
	return atol(strchr(text, ' '));
}

static int live_with(int most)
{
	struct rlimit limit = {(rlim_t)most, (rlim_t)most};
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		say("this machine grants no limit of %d descriptors\n", most);
		return 77;
	}
	int fd = dial(port);
	long before = memory();
	loop();
	closefrom(3);
	DO(close_range(3, ~0U, 0));
	say("memory grew by %s\n", memory() - before < 256 ? "less than 1 MiB" : "too much");
	fd = dial(port);
	for (int number = 1024; number < most; number = number * 3 + 1) {
		DO(dup2(fd, number));
		exchange(number);
	}
	DO(dup2(fd, most - 1));
	DO(dup2(fd, most));
	DO(close(fd));
	exchange(most - 1);
	say_state();
	closefrom(3);
	say_state();
	live(port);
	return 0;
}

static void live_without_a_number(void)
{
	struct rlimit limit = {40, 40};
	MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	int reset = dial(port);
	order(reset, 'r');
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	while (dup(0) >= 0) {
	}
	char byte;
	DO(recv(reset, &byte, 1, 0));
	DO(dial_with(fd, 1));
	DO(socket(AF_INET, SOCK_STREAM, 0));
	DO(accept(fd, NULL, NULL));
	DO(dup(fd));
	DO(close(reset));
	DO(socket(AF_INET, SOCK_STREAM, 0));
	DO(close(fd));
	say_state();
}

static void be_refused(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	DO(dial_with(fd, 1));
	DO(close(fd));
}

/* Where this file is open in the process; else a number that is not. */
static int number_of(const char *path)
{
	char name[32];
	char where[PATH_MAX];
	for (int fd = 3; fd < 1024; fd++) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(name, where, sizeof where - 1);
		where[length > 0 ? length : 0] = '\0';
		if (strcmp(where, path) == 0) {
			return fd;
		}
	}
	return 1000;
}

/*
 * What the library has open is nobody's number, and stays open whatever is closed: the file has another
 * name, `kept`, and were it opened again, there would be a new one of the old name.
 */
static void live_beside(const char *path)
{
	MUST(close(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) == 0);
	unlink("kept");
	MUST(link(path, "kept") == 0);
	be_refused();
	int number = number_of(path);
	MUST(unlink(path) == 0);
	DO(close(number));
	DO(dup(number));
	DO(dup2(number, 50));
	DO(dup3(number, 50, 0));
	DO(fcntl(number, F_GETFD));
	DO(fcntl(number, F_DUPFD, 0));
	be_refused();
	DO(system("readlink /proc/self/fd/* | grep deleted"));
	closefrom(3);
	be_refused();
	DO(close_range(3, ~0U, 0));
	be_refused();
	loop();
	be_refused();
	listed();
	DO(dup2(0, number) == number);
	be_refused();
	DO(close(number));
	DO(close(number));
	DO(open(path, O_RDONLY));
}

int main(int argc, char **argv)
{
	MUST(argc == 3);
	port = port_of(argv[1]);
	say_state();
	if (atoi(argv[2]) > 0) {
		return live_with(atoi(argv[2]));
	}
	if (strcmp(argv[2], "full") == 0) {
		live_without_a_number();
	} else if (argv[2][0] == '/') {
		live_beside(argv[2]);
	} else {
		live_between(argv[2]);
	}
	return 0;
}
