/* What connect, and a send with MSG_FASTOPEN, do before and after the real call. */
#ifndef RESETBY_HOOK_CONNECT_H
#define RESETBY_HOOK_CONNECT_H

#include "../conn/evidence.h"
#include "flow.h"
#include "summary.h"

struct connect {
	bool begins;              /* a new connection, not a second call for the same */
	bool again;               /* on a socket whose connection is over */
	bool disconnects;         /* AF_UNSPEC */
	enum ending ending;       /* of the connection that it disconnects */
	struct path path;         /* how that was */
	struct act_target target; /* where it goes; target.answered: it does not go at all */
};

void connect_begin(struct connect *connect, struct call *call, const void *address, socklen_t size);

/** call->result and call->error say what came back; may change both. */
void connect_end(struct connect *connect, struct call *call);

#endif
