/*
 * What the probes share. A probe is a small program that is run bare and under the preload, and
 * prints the same both times: what it was told, and all that it can see of itself.
 */
#ifndef RESETBY_PROBE_H
#define RESETBY_PROBE_H

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** No call sets errno to this: it is there before each call, and after one that succeeded. */
#define UNTOUCHED 4711

/** Make a call, and say what it returned and left in errno. */
#define DO(call)                                                                                   \
	__extension__({                                                                            \
		errno = UNTOUCHED;                                                                 \
		long do_result = (long)(call);                                                     \
		int do_error = errno;                                                              \
		say("%s = %ld %s\n", #call, do_result, error_name(do_error));                      \
		do_result;                                                                         \
	})

/** What a probe stands on; ends it when it is not there. */
#define MUST(condition) must(condition, #condition)

void must(int condition, const char *text);

/** printf to descriptor 1, without stdio's buffers and without the heap. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

const char *error_name(int error);

/** The port in a probe's argument. */
uint16_t port_of(const char *argument);

/** A new socket, connected to this port of 127.0.0.1. */
int dial(uint16_t port);

/** connect, without anything else. */
int dial_with(int fd, uint16_t port);

/**
 * Tell the peer what to do: `e` send an e, `r` abort with a RST, `c` close, `f` shut down its
 * sending, `x` begin no answer; and wait until that has arrived here.
 */
void order(int fd, char what);

/** Open descriptors, threads, signal sets and the next random(), all by the process itself. */
void say_state(void);

/**
 * After the last pthread_join: that returns a little before the kernel counts one thread less, as
 * say_state tells it.
 */
void wait_until_alone(void);

/** The descriptors alone. */
void say_descriptors(void);

/** One line of /proc/thread-self/status, by its name with the colon. */
void say_status(const char *name);

/** A life of every kind: a quiet one, resets in reading and writing, a refusal. */
void live(uint16_t port);

#endif
