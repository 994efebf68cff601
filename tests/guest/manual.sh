#!/bin/bash
# The manual and README.md, against the tables they describe, and the tables against the tests.
. "$(dirname "$0")/tap"
top=$(realpath "$(dirname "$0")/../..")
readme=$top/README.md
man=$build/man

command -v mandoc >/dev/null || {
	echo "# skipped: there is no mandoc here"
	exit 77
}

# page NAME: as a reader sees it, without the breaks of lines
page() {
	mandoc -T ascii -O width=1000 "$man/$1" | col -bx
}

# names hooks|actions|causes
names() {
	"$resetby" list "$1" | cut -f1
}

keys() {
	sed -n 's/^KEY([A-Z_]*, "\([a-z_]*\)",.*/\1/p' "$top/src/log/keys.def"
}

variables() {
	sed -n 's/^SETTING(\([A-Z_]*\), .*/RESETBY_\1/p' "$top/src/rule/settings.def" | sort -u
}

# without NAMES COMMAND...: fails, and says so, for the names of which COMMAND NAME fails
without() {
	local name missing=0
	[ -n "$1" ]
	for name in $1; do
		"${@:2}" "$name" || {
			echo "missing: $name"
			missing=1
		}
	done
	return $missing
}

# entry FILE NAME: a tagged paragraph of that name, a value behind it or not
entry() {
	grep -qE "^ *$2(\$|[,:= [])" "$1"
}

word() {
	grep -qwF -e "$2" "$1"
}

# row FILE NAME: a row of a table of the manual, with the level that it is told from
row() {
	grep -qE "^ *$2 +(resets|conns|calls) " "$1"
}

# code FILE NAME: in a first column of a table of README.md
code() {
	grep -qE "^\| (\`[^|]*\`, )?\`$2[\`=[]" "$1"
}

the_pages_are_correct_mdoc() {
	local name
	for name in resetby.1 libresetby.7 resetby.h.3; do
		[ -s "$man/$name" ]
		expect "$(mandoc -T lint -W warning "$man/$name" 2>&1)" ""
		expect "$(grep -n '@[A-Z]*@' "$man/$name" || true)" ""
	done
}

# Each page alone: in a run of groff one page's state is another's.
groff_has_nothing_to_say_against_them() {
	local name
	command -v groff >/dev/null || skip "there is no groff here"
	for name in resetby.1 libresetby.7 resetby.h.3; do
		expect "$(groff -ww -b -z -mandoc -T utf8 "$man/$name" 2>&1)" ""
	done
}

every_hook_is_in_the_manual() {
	page libresetby.7 | sed -n '/^FUNCTIONS/,/^SEE ALSO/p' | grep -oE '[a-z0-9_A-Z]+\(\)' | sort >told
	names hooks | sed 's/$/()/' | sort | diff - told
}

every_action_is_in_the_manual() {
	page libresetby.7 | sed -n '/^ *Actions$/,/^LOG LINES/p' >told
	without "$(names actions)" entry told
}

every_cause_is_in_the_manual() {
	page libresetby.7 | sed -n '/^CAUSES/,/^FUNCTIONS/p' >told
	without "$(names causes)" entry told
}

every_key_is_in_the_manual() {
	page libresetby.7 | sed -n '/^ *Keys$/,/^ *How sure$/p' >told
	without "$(keys)" entry told
}

# The tables of events, which no table of the source stands behind.
every_event_is_in_the_manual_and_in_readme() {
	local events
	events=$(grep -oE 'KIND\([A-Z]+, *"[a-z]+"' "$top/src/log/event.c" | cut -d'"' -f2)
	[ "$(wc -w <<<"$events")" -ge 9 ]
	page libresetby.7 | sed -n '/^LOG LINES/,/^ *A text line/p' >told
	without "$events" row told
	sed -n '/^| event /,/^$/p' "$readme" >told
	without "$events" code told
}

every_variable_is_in_the_manual_and_in_readme() {
	page libresetby.7 | sed -n '/^ENVIRONMENT/,/^RULES/p' >told
	without "$(variables)" word told
	without "$(variables)" code "$readme"
}

every_selector_is_in_the_manual_and_in_readme() {
	local selectors
	selectors=$(sed -n 's/^SELECTOR(\([a-z]*\), .*/\1/p' "$top/src/rule/selectors.def")
	page libresetby.7 | sed -n '/^ *Selectors$/,/^ *Actions$/p' >told
	without "$selectors" entry told
	without "$selectors" code "$readme"
}

no_variable_is_promised_that_does_not_exist() {
	{
		variables
		echo RESETBY_LIBRARY
	} | sort >known
	{
		page resetby.1
		page libresetby.7
		cat "$readme"
	} | grep -oE 'RESETBY_[A-Z_]+' | grep -vx RESETBY_VERSION | sort -u | diff known -
}

every_option_of_run_is_in_the_manual() {
	page resetby.1 >told
	"$resetby" run --help | sed -nE 's/^  (--?[A-Za-z]+).*/\1/p' >options
	[ "$(wc -l <options)" -ge 7 ]
	without "$(cat options)" entry told
}

every_subcommand_is_in_the_manual() {
	page resetby.1 | sed -n '/^DESCRIPTION/,/^ENVIRONMENT/p' >told
	"$resetby" --help | sed -nE 's/^  resetby ([a-z]+) .*/\1/p' | sort -u >subcommands
	[ "$(wc -l <subcommands)" -ge 4 ]
	without "$(cat subcommands)" entry told
}

the_tables_of_readme_are_those_of_the_source() {
	"$man/tables" markdown <"$readme" >wanted
	echo "make readme-tables brings README.md up to date:"
	diff "$readme" wanted
}

every_action_cause_and_key_is_in_readme() {
	without "$(names actions)" code "$readme"
	without "$(names causes)" code "$readme"
	without "$(keys)" code "$readme"
}

# advice CAUSE: the last string of its row
advice() {
	sed -n "/^CAUSE([A-Z0-9_]*, \"$1\",/,/)\$/p" "$top/src/why/causes.def" |
		tail -n 1 | sed -E 's/^.*"([^"]*)"\)$/\1/'
}

# An explanation that the library gives differently by now: the session has to be made again.
the_session_of_readme_says_what_the_library_says() {
	local verdicts id shown
	shown=$(sed -n '/^## A session/,/^## Variables/s/^    //p' "$readme" | tr '\n' ' ')
	verdicts=$(grep -oE '[a-z0-9-]+ \((certain|likely|possible)\):' <<<"$shown" | cut -d' ' -f1)
	[ "$(wc -w <<<"$verdicts")" -ge 3 ]
	for id in $verdicts; do
		echo "the advice of $id:"
		[ -n "$(advice "$id")" ]
		grep -qF "$(advice "$id")" <<<"$shown"
	done
}

# tests_with PATTERN: what tests rules and verdicts. Where a name is only a sample does not count:
# grammar, log lines, the command, this file.
tests_with() {
	grep -rqE --include='*.sh' --include='test_*.c' \
		--exclude='test_rule_*.c' --exclude='test_event.c' --exclude='test_sink.c' \
		--exclude=run.sh --exclude=manual.sh -e "$1" "$top"/tests/{unit,wire,guest}
}

# As a rule, for some actions are called like a cause or a case: x_rule(..., "linger0"),
# RULES=linger0, -r linger0, with a value, or as a log line has it: "1 linger0"
a_test_has_the_action() {
	tests_with "(_rules?\(|_open\(|RULES=| -r ).*[\"';= ]$1([\"';= ]|\$)|[\"'; ]$1=[^\"' ]|[\"'][0-9]+ $1[\"' =]"
}

# Whole, at an end of a string: "peer-abort", "curl recv ECONNRESET peer-abort"; or CAUSE_PEER_ABORT
a_test_has_the_cause() {
	local symbol=${1//-/_}
	tests_with "\\bCAUSE_${symbol^^}\\b|[\"' =]$1[\"']"
}

every_action_has_a_test() {
	without "$(names actions)" a_test_has_the_action
}

# In what is typed there; the causes have theirs in resetby explain (explain.sh).
an_example_has_the_action() {
	grep -rqE --include='*.sh' --include='*.md' \
		-e "(-r |rule |with (client|server) |RULES=).*[\"'; ]?$1([\"'=; ]|\$)" "$top/examples"
}

every_action_has_an_example() {
	without "$(names actions)" an_example_has_the_action
}

# Of a rule at work: the grammar alone is the unit tests'.
a_test_has_the_selector() {
	tests_with "[\"' ]$1="
}

every_selector_has_a_test() {
	without "$(sed -n 's/^SELECTOR(\([a-z]*\), .*/\1/p' "$top/src/rule/selectors.def")" \
		a_test_has_the_selector
}

# Read out of a line of JSON, by C or by jq
a_test_has_the_key() {
	grep -rqE --include='*.sh' --include='test_*.c' --include='lab_*.c' --exclude='test_event.c' \
		--exclude=manual.sh -e "json_(get|number)\(.*\"$1\"\)|same\(line, \"$1\"|\.$1\b" \
		"$top"/tests/{wire,guest}
}

every_key_has_a_test() {
	without "$(keys)" a_test_has_the_key
}

a_test_has_the_event() {
	grep -rqE --include='*.sh' --include='*.c' \
		-e "log_(find|count)\(.*\"$1\"|ev == \"$1\"" "$top"/tests/{wire,guest}
}

every_event_has_a_test() {
	without "$(grep -oE 'KIND\([A-Z]+, *"[a-z]+"' "$top/src/log/event.c" | cut -d'"' -f2)" \
		a_test_has_the_event
}

a_test_sets_the_variable() {
	tests_with "\\b$1="
}

every_variable_has_a_test() {
	without "$(variables)" a_test_sets_the_variable
}

# Those with a descriptor are called one by one in tests/wire/test_hooks.c; the others somewhere.
a_test_calls_the_hook() {
	grep -rqE --include='*.c' --include='*.sh' -e "\b$1\b" \
		"$top"/tests/{wire,guest,guest/probes}
}

every_hook_has_a_test() {
	without "$(names hooks)" a_test_calls_the_hook
}

# a_test_gives_the_option SUBCOMMAND:OPTION
a_test_gives_the_option() {
	grep -rqE --include='*.sh' -e "(resetby\"?|refused_by|report|of)( ${1%%:*})?\b.* ${1#*:}([ =\"]|\$)" \
		"$top"/tests/guest
}

every_option_has_a_test() {
	without "$(sed -nE 's/^OPTION\(([a-z]+), "([^"]+)".*/\1:\2/p' "$top/src/cmd/subcommands.def")" \
		a_test_gives_the_option
}

# help.sh asks for each topic that the help of help has.
every_topic_is_offered_and_in_the_manual() {
	local topics
	topics=$(sed -n 's/^TOPIC("\([a-z]*\)".*/\1/p' "$top/src/cmd/topics.def")
	"$resetby" help --help >told
	without "$topics" word told
	page resetby.1 | sed -n '/^ *help \[topic\]/,/^ *The document/p' >told
	without "$topics" word told
}

# What explain.sh compares with the kernel, and what the notes have.
every_limit_and_every_note_is_on_a_page() {
	cat "$top"/src/cmd/pages/*.def >pages
	without "$(sed -nE 's/^LIMIT\(([A-Z0-9_]+),.*/LIMIT_\1/p' "$top/src/cmd/limits.def")" word pages
	without "$(sed -nE 's/^NOTE\(([A-Z0-9_]+),.*/NOTE_\1/p' "$top/src/cmd/notes.def")" word pages
}

every_cause_has_a_test() {
	without "$(names causes)" a_test_has_the_cause
}

points \
	the_pages_are_correct_mdoc \
	groff_has_nothing_to_say_against_them \
	every_hook_is_in_the_manual \
	every_action_is_in_the_manual \
	every_cause_is_in_the_manual \
	every_key_is_in_the_manual \
	every_event_is_in_the_manual_and_in_readme \
	every_variable_is_in_the_manual_and_in_readme \
	every_selector_is_in_the_manual_and_in_readme \
	no_variable_is_promised_that_does_not_exist \
	every_option_of_run_is_in_the_manual \
	every_subcommand_is_in_the_manual \
	the_tables_of_readme_are_those_of_the_source \
	every_action_cause_and_key_is_in_readme \
	the_session_of_readme_says_what_the_library_says \
	every_action_has_a_test \
	every_action_has_an_example \
	every_selector_has_a_test \
	every_key_has_a_test \
	every_event_has_a_test \
	every_variable_has_a_test \
	every_hook_has_a_test \
	every_option_has_a_test \
	every_topic_is_offered_and_in_the_manual \
	every_limit_and_every_note_is_on_a_page \
	every_cause_has_a_test
