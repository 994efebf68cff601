#include "actor.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <locale.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/** Bytes of what was received that a result line shows. */
#define SHOWN 1000

static const struct command *find_command(const char *name);

int slots[SLOTS] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
struct outcome last;

double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void confused(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("? ");
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
	va_end(args);
	_exit(2);
}

void tell(struct outcome *outcome, const char *format, ...)
{
	size_t used = strlen(outcome->extra);
	va_list args;
	va_start(args, format);
	vsnprintf(outcome->extra + used, sizeof(outcome->extra) - used, format, args);
	va_end(args);
}

void tell_bytes(struct outcome *outcome, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size && i < SHOWN; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		if (byte == '\r' || byte == '\n' || byte == '\\') {
			tell(outcome, "\\%c", byte == '\r' ? 'r' : byte == '\n' ? 'n' : '\\');
		} else {
			tell(outcome, isprint(byte) ? "%c" : "\\x%02x", byte);
		}
	}
	if (size > SHOWN) {
		tell(outcome, "...");
	}
}

void tell_address(struct outcome *outcome, const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN];
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		tell(outcome, "%s:%u", text, ntohs(v4->sin_port));
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		tell(outcome, "[%s]:%u", text, ntohs(v6->sin6_port));
	} else {
		tell(outcome, "family %d", address->ss_family);
	}
}

bool has_word(const struct words *words, const char *word)
{
	for (int i = 1; i < words->count; i++) {
		if (strcmp(words->w[i], word) == 0) {
			return true;
		}
	}
	return false;
}

const char *word_at(const struct words *words, int index, const char *fallback)
{
	if (index < words->count) {
		return words->w[index];
	}
	if (fallback == NULL) {
		confused("%s wants %s", words->w[0], find_command(words->w[0])->usage);
	}
	return fallback;
}

static long number_of(const char *word)
{
	char *end;
	long number = strcmp(word, "max") == 0 ? (end = "", (long)UINT_MAX) : strtol(word, &end, 0);
	if (*end) {
		confused("no number: %s", word);
	}
	return number;
}

long number_at(const struct words *words, int index, long fallback)
{
	return index < words->count ? number_of(words->w[index]) : fallback;
}

int *slot_of(const char *word)
{
	if (word[0] != 's' || !isdigit((unsigned char)word[1]) || word[2]) {
		confused("no slot: %s", word);
	}
	return &slots[word[1] - '0'];
}

int fd_at(const struct words *words, int index)
{
	const char *word = word_at(words, index, NULL);
	return word[0] == 's' ? *slot_of(word) : (int)number_of(word);
}

socklen_t parse_address(const char *address, long port, struct sockaddr_storage *into)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)into;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)into;
	memset(into, 0, sizeof(*into));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	char bare[INET6_ADDRSTRLEN + 1] = "";
	sscanf(address, address[0] == '[' ? "[%46[^]]" : "%46s", bare);
	if (inet_pton(AF_INET6, bare, &v6->sin6_addr) != 1) {
		confused("no address: %s", address);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	return sizeof(*v6);
}

int flags_from(const struct words *words, int index)
{
	static const struct {
		const char *name;
		int flag;
	} names[] = {
		{"dontwait", MSG_DONTWAIT},
		{"nosignal", MSG_NOSIGNAL},
		{"peek", MSG_PEEK},
		{"oob", MSG_OOB},
		{"more", MSG_MORE},
		{"waitall", MSG_WAITALL},
		{"trunc", MSG_TRUNC},
		{"errqueue", MSG_ERRQUEUE},
		{"waitforone", MSG_WAITFORONE},
		{"zerocopy", MSG_ZEROCOPY},
		{"fastopen", MSG_FASTOPEN},
		{"eor", MSG_EOR},
	};
	int flags = 0;
	for (; index < words->count; index++) {
		size_t i = 0;
		while (i < sizeof(names) / sizeof(names[0]) &&
		       strcmp(names[i].name, words->w[index]) != 0) {
			i++;
		}
		if (i == sizeof(names) / sizeof(names[0])) {
			confused("no flag: %s", words->w[index]);
		}
		flags |= names[i].flag;
	}
	return flags;
}

char *pattern(size_t size)
{
	static char *bytes;
	static size_t filled;
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	if (filled < size) {
		/* A buffer that another thread may be sending stays as it is. */
		bytes = malloc(size);
		for (filled = 0; filled < size; filled++) {
			bytes[filled] = (char)('a' + filled % 26);
		}
	}
	pthread_mutex_unlock(&lock);
	return bytes;
}

int cut(struct iovec pieces[PIECES_MAX], char *bytes, size_t size, long count)
{
	if (count < 1 || count > PIECES_MAX) {
		confused("1 to %d pieces", PIECES_MAX);
	}
	for (long i = 0; i < count; i++) {
		size_t from = size * (size_t)i / (size_t)count;
		size_t to = size * (size_t)(i + 1) / (size_t)count;
		pieces[i] = (struct iovec){.iov_base = bytes + from, .iov_len = to - from};
	}
	return (int)count;
}

size_t unescape(char *text)
{
	static const char letters[] = "rnt0\\";
	static const char bytes[] = "\r\n\t\0\\";
	char *start = text;
	char *out = text;
	for (; *text; text++) {
		const char *letter = *text == '\\' && text[1] ? strchr(letters, text[1]) : NULL;
		unsigned value;
		int used = 0;
		if (letter) {
			*out++ = bytes[letter - letters];
			text++;
		} else if (*text == '\\' && sscanf(text, "\\x%2x%n", &value, &used) == 1) {
			*out++ = (char)value;
			text += used - 1;
		} else {
			*out++ = *text;
		}
	}
	return (size_t)(out - start);
}

struct words split(char *line)
{
	static char empty[] = "";
	struct words words = {.rest = empty};
	char *at = line;
	while (*at && words.count < WORDS_MAX) {
		at += strspn(at, " ");
		if (*at) {
			words.w[words.count++] = at;
			at += strcspn(at, " ");
			if (*at) {
				*at++ = '\0';
			}
		}
	}
	return words;
}

/** What follows so many words of a line, as it stands; a copy. */
static char *after_words(const char *line, int count)
{
	while (count-- > 0) {
		line += strspn(line, " ");
		line += strcspn(line, " ");
	}
	return strdup(*line ? line + 1 : line);
}

void run_command(char *line, struct outcome *outcome)
{
	char *rest = after_words(line, 2);
	char *all_after_name = after_words(line, 1);
	struct words words = split(line);
	if (words.count == 0) {
		confused("an empty line");
	}
	const struct command *command = find_command(words.w[0]);
	if (command == NULL) {
		confused("no command: %s", words.w[0]);
	}
	/* Commands that take a command have no slot before it. */
	bool takes_command = strcmp(command->usage, "CMD") == 0;
	words.rest = takes_command ? all_after_name : rest;
	*outcome = (struct outcome){0};
	command->run(&words, outcome);
	free(rest);
	free(all_after_name);
}

void answer(const struct outcome *outcome)
{
	const char *name = outcome->error ? strerrorname_np(outcome->error) : "-";
	printf("%ld %s%s%s\n", outcome->result, name ? name : "?", outcome->extra[0] ? " " : "",
	       outcome->extra);
	fflush(stdout);
}

static void run_time(const struct words *words, struct outcome *outcome)
{
	(void)words;
	outcome->result = (long)last.ms;
}

static void run_errno(const struct words *words, struct outcome *outcome)
{
	(void)words;
	tell(outcome, "%s", last.left ? strerrorname_np(last.left) : "0");
}

static void run_strerror(const struct words *words, struct outcome *outcome)
{
	(void)words;
	tell(outcome, "%s", strerror(last.error));
}

static void run_strerror_r(const struct words *words, struct outcome *outcome)
{
	char buffer[512];
	(void)words;
	tell(outcome, "%s", strerror_r(last.error, buffer, sizeof(buffer)));
}

static void run_alias_of_strerror_r(const struct words *words, struct outcome *outcome)
{
	extern char *__strerror_r(int, char *, size_t);
	char buffer[512];
	(void)words;
	tell(outcome, "%s", __strerror_r(last.error, buffer, sizeof(buffer)));
}

static void run_xpg_strerror_r(const struct words *words, struct outcome *outcome)
{
	extern int __xpg_strerror_r(int, char *, size_t);
	char buffer[512];
	(void)words;
	CALL(outcome, __xpg_strerror_r(last.error, buffer, sizeof(buffer)));
	tell(outcome, "%s", buffer);
}

static void run_strerror_l(const struct words *words, struct outcome *outcome)
{
	(void)words;
	locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	tell(outcome, "%s", strerror_l(last.error, locale));
	freelocale(locale);
}

static void run_perror(const struct words *words, struct outcome *outcome)
{
	(void)outcome;
	errno = last.error;
	perror(word_at(words, 1, "actor"));
}

static void run_fd(const struct words *words, struct outcome *outcome)
{
	outcome->result = fd_at(words, 1);
}

static void run_pid(const struct words *words, struct outcome *outcome)
{
	(void)words;
	outcome->result = getpid();
}

static void run_getenv(const struct words *words, struct outcome *outcome)
{
	const char *value = getenv(word_at(words, 1, NULL));
	outcome->result = value != NULL;
	tell(outcome, "%s", value ? value : "");
}

/** Words about the call before; they leave it the last one. */
static const struct command last_commands[] = {
	{"time", "", run_time},
	{"errno", "", run_errno},
	{"strerror", "", run_strerror},
	{"strerror_r", "", run_strerror_r},
	{"__strerror_r", "", run_alias_of_strerror_r},
	{"__xpg_strerror_r", "", run_xpg_strerror_r},
	{"strerror_l", "", run_strerror_l},
	{"perror", "[PREFIX]", run_perror},
	{"fd", "FD", run_fd},
	{"pid", "", run_pid},
	{"getenv", "NAME", run_getenv},
	{0},
};

static const struct command *find_in(const struct command *table, const char *name)
{
	while (table->name && strcmp(table->name, name) != 0) {
		table++;
	}
	return table->name ? table : NULL;
}

static const struct command *find_command(const char *name)
{
	const struct command *const tables[] = {last_commands, open_commands,  send_commands,
						recv_commands, end_commands,   process_commands,
						more_commands, unseen_commands};
	const struct command *found = NULL;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !found; i++) {
		found = find_in(tables[i], name);
	}
	return found;
}

/** After exec, the slots come as an argument: numbers with commas. */
static void take_slots(char *list)
{
	char *save = NULL;
	char *number = strtok_r(list, ",", &save);
	for (int i = 0; i < SLOTS && number; i++) {
		slots[i] = atoi(number);
		number = strtok_r(NULL, ",", &save);
	}
	answer(&(struct outcome){0});
}

int main(int argc, char **argv)
{
	char line[8192];
	/* A byte at a time: what the next program reads after exec must not be in our buffer. */
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc > 1) {
		take_slots(argv[1]);
	}
	while (fgets(line, sizeof(line), stdin)) {
		struct outcome outcome;
		line[strcspn(line, "\n")] = '\0';
		char name[64] = "";
		sscanf(line, "%63s", name);
		run_command(line, &outcome);
		if (!find_in(last_commands, name)) {
			last = outcome;
		}
		answer(&outcome);
	}
	return 0;
}
