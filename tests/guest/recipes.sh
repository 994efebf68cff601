#!/bin/bash
# examples/recipes.md, typed as it stands: what it prints is what the page shows. The network of each
# recipe is its own, so all are typed at the same time.
#
# After a change of words: empty the blocks ```text, RESETBY_RECIPES=fill tests/guest/recipes.sh, and
# look at git diff.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" nginx curl ss
page=$(realpath "$guest/../../examples/recipes.md")
unshare -rn true 2>/dev/null || {
	echo "# skipped: needs user namespaces"
	exit 77
}

book() {
	PYTHONDONTWRITEBYTECODE=1 "$PYTHON" "$guest/recipe_book.py" "$1" "$page" "${@:2}"
}

# Where the page waits a second for a server, the server is waited for.
sleep() {
	local tries
	[ "$1" = 1 ] || { command sleep "$1"; return; }
	for ((tries = 0; tries < 600; tries++)); do
		! grep -qs ':1F90 00000000:0000 0A' /proc/net/tcp || return 0
		command sleep 0.05
	done
}
export -f sleep

# type_recipe NAME FILE: into a shell that has nothing of ours; whatever it leaves running is ended
type_recipe() {
	local room
	room=$(mktemp -d -p "$scratch")
	ln -s "$build" "$room/build"
	{
		book script "$1"
		echo 'tail -n 3 *.log' # for when it fails
		echo 'kill $(jobs -p) $(cat nginx.pid) 2>/dev/null; wait'
	} >"$room/typed"
	(
		cd "$room" || exit
		unset "${!RESETBY_@}" "${!GUEST_@}"
		exec env TMPDIR="$room" LC_ALL=C.UTF-8 PATH=/usr/bin:/bin:/usr/sbin:/sbin \
			timeout 120 bash --norc <typed >"$2" 2>&1
	)
}

prints_what_it_shows() {
	[ "${RESETBY_RECIPES:-}" != fill ] || book fill "$1" "$2"
	book compare "$1" "$2"
}

mapfile -t names < <(book names)
recipes=()
for name in "${names[@]}"; do
	recipe=${name// /_}
	recipes+=("${recipe,,}")
	type_recipe "$name" "$scratch/${recipe,,}.out" &
	eval "${recipe,,}() { prints_what_it_shows '$name' '$scratch/${recipe,,}.out'; }"
done
wait

there_are_recipes() {
	[ "${#recipes[@]}" -ge 6 ]
}

points there_are_recipes "${recipes[@]}"
