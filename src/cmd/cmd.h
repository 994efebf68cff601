/* The resetby command: what its files share. A subcommand gets its own name as argv[0]. */
#ifndef RESETBY_CMD_CMD_H
#define RESETBY_CMD_CMD_H

/** How the command ends, when it is not the program that it runs that ends. */
enum {
	STATUS_OK = 0,
	STATUS_FAILED = 1,  /* something that was to be written or read failed */
	STATUS_REFUSED = 2, /* wrong usage, a wrong value, or a program that cannot be preloaded */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
};

/** The subcommands; each ends with a status. */
#define SUBCOMMAND(name, takes, help) int cmd_##name(int argc, char **argv);
#define OPTION(subcommand, option, takes, help)
#include "subcommands.def"
#undef SUBCOMMAND
#undef OPTION

/** The whole command: argv[1] says which subcommand. */
int cmd_choose(int argc, char **argv);

/** Say something on stderr: `resetby: MESSAGE`, one line. */
void cmd_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/**
 * Say what is wrong with the command line, and where to read on: in the help of that subcommand.
 *
 * @subcommand
 *         NULL: none was found.
 * @return
 *         STATUS_REFUSED.
 */
int cmd_misused(const char *subcommand, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Is this `--help` or `-h`? */
int cmd_asks_help(const char *argument);

/**
 * Push out what was printed.
 *
 * @return
 *         STATUS_OK, or STATUS_FAILED with a complaint when stdout did not take it all.
 */
int cmd_finish(void);

#endif
