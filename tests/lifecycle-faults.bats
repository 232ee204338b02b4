#!/usr/bin/env bats
# Rings that fail at the n-th use, with each error: every call ends once all the same. And SIGKILL at any moment.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
	errors=(EPERM ENOSYS ENOMEM EMFILE EAGAIN EBUSY EINVAL EINTR)
	setups=(1 2)
	enters=(1 2 3 4 5 6 7 8 10 12 15 20 30 50)
}

# one_fault DENY PROG ARGS...: with this denied, the run must be like the bare one.
one_fault() {
	local deny=$1 part settings
	shift
	settings=("LD_PRELOAD=$(preload)" XURING_MODE=ring "XURING_STATS=json:$records" "XURING_DENY=$deny")
	play "$results/fault" "${settings[@]}" "$@"
	for part in status out err files; do
		show_difference "$deny: $part" "$results/bare/$part" "$results/fault/$part" || return
	done
}

# survives PROG ARGS...: with each error, at each of these uses.
survives() {
	local error n
	play "$results/bare" "$@"
	[[ $(<"$results/bare/status") -eq 0 ]] || {
		tail -n 20 "$results/bare/out" "$results/bare/err"
		return 1
	}
	: >"$records"
	for error in "${errors[@]}"; do
		for n in "${setups[@]}"; do
			one_fault "setup:$error@$n" "$@" || return
		done
		for n in "${enters[@]}"; do
			one_fault "enter:$error@$n" "$@" || return
		done
	done
	# Most of these met with a failure, and not all at their first call.
	holds "$records" "(map(select([.calls[].fallback] | add > 0)) | length) >= ${#errors[@]} and
		any([.calls[].fallback] | add > 0) and any(([.calls[].ring] | add > 0) and ([.calls[].fallback] | add > 0))"
}

@test "faults: calls of which it shows when they are made twice, or not" {
	survives "$tools/life-once" all
}

@test "faults: cat, cp and a shell" {
	setups=(1 2)
	enters=(1 2 3 5 9 14)
	survives sh -c 'seq 3000 >a; cat a a >b; cp b c; cat c | tail -n 2; mkdir d; mv c d/e; rm a; cksum b d/e; echo x >>b; cksum b'
}

@test "faults: sqlite3" {
	need sqlite3
	enters=(1 5 20 40 60 80 100)
	survives sqlite3 db "create table t(a, b); insert into t values(1, 'x'), (2, 'y'); begin; insert into t
		select a + 2, b || b from t; commit; update t set b = 'z' where a = 3; select * from t; pragma integrity_check"
}

@test "faults: children, and one description for many" {
	setups=(1 3)
	enters=(1 4 16 100)
	survives "$tools/life-fork" fork
	errors=(EPERM EAGAIN EINTR)
	survives "$tools/life-shared" readers
	survives "$tools/life-shared" writers
}

@test "faults: threads" {
	errors=(ENOMEM EBUSY EINTR)
	setups=(1 20 40)
	enters=(1 40 200)
	survives "$tools/life-threads" alive 50
}

# Not what is said to fail, but the kernel that refuses, in the middle of an op as well.
@test "faults: a filter that refuses the n-th enter, or the n-th set-up and all that follow" {
	local what part
	"$tools/nth" enter:EPERM@1 true || skip 'filters can not ask here'
	play "$results/bare" "$tools/life-once" all
	: >"$records"
	for what in enter:{EPERM,EAGAIN,EBUSY,EINTR,ENOMEM}@{1,2,3,4,5,8,13,40} setup:{EPERM,ENOMEM}@{1,2,3}-; do
		play "$results/fault" "$tools/nth" "$what" env "LD_PRELOAD=$(preload)" XURING_MODE=ring \
			"XURING_STATS=json:$records" "$tools/life-once" all
		for part in status out err files; do
			show_difference "$what: $part" "$results/bare/$part" "$results/fault/$part" || return
		done
	done
	holds "$records" 'any([.calls[].fallback] | add > 0) and any([.calls[].ring] | add > 0)'
}

@test "SIGKILL: what a write has answered for is in the file, 100 rounds" {
	same -n -m 'off auto ring' "$tools/life-kill" rounds 100 "$((RANDOM))"
}
