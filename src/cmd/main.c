/*
 * resetby: the command. Everything that `resetby run` does can be done with LD_PRELOAD and
 * environment variables alone; the command checks first whether it would work.
 *
 *     main.c         chooses the subcommand
 *     cmd.c          what the subcommands share
 *     subcommands.def  what there is, with options: for completion, too
 *     place.c        where the files are that were installed with the command
 *     run.c          run: sets the environment and becomes the program
 *     environment.c    are the values that the library will read right?
 *     stray.c          variables that nobody reads, because they are misspelt
 *     preflight.c      which file will run, and can it be preloaded?
 *     netns.c          a network namespace of its own
 *     check.c        check: reads rules and prints them as understood
 *     explain.c      explain: the catalogue of causes; explain.h has a map of its files
 *     list.c         list: hooks, actions, causes
 *     report.c       report: logs summed up; report/
 *       reader.h       files into lines            line.h      a line into its values
 *       model.h        what is known of all        sentence.h  the same in sentences
 *       text.c, json.c   printed
 *     help.c         help: the manual
 *     help_tell.c      what is known of its topics where there is no man
 */
#include <stdio.h>
#include <string.h>
#include "cmd.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} subcommands[] = {
#define SUBCOMMAND(name, takes, help) {#name, cmd_##name},
#define OPTION(subcommand, option, takes, help)
#include "subcommands.def"
#undef SUBCOMMAND
#undef OPTION
};

static const char help[] =
	"resetby: by whom and why was this connection reset?\n"
	"\n"
	"  resetby run [OPTION]... [--] PROGRAM [ARG]...\n"
	"                            run a program and be told why its connections fail\n"
	"  resetby check RULE... | -R FILE\n"
	"                            print rules as they are understood\n"
	"  resetby explain [CAUSE|ERRNO]\n"
	"                            what the log calls things, and what to do about them\n"
	"  resetby list hooks|actions|causes\n"
	"                            what is watched, what rules can do, what can be the reason\n"
	"  resetby report [--html] LOG...\n"
	"                            sum up logs; with those of both ends, which end did it\n"
	"  resetby help [TOPIC]      the manual\n"
	"  resetby --help, --version\n"
	"\n"
	"Each subcommand has a --help of its own.\n"
	"\n"
	"  resetby run curl http://localhost:8080/\n"
	"  resetby run -r 'connect-timeout=2s to=:443' curl https://example.com/\n";

int cmd_choose(int argc, char **argv)
{
	if (argc < 2) {
		return cmd_misused(NULL, "expected a subcommand");
	}
	if (cmd_asks_help(argv[1])) {
		fputs(help, stdout);
		return cmd_finish();
	}
	if (!strcmp(argv[1], "--version")) {
		puts("resetby " RESETBY_VERSION);
		return cmd_finish();
	}
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		if (!strcmp(argv[1], subcommands[i].name)) {
			return subcommands[i].run(argc - 1, argv + 1);
		}
	}
	return cmd_misused(NULL, "there is no '%s'", argv[1]);
}

int main(int argc, char **argv)
{
	/* stderr is unbuffered: without this a line would leave in pieces. */
	static char line[BUFSIZ];
	setvbuf(stderr, line, _IOLBF, sizeof(line));
	return cmd_choose(argc, argv);
}
