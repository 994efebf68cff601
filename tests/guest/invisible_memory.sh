#!/bin/bash
# The program's heap is its own: counted, and with whatever malloc it brings.
. "$(dirname "$0")/probes/probes.sh"

no_allocation_and_none_from_within_a_hook() {
	probe 10 heap
}

# What cannot be remembered is not told; the program notices nothing.
no_page_left() {
	probe - short
}

# with_malloc LIBRARY: in front of ours, behind it, and linked into the program
with_malloc() {
	local other
	other=$(ls /usr/lib/*/"$1" 2>/dev/null | head -n 1)
	[ -n "$other" ] || skip "there is no $1 here"
	peer
	others=$other
	for preloads in "$library:$other" "$other:$library"; do
		alike 10 "$probes/life" "$port"
	done
	others=
	preloads=$library
	compile linked "$guest/probes/life.c" "$other" -pthread
	alike 10 ./linked "$port"
}

jemalloc_in_front_behind_and_inside() {
	with_malloc libjemalloc.so.2
}

tcmalloc_in_front_behind_and_inside() {
	with_malloc libtcmalloc_minimal.so.4
}

points \
	no_allocation_and_none_from_within_a_hook \
	no_page_left \
	jemalloc_in_front_behind_and_inside \
	tcmalloc_in_front_behind_and_inside
