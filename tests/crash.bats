#!/usr/bin/env bats
# What a program was told is on the disk is there, whatever is gathered, batched or shared (engines sync and stream).
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2034,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_shim
	# On a disk: what is in memory alone is not synced by all of these.
	scratch=$(mktemp -d /var/tmp/xuring-crash.XXXXXX)
	cd "$scratch"
	clean_env "LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/records" "HOME=$PWD"
	shim_env=("${clean[@]}")
}

teardown() {
	[[ -z ${server-} ]] || kill -KILL "$server" 2>/dev/null || :
	rm -rf "$scratch"
}

# replay: the calls in `trace` that reached the kernel, one after another. Whenever the program acts upon a sync, by writing "on
# the disk: FILE LENGTH" elsewhere, that file has been synced with so much in it. Files are appended to, so that their lengths
# tell what is in them. Prints how often that was so.
replay() {
	/usr/bin/perl -ne '
		# A call that did not end before another began: what it syncs is what was written before it.
		if (/^(\d+) +(.*?) *<unfinished \.\.\.>$/) {
			$begun{$1} = $2;
			$before{$1} = {%written};
			next;
		}
		my $whole = 1;
		$whole = 0 if s/^(\d+) +<\.\.\. \w+ resumed>(.*)/$1 . " " . $begun{$1} . $2/e;
		my ($pid, $call, $file, $rest, $res) = /^(\d+) +(\w+)\(\d+<([^>]*)>(.*) = (-?\d+)/ or next;
		my %now = $whole ? %written : %{$before{$pid}};
		my ($part) = $file =~ m{/(part\d*)$};
		if ($call =~ /^p?write/ and $part) {
			$written{$part} += $res if $res > 0;
		} elsif ($call =~ /^p?write/) {
			while ($rest =~ /on the disk: (\w+) (\d+)/g) {
				$right++, next if ($synced{$1} // 0) >= $2;
				print "it acted upon $2 bytes of $1, and ", $synced{$1} // 0, " were synced\n";
				$wrong++;
			}
		} elsif ($call =~ /^f(data)?sync$/ and !$res and $part) {
			$synced{$part} = $now{$part};
		} elsif ($call eq "syncfs" and !$res) {
			%synced = %now;
		}
		END { print "acted upon ", $right // 0, "\n"; $? = !!$wrong }' trace
}

# A program that appends to files in small pieces, syncs them one by one and in rounds, and says what it relies on.
program='
import os, random, sys, time, threading
random.seed(int(sys.argv[1]))
fs = [os.open("part%d" % i, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for i in range(12)]
size = [0] * len(fs)
def append(i):
    for _ in range(random.randrange(1, 40)):
        size[i] += os.write(fs[i], b"x" * random.randrange(1, 200))
def sync(i):
    n = size[i]
    random.choice((os.fsync, os.fdatasync))(fs[i])
    os.write(1, b"on the disk: part%d %d\n" % (i, n))
for turn in range(8):
    for i in random.sample(range(len(fs)), 5):
        append(i)
        sync(i)
    for i in range(len(fs)):
        append(i)
    time.sleep(random.choice((0, 0.03)))
    for i in range(len(fs)):
        sync(i)
        if random.random() < 0.1:
            append(random.randrange(len(fs)))
if len(sys.argv) > 2:
    lock = threading.Lock()
    def work():
        for _ in range(15):
            with lock:
                append(0)
                n = size[0]
            os.fdatasync(fs[0])
            os.write(1, b"on the disk: part0 %d\n" % n)
    ts = [threading.Thread(target=work) for _ in range(4)]
    [t.start() for t in ts]
    [t.join() for t in ts]
'

@test "crash: each prefix of the calls that reach the kernel has what the program relied on" {
	local profile seed
	need python3 strace
	for profile in safe bulk; do
		for seed in 1 '2 threads'; do
			rm -f part* records
			# shellcheck disable=SC2086 # two arguments
			timeout 60 strace -f -y -s 100 -o trace -e trace=write,pwrite64,writev,fsync,fdatasync,syncfs -e signal=none \
				env "${shim_env[@]}" XURING_PROFILE=$profile /usr/bin/python3 -S -c "$program" $seed >said
			replay >replayed || { cat replayed; return 1; }
			echo "$profile, seed $seed: $(<replayed)"
			[[ $(<replayed) == "acted upon $(wc -l <said)" && $(wc -l <said) -ge 130 ]]
		done
		# What is tested took place.
		[[ $profile == safe ]] || jq -s -e 'map(.calls.write.queued) | add > 100' records
	done
}

# moment FILE N: waits until the file has N lines, and a little more.
moment() {
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		[[ ! -e $1 || $(wc -l <"$1") -lt $2 ]] || break
		sleep 0.01
	done
	sleep 0.0$((RANDOM % 10))
}

@test "crash: sqlite3, killed, has what it said was committed" {
	local profile mode i n last
	need sqlite3
	for profile in safe bulk server; do
		for mode in delete wal; do
			rm -f db* said
			"${shim_env[@]}" sqlite3 db "pragma journal_mode=$mode; create table t(x);" >/dev/null
			for ((i = 0; i < 2; i++)); do
				# It says what it has committed.
				for ((n = 0; n < 1000; n++)); do
					echo "insert into t values($((i * 1000 + n))); select $((i * 1000 + n));"
				done >input
				rm -f said
				"${shim_env[@]}" XURING_PROFILE=$profile stdbuf -oL sqlite3 db <input >said 3>&- &
				server=$!
				moment said 5
				kill -KILL "$server" 2>/dev/null || :
				wait "$server" 2>/dev/null || :
				server=''
				last=$(grep -x '[0-9]*' said | tail -n 1)
				[[ $(sqlite3 db 'pragma integrity_check') == ok ]]
				echo "$profile, $mode: up to $last"
				[[ $(sqlite3 db "select count(*) from t where x = $last") -eq 1 ]]
			done
		done
	done
}

@test "crash: redis, killed, has in its log what it answered for" {
	local profile port answered client aof
	need redis-server redis-cli redis-check-aof
	for profile in safe bulk server; do
		rm -rf redis
		mkdir redis
		# shellcheck disable=SC2119
		port=$(free_port)
		"${shim_env[@]}" XURING_PROFILE=$profile redis-server --port "$port" --dir "$PWD/redis" --save '' \
			--appendonly yes --appendfsync always --daemonize no >redis.log 2>&1 3>&- &
		server=$!
		for ((i = 0; i < 500; i++)); do
			redis-cli -p "$port" ping >/dev/null 2>&1 && break
			sleep 0.02
		done
		for ((i = 0; i < 5000; i++)); do echo 'incr x'; done >input
		redis-cli -p "$port" <input >answers 2>/dev/null 3>&- &
		client=$!
		moment answers 50
		kill -KILL "$server"
		wait "$server" 2>/dev/null || :
		kill -KILL "$client" 2>/dev/null || :
		wait "$client" 2>/dev/null || :
		server=''
		answered=$(grep -x '[0-9]*' answers | tail -n 1)
		aof=$(find redis -name '*.incr.aof' -o -name appendonly.aof)
		redis-check-aof "$aof" >checked 2>&1 || { cat checked; return 1; }
		echo "$profile: answered $answered, in the log $(grep -aci '^incr' "$aof")"
		((answered > 0 && $(grep -aci '^incr' "$aof") >= answered))
	done
}
