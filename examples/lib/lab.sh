# Sourced by the examples: each makes one situation for real in a network namespace of its own, shows
# it from every side, and ends with a line for machines:
#
#     LAB item=RST-3 did="rule unread=7" told=ECONNRESET verdict=peer-closed-unread sure=likely timers="-" ok
#
# What was told and the verdicts are those that were checked, separated by commas; `not-ok` instead of
# `ok` when wire, verdict or timers were not as promised, with a line `NOT OK` for each. The exit status
# is 0 for ok, 1 for not-ok, 77 when it cannot run here.
set -u
PATH=$PATH:/usr/sbin:/sbin
here=$(realpath "$(dirname "$0")")
build=$(realpath "${RESETBY_BUILD:-$here/../build}" 2>/dev/null)
python=/usr/bin/python3
port=8000
failed=

skip() {
	echo "skipped: $*"
	echo "LAB item=$item skipped why=\"$*\""
	exit 77
}

# needs PROGRAM...
needs() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "there is no $program here"
	done
}

# situation ITEM TITLE: says what this is about; from here on in its own network namespace
situation() {
	item=$1
	if [ -z "${LAB_NAMESPACE:-}" ]; then
		local apart=(unshare --net)
		[ "$(id -u)" -eq 0 ] || apart=(unshare --user --map-current-user --keep-caps --net)
		[ -x "$build/resetby" ] || skip "there is no $build/resetby: run make first"
		"${apart[@]}" true 2>/dev/null ||
			skip "needs a network namespace of its own (root, or user namespaces)"
		LAB_NAMESPACE=1 exec "${apart[@]}" "$0"
	fi
	needs ip tcpdump $python
	printf '%s: %s\n' "$item" "$2"
	scratch=$(mktemp -d)
	trap tidy EXIT
	trap 'exit 130' INT TERM
	cd "$scratch" || exit
	unset "${!RESETBY_@}"
	ip link set lo up
	# Linux 6.18's own: a new namespace has those of the host, which somebody may have tuned.
	echo 4096 131072 33554432 >/proc/sys/net/ipv4/tcp_rmem
	echo 4096 16384 4194304 >/proc/sys/net/ipv4/tcp_wmem
	[ -n "${interface:-}" ] || start_capture lo 127.0.0.1
}

running=()
tidy() {
	[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null
	wait
	rm -rf "$scratch"
}

# until_true COMMAND...: for at most 20 s
until_true() {
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		"$@" && return
		sleep 0.02
	done
	not_ok "never came true: $*"
	return 1
}

# background FILE WORD COMMAND...: is ready when it has said WORD in FILE; its process id in $started
background() {
	local file=$1 word=$2
	shift 2
	"$@" >"$file" 2>"$file.err" &
	started=$!
	running+=("$started")
	until_true grep -qs "$word" "$file" "$file.err" || skip "$(tail -n 1 "$file.err")"
}

# start_capture INTERFACE ADDRESS: by itself on lo, unless `interface` was set before; ADDRESS is one
# that is reached over it
start_capture() {
	beyond=$2
	background capture 'listening on' tcpdump -i "$1" -nn -tt -S -l --immediate-mode -Z root \
		'tcp or icmp or udp port 9'
}

# The last datagram tells that everything before it is in the file.
end_capture() {
	[ -e wire ] && return
	echo >"/dev/udp/$beyond/9"
	until_true grep -q "$beyond.9: UDP" capture
	awk -v port=$port '
		function name(address) { return address ~ "[.]" port "$" ? "server" : "client" }
		/ UDP| udp port 9/ { next }
		{ if (!zero) zero = $1; time = sprintf("+%.3f", $1 - zero) }
		$6 == "Flags" {
			flags = $7; gsub(/[][,]/, "", flags)
			kind = flags ~ /R/ ? "RST" : flags ~ /S[.]/ ? "SYN-ACK" : flags ~ /S/ ? "SYN" : \
				flags ~ /F/ ? "FIN" : "ACK"
			match($0, /length [0-9]+/)
			size = substr($0, RSTART + 7, RLENGTH - 7)
			if (kind == "ACK" && size > 0) kind = "data"
			to = $5; sub(/:$/, "", to)
			match($0, /seq [0-9]+/)
			mark = $3 to kind substr($0, RSTART, RLENGTH)
			# A keepalive probe has the sequence number before the next one, and no data.
			again = kind != "ACK" && kind != "RST" && seen[mark]++ ? " again" : ""
			print time, name($3), ">", name(to), kind (size > 0 ? " " size : "") again
			next
		}
		{ sub(/^[^ ]* IP6? /, ""); print time, $0 }' capture >wire
}

# lower NAME VALUE...: sysctls of net.ipv4, in this namespace alone
lower() {
	while [ $# -gt 0 ]; do
		if [ ! -e /proc/sys/net/ipv4/"$1" ]; then
			echo "  sysctl   net.ipv4.$1 is not known to this kernel"
			shift 2
			continue
		fi
		echo "  sysctl   net.ipv4.$1 = $2   (here only; it was $(cat /proc/sys/net/ipv4/"$1"))"
		echo "$2" >/proc/sys/net/ipv4/"$1" || not_ok "cannot set $1"
		shift 2
	done
}

# with NAME RULE...: the program NAME (server, client) runs under `resetby run` with these rules
declare -A rules
with() {
	local name=$1 rule
	shift
	for rule; do
		rules[$name]+="${rules[$name]:+;}$rule"
		echo "  rule     at the $name: $rule"
	done
}

run_talk() {
	local name=$1
	shift
	RESETBY_RULES=${rules[$name]:-} RESETBY_STALE=${stale:-60s} RESETBY_LOG=$name.log exec \
		"$build/resetby" run -- $python "$here/lib/talk.py" "$@"
}

# server STEP..., client STEP...: talk.py in the background; what it says is in the file of its name
declare -A pids
server() {
	talks server "$@"
	until_true grep -qs listen server.out
}

client() {
	talks client "$@"
}

talks() {
	local name=$1
	shift
	echo "  $name   talk.py $*" | sed 's/client /client  /;s/server /server  /'
	(run_talk "$name" "$@") >>"$name.out" 2>>"$name.err" &
	pids[$name]=$!
	running+=($!)
}

# ended NAME...: wait for programs
ended() {
	local name
	for name; do
		wait "${pids[$name]}" || not_ok "the $name ended with status $?: $(cat "$name.err")"
	done
}

watch_states() {
	background states watching $python "$here/lib/states.py" $port
}

# state_is WHO STATE: now
state_is() {
	[ "$(awk -v who="$1" '$2 == who { state = $3 } END { print state }' states)" = "$2" ]
}

# lasted WHO STATE: seconds
lasted() {
	awk -v who="$1" -v state="$2" '
		$2 != who { next }
		from { printf "%.1f", $1 - from; from = 0 }
		$3 == state { from = $1 }' states
}

not_ok() {
	echo "  NOT OK   $*"
	failed=1
}

# told NAME ERRNO...: what the program was told, in this order
all_told=
told() {
	local name=$1 got
	shift
	got=$(errors "$name")
	[ "$got" = "$*" ] || not_ok "the $name was told ${got:-nothing}, not $*"
	all_told=$(comma $all_told $got)
}

comma() {
	local IFS=,
	echo "$*"
}

errors() {
	grep -oE ': (E[A-Z]+|TIMEOUT)' "$1.out" | sed 's/: //' | paste -sd ' '
}

# waited NAME STEP: how long it took, in seconds, of the first that took long
waited() {
	sed -nE "s/.* $2: .*, after ([0-9.]+) s/\\1/p" "$1.out" | head -n 1
}

# other_namespace PID: it is not in ours any more
other_namespace() {
	[ "$(readlink /proc/"$1"/ns/net)" != "$(readlink /proc/self/ns/net)" ]
}

# said NAME TEXT: in its own words
said() {
	grep -qE "$2" "$1.out" || not_ok "the $1 did not say: $2"
}

# verdict NAME CAUSE SURE: resetby's, in that program's log
all_verdicts=
all_sure=
verdict() {
	if grep -qsE ": $2 \($3\):" "$1.log"; then
		all_verdicts=$(comma $all_verdicts "$2")
		all_sure=$(comma $all_sure "$3")
	else
		not_ok "the verdict at the $1 is not $2 ($3)"
	fi
}

# no_verdict NAME CAUSE
no_verdict() {
	! grep -qsE ": $2 \(" "$1.log" || not_ok "the verdict at the $1 is $2"
}

# on_wire COUNT PATTERN: segments with PATTERN; COUNT is a number, or NUMBER+ for at least that many
on_wire() {
	local count
	end_capture
	count=$(grep -cE "$2" wire)
	case $1 in
	*+) [ "$count" -ge "${1%+}" ] ;;
	*) [ "$count" -eq "$1" ] ;;
	esac || not_ok "on the wire: $count of '$2', not $1"
}

# moments PATTERN: when they went, in seconds after the first, as `0 1.0 3.0`
moments() {
	end_capture
	grep -E "$1" wire | awk '{ sub(/[+]/, "", $1); if (NR == 1) zero = $1; t = t sep sprintf("%.1f", $1 - zero);
		sep = " " } END { print t }'
}

# about GOT WANTED WHAT: seconds, one or several, to within a third (and 0.2 s)
about() {
	awk -v got="$1" -v wanted="$2" 'BEGIN {
		n = split(got, g); if (n != split(wanted, w)) exit 1
		for (i = 1; i <= n; i++) { d = g[i] - w[i]; if (d < 0) d = -d
			if (d > 0.2 + w[i] / 3) exit 1 } }' || not_ok "$3: '$1', not about '$2' s"
}

# let_go NAME: what happens from here on (the others end) is not part of the story
let_go() {
	end_capture
	: >done
	ended "$1"
}

# counter NAME: of this namespace, e.g. TCPChallengeACK
counter() {
	awk -v name="$1" '
		$1 == last { for (i = 2; i <= NF; i++) if (names[i] == name) { print $i; exit } }
		{ last = $1; split($0, names) }' /proc/net/snmp /proc/net/netstat
}

# Evidence (key=value) and time are left out, of lines that are long enough without.
sentences() {
	sed -E 's/^resetby\[[0-9]+\] [0-9:.]+ //; s/ fd=[0-9]+//; s/\.? (case|rule|state|seed)=.*//' "$1" |
		fold -s -w 86
}

# shown LABEL: the lines of stdin, behind it
shown() {
	sed "s/^/           /; 1s/^.\{11\}/$(printf '  %-9s' "$1")/"
}

show_wire() {
	local lines
	lines=$(wc -l <wire)
	if [ "$lines" -le 24 ]; then
		cat wire
	else
		head -n 20 wire
		echo "... and $((lines - 20)) more"
	fi | shown wire
}

show_states() {
	[ -s states ] || return
	awk '$1 !~ /^[0-9]/ { next }
		!zero { zero = $1 }
		{ printf "+%.2f %s %s\n", $1 - zero, $2, $3 }' states | shown states
}

# lab DID [TIMERS]: shows every side and ends
lab() {
	local name result=ok
	end_capture
	for name in server client; do
		[ ! -s $name.out ] || sed "1i the $name:" $name.out | shown told
	done
	for name in server client; do
		[ ! -s $name.log ] || { echo "at the $name:"; sentences $name.log; } | shown resetby
	done
	show_wire
	show_states
	[ -z "$failed" ] || result=not-ok
	printf 'LAB item=%s did="%s" told=%s verdict=%s sure=%s timers="%s" %s\n' "$item" "$1" \
		"${all_told:-none}" "${all_verdicts:-none}" "${all_sure:--}" "${2:--}" $result
	[ $result = ok ]
	exit
}
