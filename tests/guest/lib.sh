# Sourced by the tests that run other people's programs under the preload: each script has a network
# namespace to itself, so that its ports are free, and the kernel's counters are its own.
PATH=$PATH:/usr/sbin:/sbin
if [ -z "${GUEST_NAMESPACE:-}" ]; then
	apart=(unshare --net)
	[ "$(id -u)" -eq 0 ] || apart=(unshare --user --map-root-user --net)
	if ! "${apart[@]}" true 2>/dev/null; then
		echo "# skipped: needs a network namespace of its own (root, or user namespaces)"
		exit 77
	fi
	GUEST_NAMESPACE=1 exec "${apart[@]}" "$0"
fi
guest=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
. "$guest/tap"
ip link set lo up
# Linux 6.18's own: a new namespace has those of the host, which somebody may have tuned.
echo 4096 131072 33554432 >/proc/sys/net/ipv4/tcp_rmem
echo 4096 16384 4194304 >/proc/sys/net/ipv4/tcp_wmem

PYTHON=/usr/bin/python3
port=8000
patience=300 # tenths of a second

# needs PROGRAM...: the whole script is skipped where one is missing
needs() {
	local program
	for program; do
		if ! command -v "$program" >/dev/null; then
			echo "# skipped: there is no $program here"
			exit 77
		fi
	done
}

# What to put before a command: `env "${preload[@]}" COMMAND`. Logs are of the current directory.
preload() {
	preload=(LD_PRELOAD="$library" RESETBY_LOG="$PWD/log.%e.%p" RESETBY_FORMAT=json "$@")
}

# preloaded [VARIABLE=VALUE...] COMMAND...
preloaded() {
	local preload
	preload
	env "${preload[@]}" "$@"
}

# preload_server [VARIABLE=VALUE...], preload_client [VARIABLE=VALUE...]: what $server and $client put
# before their commands from now on
preload_server() {
	local preload
	preload "$@"
	server=("${preload[@]}")
}
preload_client() {
	local preload
	preload "$@"
	client=("${preload[@]}")
}

# start [VARIABLE=VALUE...] COMMAND...: in the background, until `stop` or the end of the test.
# Its process id is in $started, what it says in server.out and server.err.
start() {
	trap stop_all EXIT
	env "$@" </dev/null >>server.out 2>>server.err &
	started=$!
	running+=("$started")
}
running=()

# stop [SIGNAL]: end what was started last, and wait for that
stop() {
	kill -"${1:-TERM}" "$started" 2>/dev/null
	wait "$started" 2>/dev/null || true
	running=("${running[@]:0:${#running[@]}-1}")
	started=
	[ ${#running[@]} -eq 0 ] || started=${running[-1]}
}

stop_all() {
	[ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null
	wait
}

# eventually COMMAND...: until it succeeds
eventually() {
	local tries
	for ((tries = 0; tries < patience * 2; tries++)); do
		"$@" && return
		sleep 0.05
	done
	echo "never came true: $*"
	return 1
}

# open_port NUMBER: something listens there
open_port() {
	grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") [0-9A-F:]+ 0A " /proc/net/tcp /proc/net/tcp6
}

# serve [VARIABLE=VALUE...] COMMAND...: start, and wait until $port accepts
serve() {
	local said
	start "$@"
	for ((said = 0; said < patience * 2; said++)); do
		open_port "$port" && return
		kill -0 "$started" 2>/dev/null || break
		sleep 0.05
	done
	echo "does not listen on port $port: $*"
	cat server.out server.err
	return 1
}

# counter NAME: of this network namespace, e.g. OutRsts, TCPAbortOnData
counter() {
	awk -v name="$1" '
		$1 == last { for (i = 2; i <= NF; i++) if (names[i] == name) { print $i; exit } }
		{ last = $1; split($0, names) }' /proc/net/snmp /proc/net/netstat
}

# logged [FILTER [FILE...]]: what jq makes of the lines that were logged here
logged() {
	local filter=${1:-.} files
	shift || true
	files=("$@")
	[ $# -gt 0 ] || files=(log.*)
	[ -e "${files[0]}" ] || return 0
	jq -rc "$filter" "${files[@]}"
}

# silent [FILE...]: not one line was logged. A test whose program talks through stdio sets stdio=yes:
# that those bytes are not seen is told, and true. At level conns lives=yes leaves out what tells of
# the ordinary lives of connections and processes.
silent() {
	local spots='select(.)'
	[ -z "${stdio-}" ] || spots='select(.cause != "blind-spot")'
	[ -z "${lives-}" ] || spots="$spots"' | select(.ev | IN("open", "close", "exit") | not)'
	expect "$(logged "$spots | "'"\(.exe) \(.ev) \(.op) \(.errno) \(.cause) \(.state): \(.why)"' "$@" | head -n 5)" ""
}

# verdicts [FILE...]: of all `error` lines, each kind once
verdicts() {
	logged 'select(.ev == "error") | "\(.exe) \(.op) \(.errno) \(.cause)"' "$@" | sort -u
}

# has TEXT FILE
has() {
	grep -qF -- "$1" "$2" && return
	printf 'wanted in %s: %s\nit has:\n' "$2" "$1"
	cat "$2"
	return 1
}

# as_client COMMAND...: preloaded or not, as `in_four_ways` has it
as_client() {
	env "${client[@]}" "$@"
}

# watched: both ends were, at level conns; else silence would mean nothing
watched() {
	expect "$(logged 'select(.ev == "open") | .side' | sort -u | xargs)" "client server"
}

# hung_up: the server has ended all that its clients have
hung_up() {
	[ -z "$(ss -Htn state connected exclude time-wait "( sport = :$port )")" ]
}

# without_a_reset COMMAND: the kernel counts no RST while COMMAND runs. One is believed when it comes
# again: on a busy machine the loopback hands on an ACK of one CPU when another has ended its
# connection by then, once in some thousand, with this library and without, and the listener answers
# with a RST (tcp:tcp_send_reset tells it as TCP_FLAGS in TCP_LISTEN).
without_a_reset() {
	local tries before resets
	for tries in 1 2 3; do
		before=$(counter OutRsts)
		"$@"
		resets=$(($(counter OutRsts) - before))
		[ $resets -ne 0 ] || return 0
	done
	expect "$resets RST" "0 RST"
}

# in_four_ways SERVER CLIENT: nobody, the server, the client and both preloaded. SERVER calls
# `serve "${server[@]}" COMMAND...`, CLIENT `as_client COMMAND...`; what CLIENT prints and how it ends
# is the same each time, no line is logged, and no RST is sent. When both are, the lives of their
# connections are logged, too.
in_four_ways() {
	local way
	for way in nobody server client both; do
		without_a_reset in_one_way "$@"
		diff nobody/said.out "$way/said.out" || { cat "$way"/said.err; return 1; }
		diff nobody/said.err "$way/said.err"
	done
	grep -q '^status 0$' nobody/said.out || { cat nobody/said.*; return 1; }
}

in_one_way() {
	local status server client preload lives
	rm -rf "$way"
	mkdir "$way"
	cd "$way"
	port=$((port + 1))
	preload
	lives=
	[ $way != both ] || { preload RESETBY_LEVEL=conns; lives=yes; }
	server=(WAY="$way")
	client=(WAY="$way")
	[[ $way != @(server|both) ]] || server=("${preload[@]}")
	[[ $way != @(client|both) ]] || client=("${preload[@]}")
	"$1"
	# Not `|| status=$?`: that would switch off set -e inside.
	set +e
	(set -e; "$2") >said.out 2>said.err
	status=$?
	set -e
	# A server that is killed before it has read a last word says so by a RST.
	eventually hung_up
	stop
	printf 'status %s\n' $status >>said.out
	silent || { cat said.err; return 1; }
	[ $way != both ] || watched
	cd ..
}
