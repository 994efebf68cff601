#!/bin/bash
# perl's IO::Socket::INET on both sides: blocking calls through PerlIO, one process a connection.
. "$(dirname "$0")/lib.sh"
needs perl

# Each connection is served by a forked child: one line `SIZE` is answered by that many bytes.
cat >"$scratch/server.pl" <<'END'
use strict;
use IO::Socket::INET;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], Listen => 300,
	ReuseAddr => 1) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
while (1) {
	my $peer = $listener->accept or next;
	if (!fork) {
		close $listener;
		while (my $line = <$peer>) {
			last if $line eq "bye\n";
			if ($line =~ /^take (\d+)/) {
				my $body;
				read($peer, $body, $1) == $1 or die "read: $!";
				print $peer length($body), "\n";
			} else {
				print $peer 'p' x $line, "\n";
			}
			$peer->flush;
		}
		close $peer;
		exit 0;
	}
	close $peer;
}
END

cat >"$scratch/client.pl" <<'END'
use strict;
use IO::Socket::INET;
$SIG{PIPE} = 'IGNORE';
my ($port, $connections, @sizes) = @ARGV;
for (1 .. $connections) {
	my $peer = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
		or die "connect: $!\n";
	for my $size (@sizes) {
		print $peer "$size\n";
		$peer->flush;
		my $line = <$peer>;
		defined $line or die "read: $!\n";
		print length($line), "\n";
		print $peer "take $size\n", 'q' x $size;
		$peer->flush;
		print scalar <$peer>;
	}
	print $peer "bye\n";
	$peer->flush;
	# The end of the connection, or its reset: sysread tells which.
	my $left;
	defined sysread($peer, $left, 100) or die "end: $!\n";
	print "end after ", length($left), "\n";
}
END

perl_serves() {
	serve "${server[@]}" perl "$scratch/server.pl" "$port"
}

ask() {
	as_client perl "$scratch/client.pl" "$port" "$@"
}

big() {
	ask 1 10 $((8 << 20)) 100
}

many() {
	ask 200 5 | sort | uniq -c
}

big_bodies_are_as_without_us() {
	in_four_ways perl_serves big
}

many_connections_and_children_are_as_without_us() {
	in_four_ways perl_serves many
}

linger0_in_the_child_becomes_a_reset() {
	local server client
	preload_server RESETBY_RULES='linger0 side=server'
	preload_client
	perl_serves
	local aborted
	aborted=$(counter TCPAbortOnData)
	ask 1 5 >said.out 2>said.err && return 1
	expect "$(cat said.err)" "end: Connection reset by peer"
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action' | sort -u)" linger0
	logged
	expect "$(verdicts)" "perl read ECONNRESET peer-closed-unread"
}

connect_timeout_is_told_as_errno() {
	local server=() client
	preload_client RESETBY_RULES=connect-timeout=300ms
	ask 1 5 >said.out 2>said.err && return 1
	expect "$(cat said.err)" "connect: Connection timed out"
	expect "$(verdicts)" "perl connect ETIMEDOUT injected"
}

points \
	big_bodies_are_as_without_us \
	many_connections_and_children_are_as_without_us \
	linger0_in_the_child_becomes_a_reset \
	connect_timeout_is_told_as_errno
