#!/bin/bash
# Numbers of descriptors are what the program makes them: it may count on the next one, and on having
# none open but its own.
. "$(dirname "$0")/probes/probes.sh"

# granted: or the test is skipped with the reason that the probe has given
granted() {
	! grep -q '^status 77$' bare.out || skip "$(tail -n 2 bare.out | head -n 1)"
}

closefrom() {
	probe 10 descriptors closefrom
}

close_range() {
	probe 10 descriptors close_range
}

close_range_on_exec() {
	probe 10 descriptors cloexec
}

a_loop_to_the_limit() {
	probe 10 descriptors loop
}

a_walk_through_proc() {
	probe 10 descriptors listed
}

a_limit_of_a_million() {
	probe 5 descriptors 1000000 || { granted; return 1; }
}

the_highest_limit_here() {
	probe 5 descriptors "$(ulimit -Hn)"
}

no_number_left() {
	probe 2 descriptors full
}

# That of the log, which is open from the first line on.
no_number_is_the_librarys() {
	# A program that walks through /proc sees it there, and is told EBADF.
	differs='/^close(fd) = -1 EBADF$/d'
	RESETBY_LOG=$PWD/log probe 0 descriptors "$PWD/log"
	expect "$(grep -c ' ECONNREFUSED .* refused ' kept)" 6
}

# Nothing may be written to what takes number 2, and there is nowhere to complain to.
closed_stderr() {
	peer
	bash -c '"$@" 2>&-' - env "$probes/life" "$port" >bare.out
	bash -c '"$@" 2>&-' - env LD_PRELOAD="$library" "$probes/life" "$port" >under.out
	diff bare.out under.out
	bash -c '"$@" <&- 2>&-' - env "$probes/life" "$port" >bare.out
	bash -c '"$@" <&- 2>&-' - env LD_PRELOAD="$library" "$probes/life" "$port" >under.out
	diff bare.out under.out
}

ten_thousand_threads() {
	probe 5 threads || { granted; return 1; }
}

points \
	closefrom \
	close_range \
	close_range_on_exec \
	a_loop_to_the_limit \
	a_walk_through_proc \
	a_limit_of_a_million \
	the_highest_limit_here \
	no_number_left \
	no_number_is_the_librarys \
	closed_stderr \
	ten_thousand_threads
