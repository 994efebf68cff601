#!/bin/bash
# The examples, as `make lab` runs them: a point for each case, whose wire, verdict and timers are
# checked by its script. By itself, for the timers' sake.
. "$(dirname "$0")/tap"
examples=$(realpath "$(dirname "$0")/../../examples")
export RESETBY_BUILD=$build

"$examples/lib/run-all" "$scratch/lab" >"$scratch/table" 2>&1
scripts=("$examples"/rst-*.sh "$examples"/hs-*.sh "$examples"/fin-*.sh)

# The script of that name was as promised.
as_promised() {
	local said=$scratch/lab/$1.txt
	case $(tail -n 1 "$said") in
	'LAB item='*' ok') ;;
	'LAB item='*' skipped '*) skip "$(grep '^skipped: ' "$said" | sed 's/skipped: //')" ;;
	*)
		cat "$said"
		return 1
		;;
	esac
}

tests=()
for script in "${scripts[@]}"; do
	name=$(basename "$script" .sh)
	eval "${name//-/_}() { as_promised $name; }"
	tests+=("${name//-/_}")
done
points "${tests[@]}"
