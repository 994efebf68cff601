/*
 * Plain libc calls, many of them, timed: the program that is benchmarked, bare and under each
 * library.
 *
 *     worker list                     operations, one a line: name, how many calls one makes
 *     worker serve                    reads commands, answers each with one line
 *     worker once OPERATION COUNT     for counting instructions from outside
 *     worker memory COUNT             what COUNT connections, and COUNT pipes, cost in memory
 *
 * Commands of `serve`:
 *
 *     run OPERATION THREADS COUNT     nanoseconds of an operation, mean of COUNT in each thread
 *     line PATH LENGTH COUNT          the same of one write of LENGTH bytes at the end of a file
 */
#include "worker.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 8
#define LINE_MAX_LENGTH 4096
#define NS_PER_S 1000000000.0

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

/* What has to be done between batches is not timed. */
static double run(const struct operation *operation, struct place *place, unsigned long count)
{
	double spent = 0;
	for (unsigned long left = count; left > 0;) {
		unsigned long batch = left < operation->batch ? left : operation->batch;
		double begun = now_ns();
		operation->run(place, batch);
		spent += now_ns() - begun;
		if (operation->refresh) {
			operation->refresh(place);
		}
		left -= batch;
	}
	return spent / (double)count;
}

static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

struct thread {
	const struct operation *operation;
	struct place *place;
	unsigned long count;
	int cpu;
	atomic_int *missing; /* threads that have not begun */
	double ns;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;
	pin(thread->cpu);
	atomic_fetch_sub(thread->missing, 1);
	while (atomic_load(thread->missing) > 0) {
	}
	thread->ns = run(thread->operation, thread->place, thread->count);
	return NULL;
}

static double run_threads(const struct operation *operation, struct place *places, int threads,
			  unsigned long count)
{
	struct thread all[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	atomic_int missing = threads;
	double sum = 0;
	for (int i = 0; i < threads; i++) {
		all[i] = (struct thread){operation, &places[i], count, i, &missing, 0};
		must(-pthread_create(&ids[i], NULL, run_thread, &all[i]), "pthread_create");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		sum += all[i].ns;
	}
	return sum / threads;
}

static double write_lines(const char *path, size_t length, unsigned long count)
{
	char line[LINE_MAX_LENGTH];
	memset(line, 'x', sizeof line);
	int fd = must(open(path, O_WRONLY | O_APPEND | O_CREAT, 0644), path);
	double begun = now_ns();
	for (unsigned long i = 0; i < count; i++) {
		must((int)write(fd, line, length), path);
	}
	double ns = (now_ns() - begun) / (double)count;
	close(fd);
	return ns;
}

static void serve(void)
{
	static struct place places[THREADS_MAX];
	char command[512];
	char word[256];
	int threads;
	size_t length;
	unsigned long count;
	for (int i = 0; i < THREADS_MAX; i++) {
		place_make(&places[i]);
	}
	while (fgets(command, sizeof command, stdin) != NULL) {
		double ns = -1;
		if (sscanf(command, "run %255s %d %lu", word, &threads, &count) == 3) {
			const struct operation *operation = operation_find(word);
			ns = threads == 1 ? run(operation, &places[0], count)
					  : run_threads(operation, places, threads, count);
		} else if (sscanf(command, "line %255s %zu %lu", word, &length, &count) == 3 &&
			   length <= LINE_MAX_LENGTH) {
			ns = write_lines(word, length, count);
		}
		printf("%.2f\n", ns);
		fflush(stdout);
	}
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";
	if (strcmp(what, "list") == 0) {
		for (const struct operation *each = operations; each->name; each++) {
			printf("%s\n", each->name);
		}
	} else if (strcmp(what, "serve") == 0) {
		serve();
	} else if (strcmp(what, "once") == 0 && count == 4) {
		static struct place place;
		place_make(&place);
		run(operation_find(arguments[2]), &place, strtoul(arguments[3], NULL, 10));
	} else if (strcmp(what, "memory") == 0 && count == 3) {
		return measure_memory(atoi(arguments[2]));
	} else {
		fprintf(stderr,
			"usage: worker list | serve | once OPERATION COUNT | memory COUNT\n");
		return 2;
	}
	return 0;
}
