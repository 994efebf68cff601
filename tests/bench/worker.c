/*
 * Plain libc calls, many of them, timed: the program that is benchmarked, bare and under each
 * library.
 *
 *     worker list                     operations, one a line: name, how many calls one makes
 *     worker serve                    reads commands, answers each with one line
 *     worker once OPERATION COUNT     for counting instructions from outside
 *     worker many COUNT               what COUNT connections cost: many.c
 *     worker clients COUNT            what COUNT clients' connections cost: ask.c
 *     worker echo PORT CONNECTIONS COUNT    the load of an echo server: echo.c
 *
 * Commands of `serve`:
 *
 *     run OPERATION THREADS COUNT     nanoseconds of processor time of an operation, mean of COUNT
 *                                     in each thread
 *     elapsed OPERATION COUNT         the same by the clock, with the time that a tracer takes
 */
#include "worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 8
/* The turns of other threads and other programs are none of it. */
#define PROCESSOR CLOCK_THREAD_CPUTIME_ID
#define NS_PER_S 1000000000.0

/* The processors that the benchmark was given. */
static int cpus[CPU_SETSIZE];
static int cpu_count;

static double clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * NS_PER_S + (double)now.tv_nsec;
}

double spent_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* What has to be done between batches is not timed. */
static double run(const struct operation *operation, struct place *place, unsigned long count,
		  clockid_t clock)
{
	double spent = 0;
	for (unsigned long left = count; left > 0;) {
		unsigned long batch = left < operation->batch ? left : operation->batch;
		double begun = clock_ns(clock);
		operation->run(place, batch);
		spent += clock_ns(clock) - begun;
		if (operation->refresh) {
			operation->refresh(place);
		}
		left -= batch;
	}
	return spent / (double)count;
}

static void find_cpus(void)
{
	cpu_set_t set;
	must(sched_getaffinity(0, sizeof set, &set), "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set)) {
			cpus[cpu_count++] = cpu;
		}
	}
}

/* The last processor first: it has the fewest interrupts to serve. */
static void pin(int number)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpus[cpu_count - 1 - number % cpu_count], &set);
	must(sched_setaffinity(0, sizeof set, &set), "sched_setaffinity");
}

struct thread {
	const struct operation *operation;
	struct place *place;
	unsigned long count;
	int number;
	pthread_barrier_t *begin;
	double ns;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;
	pin(thread->number);
	pthread_barrier_wait(thread->begin);
	thread->ns = run(thread->operation, thread->place, thread->count, PROCESSOR);
	return NULL;
}

static double run_threads(const struct operation *operation, struct place *places, int threads,
			  unsigned long count)
{
	struct thread all[THREADS_MAX];
	pthread_t ids[THREADS_MAX];
	pthread_barrier_t begin;
	double sum = 0;
	must(-pthread_barrier_init(&begin, NULL, (unsigned)threads), "pthread_barrier_init");
	for (int i = 0; i < threads; i++) {
		all[i] = (struct thread){operation, &places[i], count, i, &begin, 0};
		must(-pthread_create(&ids[i], NULL, run_thread, &all[i]), "pthread_create");
	}
	for (int i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		sum += all[i].ns;
	}
	pthread_barrier_destroy(&begin);
	return sum / threads;
}

static void serve(void)
{
	static struct place places[THREADS_MAX];
	char command[512];
	char word[256];
	int threads;
	unsigned long count;
	for (int i = 0; i < THREADS_MAX; i++) {
		place_make(&places[i]);
	}
	while (fgets(command, sizeof command, stdin) != NULL) {
		double ns = -1;
		if (sscanf(command, "run %255s %d %lu", word, &threads, &count) == 3 &&
		    threads >= 1 && threads <= THREADS_MAX) {
			const struct operation *operation = operation_find(word);
			ns = threads == 1 ? run(operation, &places[0], count, PROCESSOR)
					  : run_threads(operation, places, threads, count);
		} else if (sscanf(command, "elapsed %255s %lu", word, &count) == 2) {
			ns = run(operation_find(word), &places[0], count, CLOCK_MONOTONIC);
		}
		printf("%.2f\n", ns);
		fflush(stdout);
	}
}

int main(int count, char **arguments)
{
	const char *what = count > 1 ? arguments[1] : "";
	find_cpus();
	pin(0);
	if (strcmp(what, "list") == 0) {
		for (const struct operation *each = operations; each->name; each++) {
			printf("%s\n", each->name);
		}
	} else if (strcmp(what, "serve") == 0) {
		serve();
	} else if (strcmp(what, "once") == 0 && count == 4) {
		static struct place place;
		place_make(&place);
		run(operation_find(arguments[2]), &place, strtoul(arguments[3], NULL, 10),
		    CLOCK_MONOTONIC);
	} else if (strcmp(what, "many") == 0 && count == 3) {
		return many_connections(atoi(arguments[2]));
	} else if (strcmp(what, "clients") == 0 && count == 3) {
		return ask_on_each(atoi(arguments[2]));
	} else if (strcmp(what, "echo") == 0 && count == 5) {
		return echo_load(atoi(arguments[2]), atoi(arguments[3]), atol(arguments[4]));
	} else {
		fprintf(stderr, "usage: worker list | serve | once OPERATION COUNT | many COUNT |"
				" clients COUNT | echo PORT CONNECTIONS COUNT\n");
		return 2;
	}
	return 0;
}
