#!/usr/bin/env bats
# What was different under the shim once (tests/tools/regress.py): the same now, bare and under the shim.
# shellcheck shell=bash disable=SC2154,SC2164

source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need /usr/bin/python3
	need_shim
	[[ $build != */san-* ]] || skip 'a sanitizer would stop at the wrong arguments'
	mkdir "$BATS_TEST_TMPDIR"/{bare,shim}
	cd "$BATS_TEST_TMPDIR"
	records=$PWD/records
}

# same CASE [NAME=VALUE...]: bare, and with these settings; in mode ring, if none are given.
same() {
	local case=$BATS_TEST_DIRNAME/tools/regress.py settings=("${@:2}")
	[[ $# -gt 1 ]] || settings=(XURING_MODE=ring)
	(cd bare && "$tools/within" 30 /usr/bin/python3 "$case" "$1") >bare.out
	(cd shim && "$tools/within" 30 env LD_PRELOAD="$shim" XURING_STATS="json:$records" "${settings[@]}" \
		/usr/bin/python3 "$case" "$1") >shim.out
	[[ -s bare.out ]]
	show_difference "$1" bare.out shim.out
}

@test "regress: inotify hears of the same" {
	same events
}

@test "regress: a command of sockets is for sockets" {
	same devices
}

@test "regress: what is longer than a call transfers" {
	same lengths
}

@test "regress: a change of identity interrupts nothing that comes after it" {
	same identity
}

@test "regress: recvfrom and openat2 go through the ring, and say the same" {
	same addresses
	[[ $(counted "$records" ring recvfrom) -ge 3 ]]
}

@test "regress: what is closed while the scout gets its helpers is closed" {
	need_ring
	same ends XURING_SCOUT=on
	holds "$records" 'any(.engines.scout.listed > 0)'
}

# A program ends in the middle of its way through a file system that nobody has read yet, 80 times: how often can that not be
# unmounted at once? (A shell would take too long to ask; what is not closed is closed a moment later.)
busy() { cat <<-'END'
	import ctypes, os, subprocess, sys
	times, libc = 0, ctypes.CDLL(None)
	for _ in range(80):
	    subprocess.run(["mount", "-o", "loop", "image", "mnt"], check=True)
	    subprocess.run(["grep", "-rl", "hello", "mnt"], check=True, stdout=subprocess.DEVNULL,
	                   env={**os.environ, "LD_PRELOAD": sys.argv[1]})
	    if libc.umount2(b"mnt", 0):
	        times += 1
	        subprocess.run(["umount", "-l", "mnt"], check=True)
	print(times)
END
}

# Other programs of the system may look at what is mounted: what happens by chance does not happen twice.
@test "regress: where the scout was ahead of a program can be unmounted once that has ended" {
	local _
	need_ring
	[[ $(id -u) -eq 0 ]] && unshare --mount true 2>/dev/null || skip 'only root can mount'
	truncate -s 32M image && /sbin/mkfs.ext4 -q image
	mkdir mnt
	busy >busy.py
	# shellcheck disable=SC2016 # for that shell
	unshare --mount --propagation private bash -c '
		mount -o loop image mnt && mkdir mnt/d{1..20} &&
		for i in mnt/{1..300} mnt/d{1..20}/{1..20}; do echo hello >$i; done && umount mnt' || skip 'no loop device'
	export XURING_SCOUT=on XURING_STATS=json:$records
	for _ in 1 2; do
		unshare --mount --propagation private /usr/bin/python3 busy.py "$shim" >busy.count
		[[ $(<busy.count) != 0 ]] || break
	done
	[[ $(<busy.count) = 0 ]]
	holds "$records" 'any(.engines.scout.predicted > 0)'
}

@test "regress: a program that watches files hears nothing of the scout" {
	need_ring
	same ahead XURING_SCOUT=on
	holds "$records" 'any(.engines.scout.predicted > 0)'
}

@test "regress: what a message carries is the kernel's to look at" {
	[[ $(uname -m) = x86_64 ]] || skip 'the numbers of system calls are those of another machine'
	same messages
	same messages XURING_BATCH=on
	holds "$records" 'any(.calls.sendmmsg.total > 0)'
}

@test "regress: splice and tee go through the ring, and say the same" {
	need_ring
	same splices
	[[ $(counted "$records" ring splice) -ge 5 && $(counted "$records" ring tee) -ge 1 ]]
}

@test "regress: connecting by TCP goes through the ring, and says the same" {
	need_ring
	same connects
	[[ $(counted "$records" ring connect) -ge 40 ]]
}

@test "regress: statistics that meet a limit of file size kill no program" {
	head -c 2000 /dev/zero >records
	(ulimit -f 2 && XURING_STATS=json:records LD_PRELOAD="$shim" /bin/true)
}

@test "regress: valgrind finds nothing that is not there" {
	need valgrind
	echo hello >file
	XURING_MODE=ring LD_PRELOAD="$shim" "$tools/within" 50 valgrind -q --error-exitcode=3 sort file
}
