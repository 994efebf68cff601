#!/bin/bash
# Other libraries in front of ours and behind it, plugins that prefer their own libc, and programs
# that the compilers instrument.
. "$(dirname "$0")/probes/probes.sh"

# in_company LINES OTHER COMMAND...: as with OTHER alone, in both orders
in_company() {
	local lines=$1
	others=$2
	shift 2
	for preloads in "$library:$others" "$others:$library"; do
		alike "$lines" "$@"
	done
	others=
	preloads=$library
}

# installed PATH...: the first that exists, in $found
installed() {
	for found; do
		[ ! -e "$found" ] || return 0
	done
	skip "there is no $1 here"
}

# With nothing enabled it passes every call on; it seeds random() by the clock.
libfiu() {
	installed /usr/lib/fiu/fiu_posix_preload.so
	peer
	differs='s/random [0-9]*$//; s/rand [0-9]*//'
	in_company 10 "/usr/lib/fiu/fiu_run_preload.so:$found" "$probes/life" "$port"
}

libkeepalive() {
	installed /usr/lib/libkeepalive.so
	peer
	KEEPIDLE=60 in_company 10 "$found" "$probes/life" "$port"
}

# What the program takes for TCP are Unix sockets then, and of those nothing is told.
socket_wrapper() {
	installed /usr/lib/*/libsocket_wrapper.so
	export SOCKET_WRAPPER_DIR=$PWD/sockets
	mkdir "$SOCKET_WRAPPER_DIR"
	peer LD_PRELOAD="$found"
	in_company 0 "$found" env --ignore-signal=PIPE "$probes/life" "$port"
}

# It asks a proxy for the way, but not to this host.
torsocks_conf() {
	installed /usr/lib/*/torsocks/libtorsocks.so
	printf 'TorAddress 127.0.0.1\nTorPort 1\nAllowOutboundLocalhost 1\nAllowInbound 1\n' >conf
	export TORSOCKS_CONF_FILE=$PWD/conf
}

# In front of us it takes socket, connect, accept and close to libc by itself: no connect is told of that
# fails, but all that a connection meets later.
torsocks() {
	torsocks_conf
	peer
	others=$found
	preloads=$library:$found
	alike 10 "$probes/life" "$port"
	preloads=$found:$library
	alike 8 "$probes/life" "$port"
}

# As the manual says it.
torsocks_before_resetby_run() {
	torsocks_conf
	command torsocks "$resetby" run curl -s "http://127.0.0.1:1/" 2>said || true
	grep -q ' ECONNREFUSED .*: refused (certain): ' said
}

a_plugin_bound_to_its_own_libc() {
	compile plugin.so -shared -fPIC -DPLUGIN "$guest/probes/deep.c"
	peer
	# Five of the program; what the plugin meets, no hook sees.
	alike 5 "$probes/deep" "$port" "$PWD/plugin.so"
	# As the manual says it: what was there before the plugin came is bound as everything else.
	others=$PWD/plugin.so
	preloads=$library:$others
	alike 10 "$probes/deep" "$port" "$PWD/plugin.so"
}

# The run-times of gcc 14 leave behind what dlerror said of a name that they looked for. Whoever looks up
# the next one takes it away.
differs='s/dlerror left/dlerror none/'

# The run-time of the address sanitizer wants to be the first; where it is, and where it is told to
# bear it, the library behind it or before it is no matter.
address_sanitizer() {
	compile life -fsanitize=address "$guest/probes/life.c"
	peer
	others=$(gcc -print-file-name=libasan.so)
	others=$(realpath "$others")
	preloads=$others:$library
	alike 10 ./life "$port"
	others=
	preloads=$library
	ASAN_OPTIONS=verify_asan_link_order=0 alike 10 ./life "$port"
}

thread_sanitizer() {
	compile life -fsanitize=thread "$guest/probes/life.c"
	compile cancel -fsanitize=thread "$guest/probes/cancel.c" -pthread
	peer
	alike 10 ./life "$port"
	others=$(realpath "$(gcc -print-file-name=libtsan.so)")
	preloads=$others:$library
	alike 10 ./life "$port"
}

undefined_behaviour_sanitizer() {
	compile life -fsanitize=undefined -fno-sanitize-recover=all "$guest/probes/life.c"
	peer
	alike 10 ./life "$port"
}

# clang links its run-time into the program, where it is the first by itself.
clangs_address_sanitizer() {
	clang -std=gnu11 -D_GNU_SOURCE -fsanitize=address -o life "$guest"/probes/{life,probe}.c ||
		skip "clang has no run-time of its sanitizer here"
	peer
	alike 10 ./life "$port"
}

points \
	libfiu \
	libkeepalive \
	socket_wrapper \
	torsocks \
	torsocks_before_resetby_run \
	a_plugin_bound_to_its_own_libc \
	address_sanitizer \
	thread_sanitizer \
	undefined_behaviour_sanitizer \
	clangs_address_sanitizer
