/* A wait of ours was interrupted by a signal: would the program's own call have ended? */
#ifndef RESETBY_ACT_RETRY_INTERRUPT_H
#define RESETBY_ACT_RETRY_INTERRUPT_H

#include <stdbool.h>

/**
 * Which signal it was is not known. A call ends with EINTR when the handler was installed without
 * SA_RESTART (signal(7)); true when there is any such handler.
 */
bool interrupt_ends_calls(void);

#endif
