#include "actor.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <linux/filter.h>
#include <sys/ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>
#include "resetby.h"

/** Threads that connect at once. */
#define THREADS_MAX 64

extern int __dup2(int, int);
extern int __fcntl(int, int, ...);
extern int __poll(struct pollfd *, nfds_t, int);
extern int __select(int, fd_set *, fd_set *, fd_set *, struct timeval *);
extern int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
/* Under these names in C only with -D_FILE_OFFSET_BITS=64. */
extern ssize_t preadv64v2(int, const struct iovec *, int, off64_t, int);
extern ssize_t pwritev64v2(int, const struct iovec *, int, off64_t, int);

/** An ordinary file in a slot, at the lowest free number. */
static void run_file(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 1, NULL),
		  open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}

static void run_rewind(const struct words *words, struct outcome *outcome)
{
	CALL(outcome, lseek(fd_at(words, 1), 0, SEEK_SET));
}

/** Raise the limit of descriptors to at least so many. */
static void run_nofile(const struct words *words, struct outcome *outcome)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)number_at(words, 1, 0);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_cur < wanted ? wanted : limit.rlim_cur;
	limit.rlim_max = limit.rlim_max < wanted ? wanted : limit.rlim_max;
	CALL(outcome, setrlimit(RLIMIT_NOFILE, &limit));
}

/** No number from this one on, also for what is open there. */
static void run_nofile_below(const struct words *words, struct outcome *outcome)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)fd_at(words, 1);
	CALL(outcome, setrlimit(RLIMIT_NOFILE, &limit));
}

/** A copy at or above a number. */
static void run_dupfd_from(const struct words *words, struct outcome *outcome)
{
	CALL_SLOT(outcome, word_at(words, 2, NULL),
		  fcntl(fd_at(words, 1), F_DUPFD, (int)number_at(words, 3, 3)));
}

static void run_sendmsg_fastopen(const struct words *words, struct outcome *outcome)
{
	struct sockaddr_storage address;
	socklen_t length = parse_address(word_at(words, 2, NULL), number_at(words, 3, 0), &address);
	size_t size = (size_t)number_at(words, 4, 1);
	struct iovec piece = {.iov_base = pattern(size), .iov_len = size};
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = length, .msg_iov = &piece, .msg_iovlen = 1};
	CALL(outcome, sendmsg(fd_at(words, 1), &message, MSG_FASTOPEN));
}

struct one_connect {
	pthread_t thread;
	pthread_barrier_t *start;
	struct sockaddr_storage address;
	socklen_t length;
	int error;
	double ms;
};

static void *connect_in_thread(void *argument)
{
	struct one_connect *one = argument;
	int fd = socket(one->address.ss_family, SOCK_STREAM, 0);
	pthread_barrier_wait(one->start);
	double began = now_ms();
	one->error = connect(fd, (struct sockaddr *)&one->address, one->length) == 0 ? 0 : errno;
	one->ms = now_ms() - began;
	close(fd);
	return NULL;
}

/** Blocking connects of so many threads at once: how many failed with the first one's error, the
 * error, and the shortest time. */
static void run_connect_threads(const struct words *words, struct outcome *outcome)
{
	static struct one_connect ones[THREADS_MAX];
	pthread_barrier_t start;
	long count = number_at(words, 3, 1);
	double shortest = 1e9;
	if (count < 1 || count > THREADS_MAX) {
		confused("1 to %d threads", THREADS_MAX);
	}
	pthread_barrier_init(&start, NULL, (unsigned)count);
	for (long i = 0; i < count; i++) {
		ones[i].start = &start;
		ones[i].length = parse_address(word_at(words, 1, NULL), number_at(words, 2, 0),
					       &ones[i].address);
		pthread_create(&ones[i].thread, NULL, connect_in_thread, &ones[i]);
	}
	for (long i = 0; i < count; i++) {
		pthread_join(ones[i].thread, NULL);
		outcome->result += ones[i].error == ones[0].error;
		shortest = ones[i].ms < shortest ? ones[i].ms : shortest;
	}
	pthread_barrier_destroy(&start);
	tell(outcome, "%s %ld", ones[0].error ? strerrorname_np(ones[0].error) : "0",
	     (long)shortest);
}

/* ---- other names of calls that the other files make ---- */

static void run_wide_vector(const struct words *words, struct outcome *outcome)
{
	struct iovec pieces[PIECES_MAX];
	int fd = fd_at(words, 1);
	size_t size = (size_t)number_at(words, 2, 1);
	if (strcmp(words->w[0], "pwritev64v2") == 0) {
		int count = cut(pieces, pattern(size), size, number_at(words, 3, 1));
		CALL(outcome, pwritev64v2(fd, pieces, count, -1, 0));
		return;
	}
	char *bytes = calloc(1, size + 1);
	int count = cut(pieces, bytes, size, number_at(words, 3, 1));
	CALL(outcome, preadv64v2(fd, pieces, count, -1, 0));
	if (outcome->result > 0) {
		tell_bytes(outcome, bytes, (size_t)outcome->result);
	}
	free(bytes);
}

static void run_more_fcntl(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "__fcntl") == 0) {
		CALL_SLOT(outcome, word_at(words, 2, NULL), __fcntl(fd, F_DUPFD, 3));
	} else if (strcmp(words->w[0], "fcntl64") == 0) {
		CALL_SLOT(outcome, word_at(words, 2, NULL), fcntl64(fd, F_DUPFD_CLOEXEC, 3));
	} else {
		int to = fd_at(words, 2);
		CALL(outcome, __dup2(fd, to));
		outcome->result = outcome->result == to ? 0 : outcome->result;
	}
}

/** Waits for what is there already, and says how many are ready. */
static void run_more_waiting(const struct words *words, struct outcome *outcome)
{
	const char *name = words->w[0];
	struct pollfd entry = {.fd = fd_at(words, 1), .events = POLLOUT};
	struct timespec limit = {.tv_sec = 20};
	struct timeval rough = {.tv_sec = 20};
	struct epoll_event event;
	if (strcmp(name, "__poll") == 0) {
		CALL(outcome, __poll(&entry, 1, 20000));
	} else if (strcmp(name, "__ppoll_chk") == 0) {
		CALL(outcome, __ppoll_chk(&entry, 1, &limit, NULL, sizeof(entry)));
	} else if (strcmp(name, "__select") == 0) {
		fd_set out;
		FD_ZERO(&out);
		FD_SET(entry.fd, &out);
		CALL(outcome, __select(entry.fd + 1, NULL, &out, NULL, &rough));
	} else {
		CALL(outcome, epoll_pwait2(entry.fd, &event, 1, &limit, NULL));
	}
}

/** A fortified call whose buffer is smaller than what it asks for. */
static void run_overflow(const struct words *words, struct outcome *outcome)
{
	extern ssize_t __read_chk(int, void *, size_t, size_t);
	extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
	extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *,
				      socklen_t *);
	extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
	const char *name = word_at(words, 2, "");
	struct pollfd entries[2] = {{.fd = fd_at(words, 1)}, {.fd = fd_at(words, 1)}};
	struct timespec none = {0};
	char bytes[2];
	int fd = fd_at(words, 1);
	if (strcmp(name, "__read_chk") == 0) {
		CALL(outcome, __read_chk(fd, bytes, 2, 1));
	} else if (strcmp(name, "__recv_chk") == 0) {
		CALL(outcome, __recv_chk(fd, bytes, 2, 1, MSG_DONTWAIT));
	} else if (strcmp(name, "__recvfrom_chk") == 0) {
		CALL(outcome, __recvfrom_chk(fd, bytes, 2, 1, MSG_DONTWAIT, NULL, NULL));
	} else if (strcmp(name, "__poll_chk") == 0) {
		CALL(outcome, __poll_chk(entries, 2, 0, sizeof(entries) - 1));
	} else {
		CALL(outcome, __ppoll_chk(entries, 2, &none, NULL, sizeof(entries) - 1));
	}
}

/** What a program that wants to cooperate says. */
static void run_mark(const struct words *words, struct outcome *outcome)
{
	int fd = fd_at(words, 1);
	if (strcmp(words->w[0], "mark_idempotent") == 0) {
		CALL(outcome, resetby_mark_idempotent(fd));
	} else {
		CALL(outcome, resetby_clear_idempotent(fd));
	}
}

/** A socket filter that lets everything in, at once or after a look at a number. */
static void run_own_filter(const struct words *words, struct outcome *outcome)
{
	struct sock_filter all[] = {BPF_STMT(BPF_LD | BPF_IMM, 1),
				    BPF_STMT(BPF_RET | BPF_K, 0xffffffff)};
	unsigned short skipped = has_word(words, "number") ? 0 : 1;
	struct sock_fprog program = {.len = 2 - skipped, .filter = all + skipped};
	CALL(outcome,
	     setsockopt(fd_at(words, 1), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static void run_no_filter(const struct words *words, struct outcome *outcome)
{
	int unused = 0;
	CALL(outcome,
	     setsockopt(fd_at(words, 1), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)));
}

static void run_fionread(const struct words *words, struct outcome *outcome)
{
	int waiting = -1;
	CALL(outcome, ioctl(fd_at(words, 1), FIONREAD, &waiting));
	tell(outcome, "%d", waiting);
}

/** Is the library in this process? */
static void run_preloaded(const struct words *words, struct outcome *outcome)
{
	(void)words;
	outcome->result = resetby_version() != NULL;
}

const struct command more_commands[] = {
	{"preloaded", "", run_preloaded},
	{"own_filter", "FD [number]", run_own_filter},
	{"no_filter", "FD", run_no_filter},
	{"fionread", "FD", run_fionread},
	{"file", "SLOT", run_file},
	{"rewind", "FD", run_rewind},
	{"nofile", "LIMIT", run_nofile},
	{"nofile_below", "FD", run_nofile_below},
	{"dupfd_from", "FD SLOT NUMBER", run_dupfd_from},
	{"sendmsg_fastopen", "FD ADDR PORT SIZE", run_sendmsg_fastopen},
	{"connect_threads", "ADDR PORT COUNT", run_connect_threads},
	{"preadv64v2", "FD SIZE PIECES", run_wide_vector},
	{"pwritev64v2", "FD SIZE PIECES", run_wide_vector},
	{"__fcntl", "FD SLOT", run_more_fcntl},
	{"fcntl64", "FD SLOT", run_more_fcntl},
	{"__dup2", "FD FD", run_more_fcntl},
	{"__poll", "FD", run_more_waiting},
	{"__ppoll_chk", "FD", run_more_waiting},
	{"__select", "FD", run_more_waiting},
	{"epoll_pwait2", "FD", run_more_waiting},
	{"overflow", "FD CALL", run_overflow},
	{"mark_idempotent", "FD", run_mark},
	{"clear_idempotent", "FD", run_mark},
	{0},
};
