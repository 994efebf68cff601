#ifndef RESETBY_TESTS_WIRE_LAB_VERDICT_H
#define RESETBY_TESTS_WIRE_LAB_VERDICT_H

/* What the library must have said about an end whose truth the test knows. */

#include "lab.h"

/** Values of an `error` line; what is NULL does not matter. */
struct expected {
	const char *op;
	/** `errno` */
	const char *error;
	const char *cause;
	const char *sure;
	/** `else`, as JSON. NULL means `[]` when `sure` is certain. */
	const char *others;
	/** `case` */
	const char *rst_case;
	const char *doc;
	const char *state;
	/** Parts that `why` must contain. */
	const char *why[4];
};

/**
 * Assert that the log has exactly index + 1 lines `error`, and what the last one says.
 *
 * @return
 *         The line.
 */
const char *expect_verdict(struct actor *actor, unsigned index, struct expected expected);

/** Assert that nothing was told: no `error`, no `warn`. */
void expect_silence(struct actor *actor);

/**
 * Assert that the library would tell: the actor connects to where nobody listens, and one line more
 * says so. Silence means nothing without it. Takes slot s8.
 */
void expect_awake(struct actor *actor);

/** Wait until a connection of the actor is over: its poll shows POLLHUP. */
void wait_for_end(struct actor *actor, const char *slot);

/** Wait until the peer's FIN has come. */
void wait_for_fin(struct actor *actor, const char *slot);

/** TCP_INFO of an actor's socket, taken without the actor's help. */
struct tcp_info info_of(struct actor *actor, const char *slot);

/** Close without a segment, as in a power cut. */
void peer_vanish(int fd);

#endif
