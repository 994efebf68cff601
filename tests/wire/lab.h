#ifndef RESETBY_TESTS_WIRE_LAB_H
#define RESETBY_TESTS_WIRE_LAB_H

/*
 * The laboratory of the wire tests. A test makes a situation happen in the kernel and asserts it
 * from three sides: what the program was told (the actor, a small unmodified program that runs with
 * or without the preload), what the peer saw (sockets of the test process), and what was on the wire
 * (a capture, kernel counters). Everything happens in network namespaces of the test program's own,
 * which vanish with it.
 *
 *     static void recv_after_abort_reports_reset(void **state)
 *     {
 *             struct actor a;
 *             ...
 *     }
 *
 *     LAB_MAIN(LAB_TEST(recv_after_abort_reports_reset))
 *
 * Helpers that cannot do their work fail the running test. Tests are single-threaded.
 *
 *     lab.c           namespaces, the second host, nft, sysctl, counters
 *     lab_peer.c      plain sockets of the test process
 *     lab_capture.c   what is on the wire
 *     lab_actor.c     starting and commanding the actor (its commands: actor.c)
 *     lab_log.c       what the library logged
 */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>

/** Longest wait for something that must happen, in milliseconds. */
#define LAB_PATIENCE_MS 20000

/** Exit status of a test program that cannot run here. */
#define LAB_CANNOT_RUN 77

/** Both hosts: the second exists once lab_second_host() was called. */
enum lab_host { HOST_FIRST, HOST_SECOND };

/** Addresses of the two hosts on the link between them; the devices are called `cable`. */
#define FIRST_ADDR "10.77.0.1"
#define SECOND_ADDR "10.77.0.2"
#define FIRST_ADDR6 "fd00:77::1"
#define SECOND_ADDR6 "fd00:77::2"

/** A test that ends with a clean-up: actors stopped, nft rules gone, back on the first host. */
#define LAB_TEST(function) cmocka_unit_test_teardown(function, lab_teardown)

/** main() of a wire test: its tests in a laboratory, or exit 77 where none can be had. */
#define LAB_MAIN(...)                                                                              \
	int main(void)                                                                             \
	{                                                                                          \
		const struct CMUnitTest tests[] = {__VA_ARGS__};                                   \
		if (!lab_enter()) {                                                                \
			return LAB_CANNOT_RUN;                                                     \
		}                                                                                  \
		return cmocka_run_group_tests(tests, NULL, NULL);                                  \
	}

/** Skip the rest of the running test and say why. */
#define lab_skip(...)                                                                              \
	do {                                                                                       \
		lab_say("# skipped: " __VA_ARGS__);                                                \
		skip();                                                                            \
	} while (0)

/**
 * Move this process into a network namespace of its own, with lo up; for an ordinary user, into a
 * user namespace too. Does nothing when called again.
 *
 * @return
 *         Whether that was allowed. If not, the reason was printed.
 */
bool lab_enter(void);

/** The clean-up of LAB_TEST. */
int lab_teardown(void **state);

/** Print one line (a newline is added) between the test points. */
void lab_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A directory for this test program's files, removed when it ends. */
const char *lab_dir(void);

/**
 * Write the file of rules, in place, as an editor or a shell does.
 *
 * @return
 *         Its path, for RESETBY_RULES_FILE.
 */
const char *lab_write_rules(const char *text);

/** Milliseconds on the monotonic clock. */
int64_t lab_now_ms(void);

/**
 * Wait for what has no event that could be waited for: the state of a socket, a line of a log. It is
 * looked for every millisecond; the test fails when it has not come after LAB_PATIENCE_MS.
 */
#define lab_until(condition)                                                                       \
	do {                                                                                       \
		int64_t lab_until_ms = lab_now_ms() + LAB_PATIENCE_MS;                             \
		while (!(condition)) {                                                             \
			lab_look_again(lab_until_ms, #condition);                                  \
		}                                                                                  \
	} while (0)

/** Between two looks of lab_until. */
void lab_look_again(int64_t until_ms, const char *condition);

/**
 * Let time pass where that is what the test is about: a silence, an age. Never to wait for what
 * will happen.
 */
void lab_let_pass(int ms);

/**
 * Make the second host: another network namespace, joined to ours by a veth pair called `cable` on
 * both sides. Does nothing when it exists.
 */
void lab_second_host(void);

/**
 * Be on this host: sockets, actors, captures, nft and sysctl from now on belong to it.
 *
 * @host
 *         The host to go to.
 */
void lab_go(enum lab_host host);

/**
 * Run one nft command on the current host. Table `inet lab` with the chains `in` and `out` (filters
 * at the input and output hooks) is made when first needed; LAB_TEST empties both afterwards.
 *
 * @format
 *         The command, for example "add rule inet lab in tcp dport %u drop".
 */
void nft(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Take away all rules of the current host's two chains, in the middle of a test. */
void nft_flush(void);

/**
 * Set a sysctl of the current host.
 *
 * @name
 *         The path below /proc/sys, for example "net/ipv4/tcp_syn_retries".
 * @value
 *         The text to write.
 */
void lab_sysctl(const char *name, const char *value);

/**
 * Read a counter of the current host.
 *
 * @name
 *         A column of /proc/net/netstat or /proc/net/snmp, for example "TCPAbortOnClose".
 */
uint64_t netstat_counter(const char *name);

/**
 * Listen on every address of a family.
 *
 * @family
 *         AF_INET or AF_INET6.
 * @port
 *         Receives the port.
 * @return
 *         The listener; a descriptor of the test process, closed on exec like all below.
 */
int peer_listen(int family, uint16_t *port);

/** peer_listen() with a backlog. */
int peer_listen_backlog(int family, int backlog, uint16_t *port);

/** Accept a connection, waiting for it. Reads of the result end after LAB_PATIENCE_MS. */
int peer_accept(int listener);

/** Connect to a port of this host's loopback address. */
int peer_connect(int family, uint16_t port);

/** Connect to an address given as text, IPv4 or IPv6. */
int peer_connect_to(const char *address, uint16_t port);

/** Abort: close with SO_LINGER {1,0}. */
void peer_rst(int fd);

/** Send text whole. */
void peer_send(int fd, const char *text);

/** Send so many bytes of any content whole. */
void peer_send_bytes(int fd, size_t size);

/** Send a TLS record of a type (RFC 8446, 5.1); its size is with the head of 5 bytes. */
void peer_send_record(int fd, int type, size_t size);

/**
 * Receive exactly so many bytes.
 *
 * @return
 *         The bytes as a string, in a static buffer that holds the first 4095.
 */
const char *peer_recv(int fd, size_t size);

/** Read until the end; returns the bytes read before, sets errno to that of the end (0 for a FIN). */
size_t peer_drain(int fd);

/**
 * Wait for poll events on a socket.
 *
 * @return
 *         The events that are there, 0 when the time was up.
 */
short peer_poll(int fd, short events, int timeout_ms);

/** The local port of a socket. */
uint16_t peer_port(int fd);

/** The remote port of a socket. */
uint16_t peer_remote_port(int fd);

/** The state of a TCP socket: TCP_ESTABLISHED, TCP_CLOSE ... */
int tcp_state(int fd);

/** The state's name as ss and RFC 9293 write it: "CLOSE_WAIT". */
const char *tcp_state_name(int state);

/** Wait until a TCP socket is in a state; fails the test when it never gets there. */
void tcp_wait_state(int fd, int state);

/** One TCP segment or ICMP message that was seen. */
struct segment {
	/** IPPROTO_TCP, or IPPROTO_ICMP, IPPROTO_ICMPV6 with `type` and `code` only. */
	int protocol;
	uint16_t from_port;
	uint16_t to_port;
	/** The flag bits of the TCP header: TH_SYN | TH_ACK ... (netinet/tcp.h). */
	uint8_t flags;
	uint8_t type;
	uint8_t code;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	/** Bytes of payload, and the first of them. */
	uint32_t length;
	char start[64];
	/** Milliseconds since the capture was opened, by the kernel's time stamp. */
	int64_t at_ms;
	char from[46];
	char to[46];
};

/** Which TCP segments are meant; what is 0 does not matter. */
struct match {
	uint16_t from_port;
	uint16_t to_port;
	/** Flags that must be set, and that must not. */
	uint8_t set;
	uint8_t clear;
	/** Only segments with payload. */
	bool data;
};

/** A running capture. */
struct capture {
	int fd;
	bool loopback;
	int64_t opened_us;
	struct segment *segments;
	size_t count;
	size_t room;
};

/**
 * Capture from now on, on a device of the current host. On lo, which shows each packet leaving and
 * arriving, only the leaving counts.
 *
 * @device
 *         "lo", "cable".
 */
void capture_open(struct capture *capture, const char *device);
void capture_close(struct capture *capture);

/**
 * The segments that were seen, after everything under way on this machine's loopback and veth
 * devices has been delivered: a count of 0 means that none was sent.
 */
unsigned capture_count(struct capture *capture, struct match match);

/** The segment of this index (from 0) among those that match, or NULL; valid until the next call. */
const struct segment *capture_find(struct capture *capture, struct match match, unsigned index);

/**
 * Wait for the segment of this index (from 0) among those that match, also if it was seen long ago;
 * the test fails when it does not come.
 *
 * @return
 *         The segment, valid until the next call.
 */
const struct segment *capture_await(struct capture *capture, struct match match, unsigned index);

/** Whether a RST left this port. */
bool capture_rst(struct capture *capture, uint16_t from_port);

/** Whether a FIN left this port. */
bool capture_fin(struct capture *capture, uint16_t from_port);

/** How many ICMP or ICMPv6 messages of a type and code were seen. */
unsigned capture_icmp(struct capture *capture, int protocol, int type, int code);

/** All segments as text, a line each, in a buffer that the next call overwrites. */
const char *capture_text(struct capture *capture);

/** Print all segments as comments. */
void capture_dump(struct capture *capture);

/** A running actor. */
struct actor {
	pid_t pid;
	int commands;
	int results;
	int pidfd;
	/** What it writes as a file each: the library's log, and stderr. */
	char log[512];
	char errors[512];
	/** Result lines that were read in part. */
	char pending[8192];
	size_t pending_size;
	bool ended;
	int status;
};

/** How to start an actor. */
enum actor_mode {
	ACTOR_PRELOADED = 0,
	/** Without the library, to compare. */
	ACTOR_BARE = 1,
	/** Without any capability. */
	ACTOR_UNPRIVILEGED = 2,
};

/**
 * Start the actor on the current host with the preload, RESETBY_FORMAT=json and a log of its own.
 *
 * @environment
 *         "NAME=VALUE" strings that add to that or replace it, then NULL; or NULL for none. A
 *         RESETBY_LOG given here is where log_find() looks (without %p and %e).
 */
void actor_start(struct actor *actor, const char *const environment[]);

/** actor_start() in another way: ACTOR_BARE, ACTOR_UNPRIVILEGED, or both. */
void actor_start_as(struct actor *actor, int modes, const char *const environment[]);

/**
 * Send a command and wait for its result.
 *
 * @format
 *         A command line of actor.c.
 * @return
 *         The result line "RESULT ERRNO|- [EXTRA]", for example "-1 ECONNRESET" or "5 - hello"; or
 *         "exited 3", "killed SIGPIPE" when the command ended the actor. One of a few static buffers:
 *         valid for the next three calls.
 */
const char *actor_do(struct actor *actor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Send a command that may block, without waiting for the result. */
void actor_send(struct actor *actor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Wait for the result of the command sent last. */
const char *actor_result(struct actor *actor);

/** The same for at most so long; NULL when there is no result yet. */
const char *actor_result_within(struct actor *actor, int timeout_ms);

/** Wait until the actor's `background` command sleeps in a call on this slot. */
void actor_wait_background(struct actor *actor, const char *slot);

/** Wait until the command sent last sleeps in a call, and has no result. */
void actor_wait_asleep(struct actor *actor);

/** The same, and then send it SIGALRM: see the actor's `on_alarm`. */
void actor_alarm(struct actor *actor);

/** The number in a command's result: actor_number(actor_do(&a, "fd s0")). */
long actor_number(const char *result);

/** End of commands: the actor returns from main. Returns its wait status. */
int actor_stop(struct actor *actor);

/** How many descriptors the actor has, those of the library among them. */
unsigned actor_descriptors(const struct actor *actor);

/** What the actor wrote to stderr until now. Static buffer. */
const char *actor_stderr(struct actor *actor);

/**
 * The first line of the actor's log that contains this text, or NULL. What this, log_find() and
 * json_get() return stays valid for the next 15 of these calls.
 */
const char *log_line(struct actor *actor, const char *text);

/**
 * The line of this index (from 0) among those of an event. Fails the test when a line of the log is
 * not one well-formed JSON object.
 *
 * @ev
 *         The event's name, or NULL for any.
 * @return
 *         The line, or NULL.
 */
const char *log_find(struct actor *actor, const char *ev, unsigned index);

/** How many lines of an event the log has. */
unsigned log_count(struct actor *actor, const char *ev);

/** The last `call` line with this op, or NULL. */
const char *log_last_call(struct actor *actor, const char *op);

/** Print the actor's log and stderr as comments. */
void log_dump(struct actor *actor);

/**
 * The value of a top-level key.
 *
 * @line
 *         A JSON object; NULL is taken as an empty one.
 * @return
 *         A string's content without its escapes, any other value as written; NULL when the key is
 *         not there.
 */
const char *json_get(const char *line, const char *key);

/** A numeric value; fails the test when the key is missing or no number. */
double json_number(const char *line, const char *key);

/** Whether a text is exactly one well-formed JSON object. */
bool json_valid(const char *text);

/* Between the files of the laboratory. */

/** Stop, as killed, every actor that a test left running; their logs are shown. */
void actor_kill_left(void);

/** printf into a static buffer of a ring of four. */
const char *lab_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** A whole file as a string to be freed; an empty one when it cannot be opened. */
char *lab_read_file(const char *path);

#endif
