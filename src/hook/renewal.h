#ifndef RESETBY_HOOK_RENEWAL_H
#define RESETBY_HOOK_RENEWAL_H

/** Be told when an action replaces a connection. */
void renewal_start(void);

#endif
