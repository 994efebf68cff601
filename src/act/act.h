/*
 * What rules do. Each action is one file with one `struct act`: the moments at which it wants to be
 * asked. act.c finds the connection's rules and asks; an action knows nothing of other actions.
 */
#ifndef RESETBY_ACT_ACT_H
#define RESETBY_ACT_ACT_H

#include <stdbool.h>
#include <sys/socket.h>
#include "../conn/call.h"
#include "../rule/rule.h"
#include "../sys/text.h"

/** Where a connect goes; an action may send it elsewhere. */
struct act_target {
	const void *address;
	socklen_t size;
	struct sockaddr_storage other; /* room for another address */
	uint64_t limit_ms; /* a blocking connect ends after this; 0: as the program set it */
	struct timeval program_limit; /* the program's own SO_SNDTIMEO */
	bool answered;                /* the action was the call: do not make it */
};

/** Another action has seen to this connect already. */
static inline bool act_is_diverted(const struct act_target *target)
{
	return target->answered || target->address == &target->other;
}

/** What an action makes of a connection's end. Where one makes something else of it, no other acts. */
enum act_end {
	ACT_END_SAME, /* nothing else than the program */
	ACT_END_RST,  /* the last close sends a RST */
	ACT_END_NONE, /* the close sends nothing: the connection is not over, or nobody is told */
	ACT_END_TOLD  /* it had died before, which act_observer.died has told */
};

/** Each member may be NULL. `rule` is the connection's rule for this action. */
struct act {
	/** Before the SYN leaves. */
	void (*connect)(struct rule *rule, struct call *call, struct act_target *target);
	/** The connect has returned; call->result and call->error may be changed. */
	void (*connected)(struct rule *rule, struct call *call, struct act_target *target);
	/** Established or accepted. */
	void (*opened)(struct rule *rule, struct call *call);
	/** listen has succeeded. */
	void (*listening)(struct rule *rule, struct call *call);
	/** Before a shutdown that sends a FIN. */
	void (*shutdown)(struct rule *rule, struct call *call);
	/** Before a read. May lower call->asked; true: call->result is the answer, do not read. */
	bool (*read)(struct rule *rule, struct call *call);
	/** Before a write, likewise. */
	bool (*write)(struct rule *rule, struct call *call);
	/** A read or write has returned; call->result and call->error may be changed. True: make it
	 *  again. */
	bool (*again)(struct rule *rule, struct call *call);
	/** getsockopt(SO_ERROR) took call->error. True: it was seen to, and call->error is what the
	 *  program is to be told. */
	bool (*took_error)(struct rule *rule, struct call *call);
	/** Before the last descriptor of this process goes. */
	enum act_end (*close)(struct rule *rule, struct call *call);
	/** The program sets SO_LINGER. True: it was taken care of. */
	bool (*set_linger)(struct rule *rule, struct call *call, const struct linger *linger);
	/** A call fails with `error`: the number that the program is told. */
	int (*error)(struct rule *rule, struct call *call, int error);
	/** The rules have been edited. True: what the rule has begun is not over, and until then the
	 *  old ones hold. It begins nothing more. */
	bool (*edited)(struct rule *rule, struct call *call);
	/** The rule is no longer this connection's: undo what can be undone. */
	void (*ended)(struct call *call);
	/** The program was told that the connection failed. */
	void (*failed)(struct rule *rule, struct call *call);
};

#define ACTION(symbol, name, value, stage, when, privilege, kind, help)                            \
	extern const struct act act_##symbol;
#include "actions.def"
#undef ACTION

/** Which actions have anything to do at reads and writes: bits of rule_choice.actions. */
extern HIDDEN const uint32_t act_readers, act_writers;

/** Which actions may want a read or write to be made again. */
#define act_repeaters                                                                              \
	((uint32_t)1 << ACTION_RETRY | (uint32_t)1 << ACTION_RESET |                               \
	 (uint32_t)1 << ACTION_IDLE_EVICT)

/** Which actions may give an error another number. */
#define act_renumberers ((uint32_t)1 << ACTION_ERRNO)

/** What the floor above says when an action ends a connection's life and gives it another. */
struct act_observer {
	/** It has died, as the call's result says; the kernel still knows how. */
	void (*died)(struct call *call);
	/** Another one is established on the same socket. */
	void (*renewed)(struct call *call);
};

void act_observe(const struct act_observer *observer);

/** Choose the connection's rules for a stage, and tell what cannot act. */
void act_match(struct call *call, enum stage stage);

/**
 * The same where the rules have been edited since they were chosen: what the old ones did is undone
 * where it can be, and the new ones act. Of threads that meet the edit at once, one does it.
 */
void act_rematch(struct call *call);

/** The rules have been edited: do the old ones hold until something is over? */
bool act_edited(struct call *call);

/**
 * They hold no more: what they did to this connection is undone where it can be.
 *
 * @over
 *         A bit for each action whose rule is not among the new ones.
 */
void act_ended(struct call *call, uint32_t over);

/** The socket is to have another connection: what was done to the one before is over with it. */
void act_replaced(struct call *call);

void act_connect(struct call *call, struct act_target *target);
void act_connected(struct call *call, struct act_target *target);
void act_opened(struct call *call);
void act_listening(struct call *call);
void act_shutdown(struct call *call);
bool act_read(struct call *call);
bool act_write(struct call *call);
bool act_again(struct call *call);
bool act_took_error(struct call *call);
enum act_end act_close(struct call *call);
bool act_set_linger(struct call *call, const struct linger *linger);
void act_failed(struct call *call);
int act_error(struct call *call, int error);

/** What privileged actions say where they may not act. */
#define ACT_NEEDS_NET_ADMIN                                                                        \
	"it needs CAP_NET_ADMIN in the socket's network namespace; resetby run --netns gives it "  \
	"for "                                                                                     \
	"loopback work"

/* ---- for the actions ---- */

/**
 * May this rule fire on this connection at this call? Counts one of its `times` for each
 * connection, not for each call: what has fired stays fired.
 *
 * @when
 *         One WHEN_ bit.
 * @first
 *         Set to true when it has not fired on this connection before.
 */
bool act_fires(struct rule *rule, struct call *call, unsigned when, bool *first);

/** To be called by the action that replaces connections. */
void act_died(struct call *call);
void act_renewed(struct call *call);

/** The rule's number, as it stands in log lines. */
static inline uint16_t act_number(const struct rule *rule, const struct call *call)
{
	return call->conn->choice.rule[rule->action];
}

/** Tell what was done: an `inject` or `mitigate` event. `by`: the mechanism, one clause. */
void act_tell(const struct rule *rule, const struct call *call, const char *by);

/**
 * A rule cannot act here: a `warn` event, once for each action of a set of rules.
 *
 * @first
 *         As act_fires has set it: it did not fire after all.
 * @why
 *         One sentence without the full stop.
 */
void act_refuse(struct rule *rule, const struct call *call, bool first, const char *why);

#endif
