#include "line_conn.h"

#include <stdatomic.h>
#include <string.h>
#include "../sys/pen.h"
#include "../sys/word.h"
#include "log.h"

/* A power of two. Of more connections than this some share a slot, and their lines cost more. */
#define SLOTS 256u

#define STEP_WORDS (LINE_CONN_STEP / sizeof(uint64_t))
#define FRONT_WORDS (LINE_FRONT_KEPT / sizeof(uint64_t))
#define BACK_WORDS (LINE_BACK_SIZE / sizeof(uint64_t))

/*
 * All threads share the slots, and signal handlers use them too (word.h). A name that cannot be had is
 * written anew. (What never comes back, by siglongjmp or because it was forked away, leaves a version
 * odd: names of that slot are written anew each time.)
 */
struct slot {
	word version;
	word lengths; /* 0: empty */
	word key, fd;
	word front[FRONT_WORDS], back[BACK_WORDS];
};

static struct slot slots[SLOTS];

/* Most processes never have a name to keep: then the slots are not even looked at. */
static atomic_bool any_kept;

static inline uint64_t word_at(const void *bytes, size_t index)
{
	uint64_t value;
	memcpy(&value, (const char *)bytes + index * sizeof value, sizeof value);
	return value;
}

static inline void copy_word(char *to, const word *from)
{
	uint64_t value = word_get(from);
	memcpy(to, &value, sizeof value);
}

/* By steps of four words. */
static inline void copy_out(char *to, const word *from, uint32_t length)
{
	for (const char *end = to + length; to < end; to += LINE_CONN_STEP) {
		copy_word(to, from);
		copy_word(to + sizeof(uint64_t), from + 1);
		copy_word(to + 2 * sizeof(uint64_t), from + 2);
		copy_word(to + 3 * sizeof(uint64_t), from + 3);
		from += STEP_WORDS;
	}
}

static void copy_in(word *to, const void *from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		word_put(&to[i], word_at(from, i));
	}
}

static inline struct slot *slot_of(int fd)
{
	return &slots[(uint32_t)fd % SLOTS];
}

struct line_conn line_conn_find(int fd, uint64_t key, char *front, char *back)
{
	const struct slot *slot = slot_of(fd);
	uint64_t version = word_get(&slot->version);
	uint64_t lengths = word_get(&slot->lengths);
	struct line_conn found = {(uint32_t)lengths, (uint32_t)(lengths >> 32)};
	if (version % 2 != 0 || found.front > LINE_FRONT_KEPT || found.back > LINE_BACK_SIZE ||
	    word_get(&slot->key) != key || word_get(&slot->fd) != (uint64_t)fd) {
		return (struct line_conn){0};
	}
	copy_out(front, slot->front, found.front);
	copy_out(back, slot->back, found.back);
	return word_get(&slot->version) == version ? found : (struct line_conn){0};
}

static void keep(int fd, uint64_t key, struct line_conn lengths, const char *front,
		 const char *back)
{
	struct slot *slot = slot_of(fd);
	if (!word_begin(&slot->version)) {
		return;
	}
	word_put(&slot->key, key);
	word_put(&slot->fd, (uint64_t)fd);
	copy_in(slot->front, front, FRONT_WORDS);
	copy_in(slot->back, back, BACK_WORDS);
	word_put(&slot->lengths, (uint64_t)lengths.back << 32 | lengths.front);
	word_end(&slot->version);
	/* Last: who forgets all in between will find this one the next time. */
	atomic_store_explicit(&any_kept, true, memory_order_release);
}

/*
 * A connection's own address is not known at first, and does not change once it is. Of a listener's
 * only the port can be unknown.
 */
static bool is_final(uint64_t key, const struct line_ends *ends)
{
	bool listens = (key & LINE_LISTENER) != 0;
	return key != LINE_NO_KEY && ends->local.port != 0 &&
	       (listens || !addr_is_any(&ends->local));
}

struct line_conn line_conn_make(int fd, uint64_t key, const struct line_ends *ends, char *front,
				char *back)
{
	uint64_t number = (key & LINE_LISTENER) != 0 ? 0 : key;
	char *front_end = memset(front, 0, LINE_FRONT_SIZE);
	char *back_end = memset(back, 0, LINE_BACK_SIZE);
	if (log_format() == LOG_JSON) {
		front_end = pen_number(pen_literal(front_end, ",\"fd\":"), fd);
		front_end = pen_unsigned(pen_literal(front_end, ",\"conn\":"), number);
		front_end = pen_string(pen_literal(front_end, ",\"side\":\""), ends->side);
		front_end = addr_pen(pen_literal(front_end, "\",\"local\":\""), &ends->local);
		front_end = addr_pen(pen_literal(front_end, "\",\"peer\":\""), &ends->peer);
		front_end = pen_literal(front_end, "\"");
	} else {
		front_end = pen_number(pen_literal(front_end, " fd="), fd);
		front_end = addr_pen(pen_literal(front_end, " "), &ends->local);
		front_end = addr_pen(pen_literal(front_end, ">"), &ends->peer);
		back_end = pen_unsigned(pen_literal(back_end, " conn="), number);
		back_end = pen_string(pen_literal(back_end, " side="), ends->side);
	}
	struct line_conn name = {(uint32_t)(front_end - front), (uint32_t)(back_end - back)};
	if (name.front <= LINE_FRONT_KEPT && is_final(key, ends)) {
		keep(fd, key, name, front, back);
	}
	return name;
}

void line_conn_forget(void)
{
	if (!atomic_exchange(&any_kept, false)) {
		return;
	}
	for (struct slot *slot = slots; slot < slots + SLOTS; slot++) {
		/* A page that holds nothing yet is not written to. */
		if (word_get(&slot->lengths) != 0) {
			word_put(&slot->lengths, 0);
		}
	}
}
