#!/bin/bash
# bash's /dev/tcp: a descriptor that redirections move about by dup2 and close.
. "$(dirname "$0")/lib.sh"
needs bash perl

# Sends back what it is sent, a process a connection; ends when the other side does.
cat >"$scratch/echo.pl" <<'END'
use strict;
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 300,
	ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
while (1) {
	my $peer = $listener->accept or next;
	if (!fork) {
		while (my $line = <$peer>) {
			last if $line eq "end\n";
			print $peer "$line";
			$peer->flush;
		}
		exit 0;
	}
	close $peer;
}
END

echo_serves() {
	serve "${server[@]}" perl "$scratch/echo.pl" "$port"
}

talk() {
	as_client bash -c '
		for i in {1..50}; do
			exec 7<>"/dev/tcp/127.0.0.1/$0" || exit
			echo "number $i" >&7
			read -r line <&7
			echo "$line"
			exec 7>&-
		done
		exec 3<>"/dev/tcp/127.0.0.1/$0"
		exec 9<&3 3<&-
		echo moved >&9
		head -n 1 <&9
		# What writes ends with the answer unread; but this shell holds the socket too.
		(echo "from a subshell" >&9; until read -t 0 -u 9; do :; done)
		head -n 1 <&9
		bash -c "echo from a program; until read -t 0; do :; done" >&9 <&9
		head -n 1 <&9
		echo end >&9
		cat <&9
	' "$port"
}

# The echo of bash writes through stdio.
talking_is_as_without_us() {
	local stdio=yes
	in_four_ways echo_serves talk
}

# reset_then_cat COMMAND: what is done before cat begins
reset_then_cat() {
	local server client status=0
	preload_server RESETBY_RULES='linger0 side=server'
	preload_client
	echo_serves
	local -x aborted patience
	aborted=$(counter TCPAbortOnData)
	# cat meets a connection that it never saw, and that may have been reset before it begins.
	as_client bash -c 'exec 9<>"/dev/tcp/127.0.0.1/$0"; echo end >&9; $1; cat <&9' "$port" "$1" \
		>said.out 2>said.err || status=$?
	expect $status 1
	has "cat: -: Connection reset by peer" said.err
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	expect "$(logged 'select(.ev == "error") | "\(.exe) \(.errno) \(.cause)"')" \
		"cat ECONNRESET peer-abort"
}

linger0_at_the_exit_of_the_server_is_told_by_cat() {
	reset_then_cat :
}

a_reset_before_the_program_began_is_told_by_it() {
	was_reset() { [ "$(counter TCPAbortOnData)" -gt "$aborted" ]; }
	export -f eventually counter was_reset
	reset_then_cat "eventually was_reset"
}

refused_and_timed_out_are_told_by_bash() {
	local client=()
	say() { as_client bash -c 'exec 9<>"/dev/tcp/127.0.0.1/$0"' "$port" 2>&1 || true; }
	say >bare
	has "connect: Connection refused" bare
	preload_client
	expect "$(say)" "$(cat bare)"
	expect "$(verdicts)" "bash connect ECONNREFUSED refused"
	rm log.*
	preload_client RESETBY_RULES=connect-timeout=300ms
	expect "$(say)" "$(sed 's/Connection refused/Connection timed out/' bare)"
	expect "$(verdicts)" "bash connect ETIMEDOUT injected"
}

points \
	talking_is_as_without_us \
	linger0_at_the_exit_of_the_server_is_told_by_cat \
	a_reset_before_the_program_began_is_told_by_it \
	refused_and_timed_out_are_told_by_bash
