#!/usr/bin/env bats
# The unit tests, and programs bare and under the shim, under Debian's kernels: see `session` for what runs there.
#
#   make test-kernels      (or: tests/run -v tests/lab/kernels.bats)
#
# In the environment: KERNELS="5.10 6.1", some of them alone; PROGRAMS="cat,grep -r" or "all", other programs;
# SHELL_TESTS="errors aio", files of tests/*.bats to run there too (each takes minutes under emulation), or "".
# Two kernels run at a time. What came of it stays in $BUILD/kernels: KERNEL.log, KERNEL.err, and `table`, op by kernel.
# shellcheck shell=bash disable=SC2154

# shellcheck source-path=SCRIPTDIR source=../lib.bash
source "$BATS_TEST_DIRNAME/../lib.bash"

lab=$root/tests/lab
results=$build/kernels
read -ra kernels <<<"${KERNELS:-5.10 6.1 6.12 sid}"
programs=${PROGRAMS:-'cat,cp,dd,grep -r,tar,sort,md5sum,find,sqlite3,python3,pipes,redis-server with redis-benchmark'}

shell_tests=${SHELL_TESTS-errors lifecycle-fds lifecycle-fork}

# run_session KERNEL: KERNEL.status is there when it has ended.
run_session() {
	local status=0
	"$lab/lab" --kernel "$1" --disk 2G --mem 1536 --timeout 2400 -- "$lab/session" "$programs" "$shell_tests" \
		>"$results/$1.log" 2>"$results/$1.err" || status=$?
	echo "$status" >"$results/$1.new"
	mv "$results/$1.new" "$results/$1.status"
}

setup_file() {
	need_shim
	mkdir -p "$results"
	rm -f "${results:?}"/*
	export -f run_session
	export lab results programs shell_tests
	printf '%s\n' "${kernels[@]}" | xargs -P 2 -I{} bash -c 'run_session {}' >/dev/null 2>&1 3>&- &
	runner=$!
	export runner
}

teardown_file() {
	kill "$runner" 2>/dev/null || :
}

# ended KERNEL: waits for it. Skips where the lab can not be had.
ended() {
	[[ " ${kernels[*]} " == *" $1 "* ]] || skip 'not asked for'
	while [[ ! -e $results/$1.status ]]; do
		kill -0 "$runner"
		sleep 0.2
	done
	[[ $(<"$results/$1.status") -ne 77 ]] || skip "$(tail -n 1 "$results/$1.err")"
}

# comes_to_its_end KERNEL: and the kernel had nothing to complain of.
comes_to_its_end() {
	ended "$1"
	cat "$results/$1.err"
	[[ $(<"$results/$1.status") -eq 0 && ! -s $results/$1.err && $(tail -n 1 "$results/$1.log") == end ]]
}

# passes KERNEL KIND: of the tests of that kind none failed, and some passed. Those that failed are shown.
passes() {
	ended "$1"
	awk -v kind="$2" '$1 == "test" { show = $2 == "FAIL" && $3 == kind; ok += $2 == "ok" && $3 == kind; bad += show }
		/^end/ { show = 0 }
		show
		END { exit bad || !ok }' "$results/$1.log"
}

# shell_tests_pass KERNEL
shell_tests_pass() {
	[[ -n $shell_tests ]] || skip 'SHELL_TESTS is empty'
	passes "$1" shell
}

@test "kernel 5.10: comes to its end" { comes_to_its_end 5.10; }
@test "kernel 5.10: unit tests" { passes 5.10 unit; }
@test "kernel 5.10: the shim" { passes 5.10 shim; }
@test "kernel 5.10: programs" { passes 5.10 program; }
@test "kernel 5.10: shell tests" { shell_tests_pass 5.10; }

@test "kernel 6.1: comes to its end" { comes_to_its_end 6.1; }
@test "kernel 6.1: unit tests" { passes 6.1 unit; }
@test "kernel 6.1: the shim" { passes 6.1 shim; }
@test "kernel 6.1: programs" { passes 6.1 program; }
@test "kernel 6.1: shell tests" { shell_tests_pass 6.1; }

@test "kernel 6.12: comes to its end" { comes_to_its_end 6.12; }
@test "kernel 6.12: unit tests" { passes 6.12 unit; }
@test "kernel 6.12: the shim" { passes 6.12 shim; }
@test "kernel 6.12: programs" { passes 6.12 program; }
@test "kernel 6.12: shell tests" { shell_tests_pass 6.12; }

@test "kernel sid: comes to its end" { comes_to_its_end sid; }
@test "kernel sid: unit tests" { passes sid unit; }
@test "kernel sid: the shim" { passes sid shim; }
@test "kernel sid: programs" { passes sid program; }
@test "kernel sid: shell tests" { shell_tests_pass sid; }

@test "kernels: a table of ops by kernel, none of which failed" {
	local kernel
	for kernel in "${kernels[@]}"; do
		ended "$kernel"
	done
	"$lab/table" "$results" "${kernels[@]}" >"$results/table"
	run grep -w FAILED "$results/table"
	echo "$output"
	[[ $status -eq 1 && -s $results/table ]]
}
