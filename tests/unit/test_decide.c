#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "why/why.h"

/* A row says in what it differs from the usual. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define RESET "Connection reset"
#define BY_PEER "Connection reset by peer"

/** A connect that has failed; the kernel's counters are those of a connect that did not block. */
#define CONNECT(err)                                                                               \
	.op = OP_CONNECT, .surface = SURFACE_RETURN, .error = (err), .side = SIDE_CLIENT,          \
	.connecting = true, .has_info = true, .state = STATE_CLOSE, .segs_out = 1

/** A client's connection that is dead, with a call that was told so. */
#define READ(err)                                                                                  \
	.op = OP_RECV, .surface = SURFACE_RETURN, .error = (err), .direction = DIRECTION_READ,     \
	.side = SIDE_CLIENT, .has_info = true, .state = STATE_CLOSE, .segs_out = 9, .segs_in = 9,  \
	.retries2 = 15
#define WRITE(err)                                                                                 \
	.op = OP_SEND, .surface = SURFACE_RETURN, .error = (err), .direction = DIRECTION_WRITE,    \
	.side = SIDE_CLIENT, .has_info = true, .state = STATE_CLOSE, .segs_out = 9, .segs_in = 9,  \
	.retries2 = 15
/** A request of 100 bytes acknowledged, an answer of 50 read. */
#define EXCHANGED                                                                                  \
	.bytes_out = 100, .bytes_in = 50, .bytes_acked = 101, .bytes_received = 50,                \
	.last_turn = DIRECTION_READ
#define END_OF_FILE                                                                                \
	.op = OP_READ, .surface = SURFACE_EOF, .direction = DIRECTION_READ, .side = SIDE_CLIENT,   \
	.has_info = true, .state = STATE_CLOSE
/** The peer's FIN is there, as the kernel's count of bytes says. */
#define FIN_CAME .fin_knowable = true, .fin_arrived = true
#define CLOSING .op = OP_CLOSE, .surface = SURFACE_CLOSE, .side = SIDE_CLIENT, .has_info = true
#define EXITING .op = OP_EXIT, .surface = SURFACE_EXIT, .side = SIDE_CLIENT, .has_info = true
#define PASSING                                                                                    \
	.op = OP_POLL, .surface = SURFACE_PASSING, .side = SIDE_CLIENT, .has_info = true,          \
	.stale_ms = 60000

static const struct {
	const char *name;
	struct evidence evidence;
	const char *cause;
	enum sure sure;
	const char *others;
	enum rst_case rst_case;
	const char *doc;
} cases[] = {
	/* while connecting */
	{"a RST to the SYN",
	 {CONNECT(ECONNREFUSED), .segs_in = 1},
	 "refused",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection refused"},
	{"refused, and an ICMP error may hide behind it",
	 {CONNECT(ECONNREFUSED), .segs_out = 0, .icmp_unread = true},
	 "refused",
	 SURE_LIKELY,
	 "rejected",
	 CASE_NONE,
	 "Connection refused"},
	{"refused without a segment",
	 {CONNECT(ECONNREFUSED), .icmp_unread = true},
	 "rejected",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "Connection refused"},
	{"ICMP from elsewhere",
	 {CONNECT(EHOSTUNREACH), .icmp = true},
	 "rejected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "No route to host"},
	{"ICMP port unreachable",
	 {CONNECT(ECONNREFUSED), .icmp = true},
	 "rejected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection refused"},
	{"ICMP of our own kernel",
	 {CONNECT(EHOSTUNREACH), .icmp = true, .icmp_local = true},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "No route to host"},
	{"ICMP of our own firewall",
	 {CONNECT(ECONNREFUSED), .icmp = true, .icmp_local = true},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection refused"},
	{"ICMP while the SYN is still sent",
	 {CONNECT(EHOSTUNREACH), .state = STATE_SYN_SENT},
	 "rejected",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "No route to host"},
	{"ICMPv6 that nobody kept",
	 {CONNECT(EACCES), .icmp_unread = true},
	 "rejected",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "Permission denied"},
	{"ICMPv6 that may be a neighbour's silence",
	 {CONNECT(EHOSTUNREACH), .icmp_unread = true},
	 "unreachable",
	 SURE_LIKELY,
	 "rejected",
	 CASE_NONE,
	 "No route to host"},
	{"a blackhole route",
	 {CONNECT(EINVAL)},
	 "unreachable",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "Invalid argument"},
	{"a link-local address of no interface",
	 {CONNECT(EINVAL), .lacks_zone = true},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Invalid argument"},
	{"no route",
	 {CONNECT(ENETUNREACH)},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Network is unreachable"},
	{"a local rule forbids it",
	 {CONNECT(EPERM)},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Operation not permitted"},
	{"nobody answered",
	 {CONNECT(ETIMEDOUT)},
	 "no-answer",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"SO_SNDTIMEO ran out",
	 {CONNECT(EINPROGRESS), .state = STATE_SYN_SENT},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Operation now in progress"},
	{"closed in SYN_SENT",
	 {CLOSING, .connecting = true, .state = STATE_SYN_SENT},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"shut down in SYN_SENT",
	 {CONNECT(ECONNRESET), .shut_read = true, .shut_write = true},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection reset by peer"},
	{"destroyed in SYN_SENT",
	 {CONNECT(ECONNABORTED)},
	 "killed",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Software caused connection abort"},
	{"no port left",
	 {CONNECT(EADDRNOTAVAIL), .has_source = true},
	 "ports-exhausted",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Cannot assign requested address"},
	{"no source address, maybe",
	 {CONNECT(EADDRNOTAVAIL)},
	 "ports-exhausted",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "Cannot assign requested address"},
	{"the chosen port is taken",
	 {CONNECT(EADDRNOTAVAIL), .has_source = true, .port_chosen = true},
	 "ports-exhausted",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "Cannot assign requested address"},
	{"nobody answered, though other ICMP has come",
	 {CONNECT(ETIMEDOUT), .icmp_unread = true},
	 "no-answer",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"a local rule forbids it, though other ICMP has come",
	 {CONNECT(EPERM), .icmp_unread = true},
	 "unreachable",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Operation not permitted"},
	{"asked again, after SO_SNDTIMEO had run out",
	 {CONNECT(EALREADY), .state = STATE_SYN_SENT},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Operation already in progress"},
	{"its reading end shut down in SYN_SENT",
	 {CONNECT(ECONNRESET), .shut_read = true},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection reset by peer"},
	{"its writing end shut down in SYN_SENT",
	 {CONNECT(ECONNRESET), .shut_write = true},
	 "abandoned",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection reset by peer"},
	{"a RST right behind the handshake",
	 {CONNECT(ECONNRESET), .segs_in = 2, .bytes_acked = 1},
	 "peer-abort",
	 SURE_LIKELY,
	 "accept-overflow",
	 CASE_RESET,
	 RESET},
	{"a RST to the SYN, in a sandbox",
	 {CONNECT(ECONNREFUSED), .sandboxed = true, .has_info = false, .state = STATE_UNKNOWN},
	 "refused",
	 SURE_POSSIBLE,
	 "rejected",
	 CASE_NONE,
	 "Connection refused"},

	/* resets */
	{"injected",
	 {READ(ECONNRESET), .rule = 3},
	 "injected",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET,
	 RESET},
	{"a second call",
	 {WRITE(EPIPE), .told_error = ECONNRESET},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"a second call after a time-out",
	 {WRITE(EPIPE), .told_error = ETIMEDOUT},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Broken pipe"},
	{"destroyed",
	 {READ(ECONNABORTED)},
	 "killed",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Software caused connection abort"},
	{"dead at accept",
	 {.op = OP_ACCEPT,
	  .surface = SURFACE_ACCEPT,
	  .side = SIDE_SERVER,
	  .has_info = true,
	  .segs_in = 4,
	  .data_segs_in = 1,
	  .state = STATE_CLOSE},
	 "accept-aborted",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"dead at accept, with no segment for it",
	 {.op = OP_ACCEPT,
	  .surface = SURFACE_ACCEPT,
	  .side = SIDE_SERVER,
	  .has_info = true,
	  .segs_in = 3,
	  .data_segs_in = 1,
	  .state = STATE_CLOSE},
	 "accept-aborted",
	 SURE_LIKELY,
	 "killed",
	 CASE_NONE,
	 "no error"},
	{"EPIPE without a FIN: the error before it went to another thread's call",
	 {WRITE(EPIPE), .outq = 5, .fin_knowable = true},
	 "already-reset",
	 SURE_LIKELY,
	 "peer-closed-early",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after a time-out that another thread's call was told",
	 {WRITE(EPIPE), .outq = 5, .fin_knowable = true, .retransmits = 3},
	 "already-reset",
	 SURE_LIKELY,
	 "peer-closed-early",
	 CASE_NONE,
	 "Broken pipe"},
	{"EPIPE, and nobody knows of a FIN",
	 {WRITE(EPIPE), .outq = 5},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after an end of file that hid the reset",
	 {WRITE(EPIPE), .outq = 5, FIN_CAME, .told_hidden = true},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"closed with a FIN and a RST that nobody has seen",
	 {CLOSING, .state = STATE_CLOSE, .outq = 5, FIN_CAME},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "peer-closed-unread peer-abort",
	 CASE_NONE,
	 "no error"},
	{"a client that reset after it had its answer",
	 {READ(ECONNRESET), .side = SIDE_SERVER, .bytes_in = 100, .bytes_out = 50,
	  .bytes_received = 100, .bytes_acked = 50, .last_turn = DIRECTION_WRITE},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"a RST before another thread's write was counted",
	 {READ(ECONNRESET), .bytes_acked = 99},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"EPIPE, bytes outstanding",
	 {WRITE(EPIPE), .outq = 5, FIN_CAME},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, a part of the same request acknowledged",
	 {WRITE(EPIPE), .outq = 5, .req_bytes = 1005, FIN_CAME},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "peer-closed-unread peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, a part of the same request acknowledged before the program had read the FIN",
	 {WRITE(EPIPE), .outq = 5, .req_bytes = 1005, FIN_CAME, .peer_fin = true},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, a part of the same request acknowledged, the rest sent later than the FIN came",
	 {WRITE(EPIPE), .outq = 5, .req_bytes = 1005, FIN_CAME, .last_ack_recv_ms = 50},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, the peer's window closed",
	 {WRITE(EPIPE), .outq = 9000, .unsent = 100, .req_bytes = 10000, FIN_CAME},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-closed-early peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, nothing outstanding",
	 {WRITE(EPIPE), FIN_CAME},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, acknowledged after the FIN",
	 {WRITE(EPIPE), .outq = 5, .peer_fin = true, .acked_since_fin = true},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE, all that was sent acknowledged",
	 {WRITE(EPIPE), .outq = 5, .unsent = 5, FIN_CAME},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE on an inherited socket",
	 {WRITE(EPIPE), .outq = 5, .learned = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE on a shared socket",
	 {WRITE(EPIPE), .outq = 5, .shared = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE under stdio",
	 {WRITE(EPIPE), .outq = 5, .unseen = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after our own SHUT_WR",
	 {WRITE(EPIPE), .outq = 5, .shut_write = true},
	 "wrote-after-shutdown",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Broken pipe"},
	{"an end of file in CLOSE",
	 {END_OF_FILE, .outq = 5, FIN_CAME},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET,
	 RESET},
	{"an end of file in CLOSE, nothing outstanding",
	 {END_OF_FILE, FIN_CAME},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"closed after an end of file, and dead",
	 {CLOSING, .state = STATE_CLOSE, .peer_fin = true, .outq = 5},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"untold at close, bytes outstanding before our FIN",
	 {CLOSING, .state = STATE_CLOSE, .shut_write = true, .outq = 5, EXCHANGED},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_NONE,
	 "no error"},
	{"untold at close, no FIN after ours",
	 {CLOSING, .state = STATE_CLOSE, .shut_write = true, .fin_knowable = true, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_NONE,
	 "no error"},
	{"data after our own SHUT_RDWR",
	 {READ(ECONNRESET), .shut_read = true, .shut_write = true, .shut_data_segs = 2,
	  .data_segs_in = 3, EXCHANGED},
	 "late-data",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET,
	 RESET},
	{"a RST after our own SHUT_RDWR",
	 {READ(ECONNRESET), .shut_read = true, .shut_write = true, .shut_data_segs = 2,
	  .data_segs_in = 2, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"forgotten in a silence",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 65000, .rtt_us = 20000,
	  .last_data_sent_ms = 25, .last_ack_recv_ms = 65030, .bytes_acked = 81},
	 "forgotten",
	 SURE_LIKELY,
	 "peer-closed-unread peer-abort",
	 CASE_RESET,
	 RESET},
	{"a silence too short for the round trip",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 1500, .rtt_us = 20000,
	  .last_data_sent_ms = 25, .last_ack_recv_ms = 1530, .bytes_acked = 81},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"the RST came long after the request",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 65000, .rtt_us = 20000,
	  .last_data_sent_ms = 900, .last_ack_recv_ms = 66000, .bytes_acked = 81},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a part was acknowledged after the silence",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 65000, .rtt_us = 20000,
	  .last_data_sent_ms = 25, .last_ack_recv_ms = 30, .bytes_acked = 91},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"nothing ever acknowledged, sent again",
	 {READ(ECONNRESET), .segs_in = 2, .bytes_out = 100, .bytes_acked = 1, .outq = 100,
	  .total_retrans = 2, .last_turn = DIRECTION_WRITE},
	 "accept-overflow",
	 SURE_POSSIBLE,
	 "peer-closed-unread peer-abort",
	 CASE_RESET,
	 RESET},
	{"nothing ever acknowledged",
	 {READ(ECONNRESET), .segs_in = 2, .bytes_out = 100, .bytes_acked = 1, .outq = 100,
	  .last_turn = DIRECTION_WRITE},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort accept-overflow",
	 CASE_RESET,
	 RESET},
	{"the request acknowledged and unanswered",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_acked = 101, .last_turn = DIRECTION_WRITE},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a server's answer unacknowledged",
	 {WRITE(ECONNRESET), .side = SIDE_SERVER, .bytes_in = 10, .bytes_received = 10,
	  .bytes_out = 100, .outq = 60, .last_turn = DIRECTION_WRITE},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"before any byte",
	 {READ(ECONNRESET)},
	 "peer-abort",
	 SURE_LIKELY,
	 "accept-overflow",
	 CASE_RESET,
	 RESET},
	{"after an exchange",
	 {READ(ECONNRESET), EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"we have only listened",
	 {READ(ECONNRESET), .bytes_in = 5, .bytes_received = 5, .last_turn = DIRECTION_READ},
	 "peer-abort",
	 SURE_LIKELY,
	 "",
	 CASE_RESET,
	 RESET},
	{"found dead at close",
	 {CLOSING, .state = STATE_CLOSE, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_NONE,
	 "no error"},
	{"found dead at exit",
	 {EXITING, .state = STATE_CLOSE, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_NONE,
	 "no error"},
	{"a reset, in a sandbox",
	 {READ(ECONNRESET), .sandboxed = true, .has_info = false, .state = STATE_UNKNOWN},
	 "peer-abort",
	 SURE_POSSIBLE,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"a second call, in a sandbox",
	 {WRITE(EPIPE), .told_error = ECONNRESET, .sandboxed = true},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after a hidden reset that came while nothing was answered",
	 {WRITE(EPIPE), .outq = 5, .retransmits = 3, FIN_CAME, .told_hidden = true},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"injected, and found dead at close",
	 {CLOSING, .state = STATE_CLOSE, .rule = 3},
	 "injected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"a third call",
	 {WRITE(EPIPE), .told_error = EPIPE},
	 "already-reset",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"destroyed, and received from somebody",
	 {READ(ECONNABORTED), .learned = true},
	 "killed",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Software caused connection abort"},
	{"EPIPE on a connection that was dead at accept",
	 {WRITE(EPIPE), .side = SIDE_SERVER, .told_op = OP_ACCEPT4},
	 "accept-aborted",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"a reset on a connection that was dead at accept",
	 {READ(ECONNRESET), .side = SIDE_SERVER, .told_op = OP_ACCEPT},
	 "accept-aborted",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET,
	 RESET},
	{"EPIPE after an end of file that the kernel did not count",
	 {WRITE(EPIPE), .outq = 5, .fin_knowable = true, .peer_fin = true},
	 "peer-closed-early",
	 SURE_CERTAIN,
	 "",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after a FIN, on an inherited socket",
	 {WRITE(EPIPE), .outq = 5, FIN_CAME, .inherited = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after a FIN, on a shared socket",
	 {WRITE(EPIPE), .outq = 5, FIN_CAME, .shared = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"EPIPE after a FIN, under stdio",
	 {WRITE(EPIPE), .outq = 5, FIN_CAME, .unseen = true},
	 "peer-closed-early",
	 SURE_LIKELY,
	 "already-reset peer-abort",
	 CASE_RESET_BY_PEER,
	 BY_PEER},
	{"a reset after both ends had closed",
	 {READ(ECONNRESET), .peer_fin = true, .acked_since_fin = true, .shut_write = true,
	  EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"a RST after data, only the reading end shut down",
	 {READ(ECONNRESET), .shut_read = true, .data_segs_in = 3, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"a RST after data, only the writing end shut down",
	 {READ(ECONNRESET), .shut_write = true, .data_segs_in = 3, EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_RESET,
	 RESET},
	{"a silence of less than a second",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 999, .last_data_sent_ms = 25,
	  .last_ack_recv_ms = 1030, .bytes_acked = 81},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a silence, and then bytes of the peer",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_READ, .outq = 20, .gap_ms = 65000, .rtt_us = 20000,
	  .last_data_sent_ms = 25, .last_ack_recv_ms = 65030, .bytes_acked = 81},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a silence, and then all is acknowledged",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .gap_ms = 65000, .rtt_us = 20000, .last_data_sent_ms = 25,
	  .last_ack_recv_ms = 65030, .bytes_acked = 101},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a silence of a second, which is the shortest",
	 {READ(ECONNRESET), .bytes_out = 100, .bytes_in = 50, .bytes_received = 50,
	  .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 1000, .rtt_us = 10000,
	  .last_data_sent_ms = 25, .last_ack_recv_ms = 1030, .bytes_acked = 81},
	 "forgotten",
	 SURE_LIKELY,
	 "peer-closed-unread peer-abort",
	 CASE_RESET,
	 RESET},
	{"nothing ever acknowledged, and the SYN-ACK came again",
	 {READ(ECONNRESET), .segs_in = 3, .bytes_out = 100, .bytes_acked = 1, .outq = 100,
	  .last_turn = DIRECTION_WRITE},
	 "accept-overflow",
	 SURE_POSSIBLE,
	 "peer-closed-unread peer-abort",
	 CASE_RESET,
	 RESET},
	{"before any byte, at a server",
	 {READ(ECONNRESET), .side = SIDE_SERVER},
	 "peer-abort",
	 SURE_LIKELY,
	 "",
	 CASE_RESET,
	 RESET},
	{"nothing of a server's acknowledged",
	 {READ(ECONNRESET), .side = SIDE_SERVER, .bytes_out = 100, .bytes_acked = 1, .outq = 100,
	  .last_turn = DIRECTION_WRITE},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"before any byte was read, but not before any came",
	 {READ(ECONNRESET), .bytes_received = 5, .bytes_acked = 1},
	 "peer-abort",
	 SURE_LIKELY,
	 "",
	 CASE_RESET,
	 RESET},
	{"a reset where a user timeout is set",
	 {READ(ECONNRESET), .bytes_in = 5, .bytes_received = 5, .bytes_out = 100, .bytes_acked = 50,
	  .outq = 50, .last_turn = DIRECTION_WRITE, .user_timeout_ms = 500},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},
	{"a reset while a closed window was probed",
	 {READ(ECONNRESET), .bytes_in = 5, .bytes_received = 5, .bytes_out = 100, .bytes_acked = 50,
	  .probes = 3, .outq = 50, .unsent = 50, .last_turn = DIRECTION_WRITE},
	 "peer-closed-unread",
	 SURE_LIKELY,
	 "peer-abort",
	 CASE_RESET,
	 RESET},

	/* time-outs */
	{"never acknowledged",
	 {READ(ETIMEDOUT), .retransmits = 5, .outq = 10},
	 "retransmit-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"never acknowledged, with ICMP",
	 {READ(EHOSTUNREACH), .retransmits = 5, .outq = 10},
	 "retransmit-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "No route to host"},
	{"a time-out of unknown kind",
	 {READ(ETIMEDOUT)},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "keepalive-limit user-timeout",
	 CASE_NONE,
	 "Connection timed out"},
	{"user timeout",
	 {READ(ETIMEDOUT), .retransmits = 3, .outq = 10, .user_timeout_ms = 500},
	 "user-timeout",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"user timeout of a closed window",
	 {READ(ETIMEDOUT), .probes = 3, .outq = 10, .unsent = 10, .user_timeout_ms = 500},
	 "user-timeout",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"closed window, probes used up in spite of a user timeout",
	 {READ(ETIMEDOUT), .probes = 15, .outq = 10, .unsent = 10, .user_timeout_ms = 500000},
	 "zero-window-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"closed window",
	 {READ(ETIMEDOUT), .probes = 15, .outq = 10, .unsent = 10},
	 "zero-window-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"keepalive",
	 {READ(ETIMEDOUT), .probes = 3, .peer_window = 500},
	 "keepalive-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"keepalive with a user timeout set",
	 {READ(ETIMEDOUT), .probes = 3, .peer_window = 500, .user_timeout_ms = 500},
	 "keepalive-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"found dead at close, probing",
	 {CLOSING, .state = STATE_CLOSE, .probes = 3},
	 "keepalive-limit",
	 SURE_LIKELY,
	 "peer-abort forgotten",
	 CASE_NONE,
	 "no error"},
	{"found dead at close, sending again",
	 {CLOSING, .state = STATE_CLOSE, .retransmits = 3, .outq = 9},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "user-timeout forgotten peer-closed-unread peer-abort",
	 CASE_NONE,
	 "no error"},
	{"ICMP on a living connection",
	 {READ(EHOSTUNREACH), .op = OP_GETSOCKOPT, .surface = SURFACE_SO_ERROR,
	  .state = STATE_ESTABLISHED, .retransmits = 2, .outq = 9},
	 "rejected",
	 SURE_LIKELY,
	 "unreachable",
	 CASE_NONE,
	 "No route to host"},
	{"a port that is unreachable to the end",
	 {READ(ECONNREFUSED), .retransmits = 5, .outq = 10},
	 "retransmit-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection refused"},
	{"user timeout, and nobody can say how often the kernel tries",
	 {READ(ETIMEDOUT), .retransmits = 3, .outq = 10, .user_timeout_ms = 500, .retries2 = -1},
	 "user-timeout",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"never acknowledged, the window closed",
	 {READ(ETIMEDOUT), .retransmits = 5, .outq = 10, .unsent = 10},
	 "retransmit-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"keepalive, the window closed",
	 {READ(ETIMEDOUT), .probes = 3},
	 "keepalive-limit",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "Connection timed out"},
	{"probed, with bytes on their way and an open window",
	 {READ(ETIMEDOUT), .probes = 3, .outq = 10, .unsent = 10, .peer_window = 500},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "keepalive-limit user-timeout",
	 CASE_NONE,
	 "Connection timed out"},
	{"a time-out with nothing on its way",
	 {READ(ETIMEDOUT), .retransmits = 5},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "keepalive-limit user-timeout",
	 CASE_NONE,
	 "Connection timed out"},
	{"a time-out with nothing sent again",
	 {READ(ETIMEDOUT), .outq = 10},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "keepalive-limit user-timeout",
	 CASE_NONE,
	 "Connection timed out"},
	{"found dead at close, probing with bytes on their way",
	 {CLOSING, .state = STATE_CLOSE, .probes = 3, .outq = 9},
	 "retransmit-limit",
	 SURE_LIKELY,
	 "user-timeout forgotten peer-closed-unread peer-abort",
	 CASE_NONE,
	 "no error"},

	/* our own doing */
	{"closed unread",
	 {CLOSING, .state = STATE_ESTABLISHED, .inq = 9},
	 "closed-unread",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"closed unread, received from somebody",
	 {CLOSING, .state = STATE_ESTABLISHED, .inq = 9, .learned = true},
	 "closed-unread",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "no error"},
	{"closed unread, an ancestor's",
	 {CLOSING, .state = STATE_ESTABLISHED, .inq = 9, .inherited = true},
	 "closed-unread",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "no error"},
	{"linger 0",
	 {CLOSING, .state = STATE_ESTABLISHED, .linger_zero = true},
	 "closed-linger0",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"linger 0 in CLOSE_WAIT",
	 {CLOSING, .state = STATE_CLOSE_WAIT, .linger_zero = true},
	 "closed-linger0",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"unread and linger 0",
	 {CLOSING, .state = STATE_ESTABLISHED, .inq = 9, .linger_zero = true},
	 "closed-unread",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"disconnected",
	 {.op = OP_CONNECT,
	  .surface = SURFACE_DISCONNECT,
	  .has_info = true,
	  .state = STATE_ESTABLISHED,
	  .shared = true},
	 "disconnected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"disconnected in CLOSE_WAIT",
	 {.op = OP_CONNECT,
	  .surface = SURFACE_DISCONNECT,
	  .has_info = true,
	  .state = STATE_CLOSE_WAIT},
	 "disconnected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"disconnected in FIN_WAIT_1",
	 {.op = OP_CONNECT,
	  .surface = SURFACE_DISCONNECT,
	  .has_info = true,
	  .state = STATE_FIN_WAIT1},
	 "disconnected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"disconnected in FIN_WAIT_2",
	 {.op = OP_CONNECT,
	  .surface = SURFACE_DISCONNECT,
	  .has_info = true,
	  .state = STATE_FIN_WAIT2},
	 "disconnected",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"disconnected after a reset that nobody took",
	 {.op = OP_CONNECT,
	  .surface = SURFACE_DISCONNECT,
	  .has_info = true,
	  .state = STATE_CLOSE,
	  EXCHANGED},
	 "peer-abort",
	 SURE_LIKELY,
	 "peer-closed-unread",
	 CASE_NONE,
	 "no error"},
	{"listener closed",
	 {CLOSING, .state = STATE_LISTEN, .listening = true, .accept_queue = 2},
	 "listener-closed",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"exit with bytes unread",
	 {EXITING, .state = STATE_ESTABLISHED, .inq = 9},
	 "exit-open",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"exit with linger 0",
	 {EXITING, .state = STATE_ESTABLISHED, .linger_zero = true},
	 "exit-open",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},

	/* warnings */
	{"a listener's queue overflows",
	 {PASSING, .listening = true, .state = STATE_LISTEN, .new_drops = 2, .new_overflows = 2,
	  .accept_queue = 5, .backlog = 5},
	 "accept-overflow",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"a listener drops, and some queue has overflowed, but its own has room now",
	 {PASSING, .listening = true, .state = STATE_LISTEN, .new_drops = 2, .new_overflows = 2,
	  .accept_queue = 4, .backlog = 5},
	 "accept-overflow",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "no error"},
	{"a listener drops, its queue is full, and overflows cannot be read",
	 {PASSING, .listening = true, .state = STATE_LISTEN, .new_drops = 2, .new_overflows = -1,
	  .accept_queue = 5, .backlog = 5},
	 "accept-overflow",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "no error"},
	{"the peer never saw our ACK",
	 {PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .retransmits = 2,
	  .segs_in = 3, .outq = 5},
	 "handshake-ack-lost",
	 SURE_LIKELY,
	 "losing",
	 CASE_NONE,
	 "no error"},
	{"connected late",
	 {PASSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 1010},
	 "slow-handshake",
	 SURE_LIKELY,
	 "",
	 CASE_NONE,
	 "no error"},
	{"a leak",
	 {PASSING, .state = STATE_CLOSE_WAIT, .half_ms = 61000},
	 "close-wait-leak",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"our FIN unanswered",
	 {PASSING, .state = STATE_FIN_WAIT1, .half_ms = 61000, .retransmits = 4},
	 "fin-unanswered",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"the peer goes on",
	 {PASSING, .state = STATE_FIN_WAIT2, .half_ms = 61000},
	 "half-closed",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"a leak at the very moment",
	 {PASSING, .state = STATE_CLOSE_WAIT, .half_ms = 60000},
	 "close-wait-leak",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"our FIN unanswered in LAST_ACK",
	 {PASSING, .state = STATE_LAST_ACK, .half_ms = 61000, .retransmits = 4},
	 "fin-unanswered",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"our FIN unanswered in CLOSING",
	 {PASSING, .state = STATE_CLOSING, .half_ms = 61000, .retransmits = 4},
	 "fin-unanswered",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"losing in CLOSE_WAIT",
	 {PASSING, .state = STATE_CLOSE_WAIT, .half_ms = 9, .retransmits = 3, .outq = 9,
	  .bytes_acked = 90},
	 "losing",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
	{"losing",
	 {PASSING, .state = STATE_ESTABLISHED, .retransmits = 3, .outq = 9, .bytes_out = 9,
	  .bytes_acked = 90, .bytes_received = 9},
	 "losing",
	 SURE_CERTAIN,
	 "",
	 CASE_NONE,
	 "no error"},
};

#define CASES (sizeof cases / sizeof *cases)

static void write_others(const struct verdict *verdict, char text[200])
{
	text[0] = '\0';
	for (size_t i = 0; i < verdict->other_count; i++) {
		size_t used = strlen(text);
		snprintf(text + used, 200 - used, "%s%s", i > 0 ? " " : "",
			 cause_infos[verdict->others[i]].id);
	}
}

static void each_row_gives_its_verdict(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		struct verdict verdict;
		char others[200];
		bool told = why_judge(&cases[i].evidence, &verdict);
		write_others(&verdict, others);
		if (!told || strcmp(cause_infos[verdict.cause].id, cases[i].cause) != 0 ||
		    verdict.sure != cases[i].sure || strcmp(others, cases[i].others) != 0 ||
		    verdict.rst_case != cases[i].rst_case ||
		    strcmp(verdict.doc, cases[i].doc) != 0) {
			fail_msg("%s: told %d, %s, %s, else [%s], %s, %s", cases[i].name, told,
				 cause_infos[verdict.cause].id, sure_name(verdict.sure), others,
				 case_name(verdict.rst_case), verdict.doc);
		}
	}
}

static void each_cause_of_an_error_has_a_row_here(void **state)
{
	(void)state;
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		bool found = cause_infos[cause].kind == CAUSE_WARNING ||
			     cause_infos[cause].kind == CAUSE_NOTICE;
		for (size_t i = 0; i < CASES && !found; i++) {
			found = strcmp(cases[i].cause, cause_infos[cause].id) == 0;
		}
		if (!found) {
			fail_msg("no row for %s", cause_infos[cause].id);
		}
	}
}

static const struct evidence ordinary[] = {
	{END_OF_FILE, .state = STATE_CLOSE_WAIT, EXCHANGED},
	{END_OF_FILE, .state = STATE_CLOSE, .shut_write = true, EXCHANGED},
	{END_OF_FILE, .state = STATE_CLOSE, .told_error = ECONNRESET},
	{END_OF_FILE, .state = STATE_CLOSE, .probes = 3},
	{CLOSING, .state = STATE_ESTABLISHED, EXCHANGED},
	{CLOSING, .state = STATE_CLOSE_WAIT, .peer_fin = true, EXCHANGED},
	{CLOSING, .state = STATE_CLOSE, .shut_write = true, .peer_fin = true},
	{CLOSING, .state = STATE_CLOSE, .shut_write = true, .fin_knowable = true,
	 .fin_arrived = true},
	{CLOSING, .state = STATE_CLOSE, .shut_write = true, .fin_knowable = true, .retransmits = 9},
	{CLOSING, .state = STATE_CLOSE, .told_error = ECONNRESET},
	{CLOSING, .state = STATE_ESTABLISHED, .outq = 50, EXCHANGED},
	{CLOSING, .state = STATE_ESTABLISHED, .inq = 9, .shared = true},
	{CLOSING, .state = STATE_ESTABLISHED, .linger_zero = true, .shared = true},
	{CLOSING, .state = STATE_CLOSE, .linger_zero = true, .told_error = ECONNRESET},
	{CLOSING, .state = STATE_LAST_ACK, .linger_zero = true, .shut_write = true},
	{CLOSING, .state = STATE_CLOSING, .linger_zero = true, .shut_write = true, .outq = 5},
	{CLOSING, .state = STATE_LISTEN, .listening = true},
	{CLOSING, .state = STATE_LISTEN, .listening = true, .accept_queue = 2, .shared = true},
	{CLOSING, .state = STATE_CLOSE, .connecting = true},
	{END_OF_FILE, .outq = 5, .fin_knowable = true},
	{CLOSING, .state = STATE_CLOSE, .shared = true, EXCHANGED},
	{CLOSING, .state = STATE_CLOSE, .inq = 9, .told_error = ECONNRESET},
	{CLOSING, .state = STATE_ESTABLISHED, .bytes_out = 100, .bytes_in = 50,
	 .bytes_received = 50, .last_turn = DIRECTION_WRITE, .outq = 20, .gap_ms = 65000,
	 .last_data_sent_ms = 25, .last_ack_recv_ms = 65030, .bytes_acked = 81},
	{CLOSING, .state = STATE_ESTABLISHED, .bytes_out = 9, .bytes_acked = 90, .retransmits = 3,
	 .outq = 9},
	{CLOSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .retransmits = 2,
	 .segs_in = 3, .outq = 5},
	{CLOSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 1010},
	{CLOSING, .state = STATE_CLOSE, .shut_write = true, .told_op = OP_ACCEPT},
	{CLOSING, .state = STATE_CLOSE, .listening = true},
	{CONNECT(ECONNABORTED), .learned = true},
	{.op = OP_CONNECT,
	 .surface = SURFACE_DISCONNECT,
	 .has_info = true,
	 .connecting = true,
	 .state = STATE_SYN_SENT},
	{EXITING, .state = STATE_ESTABLISHED, EXCHANGED},
	{.op = OP_CONNECT,
	 .surface = SURFACE_DISCONNECT,
	 .has_info = true,
	 .state = STATE_CLOSE,
	 .told_error = ECONNRESET},
	{.op = OP_ACCEPT,
	 .surface = SURFACE_ACCEPT,
	 .side = SIDE_SERVER,
	 .has_info = true,
	 .state = STATE_ESTABLISHED},
	{PASSING, .state = STATE_ESTABLISHED, .bytes_acked = 1, .bytes_out = 5, .outq = 5},
	{PASSING, .state = STATE_ESTABLISHED, .retransmits = 2, .outq = 9, .bytes_out = 9,
	 .bytes_acked = 9, .bytes_received = 1},
	{PASSING, .state = STATE_CLOSE_WAIT, .half_ms = 59000},
	{PASSING, .state = STATE_FIN_WAIT1, .half_ms = 61000},
	{PASSING, .state = STATE_FIN_WAIT1, .half_ms = 59000, .retransmits = 4},
	{PASSING, .state = STATE_FIN_WAIT2, .half_ms = 59000},
	{PASSING, .state = STATE_ESTABLISHED, .half_ms = 61000, .retransmits = 2, .outq = 9,
	 .bytes_acked = 90},
	{PASSING, .state = STATE_ESTABLISHED, .retransmits = 3, .bytes_acked = 90},
	{PASSING, .state = STATE_FIN_WAIT1, .half_ms = 9, .retransmits = 3, .outq = 9,
	 .bytes_acked = 90},
	/* not late, though long in connecting; nor though sent again */
	{PASSING, .state = STATE_ESTABLISHED, .connect_ms = 1010},
	{PASSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 899},
	{PASSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 1010,
	 .side = SIDE_SERVER},
	{PASSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 1010,
	 .bytes_out = 9},
	{PASSING, .state = STATE_ESTABLISHED, .total_retrans = 1, .connect_ms = 1010,
	 .bytes_in = 9},
	{PASSING, .state = STATE_CLOSE_WAIT, .total_retrans = 1, .connect_ms = 1010},
	/* the peer has seen our ACK: its data came, or an ACK; it is no client's; it is silent */
	{PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .retransmits = 2,
	 .segs_in = 3, .outq = 5, .bytes_received = 9},
	{PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 3, .retransmits = 2,
	 .segs_in = 3, .outq = 5},
	{PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .retransmits = 2,
	 .segs_in = 3, .outq = 5, .side = SIDE_SERVER},
	{PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .retransmits = 2,
	 .segs_in = 1, .outq = 5},
	{PASSING, .state = STATE_ESTABLISHED, .bytes_out = 5, .bytes_acked = 1, .segs_in = 3,
	 .outq = 5},
	{PASSING, .state = STATE_FIN_WAIT1, .half_ms = 9, .bytes_out = 5, .bytes_acked = 1,
	 .retransmits = 2, .segs_in = 3, .outq = 5},
	/* a full queue from which nothing was dropped, or not for that; drops from one with room */
	{PASSING, .listening = true, .state = STATE_LISTEN, .new_overflows = 2, .accept_queue = 5,
	 .backlog = 5},
	{PASSING, .listening = true, .state = STATE_LISTEN, .new_drops = 2, .accept_queue = 5,
	 .backlog = 5},
	{PASSING, .listening = true, .state = STATE_LISTEN, .new_drops = 2, .new_overflows = -1,
	 .accept_queue = 4, .backlog = 5},
};

static void ordinary_ends_are_not_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ordinary / sizeof *ordinary; i++) {
		struct verdict verdict;
		if (why_judge(&ordinary[i], &verdict)) {
			fail_msg("ordinary end %zu: %s", i, cause_infos[verdict.cause].id);
		}
	}
}

/** xorshift64 */
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static bool coin(void)
{
	return chance() & 1;
}

/** Small, zero or huge. */
static int64_t number(void)
{
	switch (chance() % 4) {
	case 0:
		return 0;
	case 1:
		return (int64_t)(chance() % 20);
	case 2:
		return (int64_t)(chance() % 100000);
	default:
		return (int64_t)(chance() >> (chance() % 60 + 1));
	}
}

static struct evidence any_evidence(void)
{
	static const int errors[] = {0,
				     ECONNRESET,
				     EPIPE,
				     ETIMEDOUT,
				     ECONNREFUSED,
				     ECONNABORTED,
				     EHOSTUNREACH,
				     ENETUNREACH,
				     EADDRNOTAVAIL,
				     EINVAL,
				     EACCES,
				     EPERM,
				     EINPROGRESS,
				     EALREADY,
				     ENOPROTOOPT,
				     EPROTO,
				     ENETDOWN,
				     EBADF,
				     12345};
	struct evidence e;
	memset(&e, 0, sizeof e);
	e.op = (enum op)(chance() % OP_COUNT);
	e.surface = (enum surface)(chance() % (SURFACE_PASSING + 1));
	e.error = errors[chance() % (sizeof errors / sizeof *errors)];
	e.direction = (enum direction)(chance() % 3);
	e.side = (enum side)(chance() % 3);
	e.learned = chance() % 8 == 0;
	e.shared = chance() % 8 == 0;
	e.inherited = chance() % 8 == 0;
	e.unseen = chance() % 8 == 0;
	e.connecting = coin();
	e.listening = chance() % 8 == 0;
	e.peer_fin = coin();
	e.acked_since_fin = coin();
	e.shut_read = coin();
	e.shut_write = coin();
	e.linger_zero = coin();
	e.told_error = coin() ? 0 : errors[chance() % (sizeof errors / sizeof *errors)];
	e.rule = chance() % 16 == 0 ? (uint32_t)number() : 0;
	e.has_info = chance() % 8 != 0;
	e.state = (enum tcp_state_number)(chance() % STATE_COUNT);
	e.icmp = coin();
	e.icmp_local = coin();
	e.icmp_unread = coin();
	e.has_source = coin();
	e.port_chosen = coin();
	e.last_turn = (enum direction)(chance() % 3);
	e.retransmits = (uint32_t)number();
	e.probes = (uint32_t)number();
	e.total_retrans = (uint32_t)number();
	e.rtt_us = (uint32_t)number();
	e.last_data_sent_ms = (uint32_t)number();
	e.last_ack_recv_ms = (uint32_t)number();
	e.bytes_out = (uint64_t)number();
	e.bytes_in = (uint64_t)number();
	e.bytes_acked = (uint64_t)number();
	e.bytes_received = (uint64_t)number();
	e.segs_in = (uint32_t)number();
	e.segs_out = (uint32_t)number();
	e.data_segs_in = (uint32_t)number();
	e.shut_data_segs = (uint32_t)number();
	e.peer_window = (uint32_t)number();
	e.inq = number() - 1;
	e.outq = number() - 1;
	e.unsent = number() - 1;
	e.user_timeout_ms = (uint32_t)number();
	e.retries2 = number() - 1;
	e.accept_queue = (uint32_t)number();
	e.new_drops = (uint32_t)number();
	e.new_overflows = number() - 1;
	e.gap_ms = number();
	e.half_ms = number();
	e.stale_ms = number();
	return e;
}

static void check_verdict(const struct evidence *e, bool told, const struct verdict *verdict)
{
	assert_true(verdict->cause < CAUSE_COUNT);
	assert_true(verdict->sure <= SURE_CERTAIN);
	assert_true(verdict->rst_case <= CASE_RESET_BY_PEER);
	assert_non_null(verdict->doc);
	assert_true(verdict->other_count <= VERDICT_ELSE_MAX);
	if (verdict->sure == SURE_CERTAIN) {
		assert_int_equal(verdict->other_count, 0);
	}
	for (size_t i = 0; i < verdict->other_count; i++) {
		assert_true(verdict->others[i] < CAUSE_COUNT);
		assert_int_not_equal(verdict->others[i], verdict->cause);
		for (size_t k = 0; k < i; k++) {
			assert_int_not_equal(verdict->others[i], verdict->others[k]);
		}
	}
	if (told && verdict->rst_case != CASE_NONE) {
		assert_int_equal(cause_infos[verdict->cause].kind, CAUSE_RESET);
		assert_int_equal(verdict->rst_case == CASE_RESET_BY_PEER,
				 e->direction == DIRECTION_WRITE);
	}
}

static void any_evidence_has_one_honest_verdict(void **state)
{
	unsigned long told_count = 0;
	(void)state;
	for (int i = 0; i < 500000; i++) {
		struct evidence e = any_evidence();
		struct evidence before = e;
		struct verdict first;
		struct verdict second;
		memset(&first, 0, sizeof first);
		memset(&second, 0xff, sizeof second);
		bool told = why_judge(&e, &first);
		assert_int_equal(why_judge(&e, &second), told);
		assert_memory_equal(&e, &before, sizeof e);
		assert_int_equal(second.cause, first.cause);
		assert_int_equal(second.sure, first.sure);
		assert_int_equal(second.other_count, first.other_count);
		assert_memory_equal(second.others, first.others,
				    first.other_count * sizeof *first.others);
		assert_int_equal(second.rst_case, first.rst_case);
		assert_string_equal(second.doc, first.doc);
		check_verdict(&e, told, &first);
		told_count += told;
	}
	/* The dice do not all miss. */
	assert_in_range(told_count, 200000, 499999);
}

static void reset_is_never_left_without_a_verdict(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct evidence e = any_evidence();
		struct verdict verdict;
		e.error = coin() ? ECONNRESET : ETIMEDOUT;
		e.has_info = true;
		e.state = STATE_CLOSE;
		assert_true(why_judge(&e, &verdict));
	}
}

static void doubt_takes_certainty_away(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct evidence e = any_evidence();
		struct verdict verdict;
		e.learned = true;
		e.told_error = 0;
		e.rule = 0;
		e.connecting = e.shut_write = false;
		e.error = EPIPE;
		assert_true(why_judge(&e, &verdict));
		if (e.surface != SURFACE_ACCEPT) {
			assert_int_not_equal(verdict.sure, SURE_CERTAIN);
		}
	}
}

static void causes_are_found_by_their_ids(void **state)
{
	(void)state;
	for (unsigned cause = 0; cause < CAUSE_COUNT; cause++) {
		assert_int_equal(cause_find(cause_infos[cause].id), cause);
	}
	assert_int_equal(cause_find("no-such-cause"), CAUSE_COUNT);
	assert_int_equal(cause_find(""), CAUSE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_gives_its_verdict),
		cmocka_unit_test(each_cause_of_an_error_has_a_row_here),
		cmocka_unit_test(ordinary_ends_are_not_told),
		cmocka_unit_test(any_evidence_has_one_honest_verdict),
		cmocka_unit_test(reset_is_never_left_without_a_verdict),
		cmocka_unit_test(doubt_takes_certainty_away),
		cmocka_unit_test(causes_are_found_by_their_ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
