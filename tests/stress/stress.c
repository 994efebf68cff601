#include "stress.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Threads that the watchdog can see at once. */
#define SEEN 32

/* Without any progress for so long a thread hangs, also on a slow and busy machine. */
#define PATIENCE_S 90

/* Descriptors above this are the library's own. */
#define OURS 600
#define LIMIT 1024

/* Connections that are open at once in the end. */
#define LAST_PAIRS 100

#define STREAMS 2

atomic_bool stopping;

static struct seen {
	_Atomic(const char *) name; /* NULL: free */
	_Atomic(const char *) what;
	atomic_uint steps;
	unsigned steps_before; /* the watchdog's own */
	unsigned still_s;
} seen[SEEN];

static __thread struct seen *me;

void wrong(const char *format, ...)
{
	char line[400];
	va_list arguments;
	va_start(arguments, format);
	int length = snprintf(line, sizeof line, "stress[%d]: %s: ", (int)getpid(),
			      me != NULL ? me->name : "main");
	vsnprintf(line + length, sizeof line - (size_t)length - 1, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	if (write(STDERR_FILENO, line, strlen(line)) < 0) {
		_exit(3);
	}
	abort();
}

void failed(const char *call)
{
	wrong("%s: %s", call, strerrorname_np(errno));
}

void progress_begin(const char *name)
{
	for (int i = 0; i < SEEN; i++) {
		const char *nobody = NULL;
		if (atomic_compare_exchange_strong(&seen[i].name, &nobody, name)) {
			me = &seen[i];
			progress("beginning");
			return;
		}
	}
	wrong("too many threads");
}

void progress(const char *what)
{
	if (me != NULL) {
		atomic_store_explicit(&me->what, what, memory_order_relaxed);
		atomic_fetch_add_explicit(&me->steps, 1, memory_order_relaxed);
	}
}

void progress_end(void)
{
	atomic_store(&me->name, NULL);
	me = NULL;
}

uint32_t chance(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Called once a second. */
static void watch(void)
{
	for (int i = 0; i < SEEN; i++) {
		const char *name = atomic_load(&seen[i].name);
		unsigned steps = atomic_load(&seen[i].steps);
		seen[i].still_s =
			name != NULL && steps == seen[i].steps_before ? seen[i].still_s + 1 : 0;
		seen[i].steps_before = steps;
		if (seen[i].still_s > PATIENCE_S) {
			wrong("%s hangs while %s", name, atomic_load(&seen[i].what));
		}
	}
}

static void *watch_run(void *argument)
{
	for (;;) {
		sleep(1);
		watch();
	}
	return argument;
}

static unsigned count_descriptors(void)
{
	unsigned count = 0;
	DIR *directory = opendir("/proc/self/fd");
	if (directory == NULL) {
		failed("opendir");
	}
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		int fd = entry->d_name[0] == '.' ? -1 : atoi(entry->d_name);
		count += fd >= 0 && fd < OURS;
	}
	closedir(directory);
	return count;
}

static void race(double seconds)
{
	pthread_t threads[STREAMS + THIEVES + CLOSERS + 1];
	uintptr_t count = 0;
	for (int i = 0; i < STREAMS; i++, count++) {
		pthread_create(&threads[count], NULL, stream_run, (void *)(count + 1));
	}
	for (int i = 0; i < THIEVES; i++, count++) {
		pthread_create(&threads[count], NULL, thief_run, (void *)(count + 1));
	}
	for (int i = 0; i < CLOSERS; i++, count++) {
		pthread_create(&threads[count], NULL, closer_run, (void *)(count + 1));
	}
	pthread_create(&threads[count], NULL, forker_run, (void *)(count + 1));
	count++;
	usleep((useconds_t)(seconds * 1e6));
	atomic_store(&stopping, true);
	while (count > 0) {
		pthread_join(threads[--count], NULL);
	}
}

/* After all that, many connections at once: each is itself. */
static void open_many(void)
{
	struct pair pairs[LAST_PAIRS];
	uint16_t port;
	int listener = listen_anywhere(&port);
	for (int i = 0; i < LAST_PAIRS; i++) {
		pairs[i] = pair_open(listener, port, SOCK_CLOEXEC);
	}
	for (int i = 0; i < LAST_PAIRS; i++) {
		int number = -1;
		if (send(pairs[i].client, &i, sizeof i, 0) != sizeof i ||
		    recv(pairs[i].server, &number, sizeof number, MSG_WAITALL) != sizeof number ||
		    number != i) {
			wrong("connection %d brings %d", i, number);
		}
	}
	for (int i = 0; i < LAST_PAIRS; i++) {
		stream_end(&pairs[i], i % 2 == 0);
	}
	must(close(listener));
}

int main(int count, char *arguments[])
{
	if (count == 3 && strcmp(arguments[1], EXECUTED) == 0) {
		return executed(atoi(arguments[2]));
	}
	const char *seconds = getenv("STRESS_SECONDS");
	struct rlimit limit;
	must(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max < LIMIT ? limit.rlim_max : LIMIT;
	must(setrlimit(RLIMIT_NOFILE, &limit));
	signal(SIGPIPE, SIG_IGN);
	pthread_t watchdog;
	pthread_create(&watchdog, NULL, watch_run, NULL);
	unsigned before = count_descriptors();
	race(seconds != NULL ? atof(seconds) : 60);
	thief_end();
	open_many();
	unsigned after = count_descriptors();
	if (after != before) {
		wrong("%u descriptors are open, %u were", after, before);
	}
	printf("pid=%d ports=%u,%u resets=%ju connections=%ju refused=%ju bytes=%ju children=%ju "
	       "handlers=%ju closed=%ju\n",
	       (int)getpid(), thief_port(0), thief_port(1), (uintmax_t)stream_resets(),
	       (uintmax_t)stream_connections(), (uintmax_t)handler_refused(),
	       (uintmax_t)stream_bytes(), (uintmax_t)forker_children(), (uintmax_t)handler_runs(),
	       (uintmax_t)closer_closed());
	return 0;
}
