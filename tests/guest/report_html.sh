#!/bin/bash
# The page of `resetby report --html`, in a headless Chromium without a network: it draws, sorts,
# filters, speaks to keyboards and screen readers, and nothing that a log says can run in it.
# Pictures of it are left in build/pictures.
. "$(dirname "$0")/lib.sh"
needs jq "$PYTHON"
logs=$guest/report
generator=$guest/../bench/report_log
pictures=$build/pictures
PAGE_MAX=102400

report() {
	"$resetby" report --html "$@"
}

# in_browser CHECK PAGE
in_browser() {
	command -v chromium >/dev/null || skip "there is no chromium here: make check-html installs it"
	PYTHONDONTWRITEBYTECODE=1 timeout 60 "$PYTHON" "$guest/browser/checks.py" "$1" "$2" "$pictures"
}

fixed() {
	report "$logs"/{client,server}.json >page.html
	in_browser "$1" page.html
}

# In all fields that are strings, and as the name of a log.
hostile_log() {
	local piece='</script><script>window.pwned=1</script>'
	local pieces=("$piece" "<img src=x onerror=window.pwned=1>" '"><svg onload=window.pwned=1>'
		"'-window.pwned=1-'" '<!--<script>' '\";window.pwned=1;//' $'\u2028window.pwned=1\u2029'
		$'\u202egnp.exe' '<base href=http://127.0.0.1:9/>' '${window.pwned=1}' '__proto__')
	local i
	for i in "${!pieces[@]}"; do
		head -n 4 "$logs/client.json" | tail -n 1 | jq -c --arg x "${pieces[$i]}" --argjson n $((i + 100)) '
			.conn = $n | .local = "10.0.0.1:\(41000 + $n)" |
			.exe = $x | .doc = $x | .why = ($x + " why") | .state = $x | .advice = $x'
		jq -nc --arg x "${pieces[$i]}" '{ts: "2026-03-01T12:00:05.000000Z", pid: 7, tid: 7, exe: $x, ev: "warn",
			cause: $x, why: $x}'
		jq -nc --arg x "${pieces[$i]}" --argjson n $i '{ts: "2026-03-01T12:00:05.000000Z", pid: 7, tid: 7, exe: $x,
			ev: "inject", rule: "\($n): \($x)", action: $x, by: $x, seed: 1}'
		# Not what the library writes: words where there are none of its own.
		head -n 4 "$logs/client.json" | tail -n 1 | jq -c --arg x "${pieces[$i]}" --argjson n $((i + 200)) '
			.conn = $n | .local = "10.0.0.1:\(42000 + $n)" | .side = $x | .op = $x | .errno = $x |
			.cause = $x | .sure = $x | .else = [$x] | .history[0].op = $x | .history[0].errno = $x |
			.case = $x'
	done
}

it_draws() { fixed draws; }
it_sorts() { fixed sorts; }
it_filters() { fixed filters; }
it_is_used_by_keyboard() { fixed keyboard; }
it_tells_screen_readers_what_everything_is() { fixed names_everything; }
a_ladder_says_what_is_known_and_what_is_inferred() {
	report "$guest/browser/ladders.json" >page.html
	in_browser ladders page.html
}

its_address_opens_a_connection() { fixed address_opens; }
it_is_readable_in_dark_and_light_wide_and_narrow_and_on_paper() { fixed pictures; }

what_a_log_says_is_never_run() {
	local name='<script>window.pwned=1<!--.log'
	hostile_log >"./$name"
	report "./$name" >page.html
	# Twice each for style and script: the element and its end, whatever the log said.
	expect "$(grep -oiE '</?script|<!--|<(img|svg|base)\b' page.html | sort | uniq -c | xargs)" \
		"2 </script 2 <script"
	in_browser hostile page.html
}

thousands_of_connections_stay_quick() {
	"$generator" --mb 5 --failing 1 --calls 1 >log
	awk '/"error"/ && ++n == 3001 { exit } 1' log >some
	report some >page.html
	in_browser thousands page.html
}

nothing_and_one_line_make_a_page() {
	: | report - >page.html
	in_browser quiet page.html
	grep 'refused' "$logs/client.json" | head -n 1 | report - >page.html
	in_browser quiet page.html
}

the_page_is_small_and_the_same_each_time() {
	: | report - >empty.html
	echo "$(wc -c <empty.html) bytes without data"
	[ "$(wc -c <empty.html)" -lt $PAGE_MAX ]
	report "$logs"/{client,server}.json >one.html
	report "$logs"/{client,server}.json | cmp - one.html
	"$resetby" report --format html "$logs"/{client,server}.json | cmp - one.html
}

its_data_is_the_document_for_programs() {
	report "$logs"/{client,server}.json | grep -o '<script type="application/json".*</script>' |
		sed 's/^[^>]*>//; s/<.*//' | jq . >data
	"$resetby" report --format json "$logs"/{client,server}.json | jq . | diff - data
}

# Where the policy has another hash than the script, nothing at all would run.
its_policy_names_its_script_and_style_and_nothing_else() {
	local policy
	report "$logs/client.json" >page.html
	policy=$(grep -o 'Content-Security-Policy" content="[^"]*' page.html)
	has "default-src 'none'" page.html
	! grep -qE "unsafe|http|\*|'self'" <<<"$policy"
	"$PYTHON" - <<-'END' >hashes
		import base64, hashlib, re
		page = open("page.html").read()
		for part in ("<style>(.*?)</style>", "<script>(.*?)</script>"):
		    content = re.search(part, page, re.S).group(1)
		    print(base64.b64encode(hashlib.sha256(content.encode()).digest()).decode())
	END
	expect "$(grep -o "sha256-[^']*" <<<"$policy" | sed 's/sha256-//' | xargs)" "$(xargs <hashes)"
}

points \
	the_page_is_small_and_the_same_each_time \
	its_data_is_the_document_for_programs \
	its_policy_names_its_script_and_style_and_nothing_else \
	it_draws \
	a_ladder_says_what_is_known_and_what_is_inferred \
	it_sorts \
	it_filters \
	it_is_used_by_keyboard \
	it_tells_screen_readers_what_everything_is \
	its_address_opens_a_connection \
	it_is_readable_in_dark_and_light_wide_and_narrow_and_on_paper \
	what_a_log_says_is_never_run \
	thousands_of_connections_stay_quick \
	nothing_and_one_line_make_a_page
