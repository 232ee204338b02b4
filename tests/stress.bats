#!/usr/bin/env bats
# shellcheck disable=SC1010
# stress-ng and fio, which check what they read back: bare and under the shim, with the same verdicts.
#
# Work is bounded by operations, not by time, so that counts can be compared as well. XURING_STRESS=N does N times as
# much of it.
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

times=${XURING_STRESS:-1}
before=("$tools/within" $((60 * times)))

setup() {
	cd "$BATS_TEST_TMPDIR"
	need_shim
}

# in_mode MODE COMMAND...: `off` with nothing preloaded is bare.
in_mode() {
	local mode=$1 clean
	shift
	clean_env "HOME=$PWD"
	[[ $mode == bare ]] || clean+=("LD_PRELOAD=$(preload)")
	[[ $mode != ring ]] || clean+=(XURING_MODE=ring "XURING_STATS=json:$PWD/records")
	"${before[@]}" "${clean[@]}" "$@" 3>&-
}

# stress MODE NAME:OPS...: what stress-ng says of each stressor, run side by side: whether it came to its bound (several
# processes of one stressor go over it by chance), failures and skips.
stress() {
	local mode=$1 stressor args=() status=0
	shift
	for stressor; do
		args+=("--${stressor%:*}" 1 "--${stressor%:*}-ops" $((${stressor#*:} * times)))
	done
	rm -rf "box.$mode"
	mkdir "box.$mode"
	in_mode "$mode" stress-ng --verify --seed 7 --timeout $((80 * times)) --hdd-bytes 1m --fallocate-bytes 4m --temp-path "box.$mode" \
		--metrics-brief "${args[@]}" >"log.$mode" 2>&1 || status=$?
	# "metrc: [123] pipe 1000 0.11 ..." and "fail: [123] pipe: why"; numbers of processes go
	{
		echo "status $status"
		sed -nE 's/^stress-ng: metrc: \[[0-9]+\] ([a-z-]+) +([0-9]+) .*[0-9]$/\1 \2/p' "log.$mode" |
			while read -r stressor reached; do
				[[ " $* " =~ " $stressor:"([0-9]+) ]] || continue
				((reached >= BASH_REMATCH[1] * times)) && reached=all
				echo "$stressor $reached"
			done
		grep -E '^stress-ng: (fail|error):|skip|not implemented' "log.$mode" | sed -E 's/\[[0-9]+\]//'
	} | sort >"verdict.$mode"
}

# same_stress NAME:OPS...: bare and in both modes.
same_stress() {
	need stress-ng
	need_ring
	local mode
	for mode in bare auto ring; do
		stress "$mode" "$@"
	done
	[[ $(<verdict.bare) == *'status 0'* ]] || cat log.bare
	show_difference 'stress-ng in auto' verdict.bare verdict.auto
	show_difference 'stress-ng in ring' verdict.bare verdict.ring
	[[ $(counted records ring) -gt 0 ]]
}

@test "stress: files that are read and written give the same in stress-ng" {
	same_stress hdd:100 seek:500 readahead:500 revio:200 sync-file:10 copy-file:50 fallocate:10 verity:1 aio:200
}

@test "stress: file systems and their names give the same in stress-ng" {
	same_stress access:50 chdir:5 chmod:100 dentry:512 dir:256 dirdeep:100 filename:100 fstat:200 getdent:50 \
		handle:50 link:2 mknod:20 open:500 rename:500 touch:200 utime:500 xattr:2 fcntl:200 dup:50
}

@test "stress: locks, leases and watches give the same in stress-ng" {
	same_stress flock:200 lease:50 locka:200 lockf:200 lockofd:200 inotify:10 dnotify:10
}

@test "stress: pipes and fifos give the same in stress-ng" {
	same_stress fifo:500 pipe:2000 sendfile:100 splice:200 tee:50 vm-splice:200 eventfd:500
}

@test "stress: sockets and epoll give the same in stress-ng" {
	same_stress epoll:100 sock:50 sockfd:50 sockpair:500 udp:200 sockmany:20 poll:500
}

@test "stress: processes and signals give the same in stress-ng" {
	same_stress fork:100 vfork:100 clone:20 daemon:20 kill:500 sigpipe:50 sigsegv:200 sigq:200 \
		sigsuspend:200 sigfd:200 timerfd:50 switch:500 wait:20 pthread:10
}

# fio_job MODE ENGINE [OPTION...]: the job's errors and bytes.
fio_job() {
	local mode=$1 engine=$2 status=0
	shift 2
	rm -rf "box.$mode"
	mkdir "box.$mode"
	in_mode "$mode" fio --directory="box.$mode" --name=job --ioengine="$engine" --rw=randrw --bs=4k --size=$((2 * times))m \
		--randseed=7 --verify=crc32c --do_verify=1 --verify_fatal=1 --numjobs=2 --fsync=64 --group_reporting \
		--output-format=json --output="fio.$mode" "$@" >"log.$mode" 2>&1 || status=$?
	{
		echo "status $status"
		jq -c '.jobs[] | [.error, .total_err, .read.io_bytes, .write.io_bytes, .read.total_ios, .write.total_ios]' \
			"fio.$mode"
		cat "log.$mode"
	} >"verdict.$mode"
}

# same_fio ENGINE [OPTION...]
same_fio() {
	need fio jq
	need_ring
	local mode
	for mode in bare auto ring; do
		fio_job "$mode" "$@"
	done
	[[ $(<verdict.bare) == 'status 0'* ]] || cat verdict.bare
	show_difference "fio $1 in auto" verdict.bare verdict.auto
	show_difference "fio $1 in ring" verdict.bare verdict.ring
}

# same_fio_each ENGINE...
same_fio_each() {
	local engine
	for engine; do
		same_fio "$engine"
	done
}

@test "stress: fio verifies the same with calls of its own thread" {
	same_fio_each sync psync vsync pvsync pvsync2 mmap
}

@test "stress: fio verifies the same with asynchronous engines" {
	same_fio_each posixaio libaio
	same_fio libaio --direct=1 --iodepth=16
}

@test "stress: fio verifies the same with its own io_uring" {
	same_fio io_uring
	same_fio io_uring --iodepth=16 --thread
}

@test "stress: fio verifies the same with threads and direct I/O" {
	same_fio psync --thread --direct=1
}
