#!/usr/bin/env bats
# What a newcomer sees, screen by screen: check, advise, run, top. Recorded as text; numbers are N, times T.
# shellcheck shell=bash disable=SC2034,SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
load lib

setup() {
	need_xuring
	need python3 jq
	cd "$BATS_TEST_TMPDIR"
	pid='' screen=''
}

teardown() {
	[[ -z $screen ]] || tmux -L "$screen" kill-server 2>/dev/null || :
	[[ -z $pid ]] || kill -9 "$pid" 2>/dev/null || :
	far_unmount
}

# far_tree: a tree on a file system that answers after three milliseconds, below here/tree.
far_tree() {
	far_us=3000
	mkdir there
	"$tools/forest" there/tree 120 4
	far_mount "$PWD/there" here
}

# masked: the text that comes in, with N for every number, T for every time, and blanks of one length.
masked() {
	sed -E 's/[0-9]+(\.[0-9]+)?( ?)(ms|us|s)\b/T/g; s/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g; s/ $//; /^ ?$/d'
}

# same_text: `seen`, masked, has the lines that come in, in this order; what stands between them is free.
same_text() {
	local line want at=1
	masked <seen >all
	while read -r want; do
		line=$(tail -n +"$at" all | sed 's/^ //' | grep -nxF -m 1 -e "$want") || {
			echo "from line $at on there is no \"$want\" in:"
			cat all
			return 1
		}
		at=$((at + ${line%%:*}))
	done
}

@test "newcomer: check says that all is well, and where to go on" {
	"$xuring" check cat >seen || grep -q '^limited' seen || {
		cat seen
		return 1
	}
	sed 's/ *\[.*\]//' seen | awk '$1 != "->" { print $2 }' | paste -sd' ' | grep -x 'library kernel sysctl sandbox memlock ring options program'
	same_text <<-'END'
		good options none set: all defaults
		good program dynamically linked, for this machine and libc
		-> would it pay? xuring advise PROG ARGUMENTS
	END
}

@test "newcomer: advise on a search that waits" {
	far_tree
	"$xuring" advise -- grep -rc needle here/tree >seen
	same_text <<-'END'
		grep -rc needle here/tree: T bare, T of it computing, T waiting
		most time in calls in all each bytes each
		engine would it pay? why
		scout about N times N% of its time is waiting, N% for files, which are far
		loop no it does not wait for many events
		sync no it never syncs
		aio no it asks for no asynchronous I/O
		These are estimates, from the counts and times above; what is waited for may also be something else.
		To try: xuring bench -p remote -- grep -rc needle here/tree
	END
}

@test "newcomer: advise on a program that computes" {
	head -c 3M /dev/zero >zeros
	"$xuring" advise -- sha256sum zeros >seen
	same_text <<-'END'
		engine would it pay? why
		loop no it does not wait for many events
		sync no it never syncs
		aio no it asks for no asynchronous I/O
	END
	[[ $(grep -cE '^ +(scout|loop|sync|aio|stream) +no ' seen) -eq 5 ]] || {
		cat seen
		return 1
	}
}

@test "newcomer: run -p remote gives what the program gives, and counts" {
	far_tree
	grep -rc needle here/tree | sort >want
	far_unmount
	far_mount "$PWD/there" here
	"$xuring" run -p remote --stats grep -rc needle here/tree 2>seen | sort >got
	show_difference 'what grep found' want got
	grep -Eq '^xuring: grep\[[0-9]+\] mode auto, ring (invisible|plain|registered)' seen
	same_text <<-'END'
		call total kernel ring memory queued fallback
	END
	# Opens are among what it was handed.
	awk '$1 == "openat" { exit !($4 + $5 > 0) }' seen
}

@test "newcomer: bench compares, and says it in a sentence" {
	far_tree
	"$xuring" bench -n 3 -p remote -- grep -rc needle here/tree >seen 2>&1
	same_text <<-'END'
		grep -rc needle here/tree: N pairs
	END
	grep -q '; the same output and status (0) in all runs$' seen
}

@test "newcomer: top, on a large screen and on a small one" {
	need tmux
	[[ -w /dev/shm ]] || skip 'no /dev/shm'
	"$xuring" run --live sh -c 'while :; do read -r x </etc/passwd; sleep 0.01; done' &
	pid=$!
	# shown SIZE WORDS ARGUMENT...: `seen` is the screen of top, once it has the words.
	shown() {
		local size=$1 words=$2 tries
		shift 2
		screen=xuring-test-$$-$size
		tmux -L "$screen" -f /dev/null new-session -d -x "${size%x*}" -y "${size#*x}" "$xuring top --interval 0.2 $*"
		for ((tries = 0; tries < 100; tries++)); do
			tmux -L "$screen" capture-pane -p >seen
			masked <seen | grep -qe "$words" && break
			sleep 0.1
		done
		tmux -L "$screen" kill-server
		screen=''
	}
	shown 130x40 ' sh auto safe N'
	same_text <<-'END'
		PID program mode profile calls/s calls kernel ring memory queued fallback
		N sh auto safe N N N N N N N
	END
	masked <seen | grep -qxE 'xuring top: N process(es)?; Ctrl-C ends'
	# On a small screen nothing is broken, and nothing scrolls away.
	shown 80x10 'N lines more: xuring top --once' "$pid"
	same_text <<-'END'
		PID program mode profile calls/s calls kernel
		N sh auto safe N N N
	END
}
