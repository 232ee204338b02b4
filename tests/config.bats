#!/usr/bin/env bats
# Configuration files and profiles as programs meet them. What each line of a file means is in tests/unit/config.c.
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need jq
	need_shim
	cd "$BATS_TEST_TMPDIR"
	records=$PWD/records
	json=XURING_STATS=json:$records
	before=()
	seq 20000 >numbers
	mkdir .config
}

teardown() {
	[[ -z ${trusted:-} ]] || rm -rf "$trusted" "$open"
}

# copies NAME=VALUE...: cat under the shim, in a HOME that is here; its output must be right, what it says is in err.
copies() {
	shimmed "$@" timeout 10 cat numbers >out 2>err
	cmp numbers out
}

# says WORD...: one line in err, with each of the words.
says() {
	local word
	cat err
	[[ $(wc -l <err) -eq 1 ]]
	for word; do
		grep -qF -- "$word" err
	done
}

@test "config: the file in the home directory counts, the environment more" {
	echo 'MODE = off' >.config/xuring.conf
	copies "$json"
	copies "$json" XURING_MODE=ring
	copies "$json" XURING_CONFIG=
	[[ ! -s err ]]
	holds "$records" 'map(select(.prog == "cat").mode) == ["off", "ring", "auto"]'
}

@test "config: a file can ask for statistics, in the programs that it names" {
	printf '[cat]\nSTATS = json:%s\nMODE = ring\n' "$records" >some.conf
	shimmed XURING_CONFIG=some.conf sh -c 'cat numbers | sort -n | md5sum' >out
	[[ $(<out) == "$(md5sum <numbers)" ]]
	holds "$records" 'length == 1 and .[0].prog == "cat" and .[0].mode == "ring"'
}

@test "config: XURING_PROFILE takes several; the record names them" {
	copies "$json" XURING_PROFILE=redis,bulk
	copies "$json"
	[[ ! -s err ]]
	holds "$records" 'map(select(.prog == "cat").profile) == ["redis,bulk", "safe"]'
	copies XURING_PROFILE=servre
	cat err
	grep -qF 'servre: no such profile; the nearest is server' err
}

@test "config: under every profile a program does the same, and its record names it" {
	local name
	for name in $("$shim" profiles --rows | cut -f1); do
		rm -f "$records"
		copies "$json" XURING_PROFILE="$name"
		[[ ! -s err ]]
		holds "$records" ".[0].profile == \"$name\""
	done
}

@test "config: a mistake names file, line and remedy, and the program runs on" {
	printf '\n\nMODUS = ring\nENTRIES = lots\n' >some.conf
	shimmed XURING_CONFIG=some.conf cat numbers >out 2>err
	cmp numbers out
	says "xuring: cat[" "some.conf:3: MODUS: no such option; the nearest is MODE" '1 more mistake' 'xuring check'
}

@test "config: no path stops or hangs a program" {
	mkfifo fifo
	ln -s loop loop
	head -c 100000 /dev/urandom >noise
	head -c 60000 /dev/urandom >less
	touch empty secret
	chmod 0 secret
	for path in fifo loop noise less empty secret . gone gone/gone /dev/zero /dev/tty /proc/self/mem /proc/kmsg \
		/proc/self/task /dev/full "$(printf 'x%.0s' {1..1000})"; do
		shimmed "XURING_CONFIG=$path" cat numbers >out 2>err
		cmp numbers out
		[[ $(wc -l <err) -le 1 ]]
	done
	for path in fifo loop noise .; do
		rm -rf .config/xuring.conf
		ln -s "$PWD/$path" .config/xuring.conf
		shimmed cat numbers >out 2>err
		cmp numbers out
		[[ $(wc -l <err) -le 1 ]]
	done
}

@test "config: a HOME of any kind does no harm" {
	for home in '' / relative /nowhere "$PWD/numbers" "/$(printf 'x%.0s' {1..5000})"; do
		copies HOME="$home"
		[[ ! -s err ]]
	done
}

@test "config: no fd is left open, and where none can be had the program runs on" {
	echo 'MODE = ring' >.config/xuring.conf
	shimmed sh -c 'ls -l /proc/self/fd' >out
	[[ $(grep -c xuring.conf out) -eq 0 ]]
	shimmed sh -c 'ulimit -n 3; echo ok' 2>err >out
	[[ $(<out) == ok && ! -s err ]]
}

@test "config: without any file two opens fail at the start, and nothing else is done" {
	need_trace
	[[ -z ${SAN_PRELOAD:-} ]] || skip 'sanitizers read files of their own'
	[[ ! -e /etc/xuring.conf ]] || skip '/etc/xuring.conf is there'
	shimmed strace -f -o trace cat /dev/null
	[[ $(grep -c 'xuring.conf.*ENOENT' trace) -eq 2 && $(grep -c xuring.conf trace) -eq 2 ]]
}

@test "config: programs that gained privileges read no file" {
	[[ $(id -u) -eq 0 ]] || skip 'only root can make a setuid program'
	need setpriv
	[[ -z ${SAN_PRELOAD:-} ]] || skip 'no sanitizer in a setuid program'
	# In a directory that the loader trusts, and setuid itself: only such a library is preloaded there.
	trusted=$(dirname "$(ldconfig -p | sed -n 's/.*libc\.so\.6.* => //p' | head -n 1)")/libxuring-shim-test.so
	install -m 4755 "$shim" "$trusted"
	open=$(mktemp -d)
	chmod 755 "$open"
	cd "$open"
	install -m 4755 /bin/cat cat
	mkdir .config
	echo 'STATS = 1' >.config/xuring.conf
	chown -R 65534 .config
	timeout 10 setpriv --reuid 65534 --clear-groups env HOME="$PWD" LD_PRELOAD=libxuring-shim-test.so \
		/bin/cat /dev/null 2>err || true
	grep -q 'mode auto' err
	timeout 10 setpriv --reuid 65534 --clear-groups env HOME="$PWD" LD_PRELOAD=libxuring-shim-test.so XURING_STATS=1 \
		"$PWD/cat" /proc/self/maps >out 2>err
	cat err
	grep -q libxuring-shim-test out
	[[ ! -s err ]]
}
