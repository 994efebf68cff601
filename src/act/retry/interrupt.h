/* A wait of ours was interrupted by a signal: would the program's own call have ended? */
#ifndef RESETBY_ACT_RETRY_INTERRUPT_H
#define RESETBY_ACT_RETRY_INTERRUPT_H

#include <stdbool.h>

/**
 * Which signal it was is not known. A call ends with EINTR when the handler was installed without
 * SA_RESTART, and whatever the handler when the call has a time limit (signal(7), sock_intr_errno());
 * true when there is any such handler.
 *
 * @limited
 *         The call has a limit: SO_RCVTIMEO, SO_SNDTIMEO.
 */
bool interrupt_ends_calls(bool limited);

#endif
