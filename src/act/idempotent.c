/*
 * idempotent: requests may be sent again, whatever their protocol. It does nothing by itself: retry
 * asks for it when a request has failed (retry/recover.c), and tells that it has fired.
 */
#include "act.h"

const struct act act_IDEMPOTENT = {0};
