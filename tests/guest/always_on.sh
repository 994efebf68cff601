#!/bin/bash
# The files of examples/always-on, as far as they can be tried here.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" jq
files=$(realpath "$guest/../../examples/always-on")
installed=/usr/local/lib/libresetby.so

# Another user must be able to reach its log; the scratch directory is ours alone.
public=$(mktemp -d -p /tmp resetby-public.XXXXXX)
trap 'rm -rf "$scratch" "$public"' EXIT
chmod 755 "$public"

needs_here() {
	command -v "$1" >/dev/null || skip "there is no $1 here"
}

# refuse_connection: one line in the log, by a program whose environment is that of "$@"
refuse_connection() {
	env "$@" "$PYTHON" -c '
import socket
try: socket.create_connection(("127.0.0.1", 1))
except OSError: pass'
}

# yaml FILE EXPRESSION: what Python makes of the file, called y
yaml() {
	"$PYTHON" -c 'import sys, yaml, json
y = yaml.safe_load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$files/$1" "$2"
}

the_drop_in_is_right() {
	needs_here systemd-analyze
	mkdir -p units/demo.service.d
	printf '[Service]\nExecStart=/bin/true\n' >units/demo.service
	cp "$files/systemd.conf" units/demo.service.d/resetby.conf
	SYSTEMD_UNIT_PATH=$PWD/units: systemd-analyze verify --man=no demo.service 2>said || true
	expect "$(grep -F resetby.conf said)" ""
	printf '[Service]\nEnvironmentt=a\n' >>units/demo.service.d/resetby.conf
	SYSTEMD_UNIT_PATH=$PWD/units: systemd-analyze verify --man=no demo.service 2>said || true
	has resetby.conf said
}

# calls NAME: of a set of systemd's filters, or of the sets in it
calls() {
	local name
	systemd-analyze syscall-filter "$1" | sed '1d; s/^ *//; /^#/d' | while read -r name; do
		[[ $name == @* ]] && calls "$name" || echo "$name"
	done
}

# As the manual says.
the_filter_of_services_allows_what_the_library_does() {
	needs_here systemd-analyze
	calls @system-service | sort -u >allowed
	tr -d ,. <"$build/man/syscalls" >made
	[ "$(wc -l <made)" -ge 50 ]
	expect "$(sort made | comm -23 - allowed)" ""
}

# As systemd would set it, for a service demo with the library and the directory of this test.
the_environment_of_the_drop_in_logs_json() {
	local variables logs
	logs=$(sed -n 's/^LogsDirectory=//p' "$files/systemd.conf")
	mkdir -p "${logs//%N/demo}"
	mapfile -t variables < <(sed -n 's/^Environment=//p' "$files/systemd.conf" |
		sed "s/%N/demo/g; s/%%/%/g; s|$installed|$library|; s|/var/log|$PWD|")
	expect ${#variables[@]} 3
	refuse_connection "${variables[@]}"
	expect "$(jq -r .cause resetby/demo/python3.log)" refused
}

# refused_by_nginx [VARIABLE=VALUE...]: nginx, whose worker is another user, cannot reach its upstream
refused_by_nginx() {
	serve LD_PRELOAD="$library" "$@" nginx -c "$PWD/nginx.conf"
	curl -s -o /dev/null "http://127.0.0.1:$port/"
	stop QUIT
}

# What the drop-in says of servers that change their user.
nginx_logs_where_its_master_or_its_worker_may_or_into_its_error_log() {
	needs_here nginx
	mkdir "$public/logs"
	chown www-data "$public/logs" || skip "this needs root"
	cat >nginx.conf <<-END
		user www-data;
		pid $PWD/nginx.pid;
		error_log $PWD/error.log;
		daemon off;
		events {}
		http {
			access_log off;
			client_body_temp_path $PWD/body;
			proxy_temp_path $PWD/proxy;
			server {
				listen 127.0.0.1:$port;
				location / { proxy_pass http://127.0.0.1:1; }
			}
		}
	END
	refused_by_nginx RESETBY_LOG="$public/logs/%e.log"
	has " refused (certain)" "$public/logs/nginx.log"
	expect "$(grep -cF 'resetby[' error.log)" 0
	refused_by_nginx
	has " refused (certain)" error.log
	# As the master listens it opens the log, which its workers could not.
	chown root "$public/logs"
	rm "$public/logs/nginx.log" error.log
	refused_by_nginx RESETBY_LOG="$public/logs/%e.log"
	has " refused (certain)" "$public/logs/nginx.log"
	expect "$(grep -cF 'resetby' error.log)" 0
	# A log of its own it has to open itself.
	refused_by_nginx RESETBY_LOG="$public/logs/%p.log"
	has "EACCES" error.log
}

the_image_is_built_anew() {
	grep -q '^RUN make -C /src install .*BUILD=/tmp/' "$files/Dockerfile"
	grep -qx build "$files/Dockerfile.dockerignore"
}

the_library_is_where_the_files_say() {
	make -s -C "$guest/../.." BUILD="$build" install DESTDIR="$PWD/out" >/dev/null
	[ -e "out$installed" ]
	grep -qF "/out$installed $installed" "$files/Dockerfile"
	grep -qF "LD_PRELOAD=$installed" "$files/Dockerfile"
	grep -qF "LD_PRELOAD=$installed" "$files/systemd.conf"
}

the_pod_preloads_what_its_init_container_copied() {
	"$PYTHON" -c 'import yaml' 2>/dev/null || skip "there is no python3-yaml here"
	local copied
	copied=$(yaml pod.yaml 'y["spec"]["initContainers"][0]["command"][2]')
	expect "$(yaml pod.yaml 'y["spec"]["initContainers"][0]["command"][1]')" "$installed"
	expect "$(yaml pod.yaml '{e["name"]: e["value"] for e in y["spec"]["containers"][0]["env"]}["LD_PRELOAD"]')" "$copied"
	expect "$(yaml pod.yaml '[c["volumeMounts"][0]["mountPath"] for c in y["spec"]["initContainers"] + y["spec"]["containers"]]')" \
		"['$(dirname "$copied")', '$(dirname "$copied")']"
	expect "$(yaml pod.yaml 'y["spec"]["volumes"][0]')" "{'name': 'resetby', 'emptyDir': {}}"
}

the_collectors_read_where_the_drop_in_logs() {
	"$PYTHON" -c 'import yaml' 2>/dev/null || skip "there is no python3-yaml here"
	local logs='/var/log/resetby/*/*.log'
	expect "$(yaml vector.yaml 'y["sources"]["resetby"]["include"][0]')" "$logs"
	expect "$(yaml fluent-bit.yaml 'y["pipeline"]["inputs"][0]["path"]')" "$logs"
	expect "$(yaml fluent-bit.yaml 'y["pipeline"]["inputs"][0]["parser"] == y["parsers"][0]["name"]')" True
	grep -qF "\"__path__\" = \"$logs\"" "$files/alloy.alloy"
	grep -qF "$logs {" "$files/logrotate.conf"
	# The time stamp, and the keys that become labels, are in the lines.
	preloaded RESETBY_LOG="$PWD/a.log" "$PYTHON" -c '
import socket
try: socket.create_connection(("127.0.0.1", 1))
except OSError: pass'
	"$PYTHON" -c '
import datetime, json
line = json.loads(open("a.log").read())
datetime.datetime.strptime(line["ts"], "%Y-%m-%dT%H:%M:%S.%fZ")
print(line["ev"], line["cause"], line["exe"])' >said
	expect "$(cat said)" "error refused python3"
}

# A server logs, the log is rotated, the server logs on: no line is lost or in two places.
rotation_loses_nothing_and_is_followed() {
	needs_here logrotate
	mkdir -p logs/web
	sed "s|/var/log/resetby|$PWD/logs|; s|size 10M|size 1|; s|compress||" "$files/logrotate.conf" >conf
	# logrotate reads none that a group may write, as a checkout may be; a copy by root is not.
	install -m 644 "$files/logrotate.conf" real
	logrotate -d real 2>said
	expect "$(grep -i error said)" ""
	# Two errors by one process, with a rotation between them.
	mkfifo go
	start LD_PRELOAD="$library" RESETBY_FORMAT=json RESETBY_LOG="$PWD/logs/web/%e.log" "$PYTHON" -c '
import socket
for port in 1, 2:
    try: socket.create_connection(("127.0.0.1", port))
    except OSError: pass
    open("go").read()'
	eventually test -s logs/web/python3.log
	logrotate -f -s "$PWD/state" conf 2>&1
	: >go
	eventually test -s logs/web/python3.log
	expect "$(jq -r .peer logs/web/python3.log.1)" 127.0.0.1:1
	expect "$(jq -r .peer logs/web/python3.log)" 127.0.0.1:2
	expect "$(tr -d '\0' <logs/web/python3.log | cmp - logs/web/python3.log && echo same)" same
}

points \
	the_drop_in_is_right \
	the_filter_of_services_allows_what_the_library_does \
	the_environment_of_the_drop_in_logs_json \
	nginx_logs_where_its_master_or_its_worker_may_or_into_its_error_log \
	the_image_is_built_anew \
	the_library_is_where_the_files_say \
	the_pod_preloads_what_its_init_container_copied \
	the_collectors_read_where_the_drop_in_logs \
	rotation_loses_nothing_and_is_followed
