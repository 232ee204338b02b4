#!/usr/bin/env bats
# The core is complete: all that the kernel's header names has a function, and each function a test.
# shellcheck shell=bash disable=SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"
bats_require_minimum_version 1.5.0

setup() {
	cd "$root"
}

@test "core ops: every op of the header has a preparation function and a unit test" {
	run scripts/op-table -s
	printf '%s\n' "${lines[@]}" | grep -E '\| none \||no: no test|\| \? \|' && false
	[[ $status -eq 0 ]]
	# The table is not short: a row an op, and two of a head.
	[[ ${#lines[@]} -eq $(($(grep -c '^XU_OP(' core/ops.def) + 2)) ]]
}

@test "core ops: every preparation function has a unit test" {
	run scripts/op-table -f
	printf '%s\n' "${lines[@]}" | grep -E ' -$' && false
	[[ $status -eq 0 ]]
	[[ ${#lines[@]} -ge 65 ]]
}

@test "core ops: every register call of the header has a function" {
	local call missing='' n=0
	while read -r call; do
		n=$((n + 1))
		grep -qw "$call" core/*.c || missing+=" $call"
	done < <(sed -n '/^__extension__ enum io_uring_register_op/,/^}/s/^\t\(IORING_[A-Z0-9_]*\) = [0-9]*,$/\1/p' \
		include/xuring/uapi.h)
	echo "without a function:${missing:- none}, of $n"
	[[ -z $missing && $n -ge 38 ]]
}

@test "core ops: every register function has a unit test" {
	local function missing=''
	while read -r function; do
		grep -qw "$function" tests/unit/*.c tests/unit/*.h || missing+=" $function"
	done < <(grep -ohE '\bxu_(un)?register_[a-z0-9_]+|\bxu_(clone_buffers(_offset)?|resize_rings|enable_rings)\b' \
		include/xuring/register.h include/xuring/buffers.h | sort -u)
	echo "without a test:${missing:- none}"
	[[ -z $missing ]]
}

@test "core ops: every function of liburing's header has a twin, or the reason why not stands in xuring.h" {
	local header=${LIBURING_H:-/usr/include/liburing.h} name missing='' n=0
	[[ -f $header ]] || skip "no liburing.h"
	while read -r name; do
		n=$((n + 1))
		grep -qE "\bxu_${name#io_uring_}\(" include/xuring.h include/xuring/[!u]*.h ||
			grep -qE "^ \*.*\b$name\b" include/xuring.h || missing+=" $name"
	done < <(grep -ohE '\bio_uring_[a-z0-9_]+ *\(' "$header" | tr -d ' (' | sort -u | grep -v '^io_uring_smp_')
	echo "without a twin:${missing:- none}, of $n"
	[[ -z $missing && $n -ge 100 ]]
}

@test "core ops: every public function is described, with its kernel" {
	run scripts/check-docs
	echo "$output"
	[[ $status -eq 0 ]]
}
