#!/usr/bin/env bats
# Servers in company: they answer the same bytes, to polite and to rude clients.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"
# shellcheck source-path=SCRIPTDIR source=loop/way.bash
source "$BATS_TEST_DIRNAME/loop/way.bash"

here=$BATS_TEST_DIRNAME/loop

setup() {
	need jq
	need_shim
	need_ring
	cd "$BATS_TEST_TMPDIR"
	server=''
}

teardown() {
	[[ -z ${server:-} ]] || kill -KILL -- "-$server" 2>/dev/null || :
}

# start_server PORT COMMAND...: in the way of `clean`, in a group of its own.
start_server() {
	local port=$1
	shift
	setsid "${clean[@]}" "$@" >>log 2>&1 3>&- &
	server=$!
	wait_for_port "$port" "$server"
}

stop_server() {
	end_group "$server"
	server=''
}

# same_answers KIND COMMAND...: the crowd gets the same from the server, in each way. PORT in a word is the port.
same_answers() {
	local kind=$1 profile port clean
	shift
	for profile in bare safe server; do
		port=$(free_port)
		way "$profile"
		start_server "$port" "${@//PORT/$port}"
		"$tools/within" 50 python3 "$here/chaos.py" "$kind" "$port" 2 >"$profile" 2>&1 3>&-
		stop_server
		[[ $profile == bare ]] || show_difference "$kind, $profile" bare "$profile"
	done
	[[ $(wc -l <bare) == 40 ]]
	# On a busy machine node reads so much at a time that there may be nothing to look at beforehand.
	[[ $kind == websocket ]] || holds records.safe 'map(.engines.loop.taken // 0) | add > 0'
	holds records.server 'map(.engines.loop.put_off // 0) | add > 0'
	cat records.* >records
	holds records 'all(.engines.loop.mistaken == 0)'
}

@test "loop: redis answers the same" {
	need redis-server
	same_answers redis redis-server --port PORT --save '' --bind 127.0.0.1 --maxclients 500
}

@test "loop: memcached answers the same" {
	need memcached
	same_answers memcached memcached -u root -l 127.0.0.1 -p PORT -t 2
}

@test "loop: nginx answers the same" {
	need nginx
	mkdir -p html
	echo small >html/small
	seq 20000 >html/large
	echo index >html/index.html
	cat >nginx.conf.in <<-END
		daemon off; pid $PWD/pid; error_log $PWD/error.log; worker_processes 1;
		events { worker_connections 500; }
		http { access_log off; client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
			uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5;
			server { listen 127.0.0.1:\$1; root $PWD/html; } }
	END
	[[ $EUID != 0 ]] || sed -i '1s/^/user root; /' nginx.conf.in
	# shellcheck disable=SC2016 # for the inner shell
	same_answers http bash -c 'sed "s/[$]1/$1/" nginx.conf.in >nginx.conf; exec nginx -c "$PWD/nginx.conf"' sh PORT
}

@test "loop: python's asyncio answers the same" {
	same_answers echo python3 "$here/server.py" asyncio PORT
}

@test "loop: python's selectors answer the same" {
	same_answers echo python3 "$here/server.py" selectors PORT
}

@test "loop: python's selectors by poll and by select answer the same" {
	same_answers echo python3 "$here/server.py" poll PORT
	holds records.server 'any(.calls.poll.total > 100)'
	rm records*
	same_answers echo python3 "$here/server.py" select PORT
	holds records.server 'any(.calls.select.total > 100)'
}

@test "loop: memcached by poll and by select answers the same" {
	need memcached
	same_answers memcached env EVENT_NOEPOLL=1 memcached -u root -l 127.0.0.1 -p PORT -t 2
	holds records.server 'any(.calls.poll.total > 100)'
	rm records*
	same_answers memcached env EVENT_NOEPOLL=1 EVENT_NOPOLL=1 memcached -u root -l 127.0.0.1 -p PORT -t 2
	holds records.server 'any(.calls.select.total > 100)'
}

@test "loop: lighttpd by poll answers the same" {
	need lighttpd
	mkdir -p html
	echo small >html/small
	seq 20000 >html/large
	echo index >html/index.html
	cat >conf.in <<-END
		server.document-root = "$PWD/html"
		server.port = \$1
		server.bind = "127.0.0.1"
		server.event-handler = "poll"
		server.errorlog = "$PWD/error.log"
		server.upload-dirs = ("$PWD")
	END
	# shellcheck disable=SC2016 # for the inner shell
	same_answers http bash -c 'sed "s/[$]1/$1/" conf.in >conf; exec lighttpd -D -f conf' sh PORT
	holds records.server 'any(.calls.poll.total > 100)'
}

@test "loop: TLS of python's asyncio answers the same" {
	need openssl
	openssl req -x509 -newkey rsa:2048 -nodes -keyout cert -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null
	cat cert.pem >>cert
	same_answers tls python3 "$here/server.py" tls PORT "$PWD/cert"
}

@test "loop: WebSockets of node answer the same" {
	need node
	same_answers websocket node "$here/websocket.js" PORT
}

@test "loop: company is chosen where calls are dear" {
	local clean port
	[[ -x $build/bench/dear ]] || skip 'no build/bench/dear'
	clean_env "LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/record"
	clean=("$build/bench/dear" 3000 "${clean[@]}")
	port=$(free_port)
	start_server "$port" "$build/bench/echo" serve "$port"
	"$tools/within" 30 "$build/bench/echo" drive "$port" 64 1 >/dev/null
	stop_server
	holds record 'all(.engines.loop | .verdict == "pays" and .from > 0 and .taken > 100)'
}
