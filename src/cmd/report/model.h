/*
 * What a report knows: the summary of any number of log lines, in bounded memory. model_take fills
 * it line by line, model_join connects what both ends of a connection logged, and a renderer
 * (text.c, json.c) reads it. Every string here is as the program had it: a renderer escapes.
 *
 *     model.c      lines into sums          peers.c, rules.c   the smaller tables
 *     ends.c       connections              join.c, clocks.c   both ends
 *     details.c    the worst of them        forks.c            one end in several processes
 *     timeline.c   when                     answers.c          one name, several addresses
 */
#ifndef RESETBY_CMD_REPORT_MODEL_H
#define RESETBY_CMD_REPORT_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "../../conn/conn.h"
#include "line.h"
#include "table.h"

/* Bounds. What exceeds them is counted, not listed. */
#define PROCESSES_MAX (1u << 17)
#define ENDS_MAX (1u << 18)
#define PEERS_MAX (1u << 14)
#define DETAILS_MAX 4096u
#define RULES_MAX 256u
#define NOTICES_MAX 128u
#define CLOCKS_MAX 64u
#define TIMELINE_BINS 60u

/** A cause that this version does not know. */
#define CAUSE_UNKNOWN CAUSE_COUNT
#define CAUSES (CAUSE_COUNT + 1)

/** How often, and when. */
struct tally {
	uint64_t count;
	uint64_t first_us, last_us; /* since 1970; meaningless when count is 0 */
};

void tally_add(struct tally *tally, uint64_t us);

struct process {
	uint32_t pid;
	char exe[44];
	uint64_t errors;
};

/** Index of a process that did not fit. */
#define PROCESS_NONE UINT32_MAX

/** How a connection ended, by its `close` event. */
enum ended {
	ENDED_OPEN,
	ENDED_FIN,
	ENDED_RST,
	ENDED_PEER_FIN,
	ENDED_PEER_RST,
	ENDED_TIMEOUT,
	ENDED_EXIT,
	ENDED_COUNT
};

/** As keys.def has them: `fin`, `peer-rst`; `open` when no `close` was seen. */
const char *ended_name(enum ended ended);

/** What the log of the other end says of a connection's failure. */
enum finding {
	FINDING_NONE,      /* the other end was not logged, or its log does not tell */
	FINDING_ACT,       /* the other end did it, and says so */
	FINDING_RULE,      /* a rule did it there */
	FINDING_CLOSE_RST, /* the other end closed with a RST */
	FINDING_CLOSE_FIN, /* the other end had closed */
	FINDING_EXIT,      /* the other end's process ended */
	FINDING_BOTH,      /* the other end was reset, too: who did it is in between */
	FINDING_UNAWARE,   /* the other end knows of nothing: lost or made on the way */
	FINDING_COUNT
};

/** `none`, `act`, `rule`, `close-rst`, `close-fin`, `exit`, `both`, `unaware`. */
const char *finding_name(enum finding finding);

/** One end of a connection, as the process that had it told. */
struct end {
	struct addr local, peer;
	uint64_t conn;
	uint32_t process; /* index */
	uint32_t pid;
	uint64_t begun_us; /* by its `open`, or reckoned from the age that a line tells */
	uint64_t last_us;  /* of its last line */
	uint64_t closed_us;
	uint64_t error_us;
	uint64_t rule_us;
	uint64_t opened_us;           /* by its `open`; 0: not seen */
	uint64_t bytes_out, bytes_in; /* by its `close` */
	uint32_t connect_ms;          /* how long it took, by its `open` */
	uint32_t errors;
	uint32_t detail;  /* 1 + index; 0: none was kept */
	uint32_t partner; /* 1 + index of the other end; 0: not known */
	uint32_t older;   /* 1 + index of an older one of the same process and number; 0: none */
	uint16_t error;   /* of its first error */
	uint16_t rule;    /* 1 + index of the rule that made a fault here */
	uint8_t side;     /* enum side */
	uint8_t op;
	uint8_t cause; /* its first verdict: CAUSE_UNKNOWN without errors, or for an unknown one */
	uint8_t sure;
	uint8_t ended;
	uint8_t finding;
	uint8_t joined_cause; /* with a finding: what both logs together say */
	uint8_t joined_sure;
	bool folded;   /* another end stands for it: the same one, in another process */
	bool answered; /* its connect failed, and another address answered */
	bool follows;  /* it led on after such a connect */
	bool before_known;
	int64_t before_us; /* how long before our error the other end did it */
};

/** What else is told of a connection that failed. */
struct detail {
	uint32_t end; /* index */
	uint64_t score;
	char why[360];
	char doc[48];
	char state[16];
	int64_t idle_ms, age_ms, inq, outq, retrans, rtt_us, req_bytes,
		resp_bytes; /* -1: not told */
	uint32_t other_count, call_count;
	enum cause others[VERDICT_ELSE_MAX];
	struct line_call calls[CONN_HISTORY];
};

struct cause_sum {
	struct tally tally;
	uint64_t failed;   /* connections that failed so, each counted once; after model_join */
	uint64_t answered; /* connects that failed so while another address answered */
	uint64_t sure[3];  /* by enum sure */
	uint64_t joined;   /* made certain, or named, by the other end's log */
	uint64_t injected; /* of these: a rule did it at the other end */
};

struct peer {
	struct addr addr; /* port 0: a client, whose ports are many */
	struct tally errors;
	uint64_t warns;
	uint64_t connections;
	uint32_t causes[CAUSES];
};

struct rule_sum {
	char text[160]; /* without its number */
	char action[24];
	char by[160];
	enum event_kind kind;
	uint64_t number;
	struct tally tally;
	uint64_t told;   /* firings by the totals of `exit` lines */
	uint64_t idle;   /* warnings that it cannot act */
	uint64_t did[3]; /* retry: retried, refused, renewed */
};

/** A `warn`. */
struct notice {
	char id[32];
	enum cause cause; /* CAUSE_UNKNOWN: only id says what it is */
	char why[360];    /* of the first */
	uint32_t process; /* of the first */
	struct tally tally;
	uint64_t lines; /* lines-dropped: how many */
};

/** How far the clock of `server` is ahead of that of `client`. */
struct clock {
	struct addr client, server; /* port 0 */
	int64_t ahead_us;
	int64_t spread_us; /* half of the range of the middle 80 % */
	uint32_t handshakes;
};

struct timeline {
	uint64_t start_us, width_us;
	bool used;
	uint32_t counts[TIMELINE_BINS][CAUSES];
};

/* Whose line the last one was, as it stood there. */
struct last_process {
	bool known;
	uint32_t pid, index;
	size_t length;
	char exe[64];
};

struct model {
	uint64_t first_us, last_us;
	uint64_t events[EVENT_COUNT];
	uint64_t failed;       /* connections that failed, each end counted */
	uint64_t failed_again; /* of these: counted before, by the other end or another process */
	uint64_t ends_seen;
	uint64_t folded;   /* of these: seen before, in another process */
	uint64_t answered; /* of these: connects that failed while another address answered */
	uint64_t pairs;    /* connections of which both ends were logged */
	bool sampled;      /* more connections than ENDS_MAX: not every pair was looked for */
	uint64_t unlisted; /* failed connections of which nothing but the sums is known */
	uint64_t answered_unlisted; /* the same of those that another address answered */
	uint64_t processes_more, rules_more, notices_more;
	uint64_t peers_more, peers_more_errors;

	struct cause_sum causes[CAUSES];
	struct timeline timeline;
	struct table processes; /* struct process */
	struct table ends;      /* struct end */
	struct table peers;     /* struct peer */
	struct table rules;     /* struct rule_sum */
	struct table notices;   /* struct notice */
	struct detail *details; /* a heap, the least bad first */
	uint32_t detail_count;
	struct clock clocks[CLOCKS_MAX];
	uint32_t clock_count;
	struct last_process last_process;
	uint64_t sample_limit; /* ends of addresses that hash above it may be dropped */
};

/** @return 0, or -ENOMEM. */
int model_start(struct model *model);
void model_free(struct model *model);

/** Take a line in; the signature is that of reader_take. */
void model_take(void *model, const struct line *line);

/** After the last line: estimate clocks, connect ends, and let verdicts gain by it. */
void model_join(struct model *model);

/* ---- what renderers ask ---- */

static inline const struct process *model_process(const struct model *model, uint32_t index)
{
	static const struct process none = {.exe = "?"};
	return index == PROCESS_NONE ? &none : table_at(&model->processes, index);
}

/** Did it fail the program: is the cause none of its own doing, no warning, no consequence? */
bool model_is_failure(enum cause cause);

/** Did it fail here, by its own log, with no other address in its place? */
bool end_failed(const struct end *end);

/** The verdict after joining. */
enum cause end_cause(const struct end *end);
enum sure end_sure(const struct end *end);

/** Connections, each counted once; without the connects that another address answered. */
uint64_t model_connections(const struct model *model);
/** Those that failed, each counted once. */
uint64_t model_failed(const struct model *model);

/** Causes that were told, most frequent first, failures before what this side did itself. */
unsigned model_causes(const struct model *model, enum cause causes[CAUSES]);
/** Peers, those with most errors first; the caller frees. NULL: none, or no memory. */
const struct peer **model_peers(const struct model *model, uint32_t *count);
/** The peers of a cause: up to `most` of those it was told of most often; returns all. */
uint32_t model_peers_of(const struct model *model, enum cause cause, const struct peer **peers,
			uint32_t most);
/** Details, the worst first; the caller frees. */
const struct detail **model_details(const struct model *model, uint32_t *count);

/* ---- between the files of the model ---- */

struct end *ends_open(struct model *model, const struct line *line, uint32_t process);
struct end *ends_find(struct model *model, const struct line *line, uint32_t process);
/** The peer, which is added when it is not there yet. */
struct peer *peers_of(struct model *model, const struct addr *peer, enum side side);
/** NULL when it is not there, or not any more. */
struct peer *peers_find(const struct model *model, const struct addr *peer, enum side side);
uint32_t rules_take(struct model *model, const struct line *line);
void rules_fired(struct model *model, const struct line *line);
void details_keep(struct model *model, struct end *end, const struct line *line);
void timeline_add(struct timeline *timeline, uint64_t us, enum cause cause);
/** Of ends that have their addresses in common: let one stand for those that are the same. */
void forks_fold(struct model *model, const uint32_t *order, uint32_t count);
/** Find connects that failed and were followed by one to another address that did not. */
void answers_find(struct model *model);
/** Rank behind what failed what another address answered; nothing is kept afterwards. */
void details_settle(struct model *model);
void clocks_estimate(struct model *model, const uint32_t *order, uint32_t count);
/** How far b's clock is ahead of a's; false: not known. */
bool clocks_ahead(const struct model *model, const struct addr *a, const struct addr *b,
		  int64_t *ahead_us, int64_t *spread_us);
/** Hash of both addresses, the same for both ends. */
uint64_t ends_tuple(const struct end *end);

#endif
