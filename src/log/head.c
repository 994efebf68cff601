/*
 * The head of a line: when and who. Within one second only the microseconds differ, so each thread
 * keeps its last head.
 */
#include <stdatomic.h>
#include <string.h>
#include "../sys/clock.h"
#include "../sys/self.h"
#include "escape.h"
#include "line.h"
#include "log.h"

#define US_PER_S 1000000u
#define NS_PER_US 1000u
#define US_DIGITS 6u
/* A clock that is slewed, or a thread that waits between two readings, is not one that was set. */
#define BESIDE_NS 100000000
/* Room that the last key of the head needs after exe, whose length is the program's choice. */
#define EV_RESERVE (sizeof ",\"ev\":\"mitigate\"")

/*
 * A signal handler may log while its thread is in here. Who keeps a head makes the version odd
 * meanwhile; who finds it odd, or changed after copying, does without. (A handler that leaves by
 * siglongjmp in the middle leaves it odd: from then on that thread writes every head anew.)
 *
 * Thread-local memory of a preloaded library is scarce: this is 128 bytes.
 */
struct kept {
	atomic_uint version;
	uint32_t generation; /* of self_now */
	uint64_t second_us;  /* when its second began, by clock_wall_us */
	uint64_t wall_ns;    /* clock_wall_ns less the exact clock, when the head was written */
	uint8_t length;
	uint8_t us_at; /* where the microseconds stand */
	char bytes[LINE_HEAD_SIZE];
};

static __thread struct kept kept __attribute__((tls_model("initial-exec")));

size_t line_kept_head(char *room, const struct self *self, uint64_t exact_ns, uint64_t *wall_us)
{
	unsigned version = atomic_load_explicit(&kept.version, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	uint64_t now_us = (exact_ns + kept.wall_ns) / NS_PER_US;
	uint64_t us = now_us - kept.second_us;
	if (version % 2 != 0 || self->generation == 0 || kept.generation != self->generation ||
	    us >= US_PER_S) {
		return 0;
	}
	size_t length = kept.length;
	size_t us_at = kept.us_at;
	/* All of it: a size that is known is copied by a few moves. */
	memcpy(room, kept.bytes, sizeof kept.bytes);
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&kept.version, memory_order_relaxed) != version) {
		return 0;
	}
	clock_write_us(room + us_at, (uint32_t)us);
	*wall_us = now_us;
	return length;
}

/* As in lines between, whose times follow from the exact clock; unless the wall's was set meanwhile. */
static bool copy_kept(struct event *event)
{
	struct text *line = &event->line;
	uint64_t exact_ns = clock_exact_ns();
	int64_t beside_ns = (int64_t)(clock_wall_ns() - exact_ns - kept.wall_ns);
	if (beside_ns > BESIDE_NS || beside_ns < -BESIDE_NS) {
		return false;
	}
	line->length = line_kept_head(line->start, &event->self, exact_ns, &event->now_us);
	line->start[line->length] = '\0';
	return line->length > 0;
}

static void keep(const struct event *event, size_t us_at, uint64_t exact_ns, uint64_t wall_ns)
{
	const struct text *line = &event->line;
	uint64_t now_us = event->now_us;
	unsigned version = atomic_load_explicit(&kept.version, memory_order_relaxed);
	if (version % 2 != 0 || line->length > sizeof kept.bytes) {
		return;
	}
	atomic_store_explicit(&kept.version, version + 1, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	kept.generation = event->self.generation;
	kept.second_us = now_us - now_us % US_PER_S;
	kept.wall_ns = wall_ns - exact_ns;
	kept.length = (uint8_t)line->length;
	kept.us_at = (uint8_t)us_at;
	memcpy(kept.bytes, line->start, line->length);
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&kept.version, version + 2, memory_order_relaxed);
}

/* Both return where the microseconds stand. */
static size_t json_head(struct event *event)
{
	struct text *line = &event->line;
	text_string(line, "{\"ts\":\"");
	clock_write_rfc3339(line, event->now_us);
	size_t us_at = line->length - US_DIGITS - 1;
	text_string(line, "\",\"pid\":");
	text_number(line, event->self.pid);
	text_string(line, ",\"tid\":");
	text_number(line, event->self.tid);
	line->size -= EV_RESERVE;
	size_t mark = line->length;
	text_string(line, ",\"exe\":");
	escape_json(line, log_exe());
	line_settle(event, mark);
	line->size += EV_RESERVE;
	return us_at;
}

static size_t text_head(struct event *event)
{
	struct text *line = &event->line;
	text_string(line, "resetby[");
	text_number(line, event->self.pid);
	text_string(line, "] ");
	clock_write_time(line, event->now_us);
	return line->length - US_DIGITS;
}

void line_head(struct event *event)
{
	event->self = self_now();
	if (copy_kept(event)) {
		return;
	}
	/* Next to each other: what comes between them is wrong in lines of the next second. */
	uint64_t exact_ns = clock_exact_ns();
	uint64_t wall_ns = clock_wall_ns();
	event->now_us = wall_ns / NS_PER_US;
	size_t us_at = event->json ? json_head(event) : text_head(event);
	/* A head without its exe is for this line's small room only. */
	if (event->self.generation != 0 && !event->cut) {
		keep(event, us_at, exact_ns, wall_ns);
	}
}
