#!/bin/bash
# The preload meets itself, in children and twice in one process, and other preloads.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" cc fakeroot

connect='import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    print(error)'

# told COUNT: so many processes have said why they were refused, each once
told() {
	expect "$(logged '"\(.ev) \(.exe) \(.errno) \(.cause)"' | sort | uniq -c | xargs)" \
		"$1 error python3 ECONNREFUSED refused"
}

every_process_of_a_tree_tells_its_own() {
	local preload
	preload
	env "${preload[@]}" bash -c '
		bash -c "$0 -c \"$1\" 1"
		(exec "$0" -c "$1" 1)
		seq 1 2 | xargs -P2 -n1 "$0" -c "$1"
		"$0" -c "import subprocess, os, sys
subprocess.run(sys.argv[1:])
os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
os.wait()" "$0" -c "$1" 1
	' "$PYTHON" "$(sed "s/\"/'/g" <<<"$connect")" >said
	expect "$(sort said | uniq -c | xargs)" "6 [Errno 111] Connection refused"
	told 6
	expect "$(ls log.* | wc -l)" 6
}

the_same_library_twice_is_one() {
	LD_PRELOAD="$library" preloaded "$PYTHON" -c "$connect" 1
	local preload
	preload
	preload[0]="LD_PRELOAD=$library:$library $library"
	env "${preload[@]}" "$PYTHON" -c "$connect" 1
	"$resetby" run -l "$PWD/log.%e.%p" -f json "$resetby" run "$PYTHON" -c "$connect" 1
	told 3
}

# A second copy under another name is a second library in the same process.
two_copies_do_no_harm() {
	local preload status=0
	cp "$library" other.so
	preload
	preload[0]="LD_PRELOAD=$library:$PWD/other.so"
	expect "$(env "${preload[@]}" "$PYTHON" -c "$connect" 1)" "[Errno 111] Connection refused"
	expect "$(logged '"\(.errno) \(.cause)"' | sort -u)" "ECONNREFUSED refused"
}

# in_company OTHER COMMAND...: with OTHER in front of the library, and behind it
in_company() {
	local preload other=$1
	shift
	preload
	preload[0]="LD_PRELOAD=$other:$library"
	env "${preload[@]}" "$@"
	preload[0]="LD_PRELOAD=$library:$other"
	env "${preload[@]}" "$@"
}

# It passes on to whoever is next, as all such libraries do.
a_library_that_wraps_the_same_calls() {
	cat >wrap.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <sys/socket.h>
		#include <unistd.h>
		static int calls;
		int connect(int fd, const struct sockaddr *address, socklen_t size)
		{
			calls++;
			return ((int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect"))(
				fd, address, size);
		}
		int close(int fd)
		{
			calls++;
			return ((int (*)(int))dlsym(RTLD_NEXT, "close"))(fd);
		}
		__attribute__((destructor)) static void end(void)
		{
			write(2, calls > 1 ? "wrapped\n" : "not wrapped\n", calls > 1 ? 8 : 12);
		}
	END
	cc -shared -fPIC -o wrap.so wrap.c -w
	in_company "$PWD/wrap.so" "$PYTHON" -c "$connect" 1 2>said
	expect "$(uniq -c said | xargs)" "2 wrapped"
	told 2
}

fakeroot_inside_and_outside() {
	preloaded fakeroot "$PYTHON" -c "$connect" 1
	local preload
	preload
	fakeroot env "LD_PRELOAD=$library" "${preload[@]:1}" "$PYTHON" -c "$connect" 1
	expect "$(logged 'select(.exe == "python3") | "\(.ev) \(.errno) \(.cause)"' | sort | uniq -c | xargs)" \
		"2 error ECONNREFUSED refused"
}

faketime_leaves_the_evidence_alone() {
	local faketime
	faketime=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null) || skip "there is no libfaketime here"
	FAKETIME='2001-02-03 04:05:06' in_company "$faketime" "$PYTHON" -c "$connect" 1
	told 2
}

points \
	every_process_of_a_tree_tells_its_own \
	the_same_library_twice_is_one \
	two_copies_do_no_harm \
	a_library_that_wraps_the_same_calls \
	fakeroot_inside_and_outside \
	faketime_leaves_the_evidence_alone
