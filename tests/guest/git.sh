#!/bin/bash
# git over dumb http, from nginx and from python: processes that start processes.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs git nginx "$PYTHON"

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a
export GIT_COMMITTER_EMAIL=a@example.org PYTHONDONTWRITEBYTECODE=1

made() {
	git init -q -b main "$scratch/work"
	cd "$scratch/work"
	head -c 2M /dev/urandom >big
	local i
	for i in {1..5}; do
		echo $i >small
		git add .
		git commit -q -m "number $i"
	done
	mkdir "$scratch/www"
	git clone -q --bare . "$scratch/www/repository"
	git -C "$scratch/www/repository" update-server-info
}
(set -e; made) >"$scratch/made" 2>&1 || { cat "$scratch/made"; exit 1; }

nginx_serves() {
	nginx_configured
	cp -r "$scratch/www/repository" www
	serve "${server[@]}" "${nginx[@]}"
}

python_serves() {
	serve "${server[@]}" "$PYTHON" -m http.server -d "$scratch/www" -b 127.0.0.1 "$port"
}

clone() {
	rm -rf clone
	as_client git clone -q "http://127.0.0.1:$port/repository" clone && git -C clone log --format=%H%s
}

a_clone_from_nginx_is_as_without_us() {
	in_four_ways nginx_serves clone
}

a_clone_from_python_is_as_without_us() {
	in_four_ways python_serves clone
}

# The client's rule, inherited by git-remote-http: 10000 bytes are not enough for anybody.
a_connection_that_ends_early_is_told_by_git() {
	local server=() client status=0
	preload_client RESETBY_RULES='unread=10000'
	nginx_serves
	local aborted
	aborted=$(counter TCPAbortOnClose)
	clone >said.out 2>said.err || status=$?
	expect $status 128
	cat said.err
	[ "$(counter TCPAbortOnClose)" -gt "$aborted" ]
	expect "$(logged 'select(.ev == "inject") | "\(.exe) \(.action)"' | sort -u)" "git-remote-http unread"
}

connect_timeout_is_told_by_git() {
	local server=() client status=0
	preload_client RESETBY_RULES=connect-timeout=1s
	clone >said.out 2>said.err || status=$?
	expect $status 128
	cat said.err
	# Newer ones write 127.0.0.1:PORT.
	has "Failed to connect to 127.0.0.1" said.err
	expect "$(verdicts)" "git-remote-http getsockopt ETIMEDOUT injected"
}

points \
	a_clone_from_nginx_is_as_without_us \
	a_clone_from_python_is_as_without_us \
	a_connection_that_ends_early_is_told_by_git \
	connect_timeout_is_told_by_git
