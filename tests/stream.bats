#!/usr/bin/env bats
# Engine stream: programs that read in small pieces see what they would see bare, and are served from memory.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_shim
	mkdir "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/shim"
	cd "$BATS_TEST_TMPDIR"
	clean_env "LD_PRELOAD=$(preload)" XURING_PROFILE=bulk "XURING_STATS=json:$PWD/records"
	shim_env=("${clean[@]}")
	clean_env
}

# both COMMAND...: runs it bare and in profile bulk, each in a directory of its own; what it prints, its status and its
# files are to be the same.
both() {
	local side
	for side in bare shim; do
		local env=("${clean[@]}")
		[[ $side == bare ]] || env=("${shim_env[@]}")
		(cd $side && "$tools/within" 30 "${env[@]}" "$@" >../$side.out 2>&1 3>&-
			echo "status $?" >>../$side.out) || :
	done
	show_difference "$*" bare.out shim.out
	show_difference "$*: files" <(cd bare && cksum ./* 2>/dev/null) <(cd shim && cksum ./* 2>/dev/null)
}

# served N: the shim answered so many reads or more from memory.
served() {
	local n
	n=$(jq -s '[.[].calls.read.memory // 0] | add' records)
	echo "from memory: $n"
	((n >= $1))
}

# gathered N: so many writes or more were put off.
gathered() {
	local n
	n=$(jq -s '[.[].calls.write.queued // 0] | add' records)
	echo "gathered: $n, in $(jq -s '[.[].engines.stream.put // 0] | add' records)"
	((n >= $1))
}

@test "stream: what is read in steps by chance is what the kernel gives" {
	local seed
	for seed in {1..40}; do
		both "$tools/streams" random "$seed" 300
	done
	served 2000
	gathered 1000
}

@test "stream: the position is right for programs that are executed, spawned and forked" {
	both "$tools/streams" exec
	both "$tools/streams" spawn
	both "$tools/streams" vfork
	served 30
}

@test "stream: the position is right for who is given the file, and for stdio" {
	both "$tools/streams" message
	both "$tools/streams" stdio
	served 30
}

@test "stream: errors are the kernel's" {
	both "$tools/streams" errors
	served 1
}

@test "stream: four threads, and a handler, read each byte once" {
	# How many come from memory depends on how the threads meet.
	both "$tools/streams" threads
	grep -q 'not read 0, once 10000, more often 0, position 40000' shim.out
	served 100
	rm records
	both "$tools/streams" handler
	grep -q 'not read 0, once 10000, more often 0, position 40000' shim.out
	served 5000
}

@test "stream: what others write is seen at once by who is told, and soon by who is not" {
	both "$tools/streams" news
	served 16
}

@test "stream: direct reads that are in order" {
	both "$tools/streams" direct
	served 600
	[[ $(jq .engines.stream.filled records) -lt 400 ]]
	rm records
	both "$tools/streams" direct-at
	[[ $(jq .calls.pread.memory records) -ge 700 ]]
	[[ $(jq .engines.stream.filled records) -lt 600 ]]
}

@test "stream: dd, dash and Python read a file bytewise, and read it right" {
	need dash python3
	seq 20000 >bare/file
	cp bare/file shim/file
	both dd if=file of=out bs=1 count=50000 status=none
	both dd if=file of=out bs=7 skip=100 count=5000 seek=3 conv=notrunc status=none
	both dd if=file of=/dev/null bs=1 count=50000 status=none
	both dash -c 'n=0; while read -r x; do n=$((n + x)); done <file; echo $n'
	both dash -c 'head -n 10 file >x; { read -r a; read -r b; cat; echo $a $b; } <x'
	both dash -c 'seq 30 >x; { for i in 1 2 3 4 5 6 7 8 9 10 11; do read -r a; done; echo $a; head -n 1; } <x'
	both dash -c 'seq 30 >x; { for i in 1 2 3 4 5 6 7 8 9 10 11; do read -r a; done; (read -r b; echo $a $b); read -r c; echo $c; } <x'
	both python3 -S -c 'f = open("file", "rb", buffering=0)
n = 0
while True:
    b = f.read(5)
    if not b: break
    n = n * 31 + sum(b) & 0xffffffff
print(n, f.tell())
f.seek(10)
print(f.readline(), f.tell())'
	served 200000
}

@test "stream: what a program was started with is its parent's, too, and is left to the kernel" {
	need dash
	# shellcheck disable=SC2016 # the inner shells have these
	both dash -c 'seq 3000 >x; { dash -c "n=0; while [ \$n -lt 900 ]; do read -r a; n=\$((n + 1)); done; echo \$a"
		dd bs=1 count=500 status=none; head -n 1; } <x
		{ dd if=x bs=16 count=300 status=none; echo then; dd if=x bs=16 count=3 status=none; } >y; cat y'
	[[ $(jq -s '[.[].engines.stream.put] | add' records) -eq 0 ]]
	# Only what dd has opened by itself is read ahead.
	[[ $(jq -s '[.[] | select(.prog == "dash") | .calls.read.memory // 0] | add' records) -eq 0 ]]
	jq -s -e '[.[] | select(.prog == "dd") | .calls.read.memory // 0] | sort | .[0] == 0 and .[-1] > 200' records
}

@test "stream: a file that grows is followed" {
	need python3
	both python3 -S -c 'import os
w = open("log", "ab", buffering=0)
w.write(b"x" * 300)
r = open("log", "rb", buffering=0)
while r.read(3): pass
for i in range(300):
    w.write(b"line %d\n" % i)
    got = b""
    while True:
        b = r.read(3)
        if not b: break
        got += b
    assert got == b"line %d\n" % i, got
os.truncate("log", 0)
print(r.tell(), r.read(3))
r.seek(0)
print(r.read(3))'
	served 100
}

@test "stream: what was written is there when another process is told, and soon when it is not" {
	both "$tools/streams" watched
	gathered 300
}

@test "stream: what was written is there before whatever others could see something by" {
	local side
	need python3 strace
	for side in bare shim; do
		local env=("${clean[@]}")
		[[ $side == bare ]] || env=("${shim_env[@]}")
		(cd $side && "$tools/within" 60 strace -f -y -o ../trace.$side "${env[@]}" \
			/usr/bin/python3 -S "$root/tests/tools/observed.py" >../$side.out 3>&-)
		# Of each call of the kernel's: had all been written that the program wrote before?
		/usr/bin/python3 -S "$root/tests/tools/observed.py" trace.$side
	done
	show_difference 'what it saw itself' bare.out shim.out
	gathered 300
}

@test "stream: what was written is there after every kind of end" {
	both "$tools/streams" exits
	gathered 60
}

@test "stream: a disk without room says so, and nothing is lost once there is" {
	both "$tools/streams" full
	gathered 20
}

@test "stream: a limit that is set meanwhile holds from the next write on" {
	need python3
	both python3 -S -c 'import os, resource, signal
caught = []
signal.signal(signal.SIGXFSZ, lambda *_: caught.append(1))
f = os.open("limited", os.O_WRONLY | os.O_CREAT)
def write():
    try: n = os.write(f, b"ten bytes\n")
    except OSError as e: n = e.strerror
    print(n, len(caught))
for i in range(20): os.write(f, b"ten bytes\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (225, -1))
for i in range(5): write()
resource.prlimit(0, resource.RLIMIT_FSIZE, (-1, -1))
for i in range(9): write()
os.close(f)'
	gathered 10
}

@test "stream: threads and handlers that write to one file, and stdio" {
	both "$tools/streams" writers
	both "$tools/streams" write-handler
	gathered 1000
	both "$tools/streams" mixed
}

@test "stream: what a killed process has told of is there, and the rest ends where it was cut off" {
	both "$tools/streams" killed
	grep -q 'wrong 0, told of and lost 0' shim.out
}

@test "stream: who is ended by a signal has written all, and by SIGKILL all but the last moment" {
	both "$tools/streams" fatal
	if grep -v 'lost 0$' shim.out | grep signal; then false; fi
}

@test "stream: a program that gathers finds its signals' actions as they were" {
	both "$tools/streams" fatal-actions
	gathered 40
}

@test "stream: sqlite's databases are whole after kills at any time" {
	need sqlite3
	local mode i pid last
	for mode in delete wal; do
		rm -f db* told
		sqlite3 db "pragma journal_mode=$mode; create table t(x)" >/dev/null
		for i in {1..8}; do
			seq -f "insert into t values(%.0f); select max(x) from t;" $((i * 10000)) $((i * 10000 + 9999)) |
				"${shim_env[@]}" env -u XURING_STATS sqlite3 db >>told 3>&- &
			pid=$!
			sleep 0.$((RANDOM % 3))$((RANDOM % 10))
			kill -KILL $pid
			wait $pid || :
			[[ $(sqlite3 db 'pragma integrity_check') == ok ]]
			last=$(tail -n 1 told)
			[[ $(sqlite3 db 'select max(x) from t') -ge ${last:-0} ]]
		done
	done
}

@test "stream: dd and Python write bytewise, and write it right" {
	need python3
	seq 20000 >bare/file
	cp bare/file shim/file
	both dd if=file of=out bs=1 count=50000 status=none
	both dd if=file of=out bs=7 skip=100 count=5000 seek=3 conv=notrunc status=none
	both dd if=file of=out bs=64 oflag=append conv=notrunc count=500 status=none
	both dd if=/dev/zero of=zeros bs=100 count=3000 status=none
	both dd if=file of=synced bs=64 oflag=dsync count=50 status=none
	both python3 -S -c 'import os
f = open("lines", "ab", buffering=0)
for i in range(5000):
    f.write(b"line %d\n" % i)
    if i % 500 == 499: print(os.stat("lines").st_size, f.tell())
    if i % 700 == 699: os.truncate("lines", 100)
os.rename("lines", "moved")
f.write(b"end")'
	gathered 50000
	[[ $(jq -s '[.[].engines.stream.put // 0] | add' records) -lt 5000 ]]
}

# early SETTING PROGRAM: how often Python, writing large files so, has the kernel begin to write (strace), and where.
early() {
	local env=("${shim_env[@]}" "$1") begun
	shift
	rm -rf early
	mkdir early
	(cd early && timeout 60 strace -f -o ../trace -e trace=sync_file_range -e signal=none \
		env "${env[@]}" /usr/bin/python3 -S -c "import os, sys
def write(name, flags=0, size=20, sync=True, gone=False):
    f = os.open(name, os.O_WRONLY | os.O_CREAT | flags)
    if gone: os.unlink(name)
    piece = (name[0] * (1 << 20)).encode()
    for i in range(size): assert os.write(f, piece) == 1 << 20
    if sync: os.fsync(f)
    os.close(f)
$1") || return 1
	begun=$(grep -c 'SYNC_FILE_RANGE_WRITE) *= 0' trace || :)
	echo "begun $begun times"
	((begun == $2))
}

@test "stream: large files begin to go to the disk once it is known that they are synced" {
	need python3 strace
	early XURING_WRITEBACK=auto 'for c in "abcd": write(c)' 6
	grep -q ', 0, 8388608, SYNC_FILE_RANGE_WRITE' trace
	grep -q ', 8388608, 8388608, SYNC_FILE_RANGE_WRITE' trace
	[[ $(cat early/[abcd] | tr -d '\n' | cksum) == $(for c in a b c d; do
		head -c 20M /dev/zero | tr '\0' $c; done | cksum) ]]
	early XURING_WRITEBACK=auto 'for c in "abcd": write(c, sync=c == "a")' 2
	early XURING_WRITEBACK=early 'write("a", sync=False)' 2
	early XURING_WRITEBACK=late 'for c in "ab": write(c)' 0
	early XURING_PROFILE=safe 'for c in "ab": write(c)' 0
}

@test "stream: small files, unnamed ones, those that are synced anyway, and what is out of order are left alone" {
	need python3 strace
	early XURING_WRITEBACK=early 'for c in "abcd": write(c, size=7)' 0
	early XURING_WRITEBACK=early 'write("a", gone=True)' 0
	early XURING_WRITEBACK=early 'write("a", os.O_DSYNC); write("b", os.O_SYNC)' 0
	early XURING_WRITEBACK=early 'f = os.open("a", os.O_WRONLY | os.O_CREAT)
for i in range(40): os.pwrite(f, b"x" * (1 << 20), i * 7 % 20 << 20)' 0
	early XURING_WRITEBACK=early 'f = os.open("a", os.O_WRONLY | os.O_CREAT)
for i in range(20): os.pwrite(f, b"x" * (1 << 20), i << 20)' 2
	early XURING_WRITEBACK=early 'p = os.popen("cat >/dev/null", "w").fileno()
for i in range(20): os.write(p, b"x" * (1 << 20))' 0
}

@test "stream: who does little of it is left alone, and its children begin anew" {
	need python3
	local program='import os, sys
os.write(os.open("file", os.O_CREAT | os.O_WRONLY), bytes(range(256)) * 40)
def small():
    f = open("file", "rb", buffering=0)
    o = open("out", "ab", buffering=0)
    for i in range(1000):
        o.write(f.read(9))
    print(f.tell(), o.tell(), flush=True)
f = os.open("file", os.O_RDONLY)
for i in range(int(sys.argv[1])):
    os.pread(f, 1, i * 7919 % 10000)
small()
if os.fork():
    os.wait()
else:
    small()
small()'
	both python3 -S -c "$program" 100
	jq -s -e 'map(.calls.read.memory) | min >= 900' records
	rm records bare/out shim/out
	both python3 -S -c "$program" 40000
	# The parent, which is written last, and the child.
	jq -s -e '(.[-1].calls | .read.memory == 0 and .write.queued == 0) and .[0].calls.read.memory >= 900' records
}

@test "stream: without the option, nothing of it happens" {
	shim_env+=(XURING_READ=now XURING_WRITE=now XURING_WRITEBACK=late)
	both "$tools/streams" errors
	both "$tools/streams" direct
	both "$tools/streams" watched
	[[ $(jq -s '[.[].calls.read.memory // 0, .[].calls.write.queued // 0] | add' records) -eq 0 ]]
}
