#!/usr/bin/env bats
# The differential fuzzer (tests/fuzz/differential), for a short while: what random calls show is the same bare and under
# the shim. FUZZ_SECONDS makes it longer, FUZZ_SEED begins elsewhere.
# shellcheck shell=bash disable=SC2154,SC2164

source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need /usr/bin/python3
	need_shim
	[[ $build != */san-* ]] || skip 'a sanitizer would stop at the wrong arguments that the fuzzer passes'
	[[ -x $build/fuzz/calls ]] || skip 'build/fuzz/calls is not built'
	seconds=${FUZZ_SECONDS:-15}
	seed=${FUZZ_SEED:-1}
}

# fuzz ARGUMENT...: no difference, in no mode, and not from one bare run to the next.
fuzz() {
	BUILD=$build "$tools/within" $((seconds * 3 + 250)) "$BATS_TEST_DIRNAME/fuzz/differential" --shim "$shim" "$@" 3>&-
}

@test "fuzz: random calls are the same under the shim, in each mode" {
	fuzz --seconds $((seconds * 2)) --seeds "$seed"
}

@test "fuzz: and for a user who is not root" {
	[[ $(id -u) -eq 0 ]] || skip 'root alone can become another'
	fuzz --seconds "$seconds" --seeds "$((seed + 100))" --user nobody
}
