#!/usr/bin/env bats
# Servers with event loops in company, in what is hard for them: every byte once, in order, as bare.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	need_ring
	cd "$BATS_TEST_TMPDIR"
	servers=()
}

# way bare|safe|server: sets `clean` to what runs a program in that way.
way() {
	clean_env "HOME=$PWD"
	[[ $1 == bare ]] || clean+=("LD_PRELOAD=$(preload)" XURING_BATCH=on "XURING_PROFILE=$1"
		"XURING_STATS=json:$PWD/records.$1")
}

@test "servers: handlers that jump out of calls leave no byte twice, and none lost" {
	local profile clean
	for profile in bare safe server; do
		way "$profile"
		[[ $("$tools/within" 30 "${clean[@]}" "$tools/jumper" 2 2>&1 3>&-) == whole ]]
	done
	# It goes on in company after the first of them.
	holds records.safe 'map(.engines.loop.taken // 0) | add > 500'
	holds records.server 'map(.engines.loop.put_off // 0) | add > 500'
}

# start_server PORT COMMAND...: in the way of `clean`, in a group of its own.
start_server() {
	local port=$1
	shift
	setsid "${clean[@]}" "$@" >>log 2>&1 3>&- &
	servers+=("$!")
	wait_for_port "$port" "$!"
}

stop_servers() {
	local server
	for server in "${servers[@]}"; do
		end_group "$server"
	done
	servers=()
}

teardown() {
	stop_servers
}

@test "servers: large bodies go up through nginx, by HTTP/1.1, HTTP/2 and TLS, and come back" {
	local profile clean back front i
	need nginx curl openssl python3
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=localhost 2>/dev/null
	head -c 3000000 /dev/urandom >body
	for profile in bare safe server; do
		way "$profile"
		back=$(free_port)
		start_server "$back" python3 "$BATS_TEST_DIRNAME/loop/server.py" mirror "$back"
		front=$(free_port)
		cat >nginx.conf <<-END
			$([[ $EUID != 0 ]] || echo 'user root;') daemon off; pid $PWD/pid; error_log $PWD/error.log; worker_processes 1;
			events { worker_connections 500; }
			http { access_log off; client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
				uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5; client_max_body_size 10m; proxy_http_version 1.1;
				upstream mirror { server 127.0.0.1:$back; keepalive 8; }
				server { listen 127.0.0.1:$front ssl http2; ssl_certificate $PWD/cert; ssl_certificate_key $PWD/key;
					location / { proxy_pass http://mirror; proxy_set_header Connection ""; }
					location /at-once { proxy_pass http://mirror; proxy_set_header Connection "";
						proxy_request_buffering off; proxy_buffering off; } } }
		END
		start_server "$front" nginx -c "$PWD/nginx.conf"
		# Some go away in the middle: slowly up, and slowly down.
		for i in 1 2 3; do
			curl -sk --max-time 0.5 --limit-rate 100k --data-binary @body "https://127.0.0.1:$front/at-once" >/dev/null 3>&- &
			curl -sk --max-time 0.5 --limit-rate 100k --http1.1 --data-binary @body "https://127.0.0.1:$front/" >/dev/null 3>&- &
		done
		for i in 1 2 3 4; do
			"$tools/within" 40 curl -sSk --http1.1 --parallel --data-binary @body \
				"https://127.0.0.1:$front/$i" -o "1-$i" --next -sSk --http1.1 "https://127.0.0.1:$front/at-once" \
				--data-binary @body -o "1-$i-at-once" 3>&- &
			"$tools/within" 40 curl -sSk --http2 --data-binary @body "https://127.0.0.1:$front/[1-3]" -o "2-$i-#1" 3>&- &
		done
		sleep 1
		for i in 1 2 3 4; do
			"$tools/within" 40 curl -sSk --http2 --data-binary @body "https://127.0.0.1:$front/at-once" -o "3-$i" 3>&- &
		done
		for i in $(jobs -p); do
			[[ " ${servers[*]} " == *" $i "* ]] || wait "$i" || :
		done
		stop_servers
		[[ $(sha1sum [123]-* | cut -d' ' -f1 | sort | uniq -c) == *" 24 $(sha1sum <body | cut -d' ' -f1)" ]]
		rm [123]-*
	done
	cat records.* >records
	holds records 'all(.engines.loop.mistaken == 0)'
	holds records.safe 'map(.engines.loop.taken // 0) | add > 20'
}

@test "servers: HTTP/2, HTTP/1.1 and pipelines through nginx in a crowd: all is answered, and as much as bare" {
	local profile clean port way_of
	need nginx h2load
	mkdir -p html
	seq 3000 >html/file
	for profile in bare safe server; do
		way "$profile"
		port=$(free_port)
		cat >nginx.conf <<-END
			$([[ $EUID != 0 ]] || echo 'user root;') daemon off; pid $PWD/pid; error_log $PWD/error.log; worker_processes 1;
			events { worker_connections 500; }
			http { access_log off; client_body_temp_path $PWD/t1; proxy_temp_path $PWD/t2; fastcgi_temp_path $PWD/t3;
				uwsgi_temp_path $PWD/t4; scgi_temp_path $PWD/t5; keepalive_requests 100000;
				server { listen 127.0.0.1:$port; root $PWD/html; }
				server { listen 127.0.0.2:$port http2; root $PWD/html; } }
		END
		start_server "$port" nginx -c "$PWD/nginx.conf"
		for way_of in '-m10 http://127.0.0.2' '--h1 http://127.0.0.1' '--h1 -m4 http://127.0.0.1'; do
			# shellcheck disable=SC2086 # several words
			"$tools/within" 50 h2load -n 2000 -c 32 ${way_of}:"$port"/file 3>&- |
				sed -En '/^requests:/p; s/^traffic:.* ([^ ]+ \([0-9]+\) data)/\1/p'
		done >"$profile" 2>&1
		stop_servers
		[[ $profile == bare ]] || show_difference "$profile" bare "$profile"
	done
	[[ $(grep -c ' 2000 succeeded, 0 failed, 0 errored' bare) == 3 ]]
	cat records.* >records
	holds records 'all(.engines.loop.mistaken == 0)'
	holds records.server 'map(.engines.loop.put_off // 0) | add > 1000'
}

@test "servers: of many requests none is lost and none done twice, and the server does not grow" {
	local profile clean port before after
	need redis-server redis-benchmark redis-cli
	for profile in bare safe server; do
		way "$profile"
		port=$(free_port)
		start_server "$port" redis-server --port "$port" --save '' --bind 127.0.0.1
		"$tools/within" 50 redis-benchmark -p "$port" -q -c 64 -n 5000 -t incr >/dev/null 3>&-
		before=$(awk '/^VmRSS/ { print $2 }' "/proc/${servers[0]}/status")
		"$tools/within" 50 redis-benchmark -p "$port" -q -c 64 -n 60000 -t incr >/dev/null 3>&-
		"$tools/within" 50 redis-benchmark -p "$port" -q -c 64 -P 7 -n 70000 -t incr >/dev/null 3>&-
		after=$(awk '/^VmRSS/ { print $2 }' "/proc/${servers[0]}/status")
		[[ $(redis-cli -p "$port" get counter:__rand_int__) == 135000 ]]
		echo "$profile: $before KiB, $after KiB" >>sizes
		((after < before + 2048))
		stop_servers
	done
	holds records.server 'map(.engines.loop.put_off // 0) | add > 20000'
}
