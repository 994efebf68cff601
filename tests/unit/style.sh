#!/bin/bash
# The code is formatted as .clang-format says, and cppcheck has nothing to say of it. `make lint` runs
# clang-tidy as well, which takes a minute.
. "$(dirname "$0")/../guest/tap"
top=$(realpath "$(dirname "$0")/../..")

# Another version breaks lines elsewhere, or takes what is right for wrong: 2.17 knows no register
# variables.
FORMAT_VERSION=14
CPPCHECK_VERSION=2.10

# needs_version PROGRAM VERSION
needs_version() {
	"$1" --version 2>/dev/null | grep -qiE "(version|^cppcheck) ${2//./\\.}(\.|\$)" ||
		skip "there is no $1 $2 here"
}

the_code_is_formatted() {
	needs_version clang-format "$FORMAT_VERSION"
	cd "$top"
	find src include tests examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
}

cppcheck_finds_nothing() {
	needs_version cppcheck "$CPPCHECK_VERSION"
	cd "$top"
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem -D_GNU_SOURCE -D__x86_64__ -Isrc -Iinclude src examples
}

points the_code_is_formatted cppcheck_finds_nothing
