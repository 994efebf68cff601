#!/bin/bash
# What resetby is for, on programs that know nothing of it: four connections, on loopback.
set -u
given=${RESETBY_BUILD:-build}
build=$(realpath "$given")
scratch=$(mktemp -d)
server=
end() {
	# Only of use when the demo is interrupted: a server ends with its one connection.
	[ -n "$server" ] && kill "$server" 2>/dev/null
	rm -rf "$scratch"
}
trap end EXIT
trap 'exit 130' INT TERM
mkfifo "$scratch/port"
PATH=$build:$build/examples:$PATH
unset "${!RESETBY_@}" http_proxy all_proxy ALL_PROXY

bold='' dim='' plain=''
if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
fi
width=$(tput cols 2>/dev/null || echo 100)
[ "$width" -gt 110 ] && width=110

headline() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# says WHO COLOUR FILE: the lines of a file, folded, behind a name; nothing for an empty file
says() {
	[ -s "$3" ] || return
	printf '  %s%s%s\n' "$dim" "$1" "$plain"
	fold -s -w $((width - 6)) "$3" | sed -E "s/^/      $2/; s/ *\$/$plain/"
}

# reports WHOSE LOG: what resetby wrote. Of each line only the sentence is shown: left out are the
# time, the process ID, and the evidence behind the sentence (`key=value ...`).
reports() {
	sed -E 's/^resetby\[[0-9]+\] [0-9:.]+ //; s/\.? (case|rule)=.*//; s/[^.]$/&./' "$2" \
		>"$scratch/sentences"
	says "$1" "$bold" "$scratch/sentences"
}

# The words of a command as one would type them.
show_command() {
	local word line='  $'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=,@%+\&-]* | '') line+=" '$word'" ;;
		*) line+=" $word" ;;
		esac
	done
	printf '%s\n' "$line"
}

# start_server MODE [OPTION...]: under `resetby run` with these options; sets port
start_server() {
	local mode=$1
	shift
	show_command resetby run "$@" demo server PORT-FILE "$mode" '&'
	: >"$scratch/server.log"
	resetby run -l "$scratch/server.log" "$@" demo server "$scratch/port" "$mode" \
		2>"$scratch/server.err" &
	server=$!
	if ! read -t 5 -r port <>"$scratch/port"; then
		cat "$scratch/server.err"
		exit 1
	fi
}

end_server() {
	wait "$server"
	server=
	says 'the server says' '' "$scratch/server.err"
	reports "resetby says, in the server's log" "$scratch/server.log"
}

# client [OPTION...] COMMAND...: under `resetby run`
client() {
	show_command resetby run "$@"
	: >"$scratch/client.log"
	resetby run -l "$scratch/client.log" "$@" >"$scratch/client.out" 2>&1
	says 'the program says' '' "$scratch/client.out"
	reports 'resetby says' "$scratch/client.log"
}

# fetch PORT: with curl where there is one
fetch() {
	if command -v curl >/dev/null; then
		client curl -sS "http://127.0.0.1:$1/"
	else
		client demo client "$1" get
	fi
}

headline "1. The server aborts: SO_LINGER {1,0}, made by a rule. Whose fault is the error?"
start_server cut -r linger0
fetch "$port"
end_server

headline "2. The server answers early and closes with the upload unread: no rule, a plain bug"
start_server hasty
client demo client "$port" upload
end_server

headline "3. Nobody answers: a connect time-out on demand, made by the kernel"
client -r connect-timeout=2s demo client 9 get

headline "4. Nothing goes wrong, and resetby says nothing"
start_server page
fetch "$port"
end_server
if [ -s "$scratch/client.log" ] || [ -s "$scratch/server.log" ]; then
	echo "  (it should not have)"
	exit 1
fi
printf '\n%sTry your own: %s/resetby run PROGRAM, or resetby run --help.%s\n' \
	"$dim" "$given" "$plain"
