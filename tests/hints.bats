#!/usr/bin/env bats
# Hints that are handed to the ring (engine aio): they do what they do bare, and who closes or waits finds it done.
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	# Not in memory: what is tested is how disks are waited for.
	scratch=$(mktemp -d /var/tmp/xuring-hints.XXXXXX)
	cd "$scratch"
	records=$scratch/records
	before=() # for shimmed
	[[ $(stat -f -c %T .) != tmpfs ]] || skip 'no disk below /var/tmp'
}

teardown() {
	rm -rf "$scratch"
}

# same CASE NAME=VALUE...: the case prints the same bare and under the shim.
same() {
	local clean case=$1
	shift
	clean_env "HOME=$PWD"
	"$tools/within" 60 "${clean[@]}" "$tools/hints" "$case" file >bare 2>&1 3>&-
	rm -f "$records"
	shimmed "XURING_STATS=json:$records" "$@" "$tools/hints" "$case" file >shim 2>&1
	show_difference "$case $*" bare shim
}

# The engine's own figures, summed over all records: engine NAME
engine() {
	jq -s --arg name "$1" '[.[].engines.aio[$name]] | add // 0' "$records"
}

# need_engine: skips where the kernel has no ring, or no futex in it (6.7).
need_engine() {
	need_ring
	shimmed "XURING_STATS=json:$scratch/probe" XURING_AIO=on "$tools/hints" errors probe-file >/dev/null
	[[ $(jq -s '[.[].engines.aio.carriers] | add' probe) -gt 0 ]] || skip 'this kernel lacks an op that the engine needs'
}

@test "hints: bring into memory what they bring bare" {
	need_engine
	same effect XURING_AIO=on
	[[ $(engine hints) -ge 48 ]]
	[[ $(counted "$records" ring readahead) -ge 16 && $(counted "$records" ring madvise) -ge 16 ]]
	same effect XURING_AIO=auto
}

@test "hints: errors that can be known at once are told at once" {
	need_engine
	same errors XURING_AIO=on
	[[ $(engine hints) -ge 3 ]]
	same errors XURING_MODE=ring
}

@test "hints: whoever closes the file finds it closed" {
	need_engine
	same close XURING_AIO=on
	[[ $(engine hints) -ge 320 ]]
}

@test "hints: who waits for what was begun waits for all of it" {
	need_engine
	same sync XURING_AIO=on
	[[ $(engine hints) -ge 160 ]]
}

@test "hints: the end of a process is not the end of what it began" {
	need_engine
	same end XURING_AIO=on
	[[ $(engine hints) -ge 32 ]]
}

@test "hints: after one that waited the next ones are handed over" {
	need strace
	need_engine
	clean_env "HOME=$PWD" "LD_PRELOAD=$(preload)" "XURING_STATS=json:$records"
	timeout 60 strace -f -o trace -e trace=readahead -e inject=readahead:delay_enter=3000 -e signal=none \
		"${clean[@]}" "$tools/hints" effect file >out
	# One in nine at the most, of 16 or more.
	[[ $(counted "$records" ring readahead) -ge $((4 * $(grep -c 'readahead(' trace))) ]]
}

@test "hints: without a ring, or where it lacks the op, the kernel has them" {
	local how
	for how in XURING_DENY=setup XURING_DENY_OPS=all XURING_DENY_OPS=fadvise,madvise,sync_file_range XURING_MODE=off; do
		same effect "$how" XURING_AIO=on
		[[ $how == XURING_MODE=off || $(engine hints) -eq 0 ]]
	done
	same close XURING_DENY=enter@3 XURING_AIO=on
	same effect XURING_DENY=enter@3 XURING_AIO=on
}
