#!/bin/bash
# make install and make uninstall.
. "$(dirname "$0")/tap"
top=$(realpath "$(dirname "$0")/../..")

# Another PREFIX links the command anew; other tests are using this one.
cp -a "$build" "$scratch/build"

make_target() {
	make -s -C "$top" BUILD="$scratch/build" "$@"
}

an_installed_tree_works() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	local prefix=$PWD/tree/opt/resetby
	expect "$("$prefix/bin/resetby" --version)" "$("$resetby" --version)"
	"$prefix/bin/resetby" run cat /proc/self/maps | grep -qF "$prefix/lib/libresetby.so"
	echo '#include <resetby.h>
int main(void) { return resetby_version() ? 1 : 0; }' | cc -I "$prefix/include" -o api -x c -
	./api
}

nothing_is_written_outside_of_destdir_and_prefix() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	expect "$(ls -A)" tree
	expect "$(ls -A tree)" opt
	expect "$(ls -A tree/opt)" resetby
}

what_is_installed_is_for_everybody_to_read_and_for_root_to_write() {
	(
		umask 077
		make_target install DESTDIR="$PWD/tree" PREFIX=/usr
	)
	expect "$(find tree -type f ! -perm 644 ! -perm 755)" ""
	expect "$(find tree -type f -perm 755 -printf '%f\n')" resetby
	expect "$(find tree -mindepth 1 -type d ! -perm 755)" ""
}

a_moved_tree_works() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu
	mv tree/usr "$PWD/elsewhere"
	"$PWD/elsewhere/bin/resetby" run cat /proc/self/maps |
		grep -qF "$PWD/elsewhere/lib/x86_64-linux-gnu/libresetby.so"
}

what_readme_leads_to_is_installed_with_it() {
	local links link
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr
	cd tree/usr/share/doc/resetby
	links=$(grep -ohE '\]\([^)#:]+\)' README.md | tr -d ']()')
	[ "$(wc -w <<<"$links")" -ge 2 ]
	for link in $links; do
		[ -e "$link" ]
	done
	diff -r "$top/examples/always-on" examples/always-on
}

# Each function has a name by which man finds the page of the header.
every_function_has_a_page() {
	local name
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr
	for name in $(grep -oE '\bresetby_[a-z_]+\(' "$top/include/resetby.h" |
		tr -d '(' | grep -v _if_loaded | sort -u); do
		expect "$(cat "tree/usr/share/man/man3/$name.3")" ".so man3/resetby.h.3"
	done
}

# tree: all that there is, with type, mode and content
tree() {
	find tree ! -type f -printf '%P %y %m\n' | sort
	find tree -type f -printf '%m ' -exec md5sum {} + | sort
}

uninstall_leaves_nothing_behind() {
	mkdir tree
	make_target install DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	[ "$(find tree -type f | wc -l)" -ge 6 ]
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	expect "$(ls -A tree)" ""
}

uninstall_leaves_the_tree_as_it_was() {
	mkdir -p tree/usr/local/{bin,lib,share/man/man1,empty}
	touch tree/usr/local/bin/other tree/usr/local/share/man/man1/other.1
	# As Debian had it for long; and as a umask of 077 makes it.
	chmod 2775 tree/usr/local/lib
	chmod 700 tree/usr/local/bin
	tree >before
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr/local
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr/local
	touch tree/usr/local/bin/other
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/usr/local
	tree | diff before -
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/usr/local
	tree | diff before -
}

uninstall_touches_nothing_else() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr
	touch tree/usr/bin/other tree/usr/lib/libother.so
	mkdir tree/usr/share/man/man1/other
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/usr
	expect "$(find tree -type f -printf '%f\n' | sort | tr '\n' ' ')" "libother.so other "
	[ -d tree/usr/share/man/man1/other ]
}

directories_can_be_chosen() {
	make_target install DESTDIR="$PWD/tree" BINDIR=/b LIBDIR=/l/x86 INCDIR=/i MANDIR=/m
	grep -qF "LD_PRELOAD=/l/x86/libresetby.so " tree/m/man1/resetby.1
	[ -x tree/b/resetby ]
	[ -e tree/l/x86/libresetby.so ]
	[ -e tree/i/resetby.h ]
	make_target uninstall DESTDIR="$PWD/tree" BINDIR=/b LIBDIR=/l/x86 INCDIR=/i MANDIR=/m
	expect "$(ls -A tree)" ""
}

# The loader takes no such path; all else does, and where a tree is staged says nothing of its place.
directories_may_have_blanks() {
	mkdir "a tree"
	make_target install DESTDIR="$PWD/a tree" PREFIX="/opt/re setby"
	local prefix="$PWD/a tree/opt/re setby"
	diff -r "$top/examples/always-on" "$prefix/share/doc/resetby/examples/always-on"
	grep -qF "LD_PRELOAD=/opt/re setby/lib/libresetby.so" "$prefix/share/man/man1/resetby.1"
	refused 2 "no blank" "$prefix/bin/resetby" run true
	mv "$prefix" "$PWD/elsewhere"
	"$PWD/elsewhere/bin/resetby" run cat /proc/self/maps | grep -qF "$PWD/elsewhere/lib/libresetby.so"
	mv "$PWD/elsewhere" "$prefix"
	make_target uninstall DESTDIR="$PWD/a tree" PREFIX="/opt/re setby"
	expect "$(ls -A "a tree")" ""
}

# Packagers build with it. What stays for the linker to compile has no symbols and no bytes yet.
files_with_assembly_at_the_top_keep_out_of_link_time_optimisation() {
	local machine=$PWD/lto/src/hook/process.o page=$PWD/lto/src/cmd/report/html.o
	make_target BUILD="$PWD/lto" CFLAGS="-O1 -flto" "$machine" "$page"
	[ "$(uname -m)" != x86_64 ] || nm "$machine" | grep -q " T vfork$"
	nm "$page" | grep -q " page_css$"
	grep -qF color-scheme "$page"
}

points \
	an_installed_tree_works \
	a_moved_tree_works \
	nothing_is_written_outside_of_destdir_and_prefix \
	what_is_installed_is_for_everybody_to_read_and_for_root_to_write \
	what_readme_leads_to_is_installed_with_it \
	every_function_has_a_page \
	uninstall_leaves_nothing_behind \
	uninstall_leaves_the_tree_as_it_was \
	uninstall_touches_nothing_else \
	directories_can_be_chosen \
	directories_may_have_blanks \
	files_with_assembly_at_the_top_keep_out_of_link_time_optimisation
