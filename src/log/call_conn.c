#include "call_conn.h"

#include <stdatomic.h>
#include <string.h>

/* A power of two. Of more connections than this some share a slot, and their lines cost more. */
#define SLOTS 256u

#define STEP_WORDS (CALL_CONN_STEP / sizeof(uint64_t))
#define FRONT_WORDS (CALL_FRONT_SIZE / sizeof(uint64_t))
#define BACK_WORDS (CALL_BACK_SIZE / sizeof(uint64_t))

typedef _Atomic uint64_t word;

/*
 * All threads share the slots, and signal handlers use them too, without a lock. Who writes to one
 * makes its version odd meanwhile; who finds it odd, or changed after copying, does without. (What
 * never comes back, by siglongjmp or because it was forked away, leaves it odd: lines of that slot
 * are written anew each time.)
 *
 * Each word is read with acquire and written with release, which orders them between the two looks
 * at the version, and costs nothing on x86.
 */
struct slot {
	word version;
	word lengths; /* 0: empty */
	word conn, fd;
	word front[FRONT_WORDS], back[BACK_WORDS];
};

static struct slot slots[SLOTS];

static inline uint64_t get(const word *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static inline void put(word *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

static inline uint64_t word_at(const void *bytes, size_t index)
{
	uint64_t value;
	memcpy(&value, (const char *)bytes + index * sizeof value, sizeof value);
	return value;
}

static inline void copy_word(char *to, const word *from)
{
	uint64_t value = get(from);
	memcpy(to, &value, sizeof value);
}

/* By steps of four words. */
static inline void copy_out(char *to, const word *from, uint32_t length)
{
	for (const char *end = to + length; to < end; to += CALL_CONN_STEP) {
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
		put(&to[i], word_at(from, i));
	}
}

static inline struct slot *slot_of(const struct call_line *call)
{
	return &slots[(uint32_t)call->fd % SLOTS];
}

struct call_conn call_conn_find(const struct call_line *call, char *front, char *back)
{
	const struct slot *slot = slot_of(call);
	uint64_t version = get(&slot->version);
	uint64_t lengths = get(&slot->lengths);
	struct call_conn found = {(uint32_t)lengths, (uint32_t)(lengths >> 32)};
	if (version % 2 != 0 || found.front > CALL_FRONT_SIZE || found.back > CALL_BACK_SIZE ||
	    get(&slot->conn) != call->conn || get(&slot->fd) != (uint64_t)call->fd) {
		return (struct call_conn){0};
	}
	copy_out(front, slot->front, found.front);
	copy_out(back, slot->back, found.back);
	return get(&slot->version) == version ? found : (struct call_conn){0};
}

void call_conn_keep(const struct call_line *call, struct call_conn lengths, const char *front,
		    const char *back)
{
	struct slot *slot = slot_of(call);
	uint64_t version = get(&slot->version);
	if (version % 2 != 0 ||
	    !atomic_compare_exchange_strong(&slot->version, &version, version + 1)) {
		return;
	}
	put(&slot->conn, call->conn);
	put(&slot->fd, (uint64_t)call->fd);
	copy_in(slot->front, front, FRONT_WORDS);
	copy_in(slot->back, back, BACK_WORDS);
	put(&slot->lengths, (uint64_t)lengths.back << 32 | lengths.front);
	put(&slot->version, version + 2);
}

void call_conn_forget(void)
{
	for (struct slot *slot = slots; slot < slots + SLOTS; slot++) {
		/* A page that holds nothing yet is not written to. */
		if (get(&slot->lengths) != 0) {
			put(&slot->lengths, 0);
		}
	}
}
