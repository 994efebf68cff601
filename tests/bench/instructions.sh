#!/bin/bash
# User instructions per call, by valgrind's callgrind, which counts the same each time: a run of N
# and one of 2 N calls, and the difference divided by N.
#
#     instructions.sh [OPERATION...]      a table: operation, then a figure for each configuration
#
# CONFIGURATIONS may be log levels, and a level with rules: `resets:retry to=:9`; more of them are
# separated by newlines then.
#
# What the kernel does is not in it, nor the vDSO: valgrind answers clock_gettime by system call.
set -eu
build=$(realpath "${RESETBY_BUILD:-build}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

CALLS=2000
CONFIGURATIONS=${CONFIGURATIONS:-bare null off resets conns calls}
case $CONFIGURATIONS in
*:*) mapfile -t configurations <<<"$CONFIGURATIONS" ;;
*) read -ra configurations <<<"$CONFIGURATIONS" ;;
esac
[ $# -gt 0 ] ||
	set -- recv-eagain send-64 write-64 poll-1 setsockopt close-none null-write-64 file-read-end

# Without debug information, of which valgrind does not know every compiler's.
for file in tests/bench/worker tests/bench/null.so libresetby.so; do
	strip -g -o "$scratch/${file##*/}" "$build/$file"
done

# environment CONFIGURATION: in $variables
environment() {
	local rules=
	[[ $1 != *:* ]] || rules=${1#*:}
	case $1 in
	bare) variables=() ;;
	null) variables=(LD_PRELOAD="$scratch/null.so") ;;
	*) variables=(LD_PRELOAD="$scratch/libresetby.so" RESETBY_LEVEL="${1%%:*}"
		RESETBY_LOG="$scratch/log" RESETBY_RULES="$rules") ;;
	esac
}

# total CONFIGURATION OPERATION COUNT: instructions of the whole process
total() {
	environment "$1"
	env "${variables[@]}" valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
		"$scratch/worker" once "$2" "$3" 2>"$scratch/said" || {
		cat "$scratch/said" >&2
		exit 1
	}
	sed -n 's/^totals: //p' "$scratch/out"
}

printf '%-22s' 'instructions a call'
for configuration in "${configurations[@]}"; do
	printf ' %*s' $((${#configuration} > 7 ? ${#configuration} : 7)) "${configuration// /,}"
done
echo
for operation; do
	printf '%-22s' "$operation"
	for configuration in "${configurations[@]}"; do
		once=$(total "$configuration" "$operation" "$CALLS")
		twice=$(total "$configuration" "$operation" $((CALLS * 2)))
		printf ' %*s' $((${#configuration} > 7 ? ${#configuration} : 7)) \
			$(((twice - once + CALLS / 2) / CALLS))
	done
	echo
done
