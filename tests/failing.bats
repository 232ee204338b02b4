#!/usr/bin/env bats
# Engines at work whose n-th enter, set-up or registration fails, once or from then on, with each error: programs see what they see bare. In mode
# ring: lifecycle-faults.bats. By strace and not by a filter, under which some engines do not begin.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq strace
	need_shim
	need_ring
	[[ $build != */san-* ]] || skip 'sanitizers do not work under strace'
	strace -qq -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	# Not in memory: aio goes through the ring where disks are waited for.
	scratch=$(mktemp -d /var/tmp/xuring-faults.XXXXXX)
	cd "$scratch"
	settings=()
	call=io_uring_enter
}

teardown() {
	rm -rf "$scratch"
}

bare() {
	local clean
	clean_env "HOME=$PWD"
	"$tools/within" 30 "${clean[@]}" "$@" >bare.out 2>&1 3>&-
}

# fault ERRNO@N COMMAND...: under the shim, by `settings`; ERRNO@N+: all such calls from the N-th of a task on. The same must
# come of it as bare. `met` is whether there was such a call.
fault() {
	local clean what=$1 error=${1%@*} n=${1#*@} status=0
	shift
	clean_env "HOME=$PWD"
	"$tools/within" 60 strace -f -qq -o trace -e "trace=$call" -e signal=none \
		-e "inject=$call:error=$error:when=$n" \
		"${clean[@]}" "LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/records" "${settings[@]}" "$@" >shim.out 2>&1 3>&- ||
		status=$?
	met=0
	! grep -q INJECTED trace || met=1
	faults=$((faults + met))
	[[ $status -eq 0 ]] || {
		echo "$what: it ended with $status"
		tail -n 5 shim.out
		return 1
	}
	show_difference "$what: $*" bare.out shim.out
}

# throughout COMMAND...: each of `errors`, at each such call that there is.
throughout() {
	local error n met faults=0
	bare "$@"
	for error in "${errors[@]}"; do
		for ((n = 1, met = 1; met && n <= ${most:-1000}; n += ${step:-1})); do
			fault "$error@$n${on:-}" "$@" || return
		done
	done
	[[ $faults -ge ${#errors[@]} ]]
}

@test "failing: the scout at work" {
	settings=(XURING_SCOUT=on XURING_PROFILE=remote)
	errors=(EPERM EAGAIN EINTR)
	"$tools/forest" tree 80 4
	throughout grep -r needle tree
	on=+
	step=3
	throughout grep -r needle tree
}

@test "failing: asynchronous I/O" {
	local case
	errors=(EPERM EAGAIN EINTR)
	step=6
	most=26
	for case in read list cancel; do
		throughout "$tools/aio-posix" "$case" file
	done
	# Each call up to the last.
	step=1
	most=1000
	throughout "$tools/aio-linux" mixed file
	most=26
	# What comes after the carrier has gone comes after what it had.
	errors=(EPERM)
	step=2
	throughout "$tools/aio-posix" append file
	step=6
	# The kernel never has room again.
	on=+
	errors=(EPERM EAGAIN)
	step=20
	throughout "$tools/aio-posix" read file
}

@test "failing: event loops" {
	settings=(XURING_BATCH=on XURING_PROFILE=server)
	errors=(EPERM EAGAIN)
	step=2
	most=3
	throughout "$tools/waits"
}

@test "failing: set-up and registration" {
	errors=(EPERM EINVAL)
	"$tools/forest" tree 80 4
	for call in io_uring_setup io_uring_register; do
		for on in '' +; do
			settings=()
			throughout "$tools/aio-posix" list file
			settings=(XURING_SCOUT=on)
			throughout grep -r needle tree
		done
	done
}

@test "failing: profile bulk, where rings fail" {
	need python3
	"$tools/forest" tree 40 4
	settings=(XURING_PROFILE=bulk XURING_SCOUT=on)
	local program='import os, zlib
files = sorted(os.path.join(d, f) for d, _, fs in os.walk("tree") for f in fs)
out = os.open("out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
total = 0
for name in files:
    with open(name, "rb", buffering=0) as f:
        while piece := f.read(50):
            total = zlib.crc32(piece, total)
            os.write(out, piece[:9])
for name in files:
    fd = os.open(name, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
os.close(out)
print(total, zlib.crc32(open("out", "rb").read()))'
	errors=(EPERM EAGAIN EINTR ENOMEM)
	most=5
	step=4
	throughout python3 -S -c "$program"
	most=1
	for call in io_uring_setup io_uring_register; do
		throughout python3 -S -c "$program"
	done
}

# What a program is told of the file that it writes in small pieces, and whether there is in it, in order, what it was told of as
# written. It goes on after errors.
script='import os, sys
told, good, how = [], b"", sys.argv[1]
def tell(do, *args):
    try:
        return do(*args)
    except OSError as e:
        told.append(e.strerror)
f = os.open("pieces", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
for i in range(int(sys.argv[2])):
    line = b"%d is the number of this line\n" % i
    good += line[:tell(os.write, f, line) or 0]
    if how == "sync" and i % 50 == 49: tell(os.fsync, f)
    if how == "room" and told and os.path.exists("filler"): os.unlink("filler")
if how == "pairs": tell(os.close, os.dup(f))
tell(os.close, f)
file = open("pieces", "rb").read()
print("told", len(told), *sorted(set(told)), file=sys.stderr)
print("whole" if file == good else "the beginning" if good.startswith(file) else "wrong")'

# lines_fault SIDE CALL ERRNO N HOW LINES: runs it so; of each CALL on the file from the N-th on, or the N-th alone, comes ERRNO.
lines_fault() {
	local clean env=() side=$1 call=$2 error=$3 n=$4
	shift 4
	clean_env "HOME=$PWD"
	[[ $side == bare ]] || env=("LD_PRELOAD=$(preload)" XURING_PROFILE=bulk XURING_LOG=error "XURING_LOG_FILE=$PWD/log")
	"$tools/within" 60 strace -f -qq -o trace -P "$PWD/pieces" -e "trace=$call" -e signal=none -e "inject=$call:error=$error:when=$n" \
		"${clean[@]}" "${env[@]}" python3 -S -c "$script" "$@" >"$side.out" 2>"$side.told" 3>&-
	grep -q INJECTED trace || { echo "$side: no $call failed"; return 1; }
}

@test "failing: a write that fails is told of once, and nothing else is lost" {
	local error n how met=0
	need python3
	for error in EIO ENOSPC EDQUOT; do
		# The fourth is the last that the kernel is asked for at once.
		for n in 1 4 5; do
			for how in on sync pairs; do
				lines_fault bare write $error $n $how 100
				[[ $(cat bare.told bare.out) == "told 1 "*whole ]]
				# strace counts the flusher's writes for themselves: there may be no fifth.
				lines_fault shim write $error $n $how 100 || continue
				met=$((met + 1))
				show_difference "$error@$n, $how: told" bare.told shim.told
				show_difference "$error@$n, $how" bare.out shim.out
			done
		done
	done
	((met >= 18))
	# For good: it is told of again and again, until the file is closed, and in the log.
	for how in on sync; do
		lines_fault shim write EIO 5+ $how 300 || continue
		[[ $(cat shim.out) == 'the beginning' && $(cat shim.told) == 'told '[1-9]*' Input/output error' ]]
		grep -q 'bytes that a program wrote could not be written' log
		rm log
	done
}

@test "failing: a sync that fails is told of by that call, and small writes before it are there" {
	local n
	need python3
	for n in 1 2; do
		lines_fault bare fsync EIO $n sync 100
		lines_fault shim fsync EIO $n sync 100
		show_difference "sync $n: told" bare.told shim.told
		show_difference "sync $n" bare.out shim.out
	done
}

@test "failing: reading ahead fails, and the program reads" {
	local error n
	need python3
	seq 3000 >pieces
	local script='f = open("pieces", "rb", buffering=0)
n = 0
while b := f.read(7): n = n * 31 + sum(b) & 0xffffffff
print(n, f.tell())'
	python3 -S -c "$script" >bare.out
	for error in EIO EINTR EAGAIN ENOMEM; do
		for n in 1 2 1+; do
			lines_fault shim pread64 $error $n
			show_difference "$error@$n" bare.out shim.out
		done
	done
}

@test "failing: a disk that is full says so, and has all once there is room" {
	need python3
	mkdir full
	mount -t tmpfs -o size=256k,nr_inodes=100 none full 2>/dev/null || skip 'no file system can be mounted here'
	local clean side
	for side in bare shim; do
		clean_env "HOME=$PWD"
		[[ $side == bare ]] || clean+=("LD_PRELOAD=$(preload)" XURING_PROFILE=bulk "XURING_STATS=json:$PWD/records")
		(cd full && rm -f ./* && head -c 200k /dev/zero >filler && "$tools/within" 60 "${clean[@]}" python3 -S -c "$script" room 4000 \
			>../$side.out 2>../$side.told 3>&-) || { umount full; return 1; }
		# Without room.
		(cd full && rm -f ./* && head -c 200k /dev/zero >filler && "$tools/within" 60 "${clean[@]}" python3 -S -c "$script" on 4000 \
			>../$side.none 2>../$side.none.told 3>&-) || { umount full; return 1; }
	done
	umount full
	cat ./*.told
	# Bare, a line is cut off at the last page; and what was not taken once is not missing elsewhere.
	[[ $(<bare.out) == whole && $(<shim.out) == whole ]]
	grep -q 'told [1-9]* No space left on device' shim.told
	[[ $(<shim.none) == whole || $(<shim.none) == 'the beginning' ]]
	grep -q 'told [1-9][0-9]* No space left on device' shim.none.told
	jq -s -e 'map(.calls.write.queued) | min > 100' records
}
