/* The program says of its own requests that they may be executed twice (resetby.h). */
#include "hook.h"

#include <errno.h>
#include "flow.h"

#define RESETBY_IMPLEMENTATION
#include "../../include/resetby.h"

static int mark(int fd, bool idempotent)
{
	struct conn *conn = conn_find_socket(fd);
	if (conn == NULL) {
		errno = conn_enabled() ? EBADF : ENOSYS;
		return -1;
	}
	conn_put(conn, CONN_IDEMPOTENT, idempotent);
	return 0;
}

EXPORT int resetby_mark_idempotent(int fd)
{
	return mark(fd, true);
}

EXPORT int resetby_clear_idempotent(int fd)
{
	return mark(fd, false);
}
