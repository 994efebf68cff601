#ifndef RESETBY_TESTS_WIRE_LAB_RETRY_H
#define RESETBY_TESTS_WIRE_LAB_RETRY_H

/*
 * Requests, answers and resets between them. The actor is the program (a client, its slot s0), the
 * test is its server: it takes each connection in its turn, sees every byte that arrives, and
 * resets at a moment that it chooses.
 */

#include "lab_pair.h"

/** A request that may be retried, one that may not, and an answer. */
#define GET "GET /page HTTP/1.1\r\nHost: lab\r\n\r\n"
#define POST "POST /page HTTP/1.1\r\nHost: lab\r\nContent-Length: 4\r\n\r\nbody"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/** A signal-free error and no error in the actor's words. */
#define RESET "-1 ECONNRESET"

/** Why a request was refused: the names of src/act/retry/reasons.def. */
enum lab_reason {
#define REASON(symbol, condition, text) LAB_##symbol,
#include "act/retry/reasons.def"
#undef REASON
	LAB_REASONS
};

/** Which of them retry_expect_refused has seen, and their names. */
extern bool lab_reason_seen[LAB_REASONS];
extern const char *const lab_reason_names[LAB_REASONS];

/**
 * Connect a client under these rules.
 *
 * @more
 *         Further environment, then NULL; or NULL for none.
 */
void retry_open(struct pair *pair, struct situation how, const char *rules,
		const char *const more[]);

/**
 * The same without a connection, under `retry` alone.
 *
 * @port
 *         Of IPv4, where the server is; 0 for a free one.
 */
void retry_open_unconnected(struct pair *pair, struct situation how, uint16_t port);

/** The actor's result for a call that sends this text. */
const char *retry_try_send(struct pair *pair, const char *text);

/** The actor sends a text, whole. */
void retry_send(struct pair *pair, const char *text);

/** Listen on this very port of IPv4. */
int retry_listen(uint16_t port);

/**
 * Nobody answers a SYN to the server's port any more, and the port is there: a listener whose backlog
 * is full.
 */
void retry_dig_hole(struct pair *pair);

/** The server listens again. */
void retry_fill_hole(struct pair *pair);

/** The server takes the actor's next connection; the one before is closed. */
void retry_accept(struct pair *pair);

/** The server has this text before it, and nothing behind it. */
void retry_expect_text(struct pair *pair, const char *text);

/** The server takes the next connection, finds the request on it, and answers. */
void retry_serve(struct pair *pair, const char *request);

/** The actor sends a request, and the server has it. */
void retry_ask(struct pair *pair, const char *request);

/** The same, and the server resets in place of an answer. */
void retry_ask_in_vain(struct pair *pair, const char *request);

/** The actor reads the answer to its request, which arrives once more on the next connection. */
void retry_expect_answered(struct pair *pair, const char *request);

/** The same of a GET and a program that waits in another call before it reads. */
void retry_expect_answered_after(struct pair *pair, const char *wait);

/** One exchange from end to end, as it should be. */
void retry_exchange(struct pair *pair, const char *request);

/** The actor's result for a call that read this text. */
const char *retry_text(const char *text);

/** Nobody is waiting to be accepted. */
void retry_expect_nobody(struct pair *pair);

/**
 * The line of this index among the `retry` lines tells of a request that was sent again.
 *
 * @size
 *         Its size.
 */
void retry_expect_retried(struct pair *pair, unsigned index, unsigned tries, size_t size);

/** It tells of an idle connection that was replaced. */
void retry_expect_renewed(struct pair *pair, unsigned index);

/** It is the only one, and tells of a refusal for this reason. */
void retry_expect_refused(struct pair *pair, enum lab_reason reason);

/** So many `retry` lines, and no more. */
void retry_expect_lines(struct pair *pair, unsigned count);

/** The connection is as dead as the kernel leaves one whose error was taken. */
void retry_expect_dead(struct pair *pair);

#endif
