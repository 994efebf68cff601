#ifndef RESETBY_CONN_SIDE_H
#define RESETBY_CONN_SIDE_H

/** Who opened a connection; unknown for one that was inherited and gives no hint. */
enum side { SIDE_UNKNOWN, SIDE_CLIENT, SIDE_SERVER };

/** `unknown`, `client`, `server`. */
const char *side_name(enum side side);

#endif
