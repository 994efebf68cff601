#include "reset_close.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include "../conn/evidence.h"
#include "../sys/raw.h"

bool reset_close_possible(int fd)
{
	switch (evidence_state(fd)) {
	case STATE_ESTABLISHED:
	case STATE_CLOSE_WAIT:
	case STATE_FIN_WAIT1:
	case STATE_FIN_WAIT2:
	case STATE_SYN_RECV:
		return true;
	default:
		return false;
	}
}

struct reset_close reset_close_by_linger(int fd)
{
	struct reset_close done = {0};
	int queued = 0;
	if (raw_ioctl(fd, SIOCOUTQ, &queued) == 0) {
		/* Our FIN is counted as a byte, and is none. */
		done.unsent = queued - (queued > 0 && evidence_state(fd) == STATE_FIN_WAIT1);
	}
	struct linger abort = {.l_onoff = 1, .l_linger = 0};
	done.set = raw_setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort) == 0;
	return done;
}

void reset_close_write(struct text *text, const struct reset_close *done, const struct conn *conn)
{
	text_string(text, done->set ? "SO_LINGER {1,0} set before the close: RST instead of FIN"
				    : "the kernel refused SO_LINGER");
	if (done->unsent > 0) {
		text_format(text, ", %z unsent or unacknowledged discarded",
			    (uint64_t)done->unsent);
	}
	if (conn_holding(conn) != HOLDING_ALONE) {
		text_string(text, "; if a forked process holds the socket too, at its last close");
	}
}
