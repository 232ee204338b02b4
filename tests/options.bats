#!/usr/bin/env bats
# The options, what they report and what they do; how every refusal of io_uring is survived; what the shim links and
# exports.
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
}

# reported WORD...: what is in the file err is one line, and it has each of the words.
reported() {
	local word
	cat err
	[[ $(wc -l <err) -eq 1 ]]
	for word; do
		grep -qF -- "$word" err
	done
}

# copies NAME=VALUE...: cat under the shim with these set; its output must be right, its messages go to the file err.
copies() {
	shimmed "$@" cat -n numbers >out 2>err
	cat -n numbers | cmp - out
}

# sound: each line of the records is one JSON object with all that it should have, and totals are sums.
sound() {
	local line
	while read -r line; do
		jq -e . <<<"$line" >/dev/null
	done <"$records"
	holds "$records" 'all(
		(keys - ["pid", "prog", "mode", "profile", "ring", "why_no_ring", "enters", "rings", "calls", "engines"]
			- ["reasons", "spent", "threads"] == [])
		and (.pid | type) == "number" and (.prog | type) == "string" and (.enters | type) == "number"
		and (.rings | type) == "number" and (.engines | type) == "object"
		and IN(.mode; "auto", "ring", "off") and IN(.ring; "invisible", "hidden-fd", "none"))'
	holds "$records" 'all(.[].calls[]; .total == .kernel + .ring + .memory + .queued + .fallback)'
}

@test "options: nothing is said unless asked for" {
	copies
	[[ ! -s err ]]
	copies XURING_MODE=ring
	[[ ! -s err ]]
	copies XURING_MODE=off XURING_ENTRIES=8 XURING_LOG=error XURING_DENY=setup XURING_DENY_OPS=read,write \
		XURING_ONLY='c*' XURING_SKIP=dog XURING_PROFILE=safe
	[[ ! -s err ]]
}

@test "options: an unknown name is reported once, with the nearest right one" {
	copies XURING_MOD=ring
	reported XURING_MOD XURING_MODE
	copies XURING_STATISTICS=1
	reported XURING_STATISTICS XURING_STATS
	copies XURING_DENYOPS=read
	reported XURING_DENYOPS XURING_DENY_OPS
	copies XURING_ENTRYS=7
	reported XURING_ENTRYS XURING_ENTRIES
}

@test "options: a bad value is reported once, with those that are right, and the default holds" {
	copies XURING_MODE=fast
	reported XURING_MODE fast auto ring off
	copies XURING_ENTRIES=many
	reported XURING_ENTRIES many
	copies XURING_ENTRIES=0
	reported XURING_ENTRIES 0
	copies XURING_LOG=loud
	reported XURING_LOG loud debug
	copies XURING_DENY_OPS=read,reed
	reported XURING_DENY_OPS reed
	copies XURING_DENY=setup:EWHATEVER
	reported XURING_DENY EWHATEVER
	copies XURING_MODE=fast "$json"
	holds "$records" '.[0].mode == "auto"'
}

# of_kind KIND: the rows of the table of options of this kind: the name, and values with tabs between.
of_kind() {
	local name values _
	while IFS=$'\t' read -r name values _; do
		! grep -q "^$1($name," "$root/config/options.def" || printf '%s\t%s\n' "$name" "$values"
	done < <("$shim" options --rows)
}

@test "options: every choice refuses what is none of its words, and takes each of them in silence" {
	local name words word
	while IFS=$'\t' read -r name words; do
		for word in "${words%%|*}x" "${words^^}" "$words"; do
			copies "XURING_$name=$word"
			reported "XURING_$name" "$word" "not one of $words" ignored
		done
		for word in ${words//|/ }; do
			[[ $name/$word != LOG/@(info|debug|trace) ]] || continue
			copies "XURING_$name=$word"
			[[ ! -s err ]]
		done
	done < <(of_kind CHOICE)
}

@test "options: every number refuses what is not between its bounds, and takes them in silence" {
	local name low high value
	while IFS=$'\t' read -r name value; do
		low=${value%% *} high=${value##* }
		for value in "$((high + 1))" "${low}x" -1 99999999999999999999 $((low > 0 ? low - 1 : -2)); do
			copies "XURING_$name=$value"
			reported "XURING_$name=$value" "not a number from $low to $high" ignored
		done
		for value in "$low" "$high"; do
			copies "XURING_$name=$value"
			[[ ! -s err ]]
		done
	done < <(of_kind NUMBER)
}

@test "options: every text is refused where it is too long" {
	local name long
	long=$(printf 'x%.0s' {1..20000})
	while IFS=$'\t' read -r name _; do
		copies "XURING_$name=$long"
		reported "XURING_$name=xxx" 'longer than' ignored
	done < <(of_kind TEXT)
}

@test "options: a value of any length, or none, does no harm" {
	local long
	long=$(printf 'x%.0s' {1..20000})
	copies XURING_MODE= XURING_STATS= XURING_ENTRIES= XURING_DENY_OPS= XURING_ONLY= XURING_LOG_FILE=
	for name in MODE STATS ENTRIES DENY DENY_OPS ONLY SKIP LOG LOG_FILE "$long"; do
		copies "XURING_$name=$long"
	done
	copies XURING_=1
	copies "XURING_STATS=json:"
	copies 'XURING_DENY=,,:@,setup:,enter@,setup@0' 'XURING_DENY_OPS=,,,' XURING_ONLY=',*,'
}

@test "options: XURING_STATS=1 prints a table at the end, on stderr" {
	copies XURING_STATS=1 XURING_MODE=ring
	cat err
	grep -qw cat err
	grep -qw read err
	grep -qw ring err
	grep -qw total err
}

@test "options: XURING_STATS=json:PATH appends one line a process" {
	copies "$json"
	copies "$json" XURING_MODE=ring
	sound
	holds "$records" 'length == 2 and all(.prog == "cat") and (map(.mode) == ["auto", "ring"]) and .[0].pid != .[1].pid'
	holds "$records" 'all(.calls.read.total > 0 and .calls.write.total > 0)'
}

@test "options: the record comes through exec, _exit and fork" {
	need /usr/bin/python3
	shimmed "$json" XURING_MODE=ring /usr/bin/python3 -c '
import os
print(os.getpid(), flush=True)
if (pid := os.fork()) == 0:
	open("numbers").read()
	os._exit(7)
print(os.waitpid(pid, 0), flush=True)
os.execv("/bin/cat", ["cat", "numbers"])' >out
	sound
	pid=$(head -n 1 out)
	[[ $(sed -n 2p out) == "($(jq -s "map(select(.pid != $pid))[0].pid" "$records"), 1792)" ]]
	tail -n +3 out | cmp - numbers
	holds "$records" "length == 3 and (map(select(.pid == $pid).prog) == [\"python3\", \"cat\"])"
	# An exec that fails counts on.
	rm "$records"
	shimmed "$json" XURING_MODE=ring sh -c 'exec /nowhere/at/all' 2>err || status=$?
	[[ $status -eq 127 ]]
	sound
	holds "$records" 'length == 1 and .[0].prog == "sh"'
}

@test "options: fifty processes at once append whole lines" {
	seq 50 | shimmed "$json" XURING_MODE=ring xargs -P 8 -n 1 cat numbers /dev/null 2>/dev/null >/dev/null || :
	sound
	holds "$records" 'map(select(.prog == "cat")) | length == 50'
}

@test "options: a program's name may hold anything" {
	cp "$(command -v cat)" $'a"b\\c\td\x01é'
	shimmed "$json" "./"$'a"b\\c\td\x01é' numbers | cmp - numbers
	sound
	holds "$records" '.[0].prog == "a\"b\\c\td\u0001é"'
}

@test "options: statistics that cannot be written stop nobody" {
	shimmed XURING_STATS=json:/nowhere/at/all cat -n numbers >out 2>err
	cat -n numbers | cmp - out
	shimmed XURING_STATS=json:/dev/full cat -n numbers >out 2>err
	cat -n numbers | cmp - out
	shimmed XURING_STATS=1 sh -c 'exec 2>&-; cat -n numbers' >out
	cat -n numbers | cmp - out
}

@test "options: messages go to XURING_LOG_FILE" {
	copies XURING_MODE=ring XURING_LOG=debug "XURING_LOG_FILE=$PWD/log"
	[[ ! -s err ]]
	[[ -s log ]]
	copies XURING_MODE=ring XURING_LOG=debug
	[[ -s err ]]
}

@test "options: off and auto make no ring for cat" {
	copies "$json" XURING_MODE=off
	copies "$json" XURING_MODE=auto
	sound
	holds "$records" 'map(.mode) == ["off", "auto"] and all(.rings == 0 and .enters == 0 and .ring == "none")'
	holds "$records" 'all(.[].calls[]; .ring == 0)'
}

@test "options: XURING_ONLY and XURING_SKIP choose programs by name" {
	need_ring
	# in_ring NAME=VALUE...: prints the programs whose calls went through a ring.
	in_ring() {
		rm -f "$records"
		shimmed "$json" XURING_MODE=ring "$@" sh -c 'cat numbers; sort -n numbers; tac numbers' >out
		[[ $(wc -l <out) -eq 60000 ]]
		jq -r 'select(any(.calls[]; .ring > 0)) | .prog' "$records" | sort | paste -sd' '
	}
	[[ $(in_ring) == 'cat sh sort tac' ]]
	[[ $(in_ring XURING_ONLY=cat) == 'cat' ]]
	[[ $(in_ring XURING_ONLY='?ac,s[h]*,so*') == 'sort tac' ]]
	[[ $(in_ring XURING_SKIP='*a*') == 'sh sort' ]]
	[[ $(in_ring XURING_ONLY='*t*' XURING_SKIP=cat) == 'sort tac' ]]
	[[ $(in_ring XURING_ONLY=nobody) == '' ]]
}

@test "options: XURING_DENY=setup leaves everything to the kernel, and says so" {
	local name
	for name in '' :EPERM :ENOSYS :ENOMEM :EMFILE; do
		rm -f "$records"
		copies "$json" XURING_MODE=ring "XURING_DENY=setup$name"
		[[ ! -s err ]]
		sound
		name=${name#:}
		holds "$records" ".[0] | .ring == \"none\" and .rings == 0 and (.why_no_ring | test(\"${name:-EPERM}\"))"
		holds "$records" '.[0].calls | .read.fallback > 0 and .write.fallback > 0 and all(.ring == 0)'
	done
}

@test "options: XURING_DENY=enter@N: the ring fails on the way, and nothing is lost or done twice" {
	need_ring
	local n name
	for name in EPERM ENOMEM EAGAIN EBUSY EINTR; do
		for n in 1 2 5 9; do
			rm -f "$records"
			shimmed "$json" XURING_MODE=ring "XURING_DENY=enter:$name@$n" dd if=numbers of=out bs=1000 status=none
			cmp numbers out
			sound
		done
		holds "$records" '.[0].calls | .read.ring > 0 and (.read.fallback + .write.fallback > 0)'
	done
}

@test "options: XURING_DENY_OPS denies these ops alone" {
	need_ring
	copies "$json" XURING_MODE=ring XURING_DENY_OPS=read
	sound
	holds "$records" '.[0].calls | .read.fallback > 0 and .read.ring == 0 and .write.ring > 0 and .write.fallback == 0'
	rm "$records"
	copies "$json" XURING_MODE=ring XURING_DENY_OPS=write,openat
	holds "$records" '.[0].calls | .write.fallback > 0 and .write.ring == 0 and .read.ring > 0'
	rm "$records"
	copies "$json" XURING_MODE=ring XURING_DENY_OPS=all
	holds "$records" '.[0].calls | .read.fallback > 0 and .write.fallback > 0 and all(.ring == 0)'
	holds "$records" '.[0].reasons | add > 0'
}

@test "options: a seccomp filter that refuses io_uring_setup is survived, and named" {
	local name
	for name in EPERM ENOSYS ENOMEM EMFILE EACCES EINVAL; do
		rm -f "$records"
		before=("$tools/deny" "$name")
		copies "$json" XURING_MODE=ring
		[[ ! -s err ]]
		sound
		holds "$records" ".[0] | .ring == \"none\" and (.why_no_ring | test(\"$name\"))"
		holds "$records" '.[0].calls | .read.fallback > 0 and all(.ring == 0)'
	done
}

@test "options: a sandbox that kills who asks for a ring is found out in a child" {
	local what
	for what in kill trap; do
		rm -f "$records"
		before=("$tools/deny" "$what")
		copies "$json" XURING_MODE=ring
		[[ ! -s err ]]
		sound
		holds "$records" 'length == 1 and (.[0] | .ring == "none" and (.why_no_ring | test("kill")))'
		holds "$records" '.[0].calls | .read.fallback > 0 and all(.ring == 0)'
	done
}

@test "options: the program never hears of that child" {
	need /usr/bin/python3
	before=("$tools/deny" kill)
	shimmed "$json" XURING_MODE=ring /usr/bin/python3 -c '
import os, signal
signal.signal(signal.SIGCHLD, lambda *a: print("SIGCHLD"))
open("numbers").read()
for options in (0, os.WNOHANG):
	try:
		print(os.waitpid(-1, options))
	except ChildProcessError:
		print("no child")
pid = os.fork() or os._exit(3)
print(os.wait()[1], os.wait3 is not None)' >out
	diff out - <<-'END'
		no child
		no child
		SIGCHLD
		768 True
	END
	holds "$records" 'all(.ring == "none")'
}

@test "options: filters that refuse io_uring_enter or io_uring_register are survived" {
	local what
	for what in EPERM ENOSYS EINVAL; do
		before=("$tools/deny" -s enter "$what")
		copies "$json" XURING_MODE=ring
		[[ ! -s err ]]
		before=("$tools/deny" -s register "$what")
		copies "$json" XURING_MODE=ring
		[[ ! -s err ]]
	done
	sound
}

@test "options: the shim needs libc alone" {
	need readelf
	[[ -z ${SAN_PRELOAD:-} && $build != */cov ]] || skip 'sanitizers and coverage need more'
	readelf -dW "$shim"
	run bash -c "readelf -dW '$shim' | sed -n 's/.*NEEDED.*\[\(.*\)\].*/\1/p' | grep -vE '^lib(c|dl)\.so'"
	[[ -z $output ]]
	run bash -c "readelf -dW '$shim' | grep TEXTREL"
	[[ -z $output ]]
	readelf -lW "$shim" | grep GNU_STACK | grep -q 'RW '
}

@test "options: the shim exports what it interposes, and nothing else" {
	need nm
	[[ -z ${SAN_PRELOAD:-} && $build != */cov ]] || skip 'sanitizers and coverage export more'
	nm -D --defined-only "$shim" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u >exported
	awk -F'[(,] *' '/^ALIAS\(/ { print $2 } /^(CALL|VARIANT|PASS|HOOK|WATCH|SERVE|GONE|HAND)\(/ { print $3 }' \
		"$root/shim/symbols.def" | sort -u >table
	comm -23 exported table >extra
	[[ ! -s extra ]] || {
		echo "not in symbols.def:"
		cat extra
		return 1
	}
	for name in read write pread64 openat recv send accept4 fsync __read_chk writev; do
		grep -qx "$name" exported
	done
}
