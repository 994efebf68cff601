#!/bin/bash
# Every fuzz target accepts its seeds: nothing is made up, nothing is random.
. "$(dirname "$0")/../guest/tap"
here=$(realpath "$(dirname "$0")")

accepts() {
	local seeds=("$here/corpus/$1"/*)
	[ -e "${seeds[0]}" ]
	"$build/fuzz/tests/fuzz/fuzz_$1" -timeout=10 "${seeds[@]}"
}

targets=()
for source in "$here"/fuzz_*.c; do
	name=$(basename "$source" .c)
	name=${name#fuzz_}
	eval "${name}_takes_its_seeds() { accepts $name; }"
	targets+=("${name}_takes_its_seeds")
done
points "${targets[@]}"
