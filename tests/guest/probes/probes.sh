# Sourced by the tests that watch whether a program can tell that the library is there: the programs
# of tests/guest/probes, bare and under the preload.
. "$(dirname "$0")/lib.sh"
probes=$build/tests/guest/probes

# peer [VARIABLE=VALUE...]: the other end, never preloaded; $port is where
peer() {
	: >server.out
	start "$@" "$probes/peer"
	eventually test -s server.out
	port=$(tail -n 1 server.out)
}

# The two ways in which `alike` runs a command; $others are preloaded in the first one too.
bare() {
	env ${others:+LD_PRELOAD="$others"} timeout 300 "$@"
}
under() {
	env LD_PRELOAD="${preloads:-$library}" timeout 300 "$@"
}

# one WAY COMMAND...: run it, keep what it says and how it ends
one() {
	local way=$1 status=0
	shift
	"$way" "$@" </dev/null >"$way.out" 2>"$way.err" || status=$?
	printf 'status %d\n' $status >>"$way.out"
}

# alike LINES COMMAND...: bare and under the preload it prints the same and ends the same, but that
# the library says LINES lines (-: any number). What the sed script $differs deletes is left out.
alike() {
	local lines=$1
	shift
	one bare "$@"
	one under "$@"
	expect "$(cat bare.err)" ""
	sed -i "${differs:-}" bare.out under.out
	diff bare.out under.out || { tail -n 3 under.err; return 1; }
	grep -q '^status 0$' bare.out || { tail -n 5 bare.out; return 1; }
	expect "$(grep -vc '^resetby\[[0-9]*\] .* \(error\|warn\) ' under.err || true)" 0
	[ "$lines" = - ] || expect "$(wc -l <under.err) lines" "$lines lines" || { cat under.err; return 1; }
}

# probe LINES NAME [ARGUMENT...]: alike, with a peer
probe() {
	local lines=$1 name=$2
	shift 2
	peer
	alike "$lines" "$probes/$name" "$port" "$@"
}

# compile OUTPUT FLAG... : a probe's C file, by gcc, beside what the probes share
compile() {
	local output=$1
	shift
	gcc -std=gnu11 -D_GNU_SOURCE -g -O1 -o "$output" "$@" "$guest/probes/probe.c"
}
