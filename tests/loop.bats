#!/usr/bin/env bats
# Event loops in company: programs see what they see bare.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"
# shellcheck source-path=SCRIPTDIR source=loop/way.bash
source "$BATS_TEST_DIRNAME/loop/way.bash"

setup() {
	need jq
	need_shim
	need_ring
	cd "$BATS_TEST_TMPDIR"
}

# each_way PROGRAM [ARGUMENT]...: what it prints is the same in each way. They mostly sleep, so they do it at the same time.
each_way() {
	local clean profile
	for profile in bare safe server; do
		way "$profile"
		mkdir -p "in.$profile"
		(cd "in.$profile" && exec "$tools/within" 60 "${clean[@]}" "$@" >"../$profile" 2>&1 3>&-) &
	done
	wait
	show_difference "$*, safe" bare safe
	show_difference "$*, server" bare server
	holds records.server 'all(.engines.loop.mistaken == 0)'
}

# same_corners KIND: tests/tools/corners sees the same in each way.
same_corners() {
	local wait
	each_way "$tools/corners" "$1"
	# Those that shared nothing and lost nothing were in company, by each way to wait.
	for wait in epoll_wait poll ppoll select pselect; do
		holds records.safe "map(select(.calls.$wait.total > 0) | .engines.loop.taken // 0) | add > 0"
	done
}

@test "loop: what is received, in all corners" {
	same_corners recv
}

@test "loop: what is sent, in all corners" {
	same_corners send
	holds records.server 'map(.engines.loop.put_off // 0) | add > 0'
}

@test "loop: what is waited for, in all corners" {
	each_way "$tools/waits"
	# Where the kernel can (6.15), in the enter that ended the turn before.
	[[ $(printf '%s\n' 6.15 "$(uname -r)" | sort -V | head -1) != 6.15 ]] ||
		holds records.server 'map(.engines.loop.waits // 0) | add > 0'
}

@test "loop: what is waited for, where the enter that has the wait in it is refused" {
	local clean n
	way bare
	"$tools/within" 60 "${clean[@]}" "$tools/waits" >bare 2>&1 3>&- &
	way server
	# In each process of its own; and by the kernel itself, in all of them.
	for n in 1 2 3; do
		"$tools/within" 60 "${clean[@]}" "XURING_DENY=enter:EPERM@$n" "$tools/waits" >"shim$n" 2>&1 3>&- &
		"$tools/within" 60 "$tools/nth" "enter:EPERM@$n" "${clean[@]}" "$tools/waits" >"kernel$n" 2>&1 3>&- &
	done
	wait
	for n in shim{1..3} kernel{1..3}; do
		show_difference "$n refused" bare "$n"
	done
}
