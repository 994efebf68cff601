/* What the floor above needs of retry besides the action's own moments. */
#ifndef RESETBY_ACT_RETRY_RETRY_H
#define RESETBY_ACT_RETRY_RETRY_H

/** Take the renewals that are under way as far as they go without waiting. */
void retry_tend(void);

#endif
