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

int cmd_misused(const char *subcommand, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "resetby: %s%s", subcommand ? subcommand : "", subcommand ? ": " : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; try resetby %s%s--help\n", subcommand ? subcommand : "",
		subcommand ? " " : "");
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
