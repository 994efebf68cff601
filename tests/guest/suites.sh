#!/bin/bash
# CPython's and redis' own tests, with and without the preload at once: every test ends as without, and
# what is logged are resets that the tests make. `make suites` runs all; the check runs a quick part.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON"
"$PYTHON" -c 'import test.test_os' 2>/dev/null || {
	echo "# skipped: needs libpython3.11-testsuite"
	exit 77
}

# What the tests do on purpose: ends with bytes unread, after a FIN, of a listener; closed ports.
causes=closed-unread,peer-closed-unread,peer-closed-early,peer-abort,closed-linger0
causes=$causes,listener-closed,refused,already-reset,wrote-after-shutdown,exit-open

# AF_VSOCK has no namespaces: two runs at once would take each other's ports.
one_run() {
	mkdir "$1"
	(
		cd "$1"
		TMPDIR=$PWD "${@:2}" >../"$1".out 2>&1 </dev/null
	) || true
}

# suite MODULE [PATTERN...]: its tests, or those that match
suite() {
	local match=() pattern module=$1 preload
	shift
	for pattern; do
		match+=(-m "$pattern")
	done
	local run=("$PYTHON" -m test -q -i '*VSOCK*' "${match[@]}")
	preload
	one_run bare unshare --net "$guest/suites/alone" "${run[@]}" --junit-xml ../bare.xml "$module" &
	one_run preloaded unshare --net "$guest/suites/alone" env "${preload[@]}" \
		"${run[@]}" --junit-xml ../preloaded.xml "$module"
	wait
	local logs=()
	[ -z "$(compgen -G 'log.*')" ] || logs=(log.*)
	[ -s bare.xml ] && [ -s preloaded.xml ] || { cat ./*.out; return 1; }
	"$PYTHON" "$guest/suites/compare.py" bare.xml preloaded.xml "$causes" "${logs[@]}"
}

cpython_test_os() { suite test_os; }
cpython_test_socket() { suite test_socket; }
cpython_test_selectors() { suite test_selectors; }
cpython_test_subprocess() { suite test_subprocess; }
cpython_test_ssl() { suite test_ssl; }
# Its tests of loops that are not about sockets take minutes.
cpython_test_asyncio() {
	suite test_asyncio '*test_events*' '*test_streams*' '*test_sock_lowlevel*' '*test_server*' \
		'*test_sendfile*' '*test_buffered_proto*' '*test_subprocess*'
}

cpython_test_socket_of_tcp() {
	suite test_socket '*TCP*' '*Tcp*' '*FileObject*' '*CloseFD*'
}

# What has to do with connections; not the long ones about replication. Clients are killed, servers
# too, and replies are left unread on purpose.
redis_units=(unit/{protocol,networking,introspection,introspection-2,limits,obuf-limits,pubsub,querybuf}
	unit/tracking integration/{redis-cli,redis-benchmark,shutdown,block-repl})

# It opens files beside its programs: each run has a copy.
redis_run() {
	local unit units=()
	for unit in "${redis_units[@]}"; do
		units+=(--single "$unit")
	done
	cp -r "$build/redis/source" "$1"
	(
		cd "$1"
		unshare --net "$guest/suites/alone" env "${@:2}" ./runtest --clients 2 "${units[@]}" \
			>"../$1.out" 2>&1 </dev/null
	) || true
}

redis_of_connections() {
	command -v tclsh redis-server >/dev/null || skip "there is no tclsh or redis-server here"
	[ -e "$build/redis/source/src/redis-server" ] || skip "there is no $build/redis (suites/redis)"
	local preload
	preload
	redis_run bare &
	redis_run preloaded "${preload[@]}" &
	wait
	local logs=()
	[ -z "$(compgen -G 'log.*')" ] || logs=(log.*)
	"$PYTHON" "$guest/suites/compare.py" bare.out preloaded.out "$causes" "${logs[@]}" ||
		{ tail -n 20 bare.out preloaded.out; return 1; }
}

if [ -n "${SUITES:-}" ]; then
	points cpython_test_os cpython_test_socket cpython_test_selectors cpython_test_subprocess \
		cpython_test_ssl cpython_test_asyncio redis_of_connections
else
	points cpython_test_os cpython_test_socket_of_tcp
fi
