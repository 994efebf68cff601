#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cmd.h"
#include "environment.h"
#include "netns.h"
#include "place.h"
#include "preflight.h"

static const char help[] =
	"resetby run [OPTION]... [--] PROGRAM [ARG]...\n"
	"\n"
	"Runs PROGRAM with libresetby.so preloaded: same process, same exit status. A connection\n"
	"that is reset, refused or times out is told in one line on stderr; nothing else is.\n"
	"\n"
	"  -l FILE     write the log to FILE (%p: process ID, %e: program name) instead of stderr\n"
	"  -L LEVEL    off, resets (the default), conns, calls\n"
	"  -f FORMAT   text (the default), json\n"
	"  -r RULE     a rule, see resetby list actions; may be given several times, and replaces\n"
	"              what RESETBY_RULES held\n"
	"  -R FILE     a file of rules; edits take effect while the program runs\n"
	"  --seed N    number from which every random choice follows\n"
	"  --netns     give the program a network namespace of its own, with loopback only, and\n"
	"              CAP_NET_ADMIN in it: for rules that need it, without being root\n"
	"\n"
	"The options stand for RESETBY_LOG, _LEVEL, _FORMAT, _RULES, _RULES_FILE and _SEED.\n"
	"RESETBY_LIBRARY names the library to use instead of the one that was installed.\n"
	"\n"
	"Exit status: the program's own; 2 when it could not work, 126 when PROGRAM cannot be\n"
	"executed, 127 when there is none.\n";

enum { OPTION_SEED = 256, OPTION_NETNS };

static const struct option long_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"seed", required_argument, NULL, OPTION_SEED},
	{"netns", no_argument, NULL, OPTION_NETNS},
	{NULL, 0, NULL, 0},
};

struct request {
	bool help;
	bool netns;
};

static int misused_option(int letter, char **argv)
{
	const char *problem = letter == ':' ? "wants a value" : "is no option";
	if (optopt > 0 && optopt < 256) {
		return cmd_misused("run", "-%c %s", optopt, problem);
	}
	return cmd_misused("run", "%s %s", argv[optind - 1], problem);
}

static int read_options(int argc, char **argv, struct request *request)
{
	int letter;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, "+:hl:L:f:r:R:", long_options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			request->help = true;
			return STATUS_OK;
		case 'l':
			environment_set_path(SETTING_LOG, optarg, "-l");
			break;
		case 'L':
			environment_set(SETTING_LEVEL, optarg, "-L");
			break;
		case 'f':
			environment_set(SETTING_FORMAT, optarg, "-f");
			break;
		case 'r':
			environment_add_rule(optarg, "-r");
			break;
		case 'R':
			environment_set_path(SETTING_RULES_FILE, optarg, "-R");
			break;
		case OPTION_SEED:
			environment_set(SETTING_SEED, optarg, "--seed");
			break;
		case OPTION_NETNS:
			request->netns = true;
			break;
		default:
			return misused_option(letter, argv);
		}
	}
	return STATUS_OK;
}

/* `-r refuse to=:80 PROGRAM`: the shell has split what was to be one rule. */
static bool is_selector(const char *word)
{
	static const char *const names[] = {
#define SELECTOR(name, form, help) #name,
#include "../rule/selectors.def"
#undef SELECTOR
	};
	size_t length = strcspn(word, "=");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (word[length] == '=' && strlen(names[i]) == length &&
		    !strncmp(word, names[i], length)) {
			return access(word, F_OK) != 0;
		}
	}
	return false;
}

static bool find_library(char path[PATH_MAX])
{
	char directory[PATH_MAX];
	const char *chosen = getenv("RESETBY_LIBRARY");
	if (chosen && chosen[0]) {
		const char *start = chosen[0] == '/' ? "" : getcwd(directory, sizeof(directory));
		if (start && place_is(path, start, chosen + (chosen[0] == '/'))) {
			return true;
		}
		cmd_complain("RESETBY_LIBRARY: %s: %s", chosen, strerror(errno));
		return false;
	}
	place_own(directory);
	if (place_is(path, directory, "libresetby.so") ||
	    place_is(path, directory, RESETBY_LIB_FROM_BIN "/libresetby.so") ||
	    place_is(path, RESETBY_LIBDIR, "libresetby.so")) {
		return true;
	}
	cmd_complain("libresetby.so is neither in %s nor in %s; RESETBY_LIBRARY can name it",
		     directory, RESETBY_LIBDIR);
	return false;
}

/* LD_PRELOAD is split at blanks and colons, `$` begins a name to expand, and nothing escapes them. */
static bool can_preload(const char *library)
{
	if (library[strcspn(library, ": \t\n$")] == '\0') {
		return true;
	}
	cmd_complain("LD_PRELOAD cannot hold the path '%s': put the library where the path has no "
		     "blank, colon or '$', and name it in RESETBY_LIBRARY",
		     library);
	return false;
}

static int become(const char *path, char **argv)
{
	execvp(path, argv);
	int error = errno;
	cmd_complain("%s: %s", argv[0], strerror(error));
	return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}

int cmd_run(int argc, char **argv)
{
	struct request request = {false, false};
	int status = read_options(argc, argv, &request);
	if (status) {
		return status;
	}
	if (request.help) {
		fputs(help, stdout);
		return cmd_finish();
	}
	char **program = argv + optind;
	if (!program[0]) {
		return cmd_misused("run", "expected a program");
	}
	if (is_selector(program[0])) {
		return cmd_misused("run", "%s: a rule is one argument, as in -r 'ACTION %s'",
				   program[0], program[0]);
	}

	char library[PATH_MAX], path[PATH_MAX];
	const char *slash = strrchr(program[0], '/');
	status = environment_check(slash ? slash + 1 : program[0]);
	if (status) {
		return status;
	}
	if (!find_library(library) || !can_preload(library)) {
		return STATUS_REFUSED;
	}
	status = preflight(program[0], library, path);
	if (status == STATUS_OK && request.netns) {
		status = netns_enter();
	}
	if (status) {
		return status;
	}
	environment_preload(library);
	return become(path, program);
}
