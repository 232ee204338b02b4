#!/usr/bin/env bats
# xuring advise: what it foretells comes true, for programs that gain and for programs that do not.
# shellcheck shell=bash disable=SC2034,SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
load lib

setup() {
	need_xuring
	need python3 jq
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	[[ -z ${pid:-} ]] || kill -9 "$pid" 2>/dev/null || :
	far_unmount
}

# foretold NAME PROG...: one line more of `foretold`: the name, the gain that was foretold, and the one that was had. Where
# the sign is wrong that may be the machine: it is tried again. Less than a half is no gain that is not foretold.
foretold() {
	local name=$1 try
	shift
	for try in 1 2 3; do
		"$xuring" advise --try --json -n 1 --prepare 'rm -rf out' -- "$@" >one
		jq -e '(.gain < 1.05 and .tried.gain < 1.5) or (.gain >= 1.05 and .tried.gain > 1.05) or
			(.gain < 1.3 and .tried.gain > 0.9)' one >/dev/null && break
	done
	jq -r --arg name "$name" --arg tries "$try" '[$name, .gain, .tried.gain, .best, .tried.output, $tries] | @tsv' one | tee -a foretold
}

@test "advise: what it foretells comes true" {
	need fio
	mkdir there
	"$tools/forest" there/tree 120 4
	head -c 8M /dev/urandom >there/large
	cp -r there/tree local
	# Nothing of files stays here between two runs, as on a first run.
	far_us=3000
	far_mount "$PWD/there" here
	foretold 'grep -r, far' grep -rc needle here/tree
	foretold 'tar, far' tar cf - here/tree
	foretold 'cp -r, far' cp -r here/tree out
	foretold 'find, md5sum, far' sh -c 'find here/tree -type f | xargs md5sum'
	foretold 'cat, far' cat here/large
	foretold 'grep -r, near' grep -rc needle local local local
	foretold 'sort, near' sort -R --random-source=there/large there/large
	foretold 'gzip, near' gzip -c there/large
	foretold 'one that sleeps' sleep 0.2
	mkdir new
	for i in {1..200}; do echo "$i" >"new/$i"; done
	foretold 'sync of files' sync -d new/*
	foretold 'one that syncs' sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do dd if=/dev/zero of=file count=1 conv=fsync,notrunc; done'
	# The sign is right each time.
	awk -F'\t' '($2 >= 1.3 && $3 <= 1.05) || ($2 < 1.05 && $3 > 1.5) { print "wrong: " $0; bad = 1 } END { exit bad }' foretold
	# The middle one of the factors by which estimates are wrong.
	awk -F'\t' '{ f = $2 > $3 ? $2 / $3 : $3 / $2; print f }' foretold | sort -n | sed -n '6{p;q}' >middle
	cat middle
	[[ $(awk '{ print ($1 <= 1.5) }' middle) == 1 ]]
	# There is something to foretell.
	[[ $(awk -F'\t' '$2 > 2' foretold | wc -l) -ge 3 ]]
}

@test "advise: a server is watched for a while, and ended" {
	server='import socket; a, b = socket.socketpair(); any(not b.recv(5) for _ in iter(int, 1) if a.send(b"12345"))'
	SECONDS=0
	run -0 "$xuring" advise --seconds 1 -- python3 -c "$server"
	((SECONDS < 10))
	[[ $output == *'send '*'recv '* && $output == *'most time in'* ]]
	run -1 pgrep -f socketpair.*12345
	"$xuring" advise --seconds 20 --json -- true | jq -e '.seconds < 5 and .gain == 1'
}

@test "advise: a program that is running already is watched" {
	[[ -w /dev/shm ]] || skip 'no /dev/shm'
	"$xuring" run --live -o TIMES=on python3 -c 'while True: open("/etc/passwd").close()' 3>&- &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[[ -e /dev/shm/xuring-live.$pid ]] && break
		sleep 0.05
	done
	"$xuring" advise -p $pid --seconds 1 --json >found
	jq -e '.seconds >= 1 and .seconds < 5 and .calls > 1000 and .engines.scout.gain < 1.2' found
	"$xuring" top --json $pid | jq -e '.[0] | .threads == 1 and .spent.open.ns > 0 and (.engines | has("scout"))'
	run -0 "$xuring" top --once $pid
	[[ $output == *'entries into the kernel saved'* ]]
	run -0 "$xuring" advise -p $pid --seconds 0.5
	[[ ${lines[0]} == "process $pid: "* && $output == *' open '* ]]
	kill $pid
	run -1 "$xuring" advise -p 1 --seconds 0.1
	[[ $output == *'run --live'* ]]
	run -2 "$xuring" advise -p $pid true
	run -2 "$xuring" advise --try --seconds 1 true
}
