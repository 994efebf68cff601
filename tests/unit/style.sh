#!/bin/bash
# The code is formatted as .clang-format says, and cppcheck has nothing to say of it. `make lint` runs
# clang-tidy as well, which takes a minute.
. "$(dirname "$0")/../guest/tap"
top=$(realpath "$(dirname "$0")/../..")

# Another version breaks lines elsewhere.
FORMAT_VERSION=14

the_code_is_formatted() {
	clang-format --version | grep -q "version $FORMAT_VERSION\." || skip "there is no clang-format $FORMAT_VERSION here"
	cd "$top"
	find src include tests examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
}

cppcheck_finds_nothing() {
	command -v cppcheck >/dev/null || skip "cppcheck is not installed"
	cd "$top"
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem -D_GNU_SOURCE -D__x86_64__ -Isrc -Iinclude src examples
}

points the_code_is_formatted cppcheck_finds_nothing
