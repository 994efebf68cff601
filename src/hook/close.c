/* Descriptors go: close and its kin, and fclose and fdopen, which hide one in a stream. */
#include "hook.h"

#include <linux/close_range.h>
#include <limits.h>
#include <stdio_ext.h>
#include "../sys/own.h"
#include "flow.h"
#include "process.h"

int hook_close(int fd)
{
	/* Descriptors of ours do not exist for the program. */
	if (UNLIKELY(own_may_be(fd)) && !flow_in_vfork_child && own_is_indeed(fd)) {
		errno = EBADF;
		return -1;
	}
	/* What was no socket stays one until a hook says otherwise. */
	if (table_get(fd) != SLOT_NO_SOCKET) {
		flow_closing(fd, OP_CLOSE);
	}
	return real.close(fd);
}

void flow_closing_range(unsigned first, unsigned last, enum op op)
{
	int end = last > INT_MAX ? INT_MAX : (int)last;
	if (first > INT_MAX || flow_in_vfork_child) {
		return;
	}
	for (int fd = table_next((int)first, end); fd >= 0 && fd <= end;
	     fd = table_next(fd + 1, end)) {
		flow_closing(fd, op);
	}
}

/* Close a range around what is ours: piece by piece. */
static int close_around(unsigned first, unsigned last, int flags)
{
	while (first <= last && first <= INT_MAX) {
		int ours = own_next((int)first);
		if (ours < 0 || (unsigned)ours > last) {
			break;
		}
		if ((unsigned)ours > first) {
			int result = real.close_range(first, (unsigned)ours - 1, flags);
			if (result < 0) {
				return result;
			}
		}
		first = (unsigned)ours + 1;
	}
	return first <= last ? real.close_range(first, last, flags) : 0;
}

int hook_close_range(unsigned first, unsigned last, int flags)
{
	/* CLOSE_RANGE_CLOEXEC closes nothing yet, and what the kernel does not know nothing at all. */
	bool closes = first <= last && ((unsigned)flags & ~CLOSE_RANGE_UNSHARE) == 0;
	if (flow_in_vfork_child || !closes) {
		return real.close_range(first, last, flags);
	}
	if (((unsigned)flags & CLOSE_RANGE_UNSHARE) != 0) {
		process_parts_with_files();
	}
	flow_closing_range(first, last, OP_CLOSE_RANGE);
	return close_around(first, last, flags);
}

void hook_closefrom(int first)
{
	if (flow_in_vfork_child) {
		real.closefrom(first);
		return;
	}
	unsigned from = first < 0 ? 0 : (unsigned)first;
	flow_closing_range(from, UINT_MAX, OP_CLOSEFROM);
	int saved = errno;
	if (own_next((int)from) < 0 || close_around(from, UINT_MAX, 0) < 0) {
		real.closefrom(first);
	}
	errno = saved;
}

/*
 * What a rule does at the close comes behind the program's last bytes, which fclose writes as it closes.
 * Returns the errno of a write that failed, or 0. What it left is gone, as with fclose, for a second
 * write would be told another error.
 */
static int flush_before_rules(FILE *stream, int fd)
{
	if (rules_now() == NULL || flow_in_vfork_child || __fpending(stream) == 0 ||
	    conn_find(fd) == NULL) {
		return 0;
	}
	int saved = errno;
	int error = 0;
	if (fflush(stream) != 0) {
		error = errno;
		__fpurge(stream);
	}
	errno = saved;
	return error;
}

int hook_fclose(FILE *stream)
{
	/* A stream without a descriptor sets errno. */
	int saved = errno;
	int fd = stream != NULL ? fileno_unlocked(stream) : -1;
	errno = saved;
	int error = 0;
	if (fd >= 0) {
		error = flush_before_rules(stream, fd);
		flow_closing(fd, OP_FCLOSE);
	}
	int result = real.fclose(stream);
	if (error != 0) {
		errno = error;
		return EOF;
	}
	return result;
}

FILE *hook_fdopen(int fd, const char *mode)
{
	FILE *stream = real.fdopen(fd, mode);
	struct conn *conn = stream != NULL ? conn_find(fd) : NULL;
	if (conn != NULL) {
		/* What stdio reads and writes inside libc, no hook sees. */
		conn_set(conn, CONN_UNSEEN);
	}
	return stream;
}
