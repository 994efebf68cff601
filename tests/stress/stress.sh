#!/bin/bash
# The stress program under the preload: it finds nothing wrong, and the log is whole and true.
# STRESS_SECONDS in all, 3 when not given.
. "$(dirname "$0")/../guest/lib.sh"
. "$guest/../stress/edited"
stress=$build/tests/stress/stress
each=$(awk -v all="${STRESS_SECONDS:-3}" 'BEGIN { print all / 3 }')

# stressed [VARIABLE=VALUE...]
stressed() {
	local preload
	preload RESETBY_LOG="$PWD/log" STRESS_SECONDS="$each" "$@"
	env "${preload[@]}" "$stress" >said.out 2>said.err || { cat said.err; return 1; }
	cat said.out
	said_nothing
}

every_verdict_is_told_once_while_numbers_are_fought_over() {
	stressed
	"$guest/../stress/check_log" log said.out
}

every_connection_opens_and_closes_once_while_numbers_are_fought_over() {
	stressed RESETBY_LEVEL=conns
	"$guest/../stress/check_log" log said.out
}

every_call_is_told_in_whole_lines_while_rules_are_edited() {
	rules_edited
	stressed RESETBY_LEVEL=calls RESETBY_PHRASE=1 RESETBY_RULES_FILE="$PWD/rules"
	"$guest/../stress/check_log" log said.out
}

# Text lines on one file descriptor of all: each begins as a line does and names a program.
text_lines_on_stderr_are_whole() {
	local preload
	preload RESETBY_LOG=stderr RESETBY_FORMAT=text STRESS_SECONDS="$(awk "BEGIN { print $each / 3 }")"
	env "${preload[@]}" "$stress" >said.out 2>lines || { tail lines; return 1; }
	grep -q 'ECONNREFUSED' lines
	expect "$(grep -vcE '^resetby\[[0-9]+\] [0-9:]{8}\.[0-9]{6} (error|warn) .* exe=stress$' lines)" 0
}

points every_verdict_is_told_once_while_numbers_are_fought_over \
	every_connection_opens_and_closes_once_while_numbers_are_fought_over \
	every_call_is_told_in_whole_lines_while_rules_are_edited \
	text_lines_on_stderr_are_whole
