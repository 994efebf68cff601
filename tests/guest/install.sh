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
}

uninstall_leaves_nothing_behind() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	[ "$(find tree -type f | wc -l)" -ge 3 ]
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/opt/resetby
	expect "$(find tree ! -type d)" ""
}

uninstall_touches_nothing_else() {
	make_target install DESTDIR="$PWD/tree" PREFIX=/usr
	touch tree/usr/bin/other tree/usr/lib/libother.so
	make_target uninstall DESTDIR="$PWD/tree" PREFIX=/usr
	expect "$(find tree -type f -printf '%f\n' | sort | tr '\n' ' ')" "libother.so other "
}

directories_can_be_chosen() {
	make_target install DESTDIR="$PWD/tree" BINDIR=/b LIBDIR=/l/x86 INCDIR=/i MANDIR=/m
	[ -x tree/b/resetby ]
	[ -e tree/l/x86/libresetby.so ]
	[ -e tree/i/resetby.h ]
	make_target uninstall DESTDIR="$PWD/tree" BINDIR=/b LIBDIR=/l/x86 INCDIR=/i MANDIR=/m
	expect "$(find tree ! -type d)" ""
}

points \
	an_installed_tree_works \
	nothing_is_written_outside_of_destdir_and_prefix \
	what_is_installed_is_for_everybody_to_read_and_for_root_to_write \
	uninstall_leaves_nothing_behind \
	uninstall_touches_nothing_else \
	directories_can_be_chosen
