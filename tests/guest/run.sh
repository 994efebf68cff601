#!/bin/bash
# The command: run, list, explain, --help, --version.
. "$(dirname "$0")/tap"

# Another uid must be able to reach what it runs; the scratch directory is ours alone.
umask 022
public=$(mktemp -d -p /tmp resetby-run.XXXXXX)
trap 'rm -rf "$scratch" "$public"' EXIT
chmod 755 "$public"
install "$resetby" "$library" "$public"

NOBODY=65534
as_nobody() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to become another user"
	setpriv --reuid=$NOBODY --regid=$NOBODY --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}

compile() {
	cc -o "$@" -x c -
}

version_is_printed() {
	expect "$("$resetby" --version)" "resetby 0.1.0"
}

help_of_each_subcommand_is_on_stdout() {
	local sub
	for sub in "" run check explain list; do
		"$resetby" $sub --help >out 2>err
		grep -q "^resetby" out
		[ ! -s err ]
	done
}

wrong_usage_is_one_line_and_status_2() {
	refused 2 "expected a subcommand; try resetby --help" "$resetby"
	refused 2 "'walk'" "$resetby" walk
	refused 2 "-x is no option; try resetby run --help" "$resetby" run -x true
	refused 2 "--nothing is no option" "$resetby" run --nothing true
	refused 2 "--seed wants a value" "$resetby" run --seed
	refused 2 "-l wants a value" "$resetby" run -l
	refused 2 "run: expected a program; try" "$resetby" run
	refused 2 "run: expected a program; try" "$resetby" run --
	refused 2 "as in -r 'ACTION to=:80'" "$resetby" run -r refuse to=:80 true
	refused 2 "'rules'" "$resetby" list rules
	refused 2 "hooks, actions, causes" "$resetby" list
	refused 2 "'ENOTHING'" "$resetby" explain ENOTHING
}

output_that_cannot_be_written_is_an_error() {
	local status=0
	"$resetby" list hooks >/dev/full 2>err || status=$?
	expect "$status" 1
	grep -q "No space left" err
}

what_cannot_be_read_or_written_later_is_refused_now() {
	refused 2 "cannot write /nonexistent/log: No such file" "$resetby" run -l /nonexistent/log true
	refused 2 "cannot write $PWD: Is a directory" "$resetby" run -l "$PWD" true
	RESETBY_LOG=/nonexistent/%e.log refused 2 "RESETBY_LOG: cannot write /nonexistent/true.log" \
		"$resetby" run true
	mkfifo pipe
	refused 2 "is a pipe" "$resetby" run -R pipe true
	"$resetby" run -l "$PWD/%e.%p.log" true
	# Nothing to say: no file.
	[ -z "$(ls *.log 2>/dev/null)" ]
}

run_keeps_process_id_and_exit_status() {
	local status=0
	bash -c 'echo $$; exec "$0" run sh -c "echo \$\$; exit 7"' "$resetby" >pids || status=$?
	expect "$status" 7
	expect "$(sed -n 1p pids)" "$(sed -n 2p pids)"
}

a_signal_ends_the_program_as_without_us() {
	local status=0
	"$resetby" run sh -c 'kill -TERM $$' || status=$?
	expect "$status" 143
}

run_loads_the_library_and_is_silent() {
	"$resetby" run cat /proc/self/maps >maps 2>err
	grep -qF "$library" maps
	[ ! -s err ]
}

# refused_by OPTION...: what run with these options says on stderr of a connect that nobody answers
refused_by() {
	"$resetby" run "$@" /usr/bin/python3 -c '
import socket
port = socket.socket(); port.bind(("127.0.0.1", 0))
try: socket.create_connection(port.getsockname())
except ConnectionRefusedError: pass' 2>&1
}

# Each option as it works, not only as a variable.
run_tells_why() {
	local line='^resetby\[[0-9]*\] [0-9:.]* error .*connect ECONNREFUSED "Connection refused": refused (certain): '
	expect "$(refused_by | grep -c "$line")" 1
	expect "$(refused_by -L off)" ""
	expect "$(refused_by -l log.%e)" ""
	grep -q "$line" log.python*
	expect "$(refused_by -f json | jq -r 'select(.ev == "error") | .cause')" refused
	expect "$(refused_by -L conns -f json | jq -r .ev | xargs)" "error close exit"
	expect "$(refused_by -L calls -f json | jq -r 'select(.ev == "call") | .op' | grep -c connect)" 1
	expect "$(refused_by --seed 42 -f json -r unreachable | jq -r 'select(.ev == "inject") | .seed')" 42
	echo refuse >rules
	expect "$(refused_by -f json -R rules | jq -r 'select(.ev == "error") | .cause')" injected
	expect "$(refused_by -f json -r nolinger -r refuse | jq -r 'select(.ev == "error") | .cause')" injected
}

arguments_arrive_as_they_were() {
	expect "$("$resetby" run -- printf '%s|' '' 'a b' -r --)" "|a b|-r|--|"
	expect "$("$resetby" run sh -c 'echo "$0"' -L)" "-L"
	expect "$("$resetby" run bash -c 'tr "\0" " " </proc/$$/cmdline | cut -d" " -f1')" "bash"
}

an_inherited_preload_stays_behind_ours() {
	echo 'int nothing_much;' | compile other.so -shared -fPIC
	expect "$(LD_PRELOAD=$PWD/other.so "$resetby" run printenv LD_PRELOAD)" "$library:$PWD/other.so"
	LD_PRELOAD=$PWD/other.so "$resetby" run cat /proc/self/maps >maps
	grep -qF other.so maps
	grep -qF "$library" maps
}

run_under_run_preloads_once() {
	expect "$("$resetby" run "$resetby" run printenv LD_PRELOAD)" "$library"
}

options_become_variables() {
	echo 'linger0' >rules
	"$resetby" run -l log.%p -L calls -f json -r 'linger0 conn=1' -r nolinger -R rules --seed 42 \
		printenv >variables
	grep -qxF "RESETBY_LOG=$PWD/log.%p" variables
	grep -qxF "RESETBY_LEVEL=calls" variables
	grep -qxF "RESETBY_FORMAT=json" variables
	grep -qxF "RESETBY_RULES_FILE=$PWD/rules" variables
	grep -qxF "RESETBY_SEED=42" variables
	expect "$("$resetby" run -r 'linger0 conn=1' -r nolinger printenv RESETBY_RULES)" \
		$'linger0 conn=1\nnolinger'
}

log_to_stderr_is_no_file_name() {
	expect "$("$resetby" run -l stderr printenv RESETBY_LOG)" "stderr"
	mkdir -p '100%p'
	cd '100%p'
	expect "$("$resetby" run -l log printenv RESETBY_LOG)" "${PWD/\%/%%}/log"
}

rules_of_the_command_line_replace_inherited_ones() {
	expect "$(RESETBY_RULES=linger0 "$resetby" run -r nolinger printenv RESETBY_RULES)" nolinger
	expect "$(RESETBY_RULES=linger0 "$resetby" run printenv RESETBY_RULES)" linger0
}

misspelt_variables_are_refused() {
	local name
	for name in RULE=RULES RULEZ=RULES LOG_FILE=LOG LOG_LEVEL=LEVEL RULES_FIL=RULES_FILE seed=SEED; do
		refused 2 "RESETBY_${name%=*}: no such variable; did you mean RESETBY_${name#*=}?" \
			env "RESETBY_${name%=*}=" "$resetby" run touch started
	done
	refused 2 "did you mean RESETBY_RULES?" env RESETBY_RULE=linger0 "$resetby" check
	[ ! -e started ]
	# What is like none of them is somebody else's.
	RESETBY_COLOUR=red RESETBY_TAG=1.2 RESETBY_LIB=/usr/lib RESETBY_=x "$resetby" run touch started
	[ -e started ]
}

wrong_values_are_refused_before_the_program_starts() {
	refused 2 "-L:1:1: loud: expected off, resets, conns or calls" \
		"$resetby" run -L loud touch started
	refused 2 "-f:1:1: xml: expected text or json" "$resetby" run -f xml touch started
	refused 2 "--seed:1:1: -1: expected" "$resetby" run --seed -1 touch started
	refused 2 "--seed:1:1: 18446744073709551616: expected" \
		"$resetby" run --seed 18446744073709551616 touch started
	refused 2 "-l:1:10: /tmp/log.%x: expected" "$resetby" run -l /tmp/log.%x touch started
	refused 2 "-R: $PWD/absent: No such file" "$resetby" run -R absent touch started
	refused 2 "-R: $PWD/.: Is a directory" "$resetby" run -R . touch started
	[ ! -e started ]
}

wrong_inherited_values_are_refused_too() {
	refused 2 "RESETBY_LEVEL:1:1: loud" env RESETBY_LEVEL=loud "$resetby" run touch started
	refused 2 "RESETBY_STALE:1:3: 60: expected a duration" env RESETBY_STALE=60 "$resetby" run touch started
	refused 2 "RESETBY_PHRASE:1:1: yes" env RESETBY_PHRASE=yes "$resetby" run touch started
	refused 2 "RESETBY_FORMAT:1:1: " env RESETBY_FORMAT= "$resetby" run touch started
	refused 2 "RESETBY_RULES:1:1:" env RESETBY_RULES=nonsense "$resetby" run touch started
	refused 2 "RESETBY_ONLY:1:1: : expected program names" env RESETBY_ONLY= "$resetby" run touch started
	[ ! -e started ]
	refused 2 "RESETBY_LEVEL:1:1: loud" env RESETBY_LEVEL=loud "$resetby" check linger0
	refused 2 "RESETBY_RULES:1:1: nonsense" env RESETBY_RULES=nonsense "$resetby" check linger0
	refused 2 "RESETBY_RULES_FILE: absent: No such file" \
		env RESETBY_RULES_FILE=absent "$resetby" check linger0
}

a_wrong_rule_is_told_with_its_place() {
	refused 2 "-r:2:9:" "$resetby" run -r linger0 -r 'linger0 nonsense=1' touch started
	printf '# rules\nlinger0\n  nonsense\n' >rules
	refused 2 "$PWD/rules:3:3:" "$resetby" run -R rules touch started
	[ ! -e started ]
}

a_comment_in_one_rule_leaves_the_next_alone() {
	refused 2 "-r:2:1:" "$resetby" run -r 'linger0 # why not' -r nonsense true
}

a_missing_program_is_127() {
	refused 127 "no-such-program: No such file" "$resetby" run no-such-program
	refused 127 "./absent: No such file" "$resetby" run ./absent
	refused 127 "No such file" "$resetby" run ""
}

what_cannot_be_executed_is_126() {
	echo true >plain
	mkdir -p directory
	refused 126 "./plain: Permission denied" "$resetby" run ./plain
	refused 126 "./directory: Permission denied" "$resetby" run ./directory
	refused 126 "plain: Permission denied" env PATH="$PWD" "$resetby" run plain
}

the_path_is_searched_past_what_cannot_be_executed() {
	mkdir -p first second/ls
	echo >first/ls
	"$resetby" run env PATH="$PWD/first:$PWD/second:$PATH" "$resetby" run ls / >out
	grep -q '^tmp$' out
}

a_static_program_is_refused() {
	echo 'int main(void){return 0;}' | compile static -static
	refused 2 "./static is statically linked: LD_PRELOAD has no effect on it" \
		"$resetby" run ./static
	echo 'int main(void){return 0;}' | compile static-pie -static-pie
	refused 2 "./static-pie is statically linked" "$resetby" run ./static-pie
	printf '#!%s/static\n' "$PWD" >script
	chmod +x script
	refused 2 "$PWD/static, which runs ./script, is statically linked" "$resetby" run ./script
	printf '#!/usr/bin/env static\n' >by-env
	chmod +x by-env
	refused 2 "which runs ./by-env, is statically linked" \
		env PATH="$PWD:$PATH" "$resetby" run ./by-env
}

# Go's own toolchain is not needed: the note of its linker is what is looked at.
go_program() {
	cat <<-'END'
		__asm__(".section .note.go.buildid, \"a\", @note\n"
		        ".long 4, 4, 4\n"
		        ".asciz \"Go\\0\"\n"
		        ".long 0\n"
		        ".text");
		int main(void) { return 0; }
	END
}

a_go_program_is_refused() {
	go_program | compile go
	refused 2 "./go is a Go program: linked to libc, but not for its connections" "$resetby" run ./go
	go_program | compile go-static -static
	refused 2 "./go-static is a Go program, statically linked" "$resetby" run ./go-static
	objcopy --strip-section-headers go note-only 2>/dev/null || cp go note-only
	refused 2 "./note-only is a Go program" "$resetby" run ./note-only
	echo 'int main(void){return 0;}' | compile plain
	echo version >buildinfo
	objcopy --add-section .go.buildinfo=buildinfo plain section-only
	refused 2 "./section-only is a Go program" "$resetby" run ./section-only
	"$resetby" run ./plain
}

a_musl_program_is_refused() {
	echo 'int main(void){return 0;}' | compile musl -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1
	refused 2 "./musl is not linked to glibc (its loader is /lib/ld-musl-x86_64.so.1)" \
		"$resetby" run ./musl
}

a_program_without_its_loader_is_127() {
	echo 'int main(void){return 0;}' | compile lost -Wl,--dynamic-linker=/lib/absent.so
	refused 127 "./lost: its loader /lib/absent.so: No such file" "$resetby" run ./lost
	printf '#!/absent/interpreter\n' >script
	chmod +x script
	refused 127 "./script: its interpreter /absent/interpreter: No such file" \
		"$resetby" run ./script
}

# An ELF header of 64 bytes and no more: class, byte order, machine (two bytes in octal)
elf_header() {
	printf "\\177ELF\\$1\\$2\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0$3$4" | dd bs=64 conv=sync status=none
}

another_machine_is_refused() {
	elf_header 1 1 '\2\0' '\3\0' >i386
	elf_header 2 2 '\0\2' '\0\26' >s390x
	elf_header 2 1 '\2\0' '\363\0' >riscv
	chmod +x i386 s390x riscv
	refused 2 "./i386 is a 32-bit i386 program" "$resetby" run ./i386
	refused 2 "./s390x is a 64-bit big-endian S/390 program" "$resetby" run ./s390x
	refused 2 "./riscv is a 64-bit RISC-V program" "$resetby" run ./riscv
}

a_broken_program_file_is_126() {
	head -c 100 /bin/true >cut
	head -c 4 /bin/true >shorter
	chmod +x cut shorter
	refused 126 "./cut: Exec format error" "$resetby" run ./cut
	refused 126 "./shorter: Exec format error" "$resetby" run ./shorter
}

set_id_programs_are_refused_when_the_id_changes() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to give files away"
	cp /bin/true "$public/suid"
	cp /bin/true "$public/sgid"
	chown $NOBODY:$NOBODY "$public/suid" "$public/sgid"
	chmod 4755 "$public/suid"
	chmod 2755 "$public/sgid"
	refused 2 "(set-user-ID): the loader ignores LD_PRELOAD" "$resetby" run "$public/suid"
	refused 2 "(set-group-ID): the loader ignores LD_PRELOAD" "$resetby" run "$public/sgid"
	as_nobody "$public/resetby" run "$public/suid"
	as_nobody "$public/resetby" run "$public/sgid"
	as_nobody --no-new-privs "$public/resetby" run "$public/suid"
	setpriv --no-new-privs "$resetby" run "$public/suid"
}

file_capabilities_are_refused_but_to_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root to give capabilities"
	cp /bin/true "$public/capable"
	# version 2, effective; permitted: CAP_NET_BIND_SERVICE
	/usr/bin/python3 - "$public/capable" <<-'END' || skip "cannot set security.capability here"
		import os, struct, sys
		os.setxattr(sys.argv[1], "security.capability", struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0))
	END
	refused 2 "has file capabilities: the loader ignores LD_PRELOAD" \
		as_nobody "$public/resetby" run "$public/capable"
	"$resetby" run "$public/capable"
}

scripts_run() {
	printf '#! /bin/sh \necho "sh $1"\n' >by-sh
	printf '#!/usr/bin/env bash\necho "bash $1"\n' >by-env
	printf '#!/usr/bin/env -S A=1 bash -e\necho "split $1$A"\n' >by-split
	printf 'echo "none $1"\n' >by-nothing
	chmod +x by-*
	expect "$("$resetby" run ./by-sh x)" "sh x"
	expect "$("$resetby" run ./by-env x)" "bash x"
	expect "$("$resetby" run ./by-split x)" "split x1"
	expect "$("$resetby" run ./by-nothing x)" "none x"
}

a_loop_of_scripts_ends() {
	printf '#!%s/loop\n' "$PWD" >loop
	chmod +x loop
	refused 126 "./loop: Too many levels" "$resetby" run ./loop
}

the_library_is_found_beside_the_command_and_in_lib() {
	mkdir -p beside tree/bin tree/lib
	cp "$resetby" "$library" beside
	cp "$resetby" tree/bin
	cp "$library" tree/lib
	ln -sf "$PWD/beside/resetby" link
	expect "$(beside/resetby run printenv LD_PRELOAD)" "$PWD/beside/libresetby.so"
	expect "$(./link run printenv LD_PRELOAD)" "$PWD/beside/libresetby.so"
	tree/bin/resetby run cat /proc/self/maps | grep -qF "$PWD/tree/lib/libresetby.so"
}

# As in many a chroot.
the_library_is_found_without_proc() {
	local command apart=(unshare --mount)
	[ "$(id -u)" -eq 0 ] || apart+=(--user --map-root-user)
	"${apart[@]}" umount --lazy /proc 2>/dev/null || skip "/proc cannot be unmounted here"
	mkdir -p beside
	cp "$resetby" "$library" beside
	ln -sf "$PWD/beside/resetby" link
	for command in "$PWD/beside/resetby" beside/resetby ./link; do
		expect "$("${apart[@]}" sh -c 'umount --lazy /proc && exec "$@"' - \
			"$command" run printenv LD_PRELOAD)" "$PWD/beside/libresetby.so"
	done
}

a_path_that_preload_cannot_hold_is_refused() {
	local name
	for name in 'a b' 'a:b' 'a$LIB'; do
		mkdir -p "$name"
		cp "$resetby" "$library" "$name"
		refused 2 "LD_PRELOAD cannot hold the path '$PWD/$name/libresetby.so'" \
			"$name/resetby" run true
		RESETBY_LIBRARY=$library "$name/resetby" run cat /proc/self/maps | grep -qF "$library"
	done
	refused 2 "RESETBY_LIBRARY: absent.so: No such file" \
		env RESETBY_LIBRARY=absent.so "$resetby" run true
}

netns_program() {
	cat <<-'END'
		#include <arpa/inet.h>
		#include <stdio.h>
		#include <unistd.h>
		#include <sys/socket.h>
		#include <linux/filter.h>

		int main(void)
		{
			char line[256];
			FILE *status = fopen("/proc/self/status", "r");
			while (fgets(line, sizeof(line), status)) {
				unsigned long long set;
				if (sscanf(line, "CapEff: %llx", &set) == 1) {
					printf("net_admin=%d\n", (int)(set >> 12 & 1));
				}
			}
			printf("uid=%d gid=%d\n", getuid(), getgid());
			struct sockaddr_in here = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}, {0}};
			socklen_t size = sizeof(here);
			int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
			bind(server, (struct sockaddr *)&here, sizeof(here));
			listen(server, 1);
			getsockname(server, (struct sockaddr *)&here, &size);
			printf("loopback=%d\n", connect(client, (struct sockaddr *)&here, size));
			struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffff);
			struct sock_fprog program = {1, &all};
			printf("filter=%d\n", setsockopt(client, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			                                 sizeof(program)));
			return 0;
		}
	END
}

netns_gives_net_admin_and_keeps_the_preload() {
	local who
	netns_program | compile "$public/inside"
	printf '#!/bin/sh\ngrep -c libresetby /proc/self/maps\n' >"$public/maps"
	chmod 755 "$public/maps"
	for who in "" as_nobody; do
		$who "$public/resetby" run --netns "$public/inside" >out
		cat out
		grep -qx "net_admin=1" out
		grep -qx "loopback=0" out
		grep -qx "filter=0" out
		if [ "$who" ]; then
			grep -qx "uid=$NOBODY gid=$NOBODY" out
		fi
		[ "$($who "$public/resetby" run --netns "$public/maps")" -ge 1 ]
		# Kernels with tunnels built in have devices for them everywhere: none is up but lo.
		expect "$($who "$public/resetby" run --netns ip -o link show up | cut -d: -f2)" " lo"
	done
}

netns_that_is_not_allowed_is_refused() {
	# A user namespace below one in which none may be made: nobody's privilege is needed.
	cat >refuse <<-'END'
		echo 0 >/proc/sys/user/max_user_namespaces || exit 77
		exec setpriv --reuid=0 --bounding-set=-all --inh-caps=-all "$@"
	END
	unshare -Ur true || skip "user namespaces are not allowed here"
	refused 2 "--netns: cannot make a network namespace: No space left on device" \
		unshare -Ur bash refuse "$resetby" run --netns touch started
	[ ! -e started ]
}

list_hooks_names_what_is_exported() {
	"$resetby" list hooks >hooks
	grep -qx recv hooks
	grep -qx connect hooks
	expect "$(sort hooks | uniq -d)" ""
}

list_actions_has_a_line_of_help_each() {
	"$resetby" list actions >actions
	grep -q '^linger0	SO_LINGER' actions
	# Name, what it does, how it is written, kind, when it fires, what it needs.
	expect "$(grep -cvP '^([a-z0-9-]+)\t[^\t]+\t\1[^\t]*(\t[^\t]+){3}$' actions || true)" 0
	grep -qP '\tdrain\[=DUR\]\tmitigate\tclose\tnothing$' actions
}

every_cause_that_is_listed_is_explained() {
	"$resetby" list causes >causes
	grep -q '^peer-abort	' causes
	while IFS=$'\t' read -r id title; do
		"$resetby" explain "$id" >out
		expect "$(head -n 1 out)" "$id: $title"
		[ "$(wc -l <out)" -ge 5 ]
		"$resetby" explain | grep -q "^  $id "
	done <causes
}

an_errno_is_explained_by_causes() {
	"$resetby" explain ECONNRESET >out
	grep -q "^  peer-abort " out
	"$resetby" explain ECONNREFUSED | grep -q "^  refused "
}

api_program() {
	cat <<-'END'
		#include <resetby.h>
		#include <errno.h>
		#include <stdio.h>
		#include <string.h>
		int main(void)
		{
			int result;
			const char *version = resetby_version();
			puts(version ? version : "not loaded");
			errno = 0;
			result = resetby_mark_idempotent(0);
			printf("mark %d %s\n", result, strerror(errno));
			errno = 0;
			result = resetby_clear_idempotent(0);
			printf("clear %d %s\n", result, strerror(errno));
			return 0;
		}
	END
}

# api_says VERSION ERROR
api_says() {
	printf '%s\n' "$1" "mark -1 $2" "clear -1 $2"
}

# Daemons go to /. A test that waits for what must come: the edit.
a_relative_rules_file_begins_where_the_program_started() {
	echo "# none" >rules
	RESETBY_RULES_FILE=rules "$resetby" run -l log /usr/bin/python3 - rules <<-'END'
		import errno, os, socket, sys, time
		path, end = os.path.abspath(sys.argv[1]), time.monotonic() + 20
		os.chdir("/")
		with open(path, "w") as file:
		    file.write("unreachable=net\n")
		while socket.socket().connect_ex(("127.0.0.1", 1)) != errno.ENETUNREACH:
		    assert time.monotonic() < end
		    time.sleep(0.05)
	END
}

the_api_works_with_and_without_the_library() {
	local compiler
	for compiler in "cc -std=c90 -x c" "cc -std=c11 -x c" "c++ -x c++"; do
		api_program | $compiler -Wall -Wextra -Werror -pedantic -I "$include" -o api -
		expect "$(./api)" "$(api_says "not loaded" "Function not implemented")"
		expect "$("$resetby" run ./api </dev/null)" "$(api_says 0.1.0 "Bad file descriptor")"
	done
	# As the manual warns.
	api_program | cc -fno-pie -no-pie -I "$include" -o api -x c -
	expect "$("$resetby" run ./api </dev/null)" "$(api_says "not loaded" "Function not implemented")"
}

points \
	version_is_printed \
	help_of_each_subcommand_is_on_stdout \
	wrong_usage_is_one_line_and_status_2 \
	output_that_cannot_be_written_is_an_error \
	what_cannot_be_read_or_written_later_is_refused_now \
	run_keeps_process_id_and_exit_status \
	a_signal_ends_the_program_as_without_us \
	run_loads_the_library_and_is_silent \
	run_tells_why \
	arguments_arrive_as_they_were \
	an_inherited_preload_stays_behind_ours \
	run_under_run_preloads_once \
	options_become_variables \
	log_to_stderr_is_no_file_name \
	rules_of_the_command_line_replace_inherited_ones \
	misspelt_variables_are_refused \
	wrong_values_are_refused_before_the_program_starts \
	wrong_inherited_values_are_refused_too \
	a_wrong_rule_is_told_with_its_place \
	a_comment_in_one_rule_leaves_the_next_alone \
	a_missing_program_is_127 \
	what_cannot_be_executed_is_126 \
	the_path_is_searched_past_what_cannot_be_executed \
	a_static_program_is_refused \
	a_go_program_is_refused \
	a_musl_program_is_refused \
	a_program_without_its_loader_is_127 \
	another_machine_is_refused \
	a_broken_program_file_is_126 \
	set_id_programs_are_refused_when_the_id_changes \
	file_capabilities_are_refused_but_to_root \
	scripts_run \
	a_loop_of_scripts_ends \
	the_library_is_found_beside_the_command_and_in_lib \
	the_library_is_found_without_proc \
	a_path_that_preload_cannot_hold_is_refused \
	netns_gives_net_admin_and_keeps_the_preload \
	netns_that_is_not_allowed_is_refused \
	list_hooks_names_what_is_exported \
	list_actions_has_a_line_of_help_each \
	every_cause_that_is_listed_is_explained \
	an_errno_is_explained_by_causes \
	a_relative_rules_file_begins_where_the_program_started \
	the_api_works_with_and_without_the_library
