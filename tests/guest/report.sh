#!/bin/bash
# What `resetby report` makes of logs: fixed ones, those of real runs, damaged ones, and large ones.
# After a change of its words: RESETBY_GOLDEN=new tests/guest/report.sh, and look at git diff.
. "$(dirname "$0")/lib.sh"
needs jq "$PYTHON"
logs=$guest/report
generator=$guest/../bench/report_log
RSS_MAX_KB=204800
unset COLUMNS NO_COLOR

report() {
	"$resetby" report "$@"
}

# of FILTER LOG...: what jq makes of the JSON of a report
of() {
	report --format json "${@:2}" | jq -rc "$1"
}

# golden NAME COMMAND...: it prints what that file has
golden() {
	"${@:2}" >said
	[ -z "${RESETBY_GOLDEN:-}" ] || cp said "$logs/$1"
	diff "$logs/$1" said
}

fixed_logs_give_the_same_text() {
	golden both.golden env LC_ALL=C "$resetby" report "$logs/client.json" "$logs/server.json"
	golden client.golden env LC_ALL=C COLUMNS=60 "$resetby" report "$logs/client.json"
}

fixed_logs_give_the_same_document() {
	(cd "$logs" && report --format json client.json server.json) | jq . >document
	golden document.golden cat document
}

the_order_of_logs_does_not_matter() {
	report "$logs/client.json" "$logs/server.json" >one
	report "$logs/server.json" "$logs/client.json" >other
	diff one other
	cat "$logs/server.json" "$logs/client.json" | report - | diff one <(sed 's/^1 log,/2 logs,/' -) | grep -v '^[<>].*logs\?,' | grep '^[<>]' && return 1
	true
}

# The fixed logs are of two machines whose clocks differ by 90 s.
the_other_end_s_log_names_the_culprit() {
	of '.connections[] | select(.conn == 2 and .side == "client")' "$logs"/*.json >both
	expect "$(jq -r '"\(.cause) \(.sure) \(.logged_sure)"' both)" "peer-closed-unread certain likely"
	expect "$(jq -r '.other_end | "\(.exe) \(.pid) \(.op) \(.cause) \(.finding)"' both)" \
		"httpd 300 close closed-unread act"
	# 1 ms by our clock, and by theirs 90 s later.
	expect "$(jq '.other_end.before_us | . > 800 and . < 1500' both)" true
	expect "$(of '.connections[] | select(.conn == 2) | "\(.sure) \(.other_end)"' "$logs/client.json")" \
		"likely null"
}

a_rule_of_the_other_end_is_named() {
	expect "$(of '.connections[] | select(.conn == 4) | "\(.cause) \(.sure) \(.other_end.rule)"' "$logs"/*.json)" \
		"peer-abort certain linger0 conn=4"
}

a_connection_that_was_reset_at_both_ends_is_put_down_to_what_is_between() {
	expect "$(of '[.connections[] | select(.conn == 6) | "\(.cause) \(.sure) \(.other_end.finding)"] | unique | .[]' "$logs"/*.json)" \
		"peer-abort likely both"
}

# Port 40002 is used twice, by connection 2 and, well, by connection 5.
addresses_that_are_used_again_are_told_apart_by_time() {
	expect "$(of '.connections[] | select(.local == "10.0.0.1:40002") | "\(.conn) \(.other_end.conn)"' "$logs"/*.json)" \
		"2 2"
	expect "$(of '.totals.both_ends' "$logs"/*.json)" 6
}

clocks_are_compared_by_handshakes() {
	expect "$(of '.clocks[] | "\(.client) \(.server) \(.ahead_us) \(.handshakes)"' "$logs"/*.json)" \
		"10.0.0.1 10.0.0.2 90000100 4"
	report "$logs"/*.json | grep -qF "10.0.0.2 is 90 s ahead of 10.0.0.1"
}

cat >"$scratch/server.py" <<'END'
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for _ in range(3):
    connection, _ = listener.accept()
    connection.recv(100)
    connection.close()
END
cat >"$scratch/client.py" <<'END'
import socket, sys
for _ in range(3):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * int(sys.argv[2]))
    try:
        connection.recv(100)
    except OSError:
        pass
    connection.close()
END

# both_run FORMAT BYTES [VARIABLE=VALUE]: client.log and server.log
both_run() {
	port=$((port + 1))
	serve LD_PRELOAD="$library" RESETBY_LOG="$PWD/server.log" RESETBY_FORMAT="$1" \
		RESETBY_LEVEL=conns "${@:3}" "$PYTHON" "$scratch/server.py" $port
	env LD_PRELOAD="$library" RESETBY_LOG="$PWD/client.log" RESETBY_FORMAT="$1" \
		RESETBY_LEVEL=calls "$PYTHON" "$scratch/client.py" $port "$2"
	wait "$started"
	running=()
}

real_runs_are_joined() {
	local format
	for format in json text; do
		rm -f ./*.log
		both_run $format 1000
		of '[.connections[] | select(.side == "client")]' client.log server.log >victims
		expect "$(jq -r '.[] | "\(.cause) \(.sure) \(.other_end.finding) \(.other_end.cause) \(.other_end.op)"' victims | sort | uniq -c | xargs)" \
			"3 peer-closed-unread certain act closed-unread close"
		expect "$(jq -r '.[].other_end.pid' victims | sort -u)" "$started"
		expect "$(of '.totals | "\(.connections) \(.failed) \(.both_ends) \(.errors)"' ./*.log)" "3 3 3 6"
		report ./*.log >said
		head -n 1 said | grep -q '^3 of 3 connections failed'
		tr '\n' ' ' <said | grep -qF "python3[$started] did it: close (closed-unread)"
	done
}

a_rule_s_reset_is_put_down_to_the_rule() {
	local format
	for format in json text; do
		rm -f ./*.log
		both_run $format 0 RESETBY_RULES="linger0 side=server"
		expect "$(of '.connections[] | "\(.sure) \(.other_end.finding) \(.other_end.rule)"' ./*.log | sort | uniq -c | xargs)" \
			"3 certain rule linger0 side=server"
		expect "$(of '.rules[] | "\(.rule) \(.event) \(.count) \(.fired)"' ./*.log)" \
			"linger0 side=server inject 3 3"
		of .advice ./*.log | grep -qF "Remove the rule"
	done
}

# The parent accepts, forks and closes; then the child serves and closes, the second one with bytes
# unread.
cat >"$scratch/forking.py" <<'END'
import os, socketserver, sys
class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        os.read(self.server.closed[0], 1)
        self.request.recv(10 if self.server.served == 2 else 1000)
class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True
    served = 0
    closed = os.pipe()
    def process_request(self, request, address):
        self.served += 1
        super().process_request(request, address)
        os.write(self.closed[1], b"x")
    def shutdown_request(self, request):
        request.close()
with Server(("127.0.0.1", int(sys.argv[1])), Handler) as server:
    for _ in range(3):
        server.handle_request()
END

a_forking_server_s_connections_count_once() {
	local format
	for format in json text; do
		rm -f ./*.log
		port=$((port + 1))
		serve LD_PRELOAD="$library" RESETBY_LOG="$PWD/server.log" RESETBY_FORMAT=$format \
			RESETBY_LEVEL=conns "$PYTHON" "$scratch/forking.py" $port
		env LD_PRELOAD="$library" RESETBY_LOG="$PWD/client.log" RESETBY_FORMAT=$format \
			RESETBY_LEVEL=conns "$PYTHON" "$scratch/client.py" $port 0
		wait "$started"
		running=()
		cat server.log
		expect "$(of '.totals | "\(.connections) \(.failed) \(.processes)"' server.log)" "3 0 4"
		expect "$(of '.peers[0].connections' server.log)" 3
		expect "$(of '.totals | "\(.connections) \(.failed) \(.both_ends)"' ./*.log)" "3 1 3"
		expect "$(of '.connections[] | select(.side == "client") | "\(.sure) \(.other_end.finding) \(.other_end.pid)"' ./*.log)" \
			"certain act $(of '.connections[].pid' server.log)"
	done
}

# fetch [VARIABLE=VALUE...]: from a name whose first address refuses, into client.log
fetch() {
	env LD_PRELOAD="$library" RESETBY_LOG="$PWD/client.log" "$@" \
		curl -s -o /dev/null --resolve "name:$port:[::1],127.0.0.1" "http://name:$port/"
}

an_address_that_refuses_where_another_answers_is_no_failure() {
	local format
	command -v curl >/dev/null || skip "there is no curl here"
	serve "$PYTHON" -m http.server --bind 127.0.0.1 $port
	for format in json text; do
		rm -f client.log
		fetch RESETBY_LEVEL=conns RESETBY_FORMAT=$format
		fetch RESETBY_LEVEL=conns RESETBY_FORMAT=$format
		cat client.log
		expect "$(of '.totals | "\(.connections) \(.failed) \(.answered_elsewhere) \(.errors)"' client.log)" "2 0 2 2"
		expect "$(of '[.connections[].answered_elsewhere] | all' client.log)" true
		expect "$(of '.causes[0] | "\(.count) \(.failed) \(.answered_elsewhere)"' client.log)" "2 0 2"
		report client.log | sed '/^$/q' >said
		diff - said <<-'END'
			Nothing failed in 2 connections.
			2 connects to other addresses of a name failed, and another address answered.

		END
		report --html client.log | grep -qF '"note":"2 connects to other addresses of a name failed'
	done
	rm client.log
	fetch RESETBY_LEVEL=resets
	expect "$(of '.totals | "\(.failed) \(.answered_elsewhere)"' client.log)" "1 0"
	report client.log | head -n 1 | grep -q '^1 connection failed'
}

# facts LOG: what does not depend on when it was
facts() {
	of '[.totals | .connections, .failed, .errors, .warnings, .processes],
		[.causes[] | .cause, .count, .certain, .peer_count],
		[.connections[] | .side, .op, .errno, .cause, .why, .outq, .state, [.history[] | .op, .result, .errno]],
		[.rules[] | .rule, .count, .by]' "$@" | sed -E 's/[0-9.]+ (KiB|bytes)/N/; s/:[0-9]{5}/:PORT/g'
}

# In each of two containers the process has the same number and counts from 1; a collector has mixed
# their lines.
processes_of_one_number_are_told_apart_by_addresses() {
	sed 's/10\.0\.0\.1:/10.0.0.3:/' "$logs/client.json" >replica.json
	paste -d '\n' "$logs/client.json" replica.json >mixed.json
	expect "$(of '.totals.connections, .totals.failed, .totals.errors' mixed.json | xargs)" \
		"$(of '.totals.connections, .totals.failed, .totals.errors' "$logs/client.json" replica.json | xargs)"
	expect "$(of '[.connections[] | select(.closed and .opened)] | length' mixed.json)" \
		"$(of '[.connections[] | select(.closed and .opened)] | length' "$logs/client.json" replica.json)"
}

# Collectors write each object anew: with blanks, with keys sorted, with keys of their own.
json_may_have_passed_through_other_hands() {
	local log
	for log in client server; do
		of 'del(.totals.bytes, .logs)' "$logs/$log.json" >as_written
		"$PYTHON" -c 'import json, sys
for line in sys.stdin:
    event = json.loads(line)
    print(json.dumps({"pod": {"ev": "open", "pid": 1}, **event}, sort_keys=True, separators=(" , ", " : ")))' \
			<"$logs/$log.json" | of 'del(.totals.bytes, .logs)' - | diff as_written -
	done
}

both_formats_give_the_same_facts() {
	both_run json 1000
	facts client.log server.log >json
	rm ./*.log
	both_run text 1000
	facts client.log server.log >text
	diff json text
}

the_demo_is_reported() {
	local program=$build/examples/demo
	[ -x "$program" ] || skip "make demo has not been run"
	mkfifo port
	"$resetby" run -l demo.log -L conns -r linger0 "$program" server port cut 2>/dev/null &
	started=$!
	read -r port <>port
	"$resetby" run -l demo.log -L conns "$program" client "$port" get >/dev/null 2>&1 || true
	wait "$started" || true
	expect "$(of '.connections[0] | "\(.sure) \(.other_end.finding)"' demo.log)" "certain rule"
	report demo.log | head -n 1 | grep -q '^1 of 1 connection failed'
}

damage_is_counted_and_never_fatal() {
	local whole
	whole=$(wc -l <"$logs/client.json")
	{
		cat "$logs/client.json"
		head -n 1 "$logs/client.json" | cut -c1-50
		printf 'hello\n{"a":1}\n{"ts":"\0\0"}\n'
		head -c 200000 /dev/zero | tr '\0' x
		printf '\n'
		head -n 1 "$logs/client.json" | head -c 60
	} >damaged
	expect "$(of '.totals | "\(.lines) \(.skipped)"' damaged)" \
		"$((whole + 6)) {\"foreign\":2,\"damaged\":2,\"long\":1,\"unfinished\":1}"
	report damaged >said
	grep -qF "Skipped lines: 2 foreign, 2 damaged, 1 long, 1 unfinished." said
	head -n 4 said >top
	report "$logs/client.json" | head -n 4 | diff - top
	# Behind an empty line, or it might begin as a compressed log does.
	{ echo; head -c 300000 /dev/urandom; } | report - >/dev/null
	head -c 300000 /dev/zero | report - >/dev/null
	: | report - | grep -q "not one line of resetby"
}

what_cannot_be_read_is_told_and_the_rest_is_reported() {
	local status=0
	report /nowhere/log "$logs/client.json" . >said 2>complaints || status=$?
	expect "$status $(wc -l <complaints)" "1 2"
	grep -q "^5 of" said
	cat said complaints
	refused 1 "cannot read /nowhere/log" "$resetby" report /nowhere/log
	refused 2 "report: expected a log; try" "$resetby" report
	refused 2 "text, json or html" "$resetby" report --format xml "$logs/client.json"
	refused 2 "no option '--htm'" "$resetby" report --htm "$logs/client.json"
}

# As by a log rotator, between others and as stdin.
a_compressed_log_is_refused_and_the_rest_is_reported() {
	local status=0 packer
	for packer in gzip bzip2 xz zstd; do
		command -v $packer >/dev/null || continue
		status=0
		$packer -c "$logs/server.json" >log.1
		report log.1 "$logs/client.json" >said 2>complaints || status=$?
		expect "$status $(cat complaints)" \
			"1 resetby: report: cannot read log.1: it is compressed, unpack it first (gunzip -k)"
		grep -q "^5 of" said
	done
	status=0
	gzip -c "$logs/server.json" | report - 2>complaints || status=$?
	expect "$status $(grep -c "cannot read stdin: it is compressed" complaints)" "1 1"
}

a_log_is_read_once_and_patterns_are_expanded() {
	expect "$(of .totals.logs "$logs/client.json" "$logs/../report/client.json")" 1
	expect "$(of .totals.logs "$logs/*.json")" "$(ls "$logs"/*.json | wc -l)"
}

a_log_that_is_being_written_is_read_as_far_as_it_goes() {
	mkfifo pipe
	report pipe >said &
	local reader=$!
	{ cat "$logs/client.json"; head -n 1 "$logs/server.json" | head -c 40; } >pipe
	wait $reader
	grep -q "Skipped lines: 1 unfinished" said
}

# What it had not written yet waits in a file beside the log.
lines_that_a_killed_process_left_are_read() {
	cat >killed.py <<-'END'
		import os, signal, socket
		listener = socket.create_server(("127.0.0.1", 0))
		connection = socket.create_connection(listener.getsockname())
		for _ in range(5):
		    connection.send(b"x")
		os.kill(os.getpid(), signal.SIGKILL)
	END
	preloaded RESETBY_LOG="$PWD/log" RESETBY_LEVEL=calls "$PYTHON" killed.py || true
	ls -A
	local pending=(.log.*.pending)
	[ -e "${pending[0]}" ] || skip "nothing is left here"
	expect "$(of .totals.lines log)" "$(cat log "${pending[@]}" | tr -d '\0' | grep -c '"ev"')"
	[ "$(of .totals.lines log)" -gt "$(wc -l <log)" ]
}

# widest: of a report's lines, in characters
widest() {
	LC_ALL=C.UTF-8 awk '{ if (length > most) most = length } END { print most }'
}

the_width_is_that_of_the_terminal() {
	local width
	for width in 60 80 132; do
		COLUMNS=$width report "$logs"/{client,server}.json | widest >said
		echo "$width: $(cat said)"
		[ "$(cat said)" -le "$width" ] && [ "$(cat said)" -gt $((width * 3 / 4)) ]
	done
	command -v script >/dev/null || return 0
	script -qec "stty cols 66; $resetby report $logs/client.json" /dev/null </dev/null |
		sed 's/\x1b\[[0-9;]*[mK]//g' | tr -d '\r' | widest >said
	[ "$(cat said)" -le 66 ] && [ "$(cat said)" -gt 55 ]
}

# on_a_terminal [VARIABLE=VALUE]: has it colour there?
on_a_terminal() {
	env "$@" TERM=xterm script -qec "$resetby report $logs/client.json" /dev/null </dev/null |
		grep -c $'\e\[' || true
}

colour_is_for_terminals_and_not_with_no_color() {
	command -v script >/dev/null || skip "there is no script here"
	[ "$(on_a_terminal A=b)" -gt 5 ]
	[ "$(on_a_terminal NO_COLOR=)" -gt 5 ]
	expect "$(on_a_terminal NO_COLOR=1)" 0
	expect "$(report "$logs/client.json" | grep -c $'\e' || true)" 0
}

nothing_of_a_log_reaches_the_terminal_raw() {
	sed 's/a RST arrived with/\\u001b]0;evil\\u0007\\u009b with/; s/"exe":"curl"/"exe":"c\\u001b[31murl"/' \
		"$logs/client.json" >hostile
	report hostile >said
	expect "$(grep -c '[[:cntrl:]]' said || true)" 0
	grep -qF 'c\x1b[31murl[200]' said
	of '.connections[0].exe' hostile | grep -qF $'c\e[31murl'
}

# peak LOG...: kilobytes
peak() {
	"$PYTHON" - "$resetby" "$@" <<-'END'
		import os, sys
		pid = os.posix_spawn(sys.argv[1], [sys.argv[1], "report", *sys.argv[2:]], os.environ,
		    file_actions=[(os.POSIX_SPAWN_OPEN, 1, "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
		_, status, usage = os.wait4(pid, 0)
		print(usage.ru_maxrss if status == 0 else status)
	END
}

# As many failures, and so addresses, as fit into it: nearly all that can grow, grows.
memory_does_not_grow_with_the_log() {
	"$generator" --mb 300 --calls 0 --failing 0.5 >large
	peak large >kilobytes
	echo "$(cat kilobytes) kB"
	[ "$(cat kilobytes)" -lt $RSS_MAX_KB ] && [ "$(cat kilobytes)" -gt 1000 ]
	grep -q "connections failed" said
	rm large
}

# Two logs of 400000 connections each: more than the table has room for.
ends_are_found_also_among_more_connections_than_fit() {
	"$generator" --mb 150 --calls 0 --failing 0.001 >client.log
	"$generator" --mb 150 --calls 0 --failing 0.001 --side server >server.log
	of '.totals.complete, (.connections | map(select(.side == "client")) | length > 200 and all(.sure == "certain" and .other_end.finding == "act"))' \
		client.log server.log >said
	expect "$(xargs <said)" "false true"
	rm ./*.log
}

# A name's first address refuses each of 300000 requests, a second apart, and the other one answers;
# the last is refused by both.
what_another_address_answered_is_counted_also_where_not_all_fits() {
	"$PYTHON" - >client.log <<-'END'
		from datetime import datetime, timedelta
		start = datetime(2026, 3, 1)
		def tell(us, ev, conn, host, more):
		    print('{"ts":"%sZ","pid":9,"tid":9,"exe":"prog","ev":"%s","fd":5,"conn":%d,"side":"client",'
		        '"local":"%s:%d","peer":"%s:80",%s}' % ((start + timedelta(microseconds=us))
		        .isoformat(timespec="microseconds"), ev, conn, host % 1, 1025 + conn % 60000, host % 2, more))
		v6, v4 = "[fd00::%d]", "10.0.0.%d"
		for i in range(300000):
		    tell(i * 1000000, "error", 2 * i, v6,
		        '"op":"connect","errno":"ECONNREFUSED","cause":"refused","sure":"certain","age_ms":0')
		    tell(i * 1000000 + 100, "open", 2 * i + 1, v4, '"op":"connect","ms":0')
		for n, host in enumerate((v6, v4)):
		    tell(300000 * 1000000 + n, "error", 600000 + n, host,
		        '"op":"connect","errno":"ECONNREFUSED","cause":"refused","sure":"certain","age_ms":0')
	END
	expect "$(of '.totals | "\(.connections) \(.failed) \(.answered_elsewhere) \(.complete)"' client.log)" \
		"300002 2 300000 false"
	expect "$(of '"\(.causes[0].failed) \((.connections | length) + .connections_not_listed)"' client.log)" "2 300002"
	peak client.log >kilobytes
	echo "$(cat kilobytes) kB"
	[ "$(cat kilobytes)" -lt $RSS_MAX_KB ]
	rm client.log
}

# The manual's examples, as it has them.
the_examples_of_the_manual_run() {
	mandoc -T ascii -O width=1000 "$build/man/resetby.1" | col -bx |
		sed -nE "s/^ *(resetby report --format json .*\| jq .*)/\1/p" >examples
	expect "$(wc -l <examples)" 2
	cp "$logs"/{client,server}.json .
	while read -r example; do
		echo "$example"
		PATH=$build:$PATH bash -euo pipefail -c "${example//\*.log/*.json}" >said
		cat said
		[ -s said ]
	done <examples
}

every_key_of_the_document_is_in_the_manual() {
	mandoc -T ascii -O width=1000 "$build/man/resetby.1" | col -bx |
		sed -n '/^ *The document/,/^ENVIRONMENT/p' | grep -oE '[a-z_]+' | sort -u >told
	of 'del(.causes[].peers, .peers[].causes, .timeline.bins[].causes) |
		[paths | map(strings)[-1]] | unique | .[]' "$logs"/{client,server}.json | sort -u >keys
	[ "$(wc -l <keys)" -gt 60 ]
	expect "$(comm -13 told keys | xargs)" ""
}

points \
	fixed_logs_give_the_same_text \
	fixed_logs_give_the_same_document \
	the_order_of_logs_does_not_matter \
	the_other_end_s_log_names_the_culprit \
	a_rule_of_the_other_end_is_named \
	a_connection_that_was_reset_at_both_ends_is_put_down_to_what_is_between \
	addresses_that_are_used_again_are_told_apart_by_time \
	clocks_are_compared_by_handshakes \
	real_runs_are_joined \
	a_rule_s_reset_is_put_down_to_the_rule \
	a_forking_server_s_connections_count_once \
	an_address_that_refuses_where_another_answers_is_no_failure \
	processes_of_one_number_are_told_apart_by_addresses \
	json_may_have_passed_through_other_hands \
	both_formats_give_the_same_facts \
	the_demo_is_reported \
	damage_is_counted_and_never_fatal \
	what_cannot_be_read_is_told_and_the_rest_is_reported \
	a_compressed_log_is_refused_and_the_rest_is_reported \
	a_log_is_read_once_and_patterns_are_expanded \
	a_log_that_is_being_written_is_read_as_far_as_it_goes \
	lines_that_a_killed_process_left_are_read \
	the_width_is_that_of_the_terminal \
	colour_is_for_terminals_and_not_with_no_color \
	nothing_of_a_log_reaches_the_terminal_raw \
	memory_does_not_grow_with_the_log \
	ends_are_found_also_among_more_connections_than_fit \
	what_another_address_answered_is_counted_also_where_not_all_fits \
	the_examples_of_the_manual_run \
	every_key_of_the_document_is_in_the_manual
