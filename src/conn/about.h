/* Which connection a log line is about. */
#ifndef RESETBY_CONN_ABOUT_H
#define RESETBY_CONN_ABOUT_H

#include "../log/event.h"
#include "call.h"

/** Add the keys that name a call's connection; its local address is learned if need be. */
void event_about(struct event *event, const struct call *call);

#endif
