#!/bin/bash
# What `resetby explain` says of each cause and errno, and whether its experiments do what they say.
. "$(dirname "$0")/lib.sh"

COLUMNS_MAX=78

# Ids of the causes that have a page; those about the library itself need none.
causes() {
	"$resetby" explain | awk '/^About the library/ { exit } /^  / { print $1 }'
}

# section TITLE: its lines, read from a page on stdin
section() {
	awk -v title="$1" '/^[^ ]/ { inside = $0 == title; next } inside && NF'
}

every_cause_has_a_page_with_all_that_it_needs() {
	local id title
	[ "$(causes | wc -l)" -ge 30 ]
	for id in $(causes); do
		"$resetby" explain "$id" >page
		for title in "On the wire" "What each side is told" "Make it happen" "Prevent it"; do
			section "$title" <page | grep -q . || { echo "$id: no '$title'"; return 1; }
		done
	done
}

# A heading stands alone behind an empty line; what follows it is indented.
no_section_is_empty() {
	local id
	for id in $(causes) EPROTO EPIPE; do
		"$resetby" explain "$id" | awk -v id="$id" '
			/^On the wire$|^The log of/ { sections = 1 }
			!sections { next }
			/^[^ ]/ && title != "" { print id ": " title; bad = 1 }
			/^[^ ]/ { title = $0 }
			/^ +[^ ]/ { title = "" }
			END { if (!sections || title != "") { print id ": " title; bad = 1 } exit bad }
		'
	done
}

every_ladder_has_two_straight_lines() {
	local id
	for id in $(causes); do
		"$resetby" explain "$id" | section "On the wire" >ladder
		[ "$(wc -l <ladder)" -ge 2 ]
		tail -n +2 ladder | awk -v id="$id" '
			{ left = substr($0, 26, 1); right = substr($0, 51, 1) }
			left !~ /[|:]/ || left != right { print id ": " $0; bad = 1 }
			END { exit bad }
		'
		# Nothing but a rule's own doing comes without a segment.
		[[ $id == injected ]] || grep -qE -- '-[x>]|[<x]-' ladder || { cat ladder; return 1; }
	done
}

no_line_is_longer_than_a_terminal() {
	local name
	for name in $(causes) ECONNRESET ETIMEDOUT EPIPE ECONNREFUSED; do
		"$resetby" explain "$name" | awk -v name="$name" -v most=$COLUMNS_MAX '
			length > most { print name ": " $0; bad = 1 } END { exit bad }'
	done
}

# The limits are read, and read again by each run: also those that were just changed.
limits_are_those_of_the_kernel() {
	local id name value
	echo 3 >/proc/sys/net/ipv4/tcp_syn_retries
	echo "40000 41000" >/proc/sys/net/ipv4/ip_local_port_range
	for id in $(causes); do
		"$resetby" explain "$id" | section "The kernel's limits, on this machine now"
	done >limits
	sed -n 's/^  \([a-z_0-9.]*\) = \(.*\)/\1 \2/p' limits | sort -u >named
	[ "$(wc -l <named)" -ge 15 ]
	while read -r name value; do
		if [ -r "/proc/sys/${name//.//}" ]; then
			expect "$name $value" "$name $(tr '\t' ' ' <"/proc/sys/${name//.//}")"
		else
			expect "$name $value" "$name not readable"
		fi
	done <named
	grep -q '^net.ipv4.tcp_syn_retries 3$' named
	grep -q '^net.ipv4.ip_local_port_range 40000 41000$' named
}

the_syn_schedule_is_computed() {
	[ -e /proc/sys/net/ipv4/tcp_syn_linear_timeouts ] || skip "no tcp_syn_linear_timeouts here"
	echo 5 >/proc/sys/net/ipv4/tcp_syn_retries
	echo 0 >/proc/sys/net/ipv4/tcp_syn_linear_timeouts
	"$resetby" explain no-answer | grep -qF "1+2+4+8+16+32 s = 63 s"
	echo 6 >/proc/sys/net/ipv4/tcp_syn_retries
	echo 4 >/proc/sys/net/ipv4/tcp_syn_linear_timeouts
	"$resetby" explain no-answer | tr -s ' \n' ' ' | grep -qF "1+1+1+1+1+2+4+8+16+32+64 s = 131 s"
}

# What the kernel documents for its defaults: 15 stands for 924.6 s, 8 for about 100 s.
time_limits_are_computed() {
	echo 15 >/proc/sys/net/ipv4/tcp_retries2
	echo 0 >/proc/sys/net/ipv4/tcp_orphan_retries
	"$resetby" explain retransmit-limit | grep -qF "at least 924 s"
	"$resetby" explain fin-unanswered | grep -qF "at least 102 s"
	echo 60 >/proc/sys/net/ipv4/tcp_keepalive_time
	echo 10 >/proc/sys/net/ipv4/tcp_keepalive_intvl
	echo 3 >/proc/sys/net/ipv4/tcp_keepalive_probes
	"$resetby" explain keepalive-limit | grep -qF "60 + 3 * 10 = 90 s"
}

every_rule_that_is_shown_is_a_rule() {
	local id rule
	for id in $(causes); do
		"$resetby" explain "$id" | sed -n 's/^  rule: //p'
	done >rules
	[ "$(wc -l <rules)" -ge 5 ]
	while read -r rule; do
		"$resetby" check "$rule" >checked
	done <rules
}

# Every errno that the decision procedure knows, in either case.
every_errno_of_the_verdicts_has_causes() {
	local errno
	grep -ohE '\bE[A-Z]{4,}\b' "$guest"/../../src/why/{decide,signs*}.c | grep -v '^ELSE' | sort -u >errnos
	[ "$(wc -l <errnos)" -ge 15 ]
	while read -r errno; do
		"$resetby" explain "$errno" >said
		grep -q "^$errno (" said
		grep -q '^  [a-z-]* ' said || { cat said; return 1; }
		"$resetby" explain "${errno,,}" | diff - said
	done <errnos
}

# causes_of ERRNO WHOSE: in one line
causes_of() {
	"$resetby" explain "$1" | section "The log of the $2 names one of" | awk '{ printf " %s", $1 }'
}

errnos_lead_to_their_causes() {
	local here="program that is told" there="peer, when it is preloaded too,"
	expect "$(causes_of ECONNABORTED "$here")" " killed"
	expect "$(causes_of EADDRNOTAVAIL "$here")" " ports-exhausted"
	expect "$(causes_of ECONNREFUSED "$here")" " refused rejected injected"
	expect "$(causes_of EPIPE "$here")" \
		" peer-closed-unread peer-closed-early peer-abort already-reset injected \
wrote-after-shutdown"
	expect "$(causes_of ECONNRESET "$there")" \
		" closed-unread closed-linger0 disconnected listener-closed exit-open"
}

# [Errno 104] of Python, errno: -104 of Node, the phrases of Java and of strerror.
an_errno_is_known_by_all_that_programs_print_of_it() {
	local name
	"$resetby" explain ECONNRESET >said
	for name in 104 -104 "Connection reset by peer" "Connection reset" "connection reset by peer"; do
		"$resetby" explain "$name" | diff said -
	done
	"$resetby" explain "Broken pipe" | head -n 1 | grep -q "^EPIPE (32)"
	"$resetby" explain SIGPIPE | head -n 1 | grep -q "^EPIPE (32)"
	refused 2 "'99999' is no cause" "$resetby" explain 99999
}

names_that_do_not_exist_get_a_suggestion() {
	refused 2 "'refused'" "$resetby" explain refussed
	refused 2 "'ECONNRESET'" "$resetby" explain ECONRESET
	refused 2 "'keepalive-limit'" "$resetby" explain keepalive-limits
	refused 2 "'close-wait-leak'" "$resetby" explain CLOSE_WAIT
	refused 2 "'forgotten'" "$resetby" explain "cause=forgotten"
	refused 2 "one cause or errno" "$resetby" explain refused rejected
}

# Nothing is guessed that is as far away as anything else.
names_like_none_get_no_suggestion() {
	local name
	for name in "" 0 141 rst time_wait idempotent linger0 reset "$(printf 'x%.0s' {1..500})"; do
		refused 2 "resetby explain shows all causes" "$resetby" explain "$name"
		[[ $(<said.err) != *"did you mean"* ]] || { cat said.err; return 1; }
	done
}

actions_are_told_from_causes() {
	refused 2 "'linger0' is an action of rules" "$resetby" explain linger0
	refused 2 "'drop=syn' is an action of rules" "$resetby" explain drop=syn
	refused 2 "'keepalive' is an action of rules" "$resetby" explain keepalive
	refused 2 "'keepalive-limit'" "$resetby" explain keepalive
}

# The words of programs, as these programs say them.
words_are_those_of_the_programs() {
	"$resetby" explain ECONNREFUSED | tr -s ' \n' ' ' >words
	"$PYTHON" -c 'import socket; socket.create_connection(("127.0.0.1", 9))' 2>python || true
	grep -qF "$(tail -n 1 python)" words
	"$PYTHON" -c 'import os; raise OSError(104, os.strerror(104))' 2>python || true
	"$resetby" explain ECONNRESET | grep -qF "$(tail -n 1 python)"
	curl -s http://127.0.0.1:9/ || status=$?
	grep -qF "curl: ($status)" words
}

# experiment ID: run it as it is printed; somebody's log must name the cause
experiment() {
	"$resetby" explain "$1" | section "Make it happen" | sed '/^  rule: /d; s/^  //' >lines
	[ -s lines ]
	PATH=$build:/usr/bin:$PATH RESETBY_LOG="$PWD/log" timeout 60 \
		unshare --net bash -c 'ip link set lo up; . ./lines' </dev/null >said 2>&1 || true
	grep -qF ": $1 (" log || { cat lines said log; return 1; }
}

# Two at a time: most of their time is waiting.
every_experiment_makes_its_cause_happen() {
	local id failed=0 jobs=()
	for id in $(causes); do
		mkdir "$id"
		(cd "$id" && experiment "$id" >output 2>&1 || { echo "# $id"; cat output; exit 1; }) &
		jobs+=($!)
		[ ${#jobs[@]} -lt 2 ] || { wait "${jobs[0]}" || failed=1; jobs=("${jobs[@]:1}"); }
	done
	for id in "${jobs[@]}"; do
		wait "$id" || failed=1
	done
	return $failed
}

points \
	every_cause_has_a_page_with_all_that_it_needs \
	no_section_is_empty \
	every_ladder_has_two_straight_lines \
	no_line_is_longer_than_a_terminal \
	limits_are_those_of_the_kernel \
	the_syn_schedule_is_computed \
	time_limits_are_computed \
	every_rule_that_is_shown_is_a_rule \
	every_errno_of_the_verdicts_has_causes \
	errnos_lead_to_their_causes \
	an_errno_is_known_by_all_that_programs_print_of_it \
	names_that_do_not_exist_get_a_suggestion \
	names_like_none_get_no_suggestion \
	actions_are_told_from_causes \
	words_are_those_of_the_programs \
	every_experiment_makes_its_cause_happen
