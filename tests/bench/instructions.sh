#!/bin/bash
# User instructions per call, by valgrind's callgrind, which counts the same each time: a run of N
# and one of 2 N calls, and the difference divided by N.
#
#     instructions.sh [OPERATION...]      a table: operation, then a figure for each configuration
#
# What the kernel does is not in it, nor the vDSO: valgrind answers clock_gettime by system call.
set -eu
build=$(realpath "${RESETBY_BUILD:-build}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

CALLS=500
CONFIGURATIONS=${CONFIGURATIONS:-bare null off resets conns calls}
[ $# -gt 0 ] ||
	set -- recv-eagain send-64 write-64 poll-1 setsockopt close-none null-write-64 file-read-end

# Without debug information, of which valgrind does not know every compiler's.
for file in tests/bench/worker tests/bench/null.so libresetby.so; do
	strip -g -o "$scratch/${file##*/}" "$build/$file"
done

environment() {
	case $1 in
	bare) ;;
	null) echo "LD_PRELOAD=$scratch/null.so" ;;
	*) echo "LD_PRELOAD=$scratch/libresetby.so RESETBY_LEVEL=$1 RESETBY_LOG=$scratch/log" ;;
	esac
}

# total CONFIGURATION OPERATION COUNT: instructions of the whole process
total() {
	# shellcheck disable=SC2046
	env $(environment "$1") valgrind --tool=callgrind --callgrind-out-file="$scratch/out" \
		"$scratch/worker" once "$2" "$3" 2>"$scratch/said" || {
		cat "$scratch/said" >&2
		exit 1
	}
	sed -n 's/^totals: //p' "$scratch/out"
}

printf '%-22s' 'instructions a call'
printf '%8s' $CONFIGURATIONS
echo
for operation; do
	printf '%-22s' "$operation"
	for configuration in $CONFIGURATIONS; do
		once=$(total "$configuration" "$operation" "$CALLS")
		twice=$(total "$configuration" "$operation" $((CALLS * 2)))
		printf '%8s' $(((twice - once + CALLS / 2) / CALLS))
	done
	echo
done
