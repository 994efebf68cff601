/*
 * What is known about each TCP socket of the process. A record costs CONN_SIZE bytes, comes from
 * mmap, and is reused but never unmapped: a call that is still under way in another thread may
 * hold a pointer to it, and finds out by the generation that it is now about something else.
 *
 * Members are written by the thread that makes the call, with relaxed atomics: threads that use one
 * descriptor at once may lose a count, never a program's byte.
 */
#ifndef RESETBY_CONN_CONN_H
#define RESETBY_CONN_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include "../sys/addr.h"
#include "../sys/clock.h"
#include "choice.h"
#include "op.h"
#include "side.h"
#include "table.h"

#define CONN_SIZE 504 /* and 8 for its slot in the table */
#define CONN_HISTORY 16
#define CONN_HEAD_SIZE 64

enum phase {
	PHASE_FRESH,      /* a TCP socket that has not been connected */
	PHASE_CONNECTING, /* connect was called; success not seen yet */
	PHASE_OPEN,
	PHASE_LISTENING,
	PHASE_OVER,     /* failed */
	PHASE_GIVEN_UP, /* disconnected while connecting: an error of that may be told yet */
};

/** One call of the past. */
struct past_call {
	_Atomic uint32_t when_ms; /* CLOCK_MONOTONIC modulo 2^32, coarse or exact: clock_since_ms */
	_Atomic int32_t result;   /* clamped */
	_Atomic uint16_t op;
	_Atomic uint16_t error;
};

/** What is true of a connection, or has been told of it. */
enum conn_flag {
	CONN_LEARNED = 1 << 0,     /* its opening was not seen */
	CONN_NONBLOCKING = 1 << 1, /* as far as it was seen; evidence.c asks the kernel */
	CONN_PEER_FIN = 1 << 2,    /* a read returned end of file */
	CONN_SHUT_READ = 1 << 3,
	CONN_SHUT_WRITE = 1 << 4,
	CONN_LINGER_SET = 1 << 5,    /* the program called setsockopt(SO_LINGER) ... */
	CONN_LINGER_ZERO = 1 << 6,   /* ... with {1,0} */
	CONN_LINGER_HIDDEN = 1 << 7, /* ... and nolinger kept it from the kernel */
	CONN_TOLD_ABANDONED = 1 << 8,
	CONN_TOLD_HIDDEN = 1 << 9, /* the reset that an end of file hid */
	CONN_FILTERED = 1 << 10,   /* a socket filter of ours is attached */
	CONN_UNSEEN = 1 << 11,     /* stdio moves bytes that no hook sees */
	CONN_PASSED = 1 << 12,     /* sent to somebody over a UNIX socket */
	CONN_IDEMPOTENT = 1 << 13, /* resetby_mark_idempotent(fd) */
	CONN_EDGES = 1 << 14,      /* some epoll watches it edge-triggered */
	CONN_CHOOSING = 1 << 15,   /* a thread is choosing its rules */
	CONN_EARLY = 1 << 16,      /* open for the program before anybody answered: TCP Fast Open */
	CONN_SUMMED_UP = 1 << 17,  /* its close line is written: what became of it is known */
	CONN_OWN_RESET = 1 << 18,  /* by what was told, the RST was our own kernel's */
	CONN_FASTOPEN = 1 << 19,   /* of the socket: the program has set TCP_FASTOPEN_CONNECT */
};

/** An address that one thread learns while others read it. */
struct conn_name {
	_Atomic uint64_t words[3];
};

_Static_assert(sizeof(struct conn_name) == sizeof(struct addr), "it holds an address");

struct conn {
	/* every call */
	_Atomic uint32_t generation; /* changes when the record is given back */
	_Atomic uint32_t refs;       /* names and pins: record.c */
	_Atomic uint8_t phase;
	_Atomic uint8_t turn;    /* enum direction of the last byte that moved */
	_Atomic uint8_t waiting; /* enum direction that poll and its kind last asked for */
	_Atomic uint8_t side;
	_Atomic uint32_t calm;    /* flow_calm while its calls need no care, else something older */
	_Atomic uint32_t last_ms; /* when a byte last moved */
	_Atomic uint32_t history_next;
	_Atomic uint32_t calls_in, calls_out;
	_Atomic uint64_t bytes_in, bytes_out;
	_Atomic uint64_t begun_in, begun_out; /* the same when the current request began */
	struct rule_choice choice;
	struct past_call history[CONN_HISTORY];

	/* its life */
	_Atomic uint64_t number;   /* unique in the process, 0 before connect or accept */
	_Atomic uint64_t begun_ns; /* connect called, or accepted */
	_Atomic uint32_t open_ms;
	_Atomic uint32_t connect_us;  /* that connect took, or was pending when it was given up */
	struct conn_name local, peer; /* conn_local(), conn_peer() */
	_Atomic uint32_t fork_epoch;  /* process_epoch() when it was made: shared since? */
	_Atomic uint32_t gap_ms;      /* the silence before the last write after a silence */
	_Atomic uint32_t shut_ms,
		shut_data_segs;     /* shutdown: when, and segments with data until then */
	_Atomic uint32_t linger_ms; /* when the program set SO_LINGER */
	_Atomic uint32_t told_ms;
	_Atomic uint8_t told_error, told_op, told_count;
	_Atomic uint8_t goodbye;          /* size of the one with which the last turn began */
	_Atomic uint16_t injected;        /* number of the rule whose fault is in force */
	_Atomic uint8_t warned;           /* bit per warning that was told (hook/watch.c) */
	_Atomic uint8_t head_length;      /* of head */
	_Atomic uint32_t acted;           /* bit per action that has fired on this connection */
	uint32_t program_user_timeout_ms; /* TCP_USER_TIMEOUT before a rule changed it */
	_Atomic uint32_t flags;           /* enum conn_flag */
	_Atomic uint32_t half_ms;         /* since when it is half-closed; 0: it is not */
	_Atomic uint32_t looked_ms;       /* when it was last looked at in passing */
	union {
		_Atomic uint32_t drops_seen; /* a listener's: listener.h */
		_Atomic uint32_t fin_acked;  /* bytes acknowledged when the end of file was read */
	};
	union {
		_Atomic uint32_t overflows_seen; /* a listener's */
		struct {
			_Atomic bool peer_first; /* its FIN had come when CONN_SHUT_WRITE was set */
			_Atomic bool
				unacked_at_fin; /* something of ours when the end of file was read */
			_Atomic bool head_ahead;  /* head is of a request that has not begun yet */
			_Atomic bool urgent_read; /* an urgent byte was, by MSG_OOB */
		};
	};
	_Atomic uint16_t session;    /* act/retry's index of what it knows, 0 for nothing */
	char head[CONN_HEAD_SIZE];   /* the request's first bytes, kept for rules with starts= */
	_Atomic uint16_t used_after; /* forks between its making and the last byte seen to move */
};

_Static_assert(sizeof(struct conn) <= CONN_SIZE,
	       "a TCP connection costs at most 512 bytes, its slot included");

/* The last word has port and family: who reads those has the address that belongs to them. */
static inline struct addr conn_name_get(const struct conn_name *name)
{
	struct addr addr;
	uint64_t words[3];
	words[2] = atomic_load_explicit(&name->words[2], memory_order_acquire);
	words[1] = atomic_load_explicit(&name->words[1], memory_order_relaxed);
	words[0] = atomic_load_explicit(&name->words[0], memory_order_relaxed);
	memcpy(&addr, words, sizeof addr);
	return addr;
}

static inline void conn_name_set(struct conn_name *name, struct addr addr)
{
	uint64_t words[3];
	memcpy(words, &addr, sizeof words);
	atomic_store_explicit(&name->words[0], words[0], memory_order_relaxed);
	atomic_store_explicit(&name->words[1], words[1], memory_order_relaxed);
	atomic_store_explicit(&name->words[2], words[2], memory_order_release);
}

static inline struct addr conn_local(const struct conn *conn)
{
	return conn_name_get(&conn->local);
}

static inline struct addr conn_peer(const struct conn *conn)
{
	return conn_name_get(&conn->peer);
}

/** Is any of these flags set? */
static inline bool conn_is(const struct conn *conn, unsigned flags)
{
	return (atomic_load_explicit(&conn->flags, memory_order_relaxed) & flags) != 0;
}

/**
 * Threads that use one descriptor set different flags at once, and none may take another's back.
 *
 * @return
 *         True when none of them was set before.
 */
static inline bool conn_set(struct conn *conn, unsigned flags)
{
	return (atomic_fetch_or(&conn->flags, flags) & flags) == 0;
}

static inline void conn_clear(struct conn *conn, unsigned flags)
{
	atomic_fetch_and(&conn->flags, ~flags);
}

/** Set it, or clear it; costs nothing when it is so already. */
static inline void conn_put(struct conn *conn, enum conn_flag flag, bool on)
{
	if (conn_is(conn, flag) != on) {
		if (on) {
			conn_set(conn, flag);
		} else {
			conn_clear(conn, flag);
		}
	}
}

/* ---- records (record.c) ---- */

/** Something has happened to it, and is written down, that its calls have to heed. */
static inline void conn_stir(struct conn *conn)
{
	atomic_store_explicit(&conn->calm, 0, memory_order_release);
}

static inline void conn_set_phase(struct conn *conn, enum phase phase)
{
	atomic_store_explicit(&conn->phase, (uint8_t)phase, memory_order_relaxed);
	conn_stir(conn);
}

/** A new record that no descriptor names yet, in phase FRESH. NULL without memory. */
struct conn *conn_make(void);

/** A new record for a descriptor, in phase FRESH; replaces what the slot held. NULL without memory. */
struct conn *conn_new(int fd);

/** Have room for some connections now: soon memory cannot be had any more (sys/sandbox.h). */
void conn_reserve(void);

/** A descriptor is gone, or is something else: give up its record. */
void conn_forget(int fd, uintptr_t now);

/** A descriptor is not what its record is about: give that up, unless it was replaced already. */
void conn_disown(struct conn *conn, int fd);

/**
 * A descriptor is about to be closed: of threads that close it at once, one gets its record, which
 * stays as it is until conn_let_go. NULL when there is none.
 */
struct conn *conn_detach(int fd);

/**
 * The record of a detached descriptor is given up.
 *
 * @return
 *         False when no other descriptor names it: then it is pinned, until conn_unpin.
 */
bool conn_let_go(struct conn *conn);

/**
 * What is said or decided about a connection takes time, in which other threads may close it: while
 * its record is pinned, it is not used for another one.
 *
 * @return
 *         False when the descriptor has been closed already: the record may be anybody's.
 */
bool conn_pin(struct conn *conn, int fd);
void conn_unpin(struct conn *conn);

/** The same for a call that goes on, also when its descriptor is detached, to be closed by it. */
bool conn_hold(struct conn *conn, uint32_t generation);

/** How many descriptors of this process name it. */
uint32_t conn_names(const struct conn *conn);

/** Another descriptor names the same socket (dup). `from` may be anything. */
void conn_share(int from, int fd);

/** The same for a descriptor of which nothing is known yet. */
void conn_share_unknown(struct conn *conn, int fd);

/** Is the record still the one that a call began with? */
static inline bool conn_same(const struct conn *conn, uint32_t generation)
{
	return atomic_load_explicit(&conn->generation, memory_order_relaxed) == generation;
}

/** The record goes on as a new connection (connect): number, side and addresses. */
void conn_begin(struct conn *conn, enum side side, const struct addr *local,
		const struct addr *peer);

/**
 * The same of a client's connection that takes the place of a dead one, while other threads use it:
 * its rules are the old one's until they are matched, so that none finds it without any, and so is its
 * phase, so that none finds that it is established and matches those of an open one first.
 */
void conn_renew(struct conn *conn);

/** Milliseconds since it began; unlike differences of the record's 32-bit times never wraps. */
int64_t conn_age_ms(const struct conn *conn);

/**
 * It is established.
 *
 * @return
 *         False when another thread has found that already.
 */
bool conn_opened(struct conn *conn);

/** The program is about to end an attempt itself, which is pending, or has failed before. */
void conn_giving_up(struct conn *conn, bool pending);

/** One of its two directions has ended, at least so many milliseconds ago. */
void conn_half_closed(struct conn *conn, uint32_t ago_ms);

/** How many connections have begun in this process. */
uint64_t conn_total(void);

/** In a forked child: what was counted is the parent's. */
void conn_total_after_fork(void);

/* ---- learning (learn.c) ---- */

/** Nothing is looked at in this process: every descriptor is as if it were a socket of another kind. */
void conn_disable(void);
bool conn_enabled(void);

/**
 * Find out what a descriptor is that was never seen being made: inherited over exec, received over
 * a UNIX socket, handed over by a supervisor. Asks the kernel once and remembers.
 *
 * @return
 *         Its record, NULL when it is no TCP socket.
 */
struct conn *conn_learn(int fd);

/**
 * A socket that was never connected, as far as it was seen, has given away that it is: a call that no
 * hook saw did that. What it is now is learned.
 */
void conn_catch_up(struct conn *conn, int fd);

/**
 * It is about to be closed, and was never connected, as far as it was seen: what moved bytes all the
 * same is a connection of which no hook saw anything, as with io_uring.
 *
 * @return
 *         False where it is none.
 */
bool conn_catch_up_at_end(struct conn *conn, int fd);

/** What a slot says: the record, NULL when it is no TCP socket. */
static inline struct conn *conn_in_slot(uintptr_t slot, int fd)
{
	if (__builtin_expect(slot > SLOT_OTHER, 1)) {
		return (struct conn *)slot;
	}
	return slot == SLOT_UNKNOWN ? conn_learn(fd) : NULL;
}

/** The record of a descriptor, NULL when it is no TCP socket: the fast path. */
static inline struct conn *conn_find(int fd)
{
	return conn_in_slot(table_get(fd), fd);
}

/** The same for calls that only sockets take: what was a file may be a socket by now, its close having
 *  been seen by nobody. */
static inline struct conn *conn_find_socket(int fd)
{
	uintptr_t slot = table_get(fd);
	if (__builtin_expect(slot > SLOT_OTHER, 1)) {
		return (struct conn *)slot;
	}
	return slot == SLOT_OTHER ? NULL : conn_learn(fd);
}

/** The record if there is one already. */
static inline struct conn *conn_known(int fd)
{
	uintptr_t slot = table_get(fd);
	return slot > SLOT_OTHER ? (struct conn *)slot : NULL;
}

/** Fill in the local address when it is not known yet; one getsockname. */
void conn_learn_local(struct conn *conn, int fd);

/** It listens: by what name, for listen(2) may have given it another port; and what it has lost. */
void conn_learn_listener(struct conn *conn, int fd);

/* ---- forks (process.c) ---- */

/** How often this process and its ancestors have forked. */
uint32_t process_epoch(void);

/** fork or its kin has returned in this process. */
void process_forked(bool child);

/** A thread has left the table of descriptors to the others: both go on with what is open. */
void process_parted(void);

/** A first record is made: from here on it is known whose the records are. */
void process_owns(void);

/** Has this process come out of a fork that no hook saw, and is that said for the first time? */
bool process_is_new(void);

/** Who holds a connection's socket: a socket is closed by its last holder. */
enum holding {
	HOLDING_ALONE,     /* made here, and nobody was forked since */
	HOLDING_INHERITED, /* an ancestor made it, and this process uses it */
	HOLDING_SHARED,    /* a child may use it, or an ancestor still does */
};

enum holding conn_holding(const struct conn *conn);

/** Bytes have moved, in this process. */
void conn_used(struct conn *conn);

/** It came over a fork, and no byte of it has moved here yet: such a connection is not calm. */
bool conn_is_unused(const struct conn *conn);

/** The same of one that is open, and it went no further from here. Its older holders may be gone. */
bool conn_is_heirloom(const struct conn *conn);

/** One that is open, was made here, and went to children by forks. They may be gone. */
bool conn_is_lent(const struct conn *conn);

/** What this process was born with, others have yet: there is no heirloom any more. */
void process_is_no_heir(void);

#endif
