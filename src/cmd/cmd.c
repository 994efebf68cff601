#include "cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void cmd_complain(const char *format, ...)
{
	va_list arguments;
	fputs("resetby: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int cmd_misused(const char *format, ...)
{
	va_list arguments;
	fputs("resetby: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs("; try resetby --help\n", stderr);
	return STATUS_REFUSED;
}

int cmd_asks_help(const char *argument)
{
	return !strcmp(argument, "--help") || !strcmp(argument, "-h");
}

int cmd_finish(void)
{
	if (fflush(stdout) || ferror(stdout)) {
		cmd_complain("cannot write to stdout: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return STATUS_OK;
}
