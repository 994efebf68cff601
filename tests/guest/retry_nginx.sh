#!/bin/bash
# nginx as a proxy that is reloaded, loses its worker, and is killed and started again, under the load of
# keep-alive clients; behind it a server that counts what it executes. A GET is sent again here only when its
# connection was reset, or ended in place of an answer on a connection that had answered. The clients
# connect once, so that it is the library that connects while nginx is down.
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs nginx $PYTHON

front=9000

nginx_starts() {
	serve_front() { local port=$front; serve nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/error.log"; }
	serve_front
	# It listens before it says who it is.
	eventually grep -qx "$started" nginx.pid
	eventually has_worker
}

configure() {
	mkdir -p tmp
	cat >nginx.conf <<-CONF
		daemon off;
		worker_processes 1;
		user $(id -un);
		pid nginx.pid;
		events { }
		http {
			access_log off;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
			uwsgi_temp_path tmp; scgi_temp_path tmp;
			keepalive_requests 1000000;
			server {
				listen 127.0.0.1:$front;
				location / { proxy_pass http://127.0.0.1:$port; }
			}
		}
	CONF
}

workers() { cat "/proc/$(cat nginx.pid)/task/$(cat nginx.pid)/children"; }

has_worker() { [ -n "$(workers)" ]; }

reload() { kill -HUP "$(cat nginx.pid)"; }
# It may be the one that was killed before, and gone by now.
kill_worker() {
	eventually has_worker
	kill -9 $(workers) 2>/dev/null || true
}
kill_all() {
	local all
	all="$(cat nginx.pid) $(workers)"
	kill -9 $all
	wait "$started" 2>/dev/null || true
	nginx_starts
}

# nginx has accepted a connection
has_client() { grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X $front) [0-9A-F:]+ 01 " /proc/net/tcp; }

# under WHAT RULES: WHAT ten times a second while requests run
under() {
	local what=$1 rules=$2 preload=() client count
	# Long enough for a few of them.
	count=$((requests > 1000 ? requests * 3 : 3000))
	configure
	serve "$build/tests/retry/flaky" "$port" none
	nginx_starts
	[ -z "$rules" ] || preload RESETBY_RULES="$rules"
	env "${preload[@]}" $PYTHON "$guest/../retry/blocking.py" $front 0 $count GET PUT GET DELETE \
		>said.out 2>said.err &
	client=$!
	# Nothing can be renewed before the program itself has connected.
	eventually has_client
	while kill -0 $client 2>/dev/null; do
		"$what"
		sleep 0.1
	done
	wait $client
	cat said.out said.err
	lines
	! grep -v ' wrong=0' said.out
}

saved() { echo $(($(decided retried) + $(decided renewed))); }

saves() {
	under "$1" "retry=50 to=:$front"
	at_least "$(saved)" 1
}

no_request_is_lost_to_reloads() {
	saves reload
	every_error_is_told GET PUT DELETE
	nothing_lost GET PUT DELETE
}

# Killed when it has read that request and not answered, as on a busy machine, nginx leaves an end of file that
# nobody takes for a reset. The client that is told so connects anew by itself, also while nginx is down.
saves_but_first_of_a_connection() {
	local method failed=0 unconnected
	saves "$1"
	for method in GET PUT DELETE; do
		failed=$((failed + $(value said.out $method failed)))
	done
	unconnected=$(awk '/ConnectionRefusedError/ { n += $1 } END { print n + 0 }' said.err)
	expect "$(decided refused "never answered") refused" "$((failed - unconnected)) refused"
	expect "$(decided refused) refused" "$(decided refused "never answered") refused"
	at_most "$(decided refused)" "$(saved)"
	[ "$(decided refused)" -gt 0 ] || expect "$unconnected" 0
}

a_killed_worker_costs_no_request_but_the_first_of_a_connection() {
	saves_but_first_of_a_connection kill_worker
}

a_killed_nginx_costs_no_request_but_the_first_of_a_connection() {
	saves_but_first_of_a_connection kill_all
}

without_the_rule_a_killed_nginx_costs_requests() {
	under kill_all ""
	something_lost GET
}

points \
	no_request_is_lost_to_reloads \
	a_killed_worker_costs_no_request_but_the_first_of_a_connection \
	a_killed_nginx_costs_no_request_but_the_first_of_a_connection \
	without_the_rule_a_killed_nginx_costs_requests
