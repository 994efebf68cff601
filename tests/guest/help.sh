#!/bin/bash
# resetby help: the pages by man, and what is said without it.
. "$(dirname "$0")/tap"
top=$(realpath "$(dirname "$0")/../..")

# A man that says what it was asked for.
mkdir "$scratch/bin"
printf '#!/bin/sh\necho "man $*"\n' >"$scratch/bin/man"
chmod +x "$scratch/bin/man"

topics() {
	"$resetby" help --help | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

subcommands() {
	"$resetby" --help | sed -nE 's/^  resetby ([a-z]+) .*/\1/p' | sort -u
}

every_topic_has_a_page_in_the_build_tree() {
	local topic page
	[ "$(topics | wc -l)" -ge 5 ]
	[ "$(subcommands | wc -l)" -ge 6 ]
	for topic in $(topics) $(subcommands); do
		page=$(PATH=$scratch/bin "$resetby" help "$topic")
		[[ $page == "man -l $build/man/"* ]]
		[ -s "${page#man -l }" ]
	done
	expect "$(PATH=$scratch/bin "$resetby" help)" "man -l $build/man/resetby.1"
	expect "$(PATH=$scratch/bin "$resetby" help rules)" "man -l $build/man/libresetby.7"
	expect "$(PATH=$scratch/bin "$resetby" help api)" "man -l $build/man/resetby.h.3"
}

a_moved_tree_shows_its_own_pages() {
	mkdir -p usr/bin usr/share/man/man1 usr/share/man/man7
	cp "$resetby" usr/bin
	touch usr/share/man/man1/resetby.1
	gzip -nc "$build/man/libresetby.7" >usr/share/man/man7/libresetby.7.gz
	expect "$(PATH=$scratch/bin usr/bin/resetby help run)" \
		"man -l $PWD/usr/bin/../share/man/man1/resetby.1"
	expect "$(PATH=$scratch/bin usr/bin/resetby help log)" \
		"man -l $PWD/usr/bin/../share/man/man7/libresetby.7.gz"
}

the_real_man_takes_it() {
	command -v man >/dev/null || skip "there is no man here"
	MANPAGER=cat "$resetby" help rules >shown
	grep -q '^LIBRESETBY(7)' shown
	grep -q 'connect-timeout' shown
}

without_man_there_is_a_summary() {
	local topic
	for topic in $(topics | grep -vx -e retry -e api) $(subcommands); do
		PATH=$PWD "$resetby" help "$topic" >shown 2>said
		[ "$(wc -l <shown)" -ge 4 ]
		head -n 1 shown | grep -q 'cannot be shown here'
		expect "$(cat said)" ""
	done
	PATH=$PWD "$resetby" help run | grep -q -- '--netns'
}

# in_short TOPIC: the names of its rows
in_short() {
	PATH=$PWD "$resetby" help "$1" | sed -nE 's/^  ([^ ]+).*/\1/p'
}

the_summary_is_that_of_the_tables() {
	expect "$(in_short variables)" "$(sed -nE 's/^SETTING\(([A-Z_]*), .*/RESETBY_\1/p' "$top/src/rule/settings.def")"
	expect "$(in_short rules)" "$("$resetby" list actions | cut -f3; sed -nE \
		's/^SELECTOR\(([a-z]*), "([^"]*)".*/\1=\2/p' "$top/src/rule/selectors.def")"
	expect "$(in_short log)" "$(sed -nE 's/^KEY\([A-Z_]*, "([a-z_]*)".*/\1/p' "$top/src/log/keys.def")"
	expect "$(in_short causes | sort)" "$("$resetby" list causes | cut -f1 | sort)"
}

what_only_the_manual_knows_is_not_pretended() {
	local topic
	for topic in retry api; do
		refused 1 "cannot be shown here" env PATH="$PWD" "$resetby" help $topic
	done
}

a_topic_that_does_not_exist_is_refused() {
	refused 2 "no topic 'nonsense'" "$resetby" help nonsense
	refused 2 "one topic" "$resetby" help rules log
}

points \
	every_topic_has_a_page_in_the_build_tree \
	a_moved_tree_shows_its_own_pages \
	the_real_man_takes_it \
	without_man_there_is_a_summary \
	the_summary_is_that_of_the_tables \
	what_only_the_manual_knows_is_not_pretended \
	a_topic_that_does_not_exist_is_refused
