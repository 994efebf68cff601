/*
 * A program that does to its descriptors what no careful program does, all at once: streams whose
 * threads share one socket, signal handlers that make calls of their own, threads that fight for
 * the same numbers or close them under each other, forks and execs meanwhile. What can be known of
 * the outcome is asserted here; what the log says of it is checked by stress.sh.
 */
#ifndef TESTS_STRESS_STRESS_H
#define TESTS_STRESS_STRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The numbers that the thieves fight for; nothing else is ever opened so high. */
#define FOUGHT_FIRST 300
#define FOUGHT_COUNT 12

/** How many they are. */
#define THIEVES 2

/** The numbers that are closed under those who use them, one for each closer. */
#define CLOSED_FIRST 330
#define CLOSERS 2

/** An argument that makes this program a child that exec began; a descriptor follows. */
#define EXECUTED "--executed"

extern atomic_bool stopping;

/** Say what is wrong, and end the process by SIGABRT. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/** wrong() with the errno of a call that failed. */
void failed(const char *call) __attribute__((noreturn));

#define must(call)                                                                                 \
	({                                                                                         \
		__typeof__(call) result_ = (call);                                                 \
		if (result_ < 0) {                                                                 \
			failed(#call);                                                             \
		}                                                                                  \
		result_;                                                                           \
	})

/** The watchdog sees that this thread gets on. */
void progress(const char *what);

/** This thread is seen by the watchdog from now on, until its end. */
void progress_begin(const char *name);
void progress_end(void);

/** The next number of a thread's own sequence. */
uint32_t chance(uint32_t *state);

/* ---- sockets.c ---- */

/** Both ends of a TCP connection over loopback, by the program's own listener. */
struct pair {
	int client;
	int server;
};

/** This thread's listeners and connections are at another loopback address than 127.0.0.1. */
void live_at(uint32_t address);

/** A socket bound to a free port of this host: a connect to it is refused. */
int bind_anywhere(uint16_t *port);

/** The same, listening. */
int listen_anywhere(uint16_t *port);

/** Connect to a port of this host and accept it. */
struct pair pair_open(int listener, uint16_t port, int flags);

/** connect, also when a signal interrupts it; 0 or an errno. */
int connect_through(int fd, uint16_t port);

/** All that matters of a call which a signal may interrupt: -1 and an errno, or a count. */
#define through(call)                                                                              \
	({                                                                                         \
		__typeof__(call) count_;                                                           \
		do {                                                                               \
			count_ = (call);                                                           \
		} while (count_ < 0 && errno == EINTR);                                            \
		count_;                                                                            \
	})

/* ---- handler.c: calls in the handler of a timer ---- */

/** This thread is interrupted from now on, some thousand times a second, until its end. */
void timer_begin(void);
void timer_end(void);

/** How many refused connects were told to the handlers. */
uint64_t handler_refused(void);

/** How often a handler ran. */
uint64_t handler_runs(void);

/* ---- the others: thread bodies, argument: a seed ---- */

void *stream_run(void *seed);
/** End a connection whose bytes have all arrived, and see that both ends are told so. */
void stream_end(const struct pair *pair, bool by_reset);
uint64_t stream_resets(void);
uint64_t stream_connections(void);
uint64_t stream_bytes(void);

void *thief_run(void *seed);
/** Close what they left. */
void thief_end(void);
/** Where the connections that they fight for come from; 0 to THIEVES - 1. */
uint16_t thief_port(int thief);

void *closer_run(void *seed);
/** How many connections were closed under their users. */
uint64_t closer_closed(void);

void *forker_run(void *seed);
uint64_t forker_children(void);

/** What a child that exec began does: its exit status. */
int executed(int fd);

#endif
