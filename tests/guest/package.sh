#!/bin/bash
# make dist and make deb: the tarball builds on its own, the package is installed, used and removed.
. "$(dirname "$0")/tap"
top=$(realpath "$(dirname "$0")/../..")
PATH=$PATH:/usr/sbin:/sbin

make_target() {
	make -s -C "$top" BUILD="$scratch/build" "$@"
}

one() {
	[ $# -eq 1 ] && [ -e "$1" ] && printf '%s\n' "$1"
}

a_tarball() {
	one "$scratch"/build/resetby-*.tar.gz
}

the_same_source_makes_the_same_tarball() {
	cp "$(a_tarball)" first
	(
		umask 077
		TZ=Asia/Tokyo LC_ALL=C.UTF-8 make_target dist
	)
	cmp first "$(a_tarball)"
	SOURCE_DATE_EPOCH=1000000000 make_target dist
	expect "$(tar --full-time --utc -tvf "$(a_tarball)" | awk '{ print $2, $4, $5 }' | sort -u)" \
		"root/root 2001-09-09 01:46:40"
}

the_tarball_builds_and_packs_itself() {
	make_target dist
	tar -xf "$(a_tarball)"
	# In a checkout of something else.
	git init -q .
	cd resetby-*
	[ ! -e build ]
	# All that make needs is in it: git is not.
	make -s -j2 all
	expect "$(build/resetby --version)" "$("$resetby" --version)"
	build/resetby run cat /proc/self/maps | grep -qF "$PWD/build/libresetby.so"
	SOURCE_DATE_EPOCH=1000000000 make -s dist
	SOURCE_DATE_EPOCH=1000000000 make_target dist
	cmp build/resetby-*.tar.gz "$(a_tarball)"
}

needs_dpkg() {
	command -v dpkg-deb >/dev/null || skip "there is no dpkg-deb here"
}

a_package() {
	[ -e "$scratch/resetby.deb" ] || {
		make_target deb >&2
		cp "$(one "$scratch"/build/resetby_*.deb)" "$scratch/resetby.deb"
	}
	echo "$scratch/resetby.deb"
}

the_same_source_makes_the_same_package() {
	needs_dpkg
	a_package
	(
		umask 077
		TZ=Asia/Tokyo make_target deb
	)
	cmp "$scratch/resetby.deb" "$scratch"/build/resetby_*.deb
}

the_package_says_what_it_is_and_what_it_needs() {
	needs_dpkg
	local deb glibc
	deb=$(a_package)
	expect "$(dpkg-deb -f "$deb" Package)" resetby
	expect "resetby $(dpkg-deb -f "$deb" Version)" "$("$resetby" --version)"
	expect "$(dpkg-deb -f "$deb" Architecture)" "$(dpkg --print-architecture)"
	dpkg-deb -x "$deb" tree
	glibc=$(objdump -T tree/usr/bin/resetby tree/usr/lib/*/libresetby.so |
		grep -oE 'GLIBC_[0-9.]+' | cut -d_ -f2 | sort -Vu | tail -n 1)
	expect "$(dpkg-deb -f "$deb" Depends)" "libc6 (>= $glibc)"
	expect "$(readelf -d tree/usr/bin/resetby tree/usr/lib/*/libresetby.so |
		sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u | grep -v '^ld-linux')" libc.so.6
	dpkg-deb -e "$deb" control
	(cd tree && md5sum --quiet -c ../control/md5sums)
	expect "$(wc -l <control/md5sums)" "$(find tree -type f | wc -l)"
}

clangs_package_is_of_the_same_architecture() {
	needs_dpkg
	command -v clang >/dev/null || skip "there is no clang here"
	make -n -C "$top" BUILD="$scratch/clang" CC=clang deb >said.out 2>said.err
	expect "$(cat said.err)" ""
	grep -q "/resetby_[0-9.]*_$(dpkg --print-architecture)\.deb" said.out
	grep -q "/usr/lib/$(gcc -print-multiarch)/libresetby.so" said.out
}

the_package_holds_everything_where_debian_has_it() {
	needs_dpkg
	local triplet
	triplet=$(gcc -print-multiarch)
	dpkg-deb -c "$(a_package)" >list
	expect "$(awk '{ print $2 }' list | sort -u)" root/root
	expect "$(awk '{ print $6 }' list | grep -v -e '/$' -e /always-on/ | sort)" "$(sort <<-EOF
		./usr/bin/resetby
		./usr/include/resetby.h
		./usr/lib/$triplet/libresetby.so
		./usr/share/bash-completion/completions/resetby
		./usr/share/doc/resetby/README.md
		./usr/share/doc/resetby/changelog.gz
		./usr/share/doc/resetby/copyright
		./usr/share/doc/resetby/examples/recipes.md
		./usr/share/fish/vendor_completions.d/resetby.fish
		./usr/share/lintian/overrides/resetby
		./usr/share/man/man1/resetby.1.gz
		./usr/share/man/man3/resetby.h.3.gz
		./usr/share/man/man3/resetby_clear_idempotent.3.gz
		./usr/share/man/man3/resetby_mark_idempotent.3.gz
		./usr/share/man/man3/resetby_version.3.gz
		./usr/share/man/man7/libresetby.7.gz
		./usr/share/zsh/vendor-completions/_resetby
	EOF
	)"
	dpkg-deb -x "$(a_package)" tree
	diff -r "$top/examples/always-on" tree/usr/share/doc/resetby/examples/always-on
	gzip -t tree/usr/share/man/*/* tree/usr/share/doc/resetby/changelog.gz
	dpkg-parsechangelog --version >/dev/null 2>&1 || skip "there is no dpkg-parsechangelog here"
	gzip -dc tree/usr/share/doc/resetby/changelog.gz >changelog
	expect "resetby $(dpkg-parsechangelog -l changelog -S Version)" "$("$resetby" --version)"
}

# machine COMMAND...: on this machine, of which nothing that is written stays
machine() {
	unshare --mount bash -ec '
		mount -t tmpfs none "$1"
		for directory in usr var etc; do
			mkdir "$1/$directory" "$1/$directory.work"
			mount -t overlay none "/$directory" -o \
				"lowerdir=/$directory,upperdir=$1/$directory,workdir=$1/$directory.work"
		done
		shift
		"$@"' machine "$PWD/machine" "$@"
}

# What dpkg is to leave as it was; its own records are not.
everything() {
	find /usr /etc -xdev ! -path /etc/ld.so.cache ! -path '/usr/share/man/cat*' \
		\( -type d -printf '%p %y %m\n' -o -printf '%p %y %m %s %l\n' \) | LC_ALL=C sort
}

install_use_remove() {
	everything >before
	dpkg -i "$1"
	expect "$(dpkg-query -W -f '${Status}' resetby)" "install ok installed"
	expect "$(command -v resetby)" /usr/bin/resetby
	resetby run cat /proc/self/maps | grep -qE "/usr/lib/$(gcc -print-multiarch)/libresetby.so"
	LD_PRELOAD=libresetby.so cat /proc/self/maps | grep -qF /libresetby.so
	resetby run bash -c 'exec 3<>/dev/tcp/127.0.0.1/1' 2>&1 | grep -qF 'refused (certain)'
	resetby help rules | grep -q connect-timeout
	bash -c '. /usr/share/bash-completion/completions/resetby && complete -p resetby'
	man --where 7 libresetby >where || true
	expect "$(cat where)" /usr/share/man/man7/libresetby.7.gz
	MANPAGER=cat man 3 resetby_mark_idempotent | grep -q '^RESETBY.H(3)'
	dpkg -r resetby
	everything | diff before -
	dpkg -P resetby
	expect "$(dpkg-query -W -f '${Status}' resetby 2>&1 | grep -c 'no packages found')" 1
}

the_package_installs_works_and_leaves_nothing_behind() {
	needs_dpkg
	mkdir machine
	machine true || skip "this needs root, and overlayfs"
	export -f expect everything install_use_remove
	machine bash -ec 'install_use_remove "$1"' machine "$(a_package)"
	[ ! -e /usr/share/doc/resetby ]
}

cp -a "$build" "$scratch/build"
rm -rf "$scratch"/build/resetby*.gz "$scratch"/build/*.deb "$scratch"/build/deb
make_target dist >/dev/null || exit

points \
	the_same_source_makes_the_same_tarball \
	the_tarball_builds_and_packs_itself \
	the_package_says_what_it_is_and_what_it_needs \
	clangs_package_is_of_the_same_architecture \
	the_same_source_makes_the_same_package \
	the_package_holds_everything_where_debian_has_it \
	the_package_installs_works_and_leaves_nothing_behind
