#!/bin/bash
# A schedule of faults from one seed: the server resets after a random number of bytes, before, in and after
# requests and answers, or ends idle connections; rules reset others from this side. Blocking and
# epoll clients, GETs and PUTs and POSTs.
#
# SOAK_SECONDS=120 SOAK_SEED=42 make it longer and the same again (but for the order of the threads).
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs $PYTHON node

seconds=${SOAK_SECONDS:-3}
seed=${SOAK_SEED:-$((RANDOM * 32768 + RANDOM))}
rules='retry=50; reset prob=20% after=300; reset prob=20% after=20K when=read; reset prob=10% after=5K when=write'
batch=1500

# client NUMBER COMMAND...: batch after batch of requests, each with an ID of its own, until the end
client() {
	local number=$1 first=$(($1 * 400000)) preload
	shift
	mkdir "client$number"
	cd "client$number"
	preload RESETBY_RULES="$rules" RESETBY_SEED=$((seed + number))
	while [ $SECONDS -lt "$seconds" ] && [ "$first" -lt $(((number + 1) * 400000 - batch)) ]; do
		env "${preload[@]}" "$@" "$port" "$first" $batch GET PUT GET POST DELETE >>said 2>>errors ||
			echo "$* ended with status $?" >>errors
		first=$((first + batch))
	done
}

# sum WHAT FILE...
sum() {
	local what=$1
	shift
	cat "$@" | sed -n "s/.*\b$what=\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

nothing_is_lost_doubled_or_wrong() {
	local number
	SECONDS=0
	serve "$build/tests/retry/flaky" "$port" chaos "$seed"
	for number in 0 1; do
		client $((number * 2)) $PYTHON "$guest/../retry/blocking.py" &
		clients+=($!)
		client $((number * 2 + 1)) node "$guest/../retry/agent.js" &
		clients+=($!)
	done
	wait "${clients[@]}"
	stop
	cp server.out served
	local failed refused
	failed=$(sum failed client*/said)
	refused=$(logged 'select(.ev == "retry" and .did == "refused") | .did' client*/log.* | wc -l)
	echo "seed $seed: $(sum ok client*/said) answered, $failed failed, $refused refused"
	cat served
	logged 'select(.ev == "retry") | "\(.did) \(.op // "") \(.errno // "") \(.reason // "")"' client*/log.* | sort | uniq -c
	cat client*/errors | sed 's/^[0-9]* //' | sort | uniq -c
	at_least "$(sum ok client*/said)" 100
	expect "wrong: $(sum wrong client*/said) $(sum wrong served)" "wrong: 0 0"
	executed_at_most 1 POST
	executed_at_most 51 GET PUT DELETE
	! grep -q 'ended with status' client*/errors
	expect "$failed failed" "$refused failed"
}
clients=()

echo "# seed $seed"
points nothing_is_lost_doubled_or_wrong
status=$?
grep "^seed" "$scratch/.output" | sed "s/^/# /"
exit $status
