#include "table.h"

#include "../sys/raw.h"

table_slot table_first[TABLE_LEAF];

static _Atomic(table_slot *) leaves[TABLE_LEAVES]; /* from the second on */

_Atomic int table_top;

static table_slot *known_leaf(unsigned index)
{
	return index == 0 ? table_first
			  : atomic_load_explicit(&leaves[index], memory_order_acquire);
}

static table_slot *leaf_of(unsigned index)
{
	table_slot *slots = known_leaf(index);
	if (slots != NULL) {
		return slots;
	}
	table_slot *fresh = raw_map(TABLE_LEAF * sizeof *slots);
	if (fresh == NULL) {
		return NULL;
	}
	if (atomic_compare_exchange_strong(&leaves[index], &slots, fresh)) {
		return fresh;
	}
	raw_unmap(fresh, TABLE_LEAF * sizeof *slots);
	return slots;
}

uintptr_t table_get_far(int fd)
{
	unsigned leaf = (unsigned)fd >> TABLE_LEAF_BITS;
	if (leaf >= TABLE_LEAVES) {
		return SLOT_NO_SOCKET;
	}
	table_slot *slots = known_leaf(leaf);
	if (slots == NULL) {
		return SLOT_UNKNOWN;
	}
	return atomic_load_explicit(&slots[(unsigned)fd & (TABLE_LEAF - 1)], memory_order_acquire);
}

/* NULL when there is no such number, or no memory. */
static table_slot *slot_for(int fd, uintptr_t content)
{
	unsigned index = (unsigned)fd >> TABLE_LEAF_BITS;
	table_slot *slots = index < TABLE_LEAVES ? leaf_of(index) : NULL;
	if (slots == NULL) {
		return NULL;
	}
	if (content > SLOT_OTHER) {
		int top = atomic_load_explicit(&table_top, memory_order_relaxed);
		while (top <= fd && !atomic_compare_exchange_weak(&table_top, &top, fd + 1)) {
		}
	}
	return &slots[(unsigned)fd & (TABLE_LEAF - 1)];
}

uintptr_t table_swap(int fd, uintptr_t content)
{
	table_slot *slot = slot_for(fd, content);
	return slot == NULL ? SLOT_NO_SOCKET
			    : atomic_exchange_explicit(slot, content, memory_order_acq_rel);
}

bool table_replace(int fd, uintptr_t old, uintptr_t content)
{
	table_slot *slot = slot_for(fd, content);
	return slot != NULL && atomic_compare_exchange_strong(slot, &old, content);
}

int table_next(int fd, int last)
{
	int top = table_end();
	if (last >= top) {
		last = top - 1;
	}
	while (fd <= last) {
		unsigned leaf = (unsigned)fd >> TABLE_LEAF_BITS;
		if (known_leaf(leaf) == NULL) {
			fd = (int)((leaf + 1) << TABLE_LEAF_BITS);
			continue;
		}
		if (table_get(fd) > SLOT_OTHER) {
			return fd;
		}
		fd++;
	}
	return -1;
}
