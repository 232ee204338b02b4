#!/usr/bin/env bats
# In mode ring the calls of real programs go through io_uring: their statistics say so, and strace agrees.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	need_ring
	cd "$BATS_TEST_TMPDIR"
	records=$PWD/records
	trace=$PWD/trace
	seq 60000 >numbers
	before=()
	clean_env "HOME=$PWD" "LD_PRELOAD=$(preload)" XURING_MODE=ring "XURING_STATS=json:$records"
	ring=("${clean[@]}")
	server=''
}

teardown() {
	[[ -z ${server:-} ]] || kill -KILL -- "-$server" 2>/dev/null || :
}

# The calls that would show a read, a write and so on that did not go through the ring.
of_interest='read,write,readv,writev,pread64,pwrite64,preadv,pwritev,preadv2,pwritev2,recvfrom,sendto,recvmsg,sendmsg'
of_interest+=',accept,accept4,fsync,fdatasync,io_uring_enter'

# tracing: what comes before a program to have its calls written to $trace, names of files and sockets with them. The
# tracer is not the program's parent, so that $! is the program.
tracing() {
	need_trace
	before=(strace -D -f -yy -s 0 -o "$trace" -e "trace=$of_interest" -e signal=none)
}

# traced PATTERN: prints the traced calls that match, and fails if there are none.
traced() {
	grep -E "^[0-9]+ +$1" "$trace" | head -n 20
	grep -qE "^[0-9]+ +$1" "$trace"
}

# trace_ended PID: waits until the trace is whole.
trace_ended() {
	local tries
	for ((tries = 0; tries < 200; tries++)); do
		grep -q "^$1 *+++ exited" "$trace" && return
		sleep 0.05
	done
	echo "the trace does not end"
	return 1
}

# served SYMBOL...: at least one call of each went through the ring.
served() {
	local symbol
	for symbol; do
		[[ $(counted "$records" ring "$symbol") -gt 0 ]] || {
			echo "no $symbol went through the ring:"
			cat "$records"
			return 1
		}
	done
}

# start PORT PROG ARGS...: a server under the shim, in its own process group.
start() {
	local port=$1
	shift
	setsid ${before[@]+"${before[@]}"} "${ring[@]}" "$@" >server.log 2>&1 3>&- &
	server=$!
	wait_for_port "$port" "$server" || {
		cat server.log
		return 1
	}
}

# stop [SIGNAL]: ends it and waits, for 10 s at most.
stop() {
	local pid=$server tries
	kill -s "${1:-TERM}" "$pid" 2>/dev/null || :
	for ((tries = 0; tries < 200; tries++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.05
	done
	wait "$pid" || {
		echo "the server ended with $?"
		cat server.log
		return 1
	}
	server=''
	[[ ${#before[@]} -eq 0 ]] || trace_ended "$pid"
}

# A socket, as strace names it.
socket='\([0-9]+<(TCP|TCPv6|socket|UNIX)[-:]'

# no_socket_calls: the trace has the ring's calls, and no plain read, write or accept on a socket.
no_socket_calls() {
	traced 'io_uring_enter\(' >/dev/null
	run traced "(read|readv|recvfrom|recvmsg|write|writev|sendto|sendmsg|accept|accept4)$socket"
	[[ $status -ne 0 ]] || {
		echo "plain calls on sockets ($(grep -c io_uring_enter "$trace") io_uring_enter):"
		echo "$output"
		return 1
	}
}

@test "ring: cat reads and writes through the ring" {
	"${ring[@]}" cat -n numbers >out
	cat -n numbers | cmp - out
	served read write
	[[ $(counted "$records" kernel read write) -eq 0 ]]
	holds "$records" 'length == 1 and .[0].rings == 1 and .[0].enters > 0 and .[0].ring != "none"'
}

@test "ring: strace agrees on cat" {
	tracing
	"${before[@]}" "${ring[@]}" cat -n numbers >out &
	wait $!
	trace_ended $!
	traced 'io_uring_enter\('
	run traced '(read|write|pread64|pwrite64)\([0-9]+<'"$PWD/(numbers|out)"
	[[ $status -ne 0 ]] || {
		echo "$output"
		return 1
	}
}

@test "ring: dd reads, writes and syncs through the ring" {
	"${ring[@]}" dd if=numbers of=out bs=1000 conv=fsync status=none
	cmp numbers out
	served read write fsync
	[[ $(counted "$records" kernel read write fsync) -eq 0 ]]
	[[ $(counted "$records" ring read) -ge $(($(stat -c %s numbers) / 1000)) ]]
}

@test "ring: strace agrees on dd" {
	tracing
	"${before[@]}" "${ring[@]}" dd if=numbers of=out bs=1000 conv=fsync status=none &
	wait $!
	trace_ended $!
	traced 'io_uring_enter\('
	run traced '(read|write|fsync|fdatasync)\([0-9]+<'"$PWD/(numbers|out)"
	[[ $status -ne 0 ]] || {
		echo "$output"
		return 1
	}
}

# What redis-server is asked to do, bare and traced alike.
load_redis() {
	local port
	need redis-server redis-benchmark redis-cli
	port=$(free_port)
	start "$port" redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$PWD" \
		--appendonly yes --appendfsync always
	redis-benchmark -h 127.0.0.1 -p "$port" -n 500 -c 10 -q -t set,get >load
	[[ $(redis-cli -h 127.0.0.1 -p "$port" set key value) == OK ]]
	[[ $(redis-cli -h 127.0.0.1 -p "$port" get key) == value ]]
	stop
}

@test "ring: redis-server accepts, reads, writes and syncs through the ring" {
	load_redis
	served accept4 read write fdatasync
	[[ $(counted "$records" ring read) -ge 1000 ]]
	[[ $(counted "$records" ring write) -ge 1000 ]]
	[[ $(counted "$records" ring accept4) -ge 20 ]]
}

@test "ring: strace agrees on redis-server" {
	tracing
	load_redis
	no_socket_calls
	run traced 'fdatasync\('
	[[ $status -ne 0 ]]
}

# What nginx is asked to do; bodies by plain reads and writes, as sendfile has no op.
load_nginx() {
	local port
	need nginx wrk curl
	port=$(free_port)
	cat >conf <<-END
		daemon off;
		worker_processes 1;
		pid $PWD/pid;
		error_log $PWD/error;
		$([[ $(id -u) -ne 0 ]] || echo 'user root;')
		events {}
		http {
			access_log off;
			$(for kind in client_body proxy fastcgi uwsgi scgi; do
				echo "${kind}_temp_path $PWD/$kind;"
			done)
			sendfile off;
			root $PWD;
			server { listen 127.0.0.1:$port; }
		}
	END
	start "$port" nginx -e "$PWD/error" -c "$PWD/conf"
	wrk -t 1 -c 8 -d 1s "http://127.0.0.1:$port/conf" >load
	curl -sS "http://127.0.0.1:$port/numbers" | cmp - numbers
	stop QUIT
	cat error load
	[[ ! -s error ]]
	run grep -e errors -e Non-2xx load
	[[ $status -ne 0 ]]
}

@test "ring: nginx accepts, receives, reads files and sends through the ring" {
	load_nginx
	served recv writev pread
	[[ $(counted "$records" ring accept accept4) -ge 9 ]]
	[[ $(counted "$records" ring recv) -ge 100 ]]
}

@test "ring: strace agrees on nginx" {
	tracing
	load_nginx
	# The master and its workers talk through a pair of UNIX sockets; clients come by TCP.
	socket='\([0-9]+<TCP(v6)?:'
	no_socket_calls
	run traced 'pread64\([0-9]+<'"$PWD/(conf|numbers)>"
	[[ $status -ne 0 ]]
}

# What memcached is asked to do, by two threads.
load_memcached() {
	local port
	need memcached memcslap memccp memccat
	port=$(free_port)
	start "$port" memcached -p "$port" -l 127.0.0.1 -U 0 -t 2 -u "$(id -un)"
	memcslap --servers="127.0.0.1:$port" --concurrency=4 --execute-number=100 --initial-load=100 --test=get >load
	memcslap --servers="127.0.0.1:$port" --concurrency=4 --execute-number=100 --initial-load=100 --test=set >>load
	head -c 100000 numbers >sent
	memccp --servers="127.0.0.1:$port" sent
	memccat --servers="127.0.0.1:$port" --file=back sent
	cmp sent back
	stop
}

@test "ring: memcached accepts, reads and sends through the rings of its threads" {
	load_memcached
	served read sendmsg
	[[ $(counted "$records" ring accept accept4) -ge 8 ]]
	[[ $(counted "$records" ring read) -ge 800 ]]
	[[ $(counted "$records" ring sendmsg) -ge 800 ]]
	holds "$records" 'map(select(.prog == "memcached" and .rings >= 3)) | length == 1'
}

@test "ring: strace agrees on memcached" {
	tracing
	load_memcached
	no_socket_calls
}

@test "ring: the program sees no fd of ours, and the lowest free one as ever" {
	need /usr/bin/python3
	look='import os
with open("numbers", "rb") as f:
	f.read()
r, w = os.pipe()
print(r, w, os.open("numbers", os.O_RDONLY), os.dup(0), sorted(os.listdir("/proc/self/fd")))
os.closerange(3, 1000)
print(len(open("numbers").read()), os.open("numbers", os.O_RDONLY))'
	/usr/bin/python3 -c "$look" </dev/null 3>&- >bare
	"${ring[@]}" /usr/bin/python3 -c "$look" </dev/null 3>&- >under
	diff bare under
	served read open
}

@test "ring: threads have rings of their own, and they go with the threads" {
	need /usr/bin/python3
	"${ring[@]}" /usr/bin/python3 -c '
import os, threading
def work():
	fd = os.open("numbers", os.O_RDONLY)
	total = 0
	while data := os.read(fd, 1000):
		total += len(data)
	os.close(fd)
	assert total == os.stat("numbers").st_size
for n in range(50):
	threads = [threading.Thread(target=work) for n in range(4)]
	[t.start() for t in threads]
	[t.join() for t in threads]
'
	holds "$records" '.[0].rings >= 201 and .[0].calls.read.ring > 200'
}

@test "ring: a forked child and what it executes have rings of their own" {
	need /usr/bin/python3
	"${ring[@]}" /usr/bin/python3 -c '
import os, subprocess
def read():
	with open("numbers", "rb", buffering=0) as f:
		return len(f.read(5000))
read()
if (pid := os.fork()) == 0:
	os._exit(read() != 5000)
assert os.waitpid(pid, 0)[1] == 0
assert subprocess.run(["cat", "numbers"], stdout=subprocess.PIPE).stdout == open("numbers", "rb").read()
assert read() == 5000
'
	holds "$records" 'map(select(.prog == "python3" and .rings == 1 and .calls.read.ring > 0)) | length == 2'
	holds "$records" 'map(select(.prog == "cat" and .rings == 1 and .calls.read.ring > 0)) | length == 1'
	holds "$records" '(map(.pid) | unique | length) == length'
}
