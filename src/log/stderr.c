#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "../sys/random.h"
#include "sink.h"

#define STDIN 0
#define STDERR 2

/* Identities that no open descriptor has: not looked at yet, and not open. */
#define UNKNOWN 0u
#define CLOSED 1u

/* struct termios of the kernel has 36 bytes on the architectures of sys/raw.h. */
#define TERMIOS_ROOM 64
#define NULL_MAJOR 1u
#define NULL_MINOR 3u

static _Atomic uint64_t identity;
static atomic_bool torn;
static bool usable;

static uint64_t identity_of(const struct statx *status)
{
	uint64_t device = (uint64_t)status->stx_dev_major << 32 | status->stx_dev_minor;
	return random_at(device, status->stx_ino, status->stx_mode) | 2;
}

/* inetd and its like give a service its connection as all three: the peer would read our lines. */
static bool is_conversation(const struct statx *status)
{
	struct statx input = {.stx_ino = 0};
	return S_ISSOCK(status->stx_mode) && raw_fstat(STDIN, &input) == 0 &&
	       identity_of(&input) == identity_of(status);
}

void stderr_start(void)
{
	struct statx status = {.stx_ino = 0};
	bool ours = raw_fstat(STDERR, &status) == 0 && !is_conversation(&status);
	atomic_store(&identity, ours ? identity_of(&status) : CLOSED);
}

static bool is_harmless(const struct statx *status)
{
	if (!S_ISCHR(status->stx_mode)) {
		return false;
	}
	if (status->stx_rdev_major == NULL_MAJOR && status->stx_rdev_minor == NULL_MINOR) {
		return true;
	}
	char termios[TERMIOS_ROOM];
	return raw_ioctl(STDERR, TCGETS, termios) == 0;
}

/*
 * A program that closes stderr and opens a data file gets number 2 for it: a line of ours would
 * corrupt the file.
 */
static bool is_stderr(const struct statx *status)
{
	uint64_t known = atomic_load(&identity);
	if (known == UNKNOWN) {
		atomic_store(&identity, identity_of(status));
		return true;
	}
	return known == identity_of(status) || is_harmless(status);
}

/* A frame of its own, which is gone before the line is written: stacks may be small. */
static __attribute__((noinline)) int look(struct sink *sink)
{
	struct statx status = {.stx_mode = S_IFREG};
	long result = raw_fstat(STDERR, &status);
	if (result < 0) {
		return (int)result;
	}
	if (!is_stderr(&status)) {
		return -EBADF;
	}
	sink_look(sink, &status);
	return 0;
}

void stderr_prepare(void)
{
	struct sink sink = {.fd = STDERR};
	/* A pipe without a reader would raise SIGPIPE. */
	struct pollfd end = {.fd = STDERR};
	usable = look(&sink) == 0 && !sink_is_limited(&sink) && raw_poll(&end, 1, 0) == 0;
}

int stderr_write(const char *line, size_t length)
{
	if (sandbox_closed) {
		/* What it is was seen last when the sandbox was not closed yet. */
		struct sink trusted = {.fd = STDERR, .mode = S_IFREG, .torn = &torn};
		return usable ? sink_write(&trusted, line, length) : -EBADF;
	}
	struct sink sink = {.fd = STDERR, .torn = &torn};
	int result = look(&sink);
	return result < 0 ? result : sink_write(&sink, line, length);
}
