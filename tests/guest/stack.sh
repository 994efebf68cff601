#!/bin/bash
# How much of the program's stack a hook may take, on any way through the library: by what the compiler
# says of each function (gcc's -fcallgraph-info=su). What programs are measured to pay is in
# invisible_signals.sh; here is also what hardly ever happens, all of it at once.
. "$(dirname "$0")/tap"
chains=$(realpath "$(dirname "$0")")/stack/chains.py

# The kernel's frame for a signal takes 3.5 KiB of the 8 KiB that SIGSTKSZ was for decades.
FRAME_BUDGET=1024
CHAIN_BUDGET=4608

known() {
	grep -q -e '-O[23s]' "$build/flags" || skip "the library was built without optimisation"
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer's own frames are in it"
	[ -n "$(find "$build/src/hook" -name '*.ci' -print -quit)" ] ||
		skip "the compiler does not say what a function takes of the stack"
}

no_function_takes_more_than_its_share() {
	known
	"$chains" frames "$build" $FRAME_BUDGET >larger
	expect "$(cat larger)" ""
}

no_way_through_a_hook_takes_more_than_its_share() {
	known
	"$chains" chains "$build" $CHAIN_BUDGET >deeper
	sed -i 5q deeper
	expect "$(cat deeper)" ""
}

points \
	no_function_takes_more_than_its_share \
	no_way_through_a_hook_takes_more_than_its_share
