#!/usr/bin/env bats
# Levels that no package of a kernel has: what is newer is hidden (xu_hide_newer, XURING_DENY_NEWER). At each, all unit
# tests, and programs whose output in mode ring is that of the bare run. Real older kernels: tests/lab/kernels.bats.
# shellcheck shell=bash disable=SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

# units LEVEL: every unit test passes, or skips.
units() {
	local test status
	need_ring
	for test in "$root"/tests/unit/*.c; do
		test=$build/tests/$(basename "$test" .c)
		status=0
		XU_LEVEL=$1 timeout -k 5 60 "$test" >out 2>&1 || status=$?
		[[ $status -eq 0 || $status -eq 77 ]] || { echo "${test##*/}: status $status"; cat out; return 1; }
	done
}

# programs LEVEL VISIBILITY: the same output in mode ring, and something went through the ring, which was of that kind.
programs() {
	local command n=0
	need_ring
	need_shim
	need jq
	mkdir tree
	for n in {1..40}; do
		seq "$n" "$((n * 50))" >"tree/$n"
	done
	for command in 'cat tree/*' 'sort -rn tree/*' 'tar cf - --sort=name tree' 'grep -rc 7 tree/9 tree/11' 'cp -rT tree copy' \
		'find tree -newer tree/1' 'dd if=tree/40 bs=100 status=none' 'md5sum tree/*' 'ls -l tree'; do
		bash -c "$command" >want
		XURING_DENY_NEWER=$1 XURING_MODE=ring XURING_STATS=json:$PWD/stats LD_PRELOAD=$shim \
			timeout 60 bash -c "exec $command" >got
		cmp want got
	done
	diff -r tree copy
	jq -se 'map(.calls[]?.ring) | add > 100' <stats
	jq -se --arg want "$2" 'map(.ring) | unique - ["none"] == [$want]' <stats
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

@test "level 5.15: unit tests" { units 5.15; }
@test "level 5.15: programs" { programs 5.15 hidden-fd; }
@test "level 6.6: unit tests" { units 6.6; }
@test "level 6.6: programs" { programs 6.6 invisible; }
@test "level 6.8: unit tests" { units 6.8; }
@test "level 6.8: programs" { programs 6.8 invisible; }
@test "level 6.11: unit tests" { units 6.11; }
@test "level 6.11: programs" { programs 6.11 invisible; }

@test "levels: a bad kernel is reported, and nothing is hidden" {
	need_shim
	for bad in 6 6. .1 six 6.1.2 0.1 6,1; do
		run env XURING_DENY_NEWER=$bad LD_PRELOAD="$shim" true
		[[ $status -eq 0 && $output == *XURING_DENY_NEWER* ]] || { echo "$bad: $output"; false; }
	done
	run env XURING_DENY_NEWER=6.1 LD_PRELOAD="$shim" true
	[[ -z $output ]]
}
