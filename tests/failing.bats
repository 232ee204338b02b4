#!/usr/bin/env bats
# Engines at work whose n-th enter, set-up or registration fails, once or from then on, with each error: programs see what they see bare. In mode
# ring: lifecycle-faults.bats. By strace and not by a filter, under which some engines do not begin.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq strace
	need_shim
	need_ring
	[[ $build != */san-* ]] || skip 'sanitizers do not work under strace'
	strace -qq -o /dev/null true 2>/dev/null || skip 'strace may not trace here'
	# Not in memory: aio goes through the ring where disks are waited for.
	scratch=$(mktemp -d /var/tmp/xuring-faults.XXXXXX)
	cd "$scratch"
	settings=()
	call=io_uring_enter
}

teardown() {
	rm -rf "$scratch"
}

bare() {
	local clean
	clean_env "HOME=$PWD"
	"$tools/within" 30 "${clean[@]}" "$@" >bare.out 2>&1 3>&-
}

# fault ERRNO@N COMMAND...: under the shim, by `settings`; ERRNO@N+: all such calls from the N-th of a task on. The same must
# come of it as bare. `met` is whether there was such a call.
fault() {
	local clean what=$1 error=${1%@*} n=${1#*@} status=0
	shift
	clean_env "HOME=$PWD"
	"$tools/within" 60 strace -f -qq -o trace -e "trace=$call" -e signal=none \
		-e "inject=$call:error=$error:when=$n" \
		"${clean[@]}" "LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/records" "${settings[@]}" "$@" >shim.out 2>&1 3>&- ||
		status=$?
	met=0
	! grep -q INJECTED trace || met=1
	faults=$((faults + met))
	[[ $status -eq 0 ]] || {
		echo "$what: it ended with $status"
		tail -n 5 shim.out
		return 1
	}
	show_difference "$what: $*" bare.out shim.out
}

# throughout COMMAND...: each of `errors`, at each such call that there is.
throughout() {
	local error n met faults=0
	bare "$@"
	for error in "${errors[@]}"; do
		for ((n = 1, met = 1; met && n <= ${most:-1000}; n += ${step:-1})); do
			fault "$error@$n${on:-}" "$@" || return
		done
	done
	[[ $faults -ge ${#errors[@]} ]]
}

@test "failing: the scout at work" {
	settings=(XURING_SCOUT=on XURING_PROFILE=remote)
	errors=(EPERM EAGAIN EINTR)
	"$tools/forest" tree 80 4
	throughout grep -r needle tree
	on=+
	step=3
	throughout grep -r needle tree
}

@test "failing: asynchronous I/O" {
	local case
	errors=(EPERM EAGAIN EINTR)
	step=6
	most=26
	for case in read list cancel; do
		throughout "$tools/aio-posix" "$case" file
	done
	# Each call up to the last.
	step=1
	most=1000
	throughout "$tools/aio-linux" mixed file
	most=26
	# What comes after the carrier has gone comes after what it had.
	errors=(EPERM)
	step=2
	throughout "$tools/aio-posix" append file
	step=6
	# The kernel never has room again.
	on=+
	errors=(EPERM EAGAIN)
	step=20
	throughout "$tools/aio-posix" read file
}

@test "failing: event loops" {
	settings=(XURING_BATCH=on XURING_PROFILE=server)
	errors=(EPERM EAGAIN)
	step=2
	most=3
	throughout "$tools/waits"
}

@test "failing: set-up and registration" {
	errors=(EPERM EINVAL)
	"$tools/forest" tree 80 4
	for call in io_uring_setup io_uring_register; do
		for on in '' +; do
			settings=()
			throughout "$tools/aio-posix" list file
			settings=(XURING_SCOUT=on)
			throughout grep -r needle tree
		done
	done
}
