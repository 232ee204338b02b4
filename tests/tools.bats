#!/usr/bin/env bats
# The helpers of the tests do what the tests believe.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# Asks for a ring (425), to enter one (426), to register something (427), each with arguments that are wrong.
ask='for my $nr (425, 426, 427) { syscall($nr, -1, 0, 0, 0, 0, 0); print 0 + $!, " " }'

@test "tools: deny answers io_uring_setup with the errno, and lets the rest pass" {
	plain=$(perl -e "$ask")
	[[ $("$tools/deny" EPERM perl -e "$ask") == "1 ${plain#* }" ]]
	[[ $("$tools/deny" ENOSYS perl -e "$ask") == "38 ${plain#* }" ]]
	[[ $("$tools/deny" 99 perl -e "$ask") == "99 ${plain#* }" ]]
	[[ $("$tools/deny" -s setup,enter,register EMFILE sh -c 'exec perl -e "$1"' sh "$ask") == '24 24 24 ' ]]
	[[ $("$tools/deny" -s register ENOMEM perl -e "$ask" | cut -d' ' -f1,3) == "${plain%% *} 12" ]]
}

@test "tools: deny kills and traps" {
	run "$tools/deny" kill perl -e "$ask"
	[[ $status -eq $((128 + 31)) && -z $output ]]
	[[ $("$tools/deny" trap perl -e '$SIG{SYS} = sub { print "SIGSYS" }; syscall(425, 1, 0)') == SIGSYS ]]
	run "$tools/deny" kill sh -c 'exit 3'
	[[ $status -eq 3 ]]
	run "$tools/deny" EWHAT true
	[[ $status -eq 125 ]]
	run "$tools/deny" EPERM ./nowhere
	[[ $status -eq 125 ]]
}

@test "tools: within gives the exit status, and ends what takes too long" {
	run "$tools/within" 5 sh -c 'exit 3'
	[[ $status -eq 3 && -z $output ]]
	run "$tools/within" 5 sh -c 'kill -9 $$'
	[[ $status -eq 137 ]]
	run "$tools/within" 0.1 sh -c 'trap "" TERM; sleep 20'
	[[ $status -eq 124 && $output == 'within: not done after 0.1 s' ]]
}

# gone: none of the processes that are listed in the file pid is there.
gone() {
	local p
	for p in $(<pid); do
		[[ ! -e /proc/$p ]]
	done
}

@test "tools: within leaves nothing running, whatever hides" {
	run "$tools/within" 5 sh -c 'sleep 1000 & echo $! >pid
		(setsid sh -c "sleep 1000 & echo \$! >>pid; wait" &)
		sleep 0.1'
	[[ $status -eq 0 && $output == *'still running at the end: sleep'* ]]
	[[ $(wc -l <pid) -eq 2 ]]
	gone
	"$tools/within" 20 sh -c 'sleep 1000 & echo $! >pid; sleep 1000' 3>&- &
	sleep 0.2
	kill $!
	wait $! || :
	gone
}
