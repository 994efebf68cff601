/*
 * Everything that is known about a connection at the moment when something failed or ended: plain
 * data, so that the verdict is a pure function of it. evidence.c collects it; it asks the kernel
 * only for what costs the program nothing (TCP_INFO, queue lengths), never SO_ERROR, never data.
 */
#ifndef RESETBY_CONN_EVIDENCE_H
#define RESETBY_CONN_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>
#include "../sys/addr.h"
#include "op.h"
#include "side.h"

/** How the failure came to light. */
enum surface {
	SURFACE_RETURN,     /* the call returned -1 and errno */
	SURFACE_SO_ERROR,   /* getsockopt(SO_ERROR) gave it */
	SURFACE_EOF,        /* a read returned 0 */
	SURFACE_DISCONNECT, /* connect with AF_UNSPEC */
	SURFACE_CLOSE,      /* the program closes the descriptor */
	SURFACE_EXIT,       /* the process ends */
	SURFACE_ACCEPT,     /* accept returned a connection */
	SURFACE_PASSING,    /* an open connection was looked at in passing (warnings) */
};

/** The kernel's names and numbers: enum in net/tcp_states.h. */
enum tcp_state_number {
	STATE_UNKNOWN,
	STATE_ESTABLISHED,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_NEW_SYN_RECV,
	STATE_COUNT
};

/** `ESTABLISHED`, `CLOSE_WAIT`; NULL when unknown. */
const char *state_name(enum tcp_state_number state);

/** Milliseconds ago that never happened. */
#define NEVER INT64_MAX

/** A queue whose length is not known. */
#define QUEUE_UNKNOWN (-1)

struct evidence {
	/* the call */
	enum op op;
	enum surface surface;
	int error;                /* errno as the program was told; 0 for none */
	enum direction direction; /* of the call, or what was waited for */

	/* the connection as this process knows it */
	enum side side;
	bool learned; /* its opening was not seen */
	bool in_call; /* another thread waits in a call on it, while this one closes */
	bool blocking;
	bool shared;     /* a forked process may be the one that uses the socket */
	bool inherited;  /* an ancestor made it and may still hold it */
	bool heirloom;   /* so did one, this process has never used it, and it ends here */
	bool lent;       /* children were forked since it was made, none has it, and it ends here */
	bool connecting; /* connect was called and has not succeeded */
	bool given_up;   /* and connect with AF_UNSPEC has ended that ... */
	bool cut_short;  /* ... before anything had been heard of it */
	bool deferred;   /* and waits for the first write to send the SYN with */
	bool listening;
	bool sandboxed;             /* the kernel may not be asked: only the record is known */
	bool unseen;                /* calls are made that no hook sees: its counts are not whole */
	bool peer_fin;              /* a read returned end of file before */
	bool told_hidden;           /* and it was told that it hid a reset */
	bool acked_since_fin;       /* and the peer has acknowledged bytes of ours after that */
	bool unacked_at_fin;        /* or bytes of ours were not acknowledged then */
	bool shut_read, shut_write; /* the program called shutdown */
	bool shut_elsewhere;        /* the writing side is, by no call that was seen here */
	int64_t shut_write_ago_ms;
	uint32_t shut_data_segs; /* segments with data that had arrived when it shut down */
	bool linger_zero;        /* SO_LINGER {1,0} is set */
	int64_t linger_ago_ms;   /* since the program set it; NEVER when it did not */
	int told_error;          /* errno that the program was told before, 0 for none */
	enum op told_op;
	int64_t told_ago_ms;
	uint32_t told_count;            /* errors told before this one */
	int64_t age_ms;                 /* since connect or accept */
	uint32_t syn_sent_again;        /* SYNs after the first, when the connect failed */
	int64_t connect_ms;             /* how long the connect has taken (so far) */
	uint64_t bytes_out, bytes_in;   /* what the program's calls moved */
	uint64_t req_bytes, resp_bytes; /* of the current exchange */
	enum direction last_turn;       /* which way the last byte went */
	bool goodbye;                   /* and what goes that way is TLS's (goodbye.h) */
	int64_t gap_ms;                 /* the silence before the last write; 0 when unknown */
	uint64_t gap_bytes;             /* written since, at least */
	uint64_t unseen_out, unseen_in; /* bytes that went past the hooks; bytes_* have them too */
	bool unseen_in_least; /* perhaps more: what waits unread is not known to the byte */

	/* a rule of ours */
	uint32_t rule; /* its number; 0 for none */

	/* the kernel, after the failure; valid when has_info, else state and queues are unknown */
	bool has_info;
	enum tcp_state_number state;
	uint32_t retransmits, probes, total_retrans;
	uint32_t rtt_us;
	uint32_t last_data_sent_ms, last_ack_recv_ms;
	uint64_t bytes_acked, bytes_received;
	uint32_t segs_in, segs_out, data_segs_in;
	uint32_t peer_window, mss;
	int64_t inq, outq, unsent; /* bytes, or QUEUE_UNKNOWN */
	bool fin_unacked;          /* our FIN is, which outq and unsent do not count */
	bool error_waits;          /* in CLOSE: nobody has been told why */
	bool disconnected;         /* connect with AF_UNSPEC has begun the counts anew */
	bool fin_arrived;          /* the peer's, read or not */
	bool fin_knowable;         /* every byte that was read is counted: else it may have come */
	bool keepalive;
	uint32_t keepalive_idle_s, keepalive_interval_s, keepalive_count;
	uint32_t user_timeout_ms;

	/*
	 * a listener: connections waiting to be accepted, how many may, segments that it dropped, and
	 * in passing the overflows that its network namespace has counted (negative: not known)
	 */
	uint32_t accept_queue, backlog, drops, new_drops;
	int64_t new_overflows;

	/* an open connection in passing: how long it has been half-closed, and what is too long */
	int64_t half_ms, stale_ms;

	/* ICMP from the error queue, after the program was told */
	bool icmp;
	bool icmp_local;  /* from our own kernel, and not as the host asked for */
	bool icmp_unread; /* one may have come that could not be read */
	uint8_t icmp_type, icmp_code;
	uint8_t icmp_family;
	struct addr icmp_offender;

	/* the kernel's limits; negative when they cannot be read */
	uint32_t syn_retries_set; /* TCP_SYNCNT of the socket */
	int64_t syn_retries, syn_linear_timeouts, retries2, rto_max_ms;
	int64_t orphan_retries, fin_timeout_s;
	int64_t port_first, port_last;
	int64_t time_wait_count;

	/* EADDRNOTAVAIL: the program chose the local port; some address of ours leads there */
	bool port_chosen, has_source;

	/* EINVAL: the peer is link-local, of no interface; our own address is a loopback one, not the peer's */
	bool lacks_zone, from_loopback;

	/* a time-out with an errno of ICMP: this host's own routes give the same now */
	bool route_gone;

	/* ENETUNREACH: the peer is a multicast or broadcast address */
	bool to_many;
};

struct conn;

/** The kernel's state of a TCP socket, STATE_UNKNOWN when it is none. */
enum tcp_state_number evidence_state(int fd);

/** Is a connection that was just made in CLOSE already? Costs less than to ask for its state. */
bool evidence_is_over(int fd);

/** Is SO_LINGER {1,0} set? */
bool evidence_lingers_zero(int fd);

/** Is the descriptor still what its record is about, as far as the kernel may be asked? */
bool evidence_is_about(const struct conn *conn, int fd);

/** What the summary of a connection says of its path; zeros when the kernel does not. */
struct path {
	uint32_t rtt_us; /* smoothed */
	uint32_t retransmissions;
	enum tcp_state_number state;
	uint32_t data_segments; /* that have arrived */
};

struct path evidence_path(int fd);

/** How an open connection is doing. */
struct health {
	enum tcp_state_number state;
	uint32_t tries;    /* how often the oldest segment was sent again, or the peer was probed */
	uint32_t acked_ms; /* since the last segment came that acknowledged something */
	bool unseen;       /* bytes may have gone past the hooks: evidence_collect finds out */
};

struct health evidence_health(const struct conn *conn, int fd);

/**
 * Our writing side is about to be shut down: remember whether the peer has ended its own before.
 *
 * @state
 *         The connection's, now.
 */
void evidence_shutting(struct conn *conn, enum tcp_state_number state);

/** Milliseconds since the last segment went either way, as far as the kernel remembers. */
uint32_t evidence_silence(int fd);

/** May a close of it reset something: bytes unread, or SO_LINGER {1,0}? At most two system calls. */
bool evidence_may_reset(const struct conn *conn, int fd);

/** How far a stream has got, by the kernel's counts: bytes sent once, and bytes that arrived. */
struct stream_counts {
	uint64_t sent, received;
};

/** false when the kernel does not say. */
bool evidence_stream(int fd, struct stream_counts *counts);

/**
 * Is there anything to say about a connection that is about to be closed? One TCP_INFO; false for
 * an ordinary end, where evidence_collect would find nothing.
 *
 * @path
 *         Gets what evidence_path would return.
 */
bool evidence_glance(const struct conn *conn, int fd, struct path *path);

/**
 * Look at a connection after something happened to it.
 *
 * @evidence
 *         Its op, surface, error and direction are filled by the caller before.
 * @return
 *         false when the descriptor is not the socket that the record is about: the record is
 *         stale (libc closed the number behind our back), and nothing can be said.
 */
bool evidence_collect(struct evidence *evidence, const struct conn *conn, int fd);

/** Is something unread yet, as evidence_collect has found? Urgent bytes count in both. */
bool evidence_is_unread_yet(const struct evidence *evidence, const struct conn *conn, int fd);

/** Add who else has a socket that is about to be closed: what others have does not end here. */
void evidence_collect_holders(struct evidence *evidence, int fd);

/** Add what costs more: the ICMP error behind a failed connect, and the kernel's limits. */
void evidence_collect_failure(struct evidence *evidence, const struct conn *conn, int fd);

#endif
