#!/bin/bash
# What the library keeps for each descriptor of a program that has many. With CONNECTIONS there are so
# many, and FIGURES names a file for what they cost, and for a few times of a recv on each.
. "$(dirname "$0")/tap"
worker=$build/tests/bench/worker

CONNECTIONS=${CONNECTIONS:-5000}
TCP_LIMIT=512
OTHER_LIMIT=16

# within_limits LEVEL [SHARED]: SHARED bytes are the same for five thousand connections and for many
# fewer. A page that is not full is no descriptor's either.
within_limits() {
	local limit=$((CONNECTIONS * 2))
	[ "$(ulimit -n)" -ge $limit ] || ulimit -n $limit || skip "$limit descriptors are not allowed"
	LD_PRELOAD=$build/libresetby.so RESETBY_LEVEL=$1 RESETBY_LOG=$PWD/log \
		"$worker" many "$CONNECTIONS" <<<$'\n\n\n' >said
	tee -a "${FIGURES:-/dev/null}" <said
	awk -v shared=$((${2-0} + 4 * 4096)) -v connections=$CONNECTIONS -v tcp=$TCP_LIMIT -v other=$OTHER_LIMIT '
		function at_most(limit) { return $2 > 0 && $2 <= limit + shared / connections }
		$1 == "tcp" { good += at_most(tcp) }
		$1 == "other" { good += at_most(other) }
		$1 == "again" || $1 == "heap" { good += $2 == 0 }
		END { exit good != 4 }' said
}

each_descriptor_costs_what_was_promised_and_closed_ones_are_used_again() {
	within_limits resets
}

so_it_is_when_each_call_is_logged() {
	[ -z "${FIGURES-}" ] || skip "of so many connections the first point tells, and takes long enough"
	# The text that names the connections that called last (log/line_conn.h).
	within_limits calls $((80 * 1024))
}

points \
	each_descriptor_costs_what_was_promised_and_closed_ones_are_used_again \
	so_it_is_when_each_call_is_logged
