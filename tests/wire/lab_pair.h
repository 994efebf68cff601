#ifndef RESETBY_TESTS_WIRE_LAB_PAIR_H
#define RESETBY_TESTS_WIRE_LAB_PAIR_H

/*
 * A connection between an actor (its slot s0) and a socket of the test, on loopback, with a capture
 * of all that is on the wire: what nearly every test of an action begins with.
 */

#include "lab.h"

/** How the connection comes about. */
struct situation {
	/** AF_INET or AF_INET6. */
	int family;
	/** The actor accepted it; its listener is s9. */
	bool server;
	bool nonblocking;
};

/** Each of the eight situations, to be walked with ALL_SITUATIONS. */
extern const struct situation situations[8];
#define ALL_SITUATIONS(at) for (const struct situation *at = situations; at < situations + 8; at++)

/** The plain one: an IPv4 client that blocks. */
extern const struct situation client_situation;

/** And its like that does not block. */
extern const struct situation nonblocking_situation;

struct pair {
	struct actor a;
	struct situation how;
	/** The test's end. */
	int peer;
	/** The test's listener, when the actor is the client. */
	int listener;
	/** Of the listening side, whichever that is. */
	uint16_t listen_port;
	/** The ports of the two ends. */
	uint16_t actor_port;
	uint16_t peer_port;
	struct capture wire;
};

/**
 * Start an actor and connect it.
 *
 * @modes
 *         As for actor_start_as().
 * @environment
 *         As for actor_start().
 */
void pair_open_as(struct pair *pair, struct situation how, int modes,
		  const char *const environment[]);
void pair_open(struct pair *pair, struct situation how, const char *const environment[]);

/** pair_open() of the plain situation, and of the one where the actor is the server. */
void pair_open_client(struct pair *pair);
void pair_open_server(struct pair *pair);

/** The actor asks, of 5 bytes, and has the peer's answer of 2. */
void pair_exchange(struct pair *pair);

/** pair_open() with one rule, connections logged. */
void pair_with_rule(struct pair *pair, struct situation how, const char *rule);

/** One more connection, in s0 again; the peer's end of the one before is closed. */
void pair_again(struct pair *pair);

/** The peer closes, or aborts. */
void pair_close_peer(struct pair *pair);
void pair_abort_peer(struct pair *pair);

/** Everything is closed, and the actor has ended as it should: exit status 0. */
void pair_close(struct pair *pair);

/** The loopback address of a family as the actor's commands want it. */
const char *loopback(int family);

/** Whether the actor's end sent a RST / a FIN. */
bool pair_sent_rst(struct pair *pair);
bool pair_sent_fin(struct pair *pair);

/**
 * Assert that the connection ended with a RST of the actor's: on the wire a RST and no FIN, the
 * peer is told ECONNRESET.
 *
 * @return
 *         The bytes that the peer could read before.
 */
size_t pair_expect_rst(struct pair *pair);

/** Assert the opposite: a FIN and no RST, the peer is told an end of file. Returns the same. */
size_t pair_expect_fin(struct pair *pair);

/** Assert that the actor's end has sent neither, and the connection is up. */
void pair_expect_open(struct pair *pair);

/**
 * Assert the line that tells of what a rule did: of the index (from 0) among the `inject` or
 * `mitigate` lines, with this action, about the pair's connection.
 *
 * @rule
 *         Number and text, as "1 linger0".
 * @by
 *         What `by` must contain.
 * @return
 *         The line.
 */
const char *pair_expect_told(struct pair *pair, const char *ev, unsigned index, const char *rule,
			     const char *by);

#endif
