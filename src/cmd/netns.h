/* A network namespace of its own, for rules that need CAP_NET_ADMIN. */
#ifndef RESETBY_CMD_NETNS_H
#define RESETBY_CMD_NETNS_H

/**
 * Move this process into a new network namespace that holds a loopback interface, up, and nothing
 * else; the program that is executed next has CAP_NET_ADMIN there and its user and group IDs as
 * before. Who may not make one directly makes a user namespace around it.
 *
 * @return
 *         STATUS_OK; STATUS_REFUSED with the reason on stderr.
 */
int netns_enter(void);

#endif
