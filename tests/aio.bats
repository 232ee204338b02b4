#!/usr/bin/env bats
# The engine aio: programs that ask for asynchronous I/O see under the shim what they see bare, and the ring did it.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	# Not in memory: what is tested is how disks are waited for.
	scratch=$(mktemp -d /var/tmp/xuring-aio.XXXXXX)
	cd "$scratch"
	records=$scratch/records
	before=()
}

teardown() {
	rm -rf "$scratch"
}

# The engine's own figures, summed over all records: engine NAME
engine() {
	jq -s --arg name "$1" '[.[].engines.aio[$name]] | add // 0' "$records"
}

# need_engine: skips where the kernel has no ring, or no futex in it (6.7).
need_engine() {
	need_ring
	shimmed "XURING_STATS=json:$scratch/probe" "$tools/aio-posix" read probe-file >/dev/null
	[[ $(jq -s '[.[].engines.aio.carriers] | add' probe) -gt 0 ]] || skip 'this kernel lacks an op that the engine needs'
}

# same TOOL CASE [NAME=VALUE...]: the case prints the same bare and under the shim.
same() {
	local clean tool=$1 case=$2
	shift 2
	clean_env "HOME=$PWD"
	"$tools/within" 30 "${clean[@]}" "$tools/$tool" "$case" file >bare 2>&1 3>&-
	rm -f "$records"
	shimmed "XURING_STATS=json:$records" "$@" "$tools/$tool" "$case" file >shim 2>&1
	show_difference "$tool $case $*" bare shim
}

# A case whose requests the carrier takes.
carried() {
	same "$@"
	[[ $(engine completed) -gt 0 ]] || {
		echo "$*: nothing went to the carrier"
		cat "$records"
		return 1
	}
}

@test "aio: POSIX requests end as they do bare" {
	local case
	need_engine
	for case in read write append errors names signal thread told_of_lists suspend list cancel threads polled closed fork \
		handler; do
		carried aio-posix "$case"
	done
}

@test "aio: all that was submitted ended, by one carrier, in fewer enters" {
	need_engine
	carried aio-posix read
	holds "$records" 'length == 1 and (.[0].engines.aio | .submitted == .completed and .carriers == 1
		and .batches < .submitted / 2) and .[0].ring == "invisible" and .[0].calls.aio_read.ring > 60'
	grep -q '^read 128 of 128' shim
}

@test "aio: what is in the page cache is read at once" {
	need_engine
	carried aio-posix threads
	[[ $(engine at_once) -gt 1000 ]]
	[[ $(counted "$records" memory aio_read) -eq $(engine at_once) ]]
}

@test "aio: a thread that waits for something else is not interrupted" {
	need_engine
	carried aio-posix quiet
	grep -q '^waits interrupted: 0' shim
}

@test "aio: a child has none of its parent's requests, and its own work" {
	need_engine
	shimmed "$tools/aio-posix" child file >out
	grep -q '^child: right 1' out
	grep -q '^child ended with 3, parent read 64' out
}

@test "aio: more requests than there is room for" {
	need_engine
	carried aio-posix many
}

@test "aio: the identity changes under requests" {
	need_engine
	[[ $(id -u) -eq 0 ]] || skip 'needs root'
	chmod 777 "$scratch"
	carried aio-posix identity
	# Requests before the change, and a new carrier after it.
	holds "$records" '[.[].engines.aio.carriers] | add == 2' || [[ ! -s $records ]]
}

@test "aio: the end of a process with requests under way" {
	need_engine
	same aio-posix exit
}

@test "aio: the kernel's contexts answer as they do bare" {
	local case
	need_engine
	for case in read mixed errors faults full eventfd library threads destroy fork mapped masked; do
		carried aio-linux "$case"
	done
	same aio-linux flags
}

@test "aio: io_submit does not wait for buffered reads" {
	need_engine
	[[ $(stat -f -c %T .) != tmpfs ]] || skip 'no disk below /var/tmp'
	carried aio-linux read
	[[ $(counted "$records" ring io_submit) -gt 0 ]]
	carried aio-linux late
	[[ $(counted "$records" ring io_submit) -gt 0 ]]
	same aio-linux eventfd
}

@test "aio: without a ring libc and the kernel serve" {
	local case how
	for how in XURING_DENY=setup XURING_DENY_OPS=all XURING_DENY_OPS=futex_wait XURING_AIO=off XURING_MODE=ring XURING_MODE=off; do
		for case in read signal list; do
			same aio-posix "$case" "$how"
			[[ $how = XURING_MODE=off || $(engine completed) -eq 0 ]]
		done
		for case in read errors; do
			same aio-linux "$case" "$how"
		done
	done
}

@test "aio: a ring that fails under way loses nothing" {
	local case how
	need_engine
	for how in XURING_DENY=enter XURING_DENY=enter@9; do
		for case in read append list threads; do
			same aio-posix "$case" "$how"
		done
		for case in read threads; do
			same aio-linux "$case" "$how"
		done
	done
}

@test "aio: a program that asks for nothing gets no thread and no ring" {
	need_ring
	shimmed "XURING_STATS=json:$records" cat /etc/hostname
	holds "$records" 'all(.[]; .engines.aio.carriers == 0 and .rings == 0)'
}

# fio verifies what it reads. fio_verify ENGINE ARGS...
fio_verify() {
	shimmed "XURING_STATS=json:$records" fio --name=v --directory="$PWD" --size=4M --rw=randrw --bs=4k --iodepth=32 \
		--verify=crc32c --verify_fatal=1 --fallocate=none "--ioengine=$1" "${@:2}" >log 2>&1 || {
		cat log
		return 1
	}
	[[ $(engine completed) -gt 0 && $(engine completed) -le $(engine submitted) ]]
}

@test "aio: fio verifies, many jobs" {
	need fio
	need_engine
	fio_verify posixaio --direct=1 --numjobs=3
	fio_verify posixaio --direct=0 --numjobs=3
	fio_verify posixaio --direct=1 --numjobs=4 --thread
	fio_verify libaio --direct=0 --numjobs=3
	fio_verify libaio --direct=0 --numjobs=4 --thread
}

@test "aio: stress-ng verifies" {
	need stress-ng
	need_engine
	shimmed "XURING_STATS=json:$records" stress-ng --temp-path "$PWD" --aio 2 --aio-requests 32 --aiol 2 --verify -t 4 >log 2>&1 || {
		cat log
		return 1
	}
	[[ $(engine notices) -gt 0 ]]
}
