#include "probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void say(const char *format, ...)
{
	char text[512];
	va_list list;
	va_start(list, format);
	int length = vsnprintf(text, sizeof text, format, list);
	va_end(list);
	int saved = errno;
	if (length > (int)sizeof text - 1) {
		length = (int)sizeof text - 1;
	}
	if (write(1, text, (size_t)length) != length) {
		_exit(99);
	}
	errno = saved;
}

const char *error_name(int error)
{
	return error == UNTOUCHED ? "errno untouched" : strerrorname_np(error);
}

void must(int condition, const char *text)
{
	if (!condition) {
		say("this must hold, errno %s: %s\n", error_name(errno), text);
		_exit(98);
	}
}

uint16_t port_of(const char *argument)
{
	return (uint16_t)atoi(argument);
}

int dial_with(int fd, uint16_t port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	return connect(fd, (struct sockaddr *)&name, sizeof name);
}

int dial(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	MUST(fd >= 0);
	MUST(dial_with(fd, port) == 0);
	return fd;
}

void order(int fd, char what)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLRDHUP};
	MUST(send(fd, &what, 1, MSG_NOSIGNAL) == 1);
	if (what != 'x') {
		MUST(poll(&poll_fd, 1, 20000) == 1);
	}
}

void say_status(const char *name)
{
	char text[4096];
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	MUST(fd >= 0);
	ssize_t length = read(fd, text, sizeof text - 1);
	close(fd);
	MUST(length > 0);
	text[length] = '\0';
	char *found = strstr(text, name);
	MUST(found != NULL);
	say(" %.*s", (int)strcspn(found, "\n"), found);
}

void say_descriptors(void)
{
	_Alignas(struct dirent64) char entries[2048];
	int directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(directory >= 0);
	long filled;
	say(" fds");
	while ((filled = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0) {
		const struct dirent64 *entry;
		for (long at = 0; at < filled; at += entry->d_reclen) {
			entry = (const struct dirent64 *)(const void *)(entries + at);
			if (entry->d_name[0] != '.' && atoi(entry->d_name) != directory) {
				say(" %s", entry->d_name);
			}
		}
	}
	close(directory);
}

void wait_until_alone(void)
{
	struct stat tasks;
	do {
		sched_yield();
		MUST(stat("/proc/self/task", &tasks) == 0);
		/* Beside two that every directory has: proc_task_getattr(). */
	} while (tasks.st_nlink > 2 + 1);
}

void say_state(void)
{
	static const char *const lines[] = {
		"Threads:", "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:", "SigCgt:"};
	say_descriptors();
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		say_status(lines[i]);
	}
	say(" random %ld\n", random());
}

static void live_quietly(uint16_t port)
{
	char buffer[8];
	int fd = (int)DO(socket(AF_INET, SOCK_STREAM, 0));
	DO(dial_with(fd, port));
	say_state();
	order(fd, 'e');
	DO(recv(fd, buffer, sizeof buffer, 0));
	DO(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
	say_state();
	int copy = (int)DO(dup(fd));
	DO(shutdown(fd, SHUT_WR));
	DO(read(copy, buffer, sizeof buffer));
	DO(close(copy));
	DO(close(fd));
	DO(close(fd));
	say_state();
}

static void live_until_reset(uint16_t port, int writes)
{
	char buffer[8] = "";
	int fd = dial(port);
	order(fd, 'r');
	if (writes) {
		DO(send(fd, buffer, 1, MSG_NOSIGNAL));
		DO(send(fd, buffer, 1, MSG_NOSIGNAL));
	} else {
		DO(read(fd, buffer, sizeof buffer));
		DO(read(fd, buffer, sizeof buffer));
	}
	say_state();
	DO(close(fd));
}

/* The peer closes, and what is written afterwards is answered by a RST. */
static void live_past_the_end(uint16_t port)
{
	char buffer[8] = "";
	struct pollfd poll_fd = {.events = 0};
	int fd = dial(port);
	order(fd, 'c');
	DO(read(fd, buffer, sizeof buffer));
	DO(write(fd, buffer, 1));
	poll_fd.fd = fd;
	DO(poll(&poll_fd, 1, 20000));
	DO(send(fd, buffer, 1, MSG_NOSIGNAL));
	say_state();
	DO(close(fd));
}

static void live_refused(void)
{
	int fd = (int)DO(socket(AF_INET, SOCK_STREAM, 0));
	DO(dial_with(fd, 1));
	say_state();
	DO(close(fd));
}

void live(uint16_t port)
{
	say_state();
	live_quietly(port);
	live_until_reset(port, 0);
	live_until_reset(port, 1);
	live_past_the_end(port);
	live_refused();
	say_state();
}
