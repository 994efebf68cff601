#!/bin/bash
# What build/libresetby.so is, read from the file: it must fit into anybody's process.
. "$(dirname "$0")/tap"

# What the header declares: names of functions with a `(` behind them, macros left out.
api_names() {
	sed -n 's/^RESETBY_API .*[ *]\(resetby_[a-z_]*\)(.*/\1/p' "$include/resetby.h"
}

it_needs_libc_and_nothing_else() {
	readelf -dW "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >needed
	grep -qx 'libc\.so\.6' needed
	expect "$(grep -vxE 'libc\.so\.6|ld-linux.*\.so\.[0-9]' needed || true)" ""
}

it_exports_the_hooks_and_the_api_and_nothing_else() {
	nm -D --defined-only --format=posix "$library" | cut -d' ' -f1 | sort >exported
	{
		"$resetby" list hooks
		api_names
	} | sort >wanted
	[ -n "$(api_names)" ]
	diff wanted exported
}

its_exported_names_are_functions() {
	expect "$(nm -D --defined-only --format=posix "$library" | awk '$2 !~ /^[TW]$/')" ""
}

# A versioned recv would not stand in for recv@GLIBC_2.2.5.
it_defines_no_symbol_versions() {
	readelf -dW "$library" >dynamic
	expect "$(grep -E 'VERDEF' dynamic || true)" ""
	expect "$(nm -D --defined-only "$library" | grep '@' || true)" ""
}

imports=$(realpath "$(dirname "$0")")/imports

# allowed: SYMBOL WHERE..., a line each
allowed() {
	grep -v -e '^#' -e '^$' "$imports"
}

not_sanitized() {
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer brings symbols of its own"
	return 0
}

it_needs_nothing_that_a_hook_may_not_call() {
	not_sanitized
	nm -D --undefined-only --format=posix "$library" | sed 's/[@ ].*//' | sort >imported
	grep -qx memcpy imported
	allowed | awk '{ print $1 }' | sort >wanted
	expect "$(comm -23 imported wanted)" ""
}

# What is allowed for one purpose is used for it alone.
each_of_its_parts_needs_only_what_it_may() {
	local object
	not_sanitized
	find "$build"/src/{sys,log,conn,why,rule,act,hook} -name '*.o' >objects
	while read -r object; do
		nm --undefined-only --format=posix "$object" |
			awk -v file="${object#"$build/src/"}" '{ sub(/\.o$/, "", file); print $1, file }'
	done <objects >used
	grep -q '^dlsym hook/real$' used
	allowed | awk 'NR == FNR { for (i = 2; i <= NF; i++) may[$1, $i]; rare[$1]; next }
		$1 in rare && !(($1, $2) in may) && !(($1, "*") in may)' - used >wrong
	expect "$(cat wrong)" ""
}

# Memory of a thread that is made when it is first used is made by malloc (__tls_get_addr).
its_thread_local_memory_is_there_before_a_thread_runs() {
	readelf -rW "$library" >relocations
	grep -qE 'TPOFF|TPREL' relocations
	expect "$(grep -E 'DTPMOD|DTPOFF|DTPREL|TLSDESC' relocations || true)" ""
}

it_is_bound_at_start_and_then_read_only() {
	readelf -lW "$library" | grep -q GNU_RELRO
	readelf -dW "$library" | grep -qE 'BIND_NOW|\(FLAGS\).*NOW|FLAGS_1.*NOW'
}

its_stack_is_not_executable() {
	expect "$(readelf -lW "$library" | awk '$1 == "GNU_STACK" { print $7 }')" RW
}

no_segment_is_writable_and_executable() {
	expect "$(readelf -lW "$library" | awk '$1 == "LOAD" && /RWE/')" ""
}

it_has_no_text_relocations() {
	expect "$(readelf -dW "$library" | grep TEXTREL || true)" ""
}

it_has_a_name_and_no_search_path() {
	readelf -dW "$library" | grep -q 'SONAME.*\[libresetby.so\]'
	expect "$(readelf -dW "$library" | grep -E 'RPATH|RUNPATH' || true)" ""
}

points \
	it_needs_libc_and_nothing_else \
	it_exports_the_hooks_and_the_api_and_nothing_else \
	its_exported_names_are_functions \
	it_defines_no_symbol_versions \
	it_needs_nothing_that_a_hook_may_not_call \
	each_of_its_parts_needs_only_what_it_may \
	its_thread_local_memory_is_there_before_a_thread_runs \
	it_is_bound_at_start_and_then_read_only \
	its_stack_is_not_executable \
	no_segment_is_writable_and_executable \
	it_has_no_text_relocations \
	it_has_a_name_and_no_search_path
