#include "lines.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "log/log.h"
#include "log/pending_file.h"
#include "sys/clock.h"
#include "sys/self.h"

uint64_t stopped_us;

void append(const char *text)
{
	int fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT, 0644);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

void pending_name(char path[256], int pid)
{
	struct text text = text_in(path, 256);
	pending_path(&text, log_path, pid, 0);
}

void leave_at(const char *path, const char *lines, uint64_t mark)
{
	static struct pending_file file;
	memset(&file, 0, sizeof file);
	strcpy(file.lines, lines);
	file.mark = mark;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0 && write(fd, &file, sizeof file) == (ssize_t)sizeof file);
	close(fd);
}

void leave(const char *lines, uint64_t mark)
{
	char path[256];
	pending_name(path, 1);
	leave_at(path, lines, mark);
}

bool is_left(void)
{
	char path[256];
	pending_name(path, 1);
	return access(path, F_OK) == 0;
}

void keep_call(const char *line)
{
	struct self self = self_now();
	log_write_soon(&self, stopped_us != 0 ? stopped_us : clock_wall_us(), line, strlen(line));
}

void say(const char *line)
{
	struct self self = self_now();
	log_write(&self, line, strlen(line));
}

void open_log(void)
{
	log_start(log_path, LOG_CALLS, LOG_TEXT, "x");
	say("opened\n");
}

void expect_log(const char *expected)
{
	if (!file_is(log_path, expected)) {
		printf("# the log is:\n%s# and not:\n%s", content, expected);
		fflush(stdout);
		_exit(1);
	}
}
