#!/bin/bash
# src/README.md, the way through the source, is true of it.
. "$(dirname "$0")/../guest/tap"
cd "$(dirname "$0")/../../src" || exit
src=$PWD

# Those of actions are named as their actions are.
every_file_of_the_floors_has_its_place() {
	local file missing=0
	for file in "$src"/{hook,act,conn,log,sys}/*.c; do
		file=${file#"$src"/}
		grep -qF "\"$(basename "${file//_/-}" .c)\"" "$src/act/actions.def" && [[ $file == act/* ]] ||
			grep -qF "\`${file#*/}\`" "$src/README.md" || {
			echo "no place for $file"
			missing=1
		}
	done
	return $missing
}

every_file_that_is_named_exists() {
	local name
	grep -oE '[`/a-z0-9_-]*[a-z0-9_]+\.(c|h|def|sh)\b' "$src/README.md" | tr -d '`' | sort -u >names
	[ "$(wc -l <names)" -ge 80 ]
	while read -r name; do
		[ -e "$src/$name" ] || [ -e "$src/../$name" ] || compgen -G "$src/*/$name" >found ||
			[ -e "$src/../include/$name" ] || { echo "$name"; return 1; }
	done <names
}

# Tables may be used from anywhere.
no_floor_includes_one_above() {
	local floor above=
	for floor in hook act rule why conn log sys; do
		[ -z "$above" ] ||
			expect "$(grep -rnE "^#include \"(\.\./)+($above)/.*\.h\"" "$src/$floor")" ""
		above=${above:+$above|}$floor
	done
	expect "$(grep -rnE '^#include "(\.\./)+cmd/' "$src"/{hook,act,rule,why,conn,log,sys})" ""
}

points \
	every_file_of_the_floors_has_its_place \
	every_file_that_is_named_exists \
	no_floor_includes_one_above
