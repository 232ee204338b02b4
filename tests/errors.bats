#!/usr/bin/env bats
# Right and wrong arguments in all combinations (tests/tools/errors.c): which error is told, where there is a choice, is
# the kernel's to decide, and is the same by whichever way a call goes.
# shellcheck shell=bash disable=SC2154,SC2164

source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_shim
	[[ $build != */san-* ]] || skip 'a sanitizer would stop at the wrong arguments'
	! ldd "$tools/errors" | grep -q musl || skip "musl's own functions look at wrong arguments, and crash bare"
	cd "$BATS_TEST_TMPDIR"
}

# answers DIR [COMMAND]...: what the calls say, run below DIR.
answers() {
	local dir
	dir=$(mktemp -d "$1/errors.XXXXXX")
	shift
	chmod 755 "$dir"
	"$tools/within" 100 "$@" "$tools/errors" "$dir"
	rm -rf "$dir"
}

# same_answers DIR: bare and in each mode.
same_answers() {
	local mode
	answers "$1" >bare
	[[ $(wc -l <bare) -gt 30000 ]]
	for mode in auto ring; do
		answers "$1" env LD_PRELOAD="$shim" XURING_MODE="$mode" XURING_STATS=json:"$mode.json" >"$mode"
		show_difference "errors in mode $mode" bare "$mode"
	done
	[[ $(counted ring.json ring read write openat statx sendmsg) -gt 100 ]]
}

@test "errors: the same on disk" {
	same_answers "$BATS_TEST_TMPDIR"
}

@test "errors: the same in memory" {
	[[ -w /dev/shm ]] || skip 'there is no /dev/shm'
	same_answers /dev/shm
}
