#include "proc.h"

#include <errno.h>
#include <string.h>
#include "raw.h"
#include "scratch.h"
#include "self.h"
#include "text.h"

#define SYSCTL_PATH_SIZE 128
/* The longest sysctl of numbers that matters here, tcp_mem, has three of them. */
#define SYSCTL_TEXT_SIZE 128

#define STAT_PATH_SIZE 64
/* The part of /proc/PID/task/TID/stat that holds the flags, behind at most eight short fields. */
#define STAT_TEXT_SIZE 128
/* ppid, pgrp, session, tty_nr, tpgid, flags: proc(5) */
#define STAT_NUMBERS_TO_FLAGS 6
/* Set before the kernel wakes who joins the thread: do_exit(). */
#define PF_EXITING 4

long proc_read(const char *path, char *buffer, size_t size)
{
	buffer[0] = '\0';
	long fd = raw_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
	if (fd < 0) {
		return fd;
	}
	size_t length = 0;
	long got = 0;
	while (length + 1 < size) {
		got = raw_read((int)fd, buffer + length, size - 1 - length);
		if (got == -EINTR) {
			continue;
		}
		if (got <= 0) {
			break;
		}
		length += (size_t)got;
	}
	raw_close((int)fd);
	buffer[length] = '\0';
	return got < 0 ? got : (long)length;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads one number at *at and moves past it. */
static int read_number(const char **at, int64_t *value)
{
	bool negative = **at == '-';
	*at += negative;
	if (!is_digit(**at)) {
		return -EINVAL;
	}
	*value = 0;
	for (; is_digit(**at); (*at)++) {
		int64_t digit = negative ? '0' - **at : **at - '0';
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, digit, value)) {
			return -ERANGE;
		}
	}
	return 0;
}

/* What the kernel says of a thread or a process, from its state on; NULL when that cannot be had. */
static const char *state_in(const char *path, char *content)
{
	const char *at =
		proc_read(path, content, STAT_TEXT_SIZE) > 0 ? strrchr(content, ')') : NULL;
	return at != NULL && at[1] == ' ' && at[2] != '\0' ? at + strlen(") ") : NULL;
}

static const char *thread_state(int tid, char *content)
{
	char path[STAT_PATH_SIZE];
	struct text text = text_in(path, sizeof path);
	text_format(&text, "/proc/self/task/%d/stat", tid);
	return state_in(path, content);
}

static const char *process_state(uint64_t pid, char *content)
{
	char path[STAT_PATH_SIZE];
	struct text text = text_in(path, sizeof path);
	text_format(&text, "/proc/%U/stat", pid);
	return state_in(path, content);
}

bool proc_thread_is_awake(int tid)
{
	char content[STAT_TEXT_SIZE];
	const char *state = thread_state(tid, content);
	return state != NULL && (*state == 'R' || *state == 'T' || *state == 't');
}

/* So many numbers behind a state; 0 when that cannot be had. */
static int64_t number_behind(const char *state, int count)
{
	const char *at = state;
	int64_t value = 0;
	if (at == NULL) {
		return 0;
	}
	at++;
	for (int i = 0; i < count; i++) {
		if (*at != ' ') {
			return 0;
		}
		at++;
		if (read_number(&at, &value) < 0) {
			return 0;
		}
	}
	return value;
}

bool proc_thread_is_over(int tid)
{
	char content[STAT_TEXT_SIZE];
	int64_t flags = number_behind(thread_state(tid, content), STAT_NUMBERS_TO_FLAGS);
	return (flags & PF_EXITING) != 0 || raw3(SYS_tgkill, self_now().pid, tid, 0) == -ESRCH;
}

bool proc_is_ending(uint64_t pid)
{
	char content[STAT_TEXT_SIZE];
	const char *state = process_state(pid, content);
	return (number_behind(state, STAT_NUMBERS_TO_FLAGS) & PF_EXITING) != 0 && *state != 'Z' &&
	       *state != 'X';
}

uint64_t proc_parent(uint64_t pid)
{
	char content[STAT_TEXT_SIZE];
	int64_t parent = number_behind(process_state(pid, content), 1);
	return parent > 0 ? (uint64_t)parent : 0;
}

int proc_sysctl(const char *name, int64_t *values, int count)
{
	char path[SYSCTL_PATH_SIZE];
	char content[SYSCTL_TEXT_SIZE];
	struct text text = text_in(path, sizeof path);
	text_format(&text, "/proc/sys/%s", name);
	if (text.cut) {
		return -ENAMETOOLONG;
	}
	long length = proc_read(path, content, sizeof content);
	if (length < 0) {
		return (int)length;
	}
	int found = 0;
	const char *at = content;
	while (found < count) {
		while (*at == ' ' || *at == '\t' || *at == '\n') {
			at++;
		}
		if (*at == '\0') {
			break;
		}
		int result = read_number(&at, &values[found]);
		if (result < 0) {
			return result;
		}
		found++;
	}
	return found;
}

/* Behind the word, and the blank that follows it. */
static const char *next_word(const char *word)
{
	size_t length = strcspn(word, " \n");
	return word[length] == ' ' ? word + length + 1 : word + length;
}

/* Of two lines, names and values, each of which begins with the group's own name. */
static int64_t find_counter(const char *names, const char *name)
{
	size_t length = strlen(name);
	const char *values = strchr(names, '\n');
	int64_t value = -ENOENT;
	if (values == NULL) {
		return value;
	}
	for (values++; *names != '\n'; names = next_word(names), values = next_word(values)) {
		if (strncmp(names, name, length) == 0 && strcspn(names, " \n") == length) {
			int result = read_number(&values, &value);
			return result < 0 ? result : value;
		}
	}
	return value;
}

int64_t proc_tcp_counter(const char *name)
{
	char *text = scratch_take();
	if (text == NULL) {
		return -ENOMEM;
	}
	/* Not /proc/net, which is the first thread's. TcpExt comes first in it. */
	int64_t value = proc_read("/proc/thread-self/net/netstat", text, SCRATCH_SIZE);
	if (value >= 0) {
		value = find_counter(text, name);
	}
	scratch_give(text);
	return value;
}
