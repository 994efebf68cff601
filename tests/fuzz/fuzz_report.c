/* Logs of anybody's making: every byte is read or counted, and the document is JSON whatever came. */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "../unit/json_check.h"
#include "cmd/report/report.h"

/* Its tables are large: they are made once. */
static struct model model;

static void empty(struct table *table)
{
	table->count = 0;
	table_clear_index(table);
}

static void start_again(void)
{
	if (!model.details) {
		expect(model_start(&model) == 0);
		return;
	}
	struct model fresh = {
		.processes = model.processes,
		.ends = model.ends,
		.peers = model.peers,
		.rules = model.rules,
		.notices = model.notices,
		.details = model.details,
		.sample_limit = UINT64_MAX,
	};
	model = fresh;
	empty(&model.processes);
	empty(&model.ends);
	empty(&model.peers);
	empty(&model.rules);
	empty(&model.notices);
}

static struct source read_log(const uint8_t *bytes, size_t size)
{
	struct source source = {.name = "log"};
	struct progress progress = {.wanted = false};
	int fd = memfd_create("log", 0);
	expect(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	int result = reader_read(&source, fd, &progress, model_take, &model);
	expect(result == 0 || result == -EMEDIUMTYPE);
	close(fd);
	expect(source.bytes == (result == 0 ? size : 0));
	return source;
}

static void print(void (*render)(const struct report *report), const struct source *source,
		  bool json)
{
	struct report report = {&model, source, 1, 5};
	FILE *terminal = stdout;
	char *room = NULL;
	size_t length = 0;
	stdout = open_memstream(&room, &length);
	expect(stdout != NULL);
	render(&report);
	fclose(stdout);
	stdout = terminal;
	expect(!json || json_is_valid(room, length - (room[length - 1] == '\n')));
	expect(render != report_json_in_script || !memchr(room, '<', length));
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)room[i];
		expect(byte == '\n' || (byte >= ' ' && byte != 0x7f));
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	start_again();
	struct source source = read_log(bytes, size);
	uint64_t skipped = 0;
	uint64_t events = 0;
	for (unsigned i = 0; i < SKIP_COUNT; i++) {
		skipped += source.skipped[i];
	}
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		events += model.events[i];
	}
	expect(source.lines == events + skipped);
	model_join(&model);
	expect(model_failed(&model) <= model.failed);
	expect(model_connections(&model) <= model.ends_seen);
	print(report_text, &source, false);
	print(report_json, &source, true);
	print(report_json_in_script, &source, true);
	return 0;
}
