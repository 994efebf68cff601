#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cmd.h"
#include "report/report.h"

#define TOP_DEFAULT 5u
#define TOP_MAX 4096

static const char help[] =
	"resetby report [--format text|json|html] [--top N] LOG...\n"
	"\n"
	"Sums up logs of resetby: what failed, why, with whom, and the worst of it. Logs of both\n"
	"formats, of any size, and such as are still being written, can be given together; - is\n"
	"stdin. With the logs of a client and of its server it says which end did it.\n"
	"\n"
	"  --format text   for people, as wide as the terminal (the default)\n"
	"  --format json   for programs: one document\n"
	"  --format html   a page in one file, for any browser; also --html\n"
	"  --top N         how many peers and connections the text lists, instead of 5\n"
	"  -h, --help\n";

/* A log that was opened; of two names for one file the second is left out. */
struct log {
	int fd;
	dev_t device;
	ino_t inode;
	bool regular;
};

struct logs {
	struct source *sources;
	struct log *logs;
	unsigned count;
	struct progress progress;
	bool failed;
};

static void give_up_on(struct logs *logs, const char *name, int error)
{
	cmd_complain("report: cannot read %s: %s", name,
		     error == EMEDIUMTYPE ? "it is compressed, unpack it first (gunzip -k)"
					  : strerror(error));
	logs->failed = true;
}

static bool is_known(const struct logs *logs, const struct stat *status)
{
	for (unsigned i = 0; i < logs->count; i++) {
		if (logs->logs[i].regular && logs->logs[i].device == status->st_dev &&
		    logs->logs[i].inode == status->st_ino) {
			return true;
		}
	}
	return false;
}

static bool grow(struct logs *logs)
{
	size_t room = logs->count + 1u;
	struct source *sources = realloc(logs->sources, room * sizeof *sources);
	if (!sources) {
		return false;
	}
	logs->sources = sources;
	struct log *more = realloc(logs->logs, room * sizeof *more);
	if (!more) {
		return false;
	}
	logs->logs = more;
	return true;
}

/* Only looked at here: thousands of logs would not fit into the table of descriptors. */
static void add_log(struct logs *logs, const char *name)
{
	struct stat status;
	bool standard = !strcmp(name, "-");
	if ((standard ? fstat(STDIN_FILENO, &status) : stat(name, &status)) != 0) {
		give_up_on(logs, name, errno);
		return;
	}
	if (S_ISDIR(status.st_mode)) {
		give_up_on(logs, name, EISDIR);
		return;
	}
	if (is_known(logs, &status)) {
		return;
	}
	if (!grow(logs)) {
		give_up_on(logs, name, ENOMEM);
		return;
	}
	logs->sources[logs->count] = (struct source){.name = standard ? "stdin" : name};
	logs->logs[logs->count++] = (struct log){
		.fd = standard ? STDIN_FILENO : -1,
		.device = status.st_dev,
		.inode = status.st_ino,
		.regular = S_ISREG(status.st_mode),
	};
	logs->progress.total += S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

/* A pattern that no shell has expanded; its names are needed to the end. */
static void add_logs(struct logs *logs, const char *name, glob_t *names)
{
	size_t before = names->gl_pathc;
	bool pattern = access(name, F_OK) != 0 && strpbrk(name, "*?[");
	if (!pattern || glob(name, before ? GLOB_APPEND : 0, NULL, names) != 0) {
		add_log(logs, name);
		return;
	}
	for (size_t i = before; i < names->gl_pathc; i++) {
		add_log(logs, names->gl_pathv[i]);
	}
}

static void read_log(struct logs *logs, unsigned number, struct model *model)
{
	struct source *source = &logs->sources[number];
	int fd = logs->logs[number].fd;
	bool standard = fd >= 0;
	if (!standard) {
		fd = open(source->name, O_RDONLY | O_CLOEXEC);
	}
	int result = fd < 0 ? -errno : reader_read(source, fd, &logs->progress, model_take, model);
	if (result == 0 && logs->logs[number].regular && !standard) {
		reader_leftovers(source, model_take, model);
	}
	if (fd >= 0 && !standard) {
		close(fd);
	}
	if (result < 0) {
		progress_end(&logs->progress);
		give_up_on(logs, source->name, -result);
	}
}

typedef void renderer(const struct report *report);

static int report_on(struct logs *logs, renderer *render, unsigned top)
{
	struct model *model = malloc(sizeof *model);
	if (!model || model_start(model) != 0) {
		cmd_complain("report: %s", strerror(ENOMEM));
		return STATUS_FAILED;
	}
	logs->progress.wanted = isatty(STDERR_FILENO);
	for (unsigned i = 0; i < logs->count; i++) {
		read_log(logs, i, model);
	}
	progress_end(&logs->progress);
	model_join(model);
	struct report report = {model, logs->sources, logs->count, top};
	render(&report);
	model_free(model);
	free(model);
	return cmd_finish();
}

struct options {
	bool help;
	renderer *render;
	unsigned top;
};

static int choose_format(struct options *options, const char *name)
{
	static const struct {
		const char *name;
		renderer *render;
	} formats[] = {{"text", report_text}, {"json", report_json}, {"html", report_html}};
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		if (!strcmp(name, formats[i].name)) {
			options->render = formats[i].render;
			return STATUS_OK;
		}
	}
	return cmd_misused("report", "--format expects text, json or html, not '%s'", name);
}

/* The value of an option that may be glued to it with `=`; NULL when it is another option. */
static const char *value_of(const char *name, const char *given, char **argv, int argc, int *at)
{
	size_t length = strlen(name);
	if (strncmp(given, name, length) != 0) {
		return NULL;
	}
	if (given[length] == '=') {
		return given + length + 1;
	}
	if (given[length] != '\0') {
		return NULL;
	}
	return *at + 1 < argc ? argv[++*at] : "";
}

static int read_option(struct options *options, char **argv, int argc, int *at)
{
	const char *given = argv[*at];
	const char *value;
	if (cmd_asks_help(given)) {
		options->help = true;
		return STATUS_OK;
	}
	if ((value = value_of("--format", given, argv, argc, at)) ||
	    (value = value_of("-f", given, argv, argc, at))) {
		return choose_format(options, value);
	}
	if (!strcmp(given, "--html")) {
		return choose_format(options, "html");
	}
	if ((value = value_of("--top", given, argv, argc, at))) {
		char *end;
		long top = strtol(value, &end, 10);
		if (*value == '\0' || *end != '\0' || top < 0 || top > TOP_MAX) {
			return cmd_misused("report", "--top expects a number up to %d, not '%s'",
					   TOP_MAX, value);
		}
		options->top = (unsigned)top;
		return STATUS_OK;
	}
	return cmd_misused("report", "there is no option '%s'", given);
}

int cmd_report(int argc, char **argv)
{
	struct options options = {.render = report_text, .top = TOP_DEFAULT};
	struct logs logs = {.count = 0};
	glob_t names = {.gl_pathc = 0};
	bool only_names = false;
	int status = STATUS_OK;
	for (int i = 1; i < argc && status == STATUS_OK; i++) {
		if (only_names || argv[i][0] != '-' || argv[i][1] == '\0') {
			add_logs(&logs, argv[i], &names);
		} else if (!strcmp(argv[i], "--")) {
			only_names = true;
		} else {
			status = read_option(&options, argv, argc, &i);
		}
	}
	if (status == STATUS_OK && options.help) {
		fputs(help, stdout);
		status = cmd_finish();
	} else if (status == STATUS_OK && logs.count == 0) {
		status = logs.failed ? STATUS_FAILED : cmd_misused("report", "expected a log");
	} else if (status == STATUS_OK) {
		status = report_on(&logs, options.render, options.top);
	}
	free(logs.sources);
	free(logs.logs);
	globfree(&names);
	return status == STATUS_OK && logs.failed ? STATUS_FAILED : status;
}
