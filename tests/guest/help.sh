#!/bin/bash
# resetby help: the pages by man, and what is said without it.
. "$(dirname "$0")/tap"

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
	for topic in $(topics) $(subcommands); do
		PATH=$PWD "$resetby" help "$topic" >shown 2>said
		[ "$(wc -l <shown)" -ge 4 ]
		head -n 1 shown | grep -q 'cannot be shown here'
		expect "$(cat said)" ""
	done
	PATH=$PWD "$resetby" help rules | grep -q '^connect-timeout'
	PATH=$PWD "$resetby" help run | grep -q -- '--netns'
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
	a_topic_that_does_not_exist_is_refused
