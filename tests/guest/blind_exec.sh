#!/bin/bash
# Where the preload ends: programs that the loader does not take the library into, told when they are
# started.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" cc

# compile NAME [OPTION...]: from stdin
compile() {
	cc -x c -o "$1" "${@:2}" -
}

a_static_one() {
	echo 'int main(void){return 7;}' | compile "${1:-static}" -static
}

# told TIMES TEXT: so many lines say so, and there is no other
told() {
	expect "$(logged '"\(.ev) \(.cause) \(.sure): \(.why)"' | sort | uniq -c | xargs)" \
		"${1:+$1 warn preload-ends certain: $2}"
	rm -f log.*
}

in_python() {
	preloaded "$PYTHON" -c "
import os, subprocess, sys
env = dict(os.environ)
path = os.path.abspath('static')
def child(call):
    pid = os.fork()
    if pid == 0:
        call()
        os._exit(99)
    assert os.waitpid(pid, 0)[1] >> 8 == 7
$1"
}

every_way_to_start_a_static_program_is_told() {
	local way
	a_static_one
	while read -r way; do
		echo "$way"
		in_python "$way"
		told 1 "$PWD/static is statically linked: LD_PRELOAD has no effect on it."
	done <<-'END'
		child(lambda: os.execv(path, [path]))
		child(lambda: os.execve(path, [path], env))
		os.environ['PATH'] = os.getcwd(); child(lambda: os.execvp('static', ['static']))
		assert subprocess.run([path]).returncode == 7
		assert subprocess.run([path], close_fds=False).returncode == 7
		assert subprocess.run([path], preexec_fn=lambda: None).returncode == 7
		assert os.waitpid(os.posix_spawn(path, [path], env), 0)[1] >> 8 == 7
		os.environ['PATH'] = os.getcwd(); assert os.waitpid(os.posix_spawnp('static', [path], env), 0)[1] >> 8 == 7
		import ctypes; child(lambda: ctypes.CDLL(None).syscall(59 if os.uname().machine == 'x86_64' else 221, path.encode(), (ctypes.c_char_p * 2)(path.encode(), None), (ctypes.c_char_p * 2)(b'LD_PRELOAD=' + env['LD_PRELOAD'].encode(), None)))
	END
	in_python "child(lambda: os.execve(os.open(path, os.O_RDONLY), [path], env))"
	expect "$(logged .why | sed 's/[0-9]*//g')" "/proc/self/fd/ is statically linked: LD_PRELOAD has no effect on it."
}

each_of_the_execl_family_is_told() {
	a_static_one
	cat >calls.c <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			extern char **environ;
			(void)argc;
			switch (atoi(argv[1])) {
			case 0: return execl("./static", "static", (char *)0);
			case 1: return execlp("static", "static", (char *)0);
			case 2: return execle("./static", "static", (char *)0, environ);
			case 3: return execvpe("static", argv, environ);
			default: return execveat(AT_FDCWD, "./static", argv, environ, 0);
			}
		}
	END
	cc -D_GNU_SOURCE -include fcntl.h -o calls calls.c
	local way status
	for way in 0 1 2 3 4; do
		status=0
		PATH=$PWD:$PATH preloaded ./calls $way || status=$?
		expect $status 7
		expect "$(logged '"\(.exe) \(.cause)"')" "calls preload-ends"
		rm log.*
	done
}

a_file_is_told_once_by_all_that_a_process_forks() {
	a_static_one
	in_python "for i in range(3):
    child(lambda: os.execv(path, [path]))
    child(lambda: child(lambda: os.execv(path, [path])) or os._exit(7))"
	told 1 "$PWD/static is statically linked: LD_PRELOAD has no effect on it."
	preloaded bash -c './static; ./static; (./static); :'
	told 1 "./static is statically linked: LD_PRELOAD has no effect on it."
}

a_script_is_judged_by_its_interpreter() {
	a_static_one
	printf '#!%s\n' "$PWD/static" >script
	printf '#!/usr/bin/env static\n' >by-env
	chmod +x script by-env
	in_python "assert subprocess.run(['./script']).returncode == 7"
	told 1 "$PWD/static is statically linked: LD_PRELOAD has no effect on it."
	PATH=$PWD:$PATH in_python "assert subprocess.run(['./by-env']).returncode == 7"
	told 1 "$PWD/static is statically linked: LD_PRELOAD has no effect on it."
}

a_file_is_told_once_in_a_process() {
	a_static_one
	a_static_one other
	in_python "for i in range(3):
    subprocess.run(['./static'])
    subprocess.run(['./other'])
    os.posix_spawn('./static', ['x'], env)"
	expect "$(logged .why | sort)" "./other is statically linked: LD_PRELOAD has no effect on it.
./static is statically linked: LD_PRELOAD has no effect on it."
}

a_shell_tells_of_its_children() {
	a_static_one
	preloaded bash -c './static; [ $? -eq 7 ]'
	told 1 "./static is statically linked: LD_PRELOAD has no effect on it."
	preloaded sh -c './static; [ $? -eq 7 ]'
	told 1 "./static is statically linked: LD_PRELOAD has no effect on it."
}

programs_that_take_the_library_are_no_news() {
	printf '#!/bin/sh\nexit 7\n' >script
	chmod +x script
	in_python "assert subprocess.run(['./script']).returncode == 7
subprocess.run(['true']); os.system('true'); os.popen('true').read()
try: subprocess.run(['./missing'])
except FileNotFoundError: pass
try: subprocess.run(['/etc/passwd'])
except PermissionError: pass"
	silent
}

# It starts a static program, which loads another one with the library in it.
valgrind_takes_the_library_along() {
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	cat >refused.c <<-'END'
		#include <arpa/inet.h>
		#include <sys/socket.h>
		int main(void)
		{
			struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1)};
			to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) == 0;
		}
	END
	cc -o refused refused.c
	preloaded valgrind -q --tool=none ./refused
	expect "$(logged '"\(.exe) \(.cause)"')" "refused refused"
}

nothing_is_said_where_the_library_was_not_to_go() {
	a_static_one
	in_python "del env['LD_PRELOAD']; subprocess.run([path], env=env)
env['LD_PRELOAD'] = '/nowhere/libother.so'; subprocess.run([path], env=env)"
	RESETBY_SKIP=static in_python "subprocess.run([path])"
	RESETBY_ONLY='python*' in_python "subprocess.run([path])"
	RESETBY_LEVEL=off in_python "subprocess.run([path])"
	silent
	RESETBY_ONLY='python*,static' RESETBY_SKIP=other in_python "subprocess.run([path])"
	told 1 "$PWD/static is statically linked: LD_PRELOAD has no effect on it."
}

set_id_programs_are_told_to_whom_they_change() {
	local public uid=65534
	[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || skip "needs root and setpriv"
	public=$(mktemp -d /tmp/resetby-exec-XXXXXX)
	# shellcheck disable=SC2064
	trap "rm -rf '$public'" EXIT
	chmod 755 "$public"
	cp /bin/true "$public/suid"
	chown $uid "$public/suid" && chmod 4755 "$public/suid" || skip "no other user here"
	preloaded "$PYTHON" -c "import subprocess; subprocess.run(['$public/suid'])"
	told 1 "$public/suid runs under another user ID (set-user-ID): the loader ignores LD_PRELOAD in it."
	preloaded setpriv --no-new-privs "$PYTHON" -c "import subprocess; subprocess.run(['$public/suid'])"
	silent
}

points \
	every_way_to_start_a_static_program_is_told \
	each_of_the_execl_family_is_told \
	a_script_is_judged_by_its_interpreter \
	a_file_is_told_once_in_a_process \
	a_file_is_told_once_by_all_that_a_process_forks \
	a_shell_tells_of_its_children \
	programs_that_take_the_library_are_no_news \
	valgrind_takes_the_library_along \
	nothing_is_said_where_the_library_was_not_to_go \
	set_id_programs_are_told_to_whom_they_change
