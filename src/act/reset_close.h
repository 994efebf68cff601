/* Make the coming close send a RST: what linger0 and unread share. */
#ifndef RESETBY_ACT_RESET_CLOSE_H
#define RESETBY_ACT_RESET_CLOSE_H

#include <stdbool.h>
#include "../conn/conn.h"
#include "../sys/text.h"

/** Is the connection in a state in which a close can send a RST (tcp_need_reset())? */
bool reset_close_possible(int fd);

struct reset_close {
	bool set;       /* the kernel took the option */
	int64_t unsent; /* bytes that the close will discard */
};

/** Set SO_LINGER {1,0}. */
struct reset_close reset_close_by_linger(int fd);

/** `SO_LINGER {1,0} set before the close ...`. */
void reset_close_write(struct text *text, const struct reset_close *done, const struct conn *conn);

#endif
