#!/bin/bash
# nginx and haproxy as victims, between a client and a server: what their logs say under a rule is
# what they say of the real thing.
. "$(dirname "$0")/victims/lib"
needs nginx haproxy curl nft
sysctl -q net.ipv4.tcp_syn_retries=1

# proxies [VARIABLE=VALUE...]: nginx on $port + 100, haproxy on $port + 200, for a server on $port
# of $host. Started as WAY/..., so that the logs are there.
proxies() {
	local back=$port
	port=$((back + 100))
	mkdir tmp
	cat >nginx.conf <<-END
		daemon off;
		worker_processes 1;
		user $(id -un);
		pid nginx.pid;
		error_log error.log info;
		events { }
		http {
			access_log off;
			client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
			uwsgi_temp_path tmp; scgi_temp_path tmp;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_read_timeout 1s;
			upstream back { server $host:$back; keepalive 4; }
			server {
				listen 127.0.0.1:$port;
				location /ended { return 444; }
				location / { proxy_pass http://back; }
			}
		}
	END
	serve "$@" nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/error.log"
	port=$((back + 200))
	cat >haproxy.cfg <<-END
		global
			nbthread 1
			hard-stop-after 1s
			log stdout format raw local0
		defaults
			mode http
			log global
			option dontlognull
			log-format "%tsc %ST %B"
			retries 0
			timeout connect 10s
			timeout client 10s
			timeout server 1s
			http-reuse always
		frontend front
			bind 127.0.0.1:$port
			http-request reject if { path /ended }
			default_backend back
		backend back
			server one $host:$back
	END
	serve "$@" haproxy -db -f haproxy.cfg
	port=$back
}

# What nginx said of connections, without the numbers that are others each time.
nginx_said() {
	sed -nE -e '/\[(info|error|crit|alert)\]/!d' -e 's/^[^*]*\*[0-9]+ //' \
		-e 's/\b8[0-9]{3}\b/PORT/g' -e 's/, client:.*//' -e '/client [0-9.]+ closed keepalive/d' \
		-e '/^(recv|readv|send|writev|sendfile|connect|upstream|client)/p' error.log | sort -u
}

# haproxy_told NUMBER: that many lines; it writes them when the client is served already
haproxy_told() {
	[ "$(haproxy_said | wc -l)" -ge "$1" ]
}

haproxy_said() {
	grep -E '^[A-Za-z-]{2,4} (-1|[0-9]+) [0-9]+$' server.out || true
}

# through WAY PATH [PATH]: ask nginx and haproxy, and keep what all of them say in WAY
through() {
	local way=$1 proxy_port pids=()
	mkdir "$way"
	(
		# The server outside is not this subshell's to stop.
		running=()
		mkdir "$way.work"
		cd "$way.work"
		proxies "${proxy[@]}"
		for each in nginx haproxy; do
			proxy_port=$((port + 100))
			[ $each = nginx ] || proxy_port=$((port + 200))
			"$asks" "$proxy_port" "${@:2}" >"../$way/client.$each" 2>&1 &
			pids+=($!)
		done
		wait "${pids[@]}" || true
		# Of a request that it does not answer (000) a newer one writes nothing.
		eventually haproxy_told $(($# - 1 - $(grep -c '^000' "../$way/client.haproxy")))
		stop
		stop QUIT
		nginx_said >"../$way/nginx"
		haproxy_said >"../$way/haproxy"
	)
}

# The client gives up never, and says how much it got.
ask() {
	local path
	for path in "${@:2}"; do
		[ "$path" = "$2" ] || $between
		curl -sS --max-time 20 -o "answer.$1" -w '%{http_code} %{size_download}\n' \
			"http://127.0.0.1:$1$path" 2>&1 || true
	done
}

# proxied RULES
proxied() {
	local preload
	preload RESETBY_RULES="$1"
	proxy=("${preload[@]}")
}
proxy=(WAY=real)
asks=ask

# both_say TEXT FLAGS: nginx and haproxy, in the real case
both_say() {
	has "$1" real/nginx
	has "$2" real/haproxy
}

refuse_is_a_server_that_is_down() {
	port=$((port + 1))
	through real /get/10
	server_starts
	proxied 'refuse side=client'
	through rule /get/10
	stop
	same rule
	struck refuse nginx haproxy
	both_say "Connection refused) while connecting to upstream" "SC-- 503"
}

unreachable_is_a_route_that_says_so() {
	local host=10.98.76.54
	port=$((port + 1))
	ip route add unreachable $host
	through real /get/10
	ip route del unreachable $host
	ip addr add $host/32 dev lo
	server_starts
	proxied 'unreachable side=client'
	through rule /get/10
	stop
	ip addr del $host/32 dev lo
	same rule
	struck unreachable nginx haproxy
	both_say "No route to host) while connecting to upstream" "SC-- 503"
}

an_unanswered_syn_is_a_filter_that_loses_it() {
	unanswered through proxied
	same connect-timeout/rule
	same drop=synack/rule
	struck connect-timeout nginx haproxy
	struck drop nginx haproxy
	both_say "Connection timed out) while connecting to upstream" "503"
}

reset_in_the_header_is_a_server_that_aborts() {
	server_starts
	through real /head
	# haproxy reads once as soon as it is connected.
	proxied 'reset side=client when=read after=1'
	through rule /begun
	stop
	same rule
	struck reset nginx haproxy
	both_say "Connection reset by peer) while reading response header from upstream" "H-- 502"
}

reset_in_the_body_is_a_server_that_aborts() {
	server_starts
	through real /half/40000
	proxied 'reset side=client when=read after=5K'
	through rule /stall/40000
	stop
	# How much nginx had passed on before it threw the rest away is another number each time.
	sed -i 's/[0-9]\{4,\}/N/g' */client.nginx
	# Nor is it the same whom a newer haproxy blames: its client has gone when it writes the line.
	sed -i 's/^[CS]D/-D/' */haproxy
	same rule
	struck reset nginx haproxy
	both_say "Connection reset by peer) while reading upstream" "-D-- 200"
}

drop_all_is_a_server_that_is_not_heard() {
	server_starts
	filter "tcp sport $port tcp flags & syn == 0 drop"
	through real /get/10
	unfilter
	proxied 'drop=all side=client'
	through rule /get/10
	stop
	same rule
	struck drop nginx haproxy
	both_say "Connection timed out) while reading response header from upstream" "sH-- 504"
}

# With a connection that was used before.
idle_evict_is_a_filter_that_forgot_the_flow() {
	local between=forget_flows
	server_starts
	through real /get/10 /get/20
	unfilter
	proxied "idle-evict=200ms side=client $answered"
	between=silence
	through rule /get/10 /get/20
	stop
	same rule
	struck idle-evict nginx haproxy
	both_say "Connection reset by peer) while reading response header from upstream" "200"
}

# gone: a client that aborts in the middle of its request, when that was read
# stays: one that goes on with its request
gone_or_stays() {
	"$PYTHON" - "$@" <<-'END'
		import socket, struct, sys, time
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		line.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n")
		def was_read():
		    ends = tuple(":%04X" % port for port in (int(sys.argv[1]), line.getsockname()[1]))
		    for words in map(str.split, open("/proc/net/tcp")):
		        if (words[1][8:], words[2][8:]) == ends:
		            return words[4].endswith(":00000000") and words[9] != "0"
		while not was_read():
		    time.sleep(0.01)
		if sys.argv[2] == "gone":
		    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		else:
		    try:
		        line.sendall(b"Name: value\r\n")
		        while line.recv(1000):
		            pass
		    except OSError:
		        pass
		line.close()
	END
}

reset_in_the_request_is_a_client_that_aborts() {
	local asks=gone_or_stays
	server_starts
	through real gone
	proxied 'reset side=server when=read after=1'
	through rule stays
	stop
	same rule
	struck reset nginx haproxy
	both_say "Connection reset by peer) while reading client request" "CR-- 400"
}

# The real thing, for their clients, is a server that aborts. haproxy shuts down before it
# closes, so that there is nothing left to reset.
linger0_and_unread_at_nginx_are_a_server_that_aborts() {
	local way
	server_starts
	ask "$port" /abort >aborted
	for way in linger0 unread; do
		proxied "$way side=server exe=nginx"
		through $way /ended
		diff aborted $way/client.nginx
		struck $way nginx
	done
	stop
	has "Connection reset by peer" aborted
}

points \
	refuse_is_a_server_that_is_down \
	unreachable_is_a_route_that_says_so \
	an_unanswered_syn_is_a_filter_that_loses_it \
	reset_in_the_header_is_a_server_that_aborts \
	reset_in_the_body_is_a_server_that_aborts \
	drop_all_is_a_server_that_is_not_heard \
	idle_evict_is_a_filter_that_forgot_the_flow \
	reset_in_the_request_is_a_client_that_aborts \
	linger0_and_unread_at_nginx_are_a_server_that_aborts
