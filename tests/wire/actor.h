#ifndef RESETBY_TESTS_WIRE_ACTOR_H
#define RESETBY_TESTS_WIRE_ACTOR_H

/*
 * The actor: an ordinary program that knows nothing of the library. It reads one command a line,
 * makes the one libc call that the command stands for, and answers with one line
 *
 *     RESULT ERRNO|- [EXTRA]
 *
 * "-1 ECONNRESET", "5 - hello". A call that makes a descriptor puts it into a slot, s0 to s9, and
 * its result is told as 0; a word that should be a descriptor is a slot or a number.
 *
 *     actor.c           the loop, slots, the table of commands, words about the last call
 *     actor_open.c      making, connecting, asking and setting sockets
 *     actor_send.c      every way to write
 *     actor_recv.c      every way to read
 *     actor_end.c       closing, duplicating, waiting
 *     actor_process.c   forks, threads, signals, ends of the process
 *     actor_more.c      high numbers, many threads, rarer names of the same calls
 *     actor_unseen.c    what no hook sees: stdio, io_uring, system calls of its own
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#define SLOTS 10
#define WORDS_MAX 16
#define PIECES_MAX 64

/** A command taken apart: w[0] is its name, rest what follows unsplit: after the descriptor, or
 * after the name of a command whose usage is CMD. */
struct words {
	int count;
	char *w[WORDS_MAX];
	char *rest;
};

/** What came of a call. */
struct outcome {
	long result;
	/** errno when the result is -1, else 0. */
	int error;
	/** errno as the call left it; it was EDOM before. */
	int left;
	double ms;
	char extra[4096];
};

/** One command: how it is written, and what it does. */
struct command {
	const char *name;
	/** What the words after the name are; those in brackets may be missing. */
	const char *usage;
	void (*run)(const struct words *words, struct outcome *outcome);
};

extern const struct command open_commands[];
extern const struct command send_commands[];
extern const struct command recv_commands[];
extern const struct command end_commands[];
extern const struct command process_commands[];
extern const struct command more_commands[];
extern const struct command unseen_commands[];

/** The descriptors; -1 is an empty slot. A closed one keeps its number. */
extern int slots[SLOTS];

/** What the call before the running command gave. */
extern struct outcome last;

/** The time, for CALL. */
double now_ms(void);

/** Make a call: errno, result and duration go to the outcome. */
#define CALL(outcome, expression)                                                                  \
	do {                                                                                       \
		double call_began = now_ms();                                                      \
		errno = EDOM;                                                                      \
		(outcome)->result = (long)(expression);                                            \
		(outcome)->left = errno;                                                           \
		(outcome)->ms = now_ms() - call_began;                                             \
		(outcome)->error = (outcome)->result == -1 ? (outcome)->left : 0;                  \
	} while (0)

/** CALL for one that makes a descriptor: into the slot with it. */
#define CALL_SLOT(outcome, word, expression)                                                       \
	do {                                                                                       \
		int *call_slot = slot_of(word);                                                    \
		CALL(outcome, expression);                                                         \
		if ((outcome)->result >= 0) {                                                      \
			*call_slot = (int)(outcome)->result;                                       \
			(outcome)->result = 0;                                                     \
		}                                                                                  \
	} while (0)

/** Add to the outcome's extra text. */
void tell(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Add bytes to the extra text, those outside ASCII as C escapes, long ones cut with "...". */
void tell_bytes(struct outcome *outcome, const char *bytes, size_t size);

/** Add an address as 127.0.0.1:80 or [::1]:80. */
void tell_address(struct outcome *outcome, const struct sockaddr_storage *address);

/** Give up on a command that makes no sense: ends with a line that starts with "?". */
_Noreturn void confused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Whether one of the words from the second on is this one. */
bool has_word(const struct words *words, const char *word);

/** A word, or the fallback when there are not so many. */
const char *word_at(const struct words *words, int index, const char *fallback);

/** A word as a number; `max` is the largest unsigned int. */
long number_at(const struct words *words, int index, long fallback);

/** A word as a descriptor: s0 to s9, or a number. */
int fd_at(const struct words *words, int index);

/** A word as a slot. */
int *slot_of(const char *word);

/** An address and a port as words; returns its size. */
socklen_t parse_address(const char *address, long port, struct sockaddr_storage *into);

/** The MSG_ flags named by the words from an index on: dontwait nosignal peek oob more ... */
int flags_from(const struct words *words, int index);

/** So many bytes of a fixed pattern, abcdefghijklmnopqrstuvwxyzabc... */
char *pattern(size_t size);

/** Cut a buffer into so many pieces of about the same size; returns how many. */
int cut(struct iovec pieces[PIECES_MAX], char *bytes, size_t size, long count);

/** Turn C escapes into the bytes they mean, in place; returns the size. */
size_t unescape(char *text);

/** Take a command line apart, in place. */
struct words split(char *line);

/** Run a command. */
void run_command(char *line, struct outcome *outcome);

/** Print an outcome as the result line. */
void answer(const struct outcome *outcome);

#endif
