#!/usr/bin/env bats
# Memory that is not there, given to calls that engines answer from memory: what the kernel says of it, bare and in each profile.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	[[ $build != */san-* ]] || skip 'a sanitizer would stop at the wrong arguments'
	cd "$BATS_TEST_TMPDIR"
}

# faults NAME [SETTING]...: what the calls say, bare or with these settings, in a directory of its own.
faults() {
	local name=$1 clean
	shift
	clean_env "HOME=$PWD"
	[[ $# == 0 ]] || clean+=("LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/record.$name" "$@")
	mkdir "$name"
	(cd "$name" && "$tools/within" 60 "${clean[@]}" "$tools/faults" >../out."$name" 2>&1 3>&-)
}

# same SETTING...: as bare.
same() {
	faults bare
	[[ $(wc -l <out.bare) -gt 600 ]]
	faults shim "$@"
	show_difference "$*" out.bare out.shim
}

@test "faults: profile safe, event loops in company" {
	need_ring
	same XURING_PROFILE=safe XURING_BATCH=on
	holds record.shim 'any(.engines.loop.taken > 50)'
}

@test "faults: profile server" {
	need_ring
	same XURING_PROFILE=server XURING_BATCH=on
	holds record.shim 'any(.engines.loop | .taken > 50 and .put_off > 20 and .mistaken == 0)'
}

@test "faults: profile bulk" {
	same XURING_PROFILE=bulk
	holds record.shim 'any(.calls | .read.memory > 500 and .write.queued > 500)'
}

@test "faults: profile remote, reading ahead from the first call on" {
	need_ring
	same XURING_PROFILE=remote XURING_SCOUT=on
}

@test "faults: mode ring" {
	need_ring
	same XURING_MODE=ring
	[[ $(counted record.shim ring recv recvmsg writev) -gt 50 ]]
}

@test "faults: all of them, where there is no ring" {
	same XURING_PROFILE=bulk,server,remote XURING_BATCH=on XURING_DENY=setup
}
