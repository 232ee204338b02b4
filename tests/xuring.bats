#!/usr/bin/env bats
# The command xuring: what run passes on and what it says, check, options, profiles, stats, bench.
# shellcheck shell=bash disable=SC2013,SC2016,SC2086,SC2030,SC2031,SC2034,SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_xuring
	cd "$BATS_TEST_TMPDIR"
}

# preloaded: the program that looks whether the library is there.
preloaded='grep -c libxuring-shim.so /proc/self/maps' # words

# served PROG...: under run it prints on stdout what it prints bare, says nothing, and ends with the same status.
served() {
	run --separate-stderr timeout 20 "$@"
	local want=$output status_want=$status stderr_want=$stderr
	run --separate-stderr timeout 20 "$xuring" run "$@"
	[[ $output == "$want" && $status -eq $status_want && $stderr == "$stderr_want" ]]
}

# bare WHY PROG...: it runs, without the library, and one line says why.
bare() {
	local why=$1
	shift
	run --separate-stderr "${before[@]}" timeout 20 "$xuring" run "$@"
	echo "status $status, stdout: $output, stderr: $stderr"
	[[ $status -eq 0 && $output == 0 ]]
	[[ ${stderr_lines[0]} == "xuring: "*"runs bare: "*$why* ]]
}

# A program that prints how often the library is in its own memory map.
prints_whether() {
	cat >whether.c <<-'END'
		#include <stdio.h>
		#include <string.h>
		int main(void)
		{
			char line[4096];
			int n = 0;
			FILE *f = fopen("/proc/self/maps", "r");
			while (f && fgets(line, sizeof(line), f))
				n += strstr(line, "libxuring-shim") != NULL;
			printf("%d\n", n > 0);
			return 0;
		}
	END
	"$@" whether.c -o whether
}

@test "xuring: run has the library in the program" {
	[[ $("$xuring" run $preloaded) -gt 0 ]]
	[[ $("$xuring" run -- $preloaded) -gt 0 ]]
	[[ $(cd / && "$xuring" run $preloaded) -gt 0 ]]
	ln -s "$xuring" other-name
	[[ $(./other-name run $preloaded) -gt 0 ]]
	[[ $(PATH=$root/scripts:$PATH xuring run $preloaded) -gt 0 ]]
	[[ $(cd "$root/scripts" && sh xuring run $preloaded) -gt 0 ]]
}

@test "xuring: run passes on status, arguments, input and signals" {
	served sh -c 'exit 37'
	served sh -c 'kill -9 $$'
	served sh -c 'kill -SEGV $$'
	served printf '<%s>' 'a  b' "c'd" '"' '' '*' '$HOME' '`id`' $'line\nfeed' -- -p --stats -o
	served grep -q nothing /dev/null
	[[ $(seq 1000 | "$xuring" run sort -n | md5sum) == "$(seq 1000 | md5sum)" ]]
	# It is the program itself that gets the signal: there is nobody between.
	"$xuring" run sleep 20 &
	pid=$!
	for ((i = 0; i < 100; i++)); do
		[[ $(cat /proc/$pid/comm) == sleep ]] && break
		sleep 0.02
	done
	[[ $(cat /proc/$pid/comm) == sleep ]]
	kill -TERM $pid
	status=0
	wait $pid || status=$?
	[[ $status -eq 143 ]]
}

@test "xuring: run ends with 127 and 126 as a shell does" {
	touch plain
	mkdir dir
	for program in nowhere-to-be-found ./nowhere ./plain ./dir ''; do
		want=0
		bash -c '"$1"' bash "$program" 2>/dev/null || want=$?
		run --separate-stderr "-$want" "$xuring" run "$program"
		[[ ${#stderr_lines[@]} -eq 1 ]]
	done
	printf '#!/no/such/interpreter\n' >script
	chmod +x script
	run --separate-stderr -127 "$xuring" run ./script
	[[ $stderr == *'interpreter /no/such/interpreter: not found' ]]
	# Without a first line a shell takes it, as a shell does.
	echo 'echo by a shell' >script
	[[ $("$xuring" run ./script) == 'by a shell' ]]
}

@test "xuring: run adds to what is preloaded already" {
	[[ $(LD_PRELOAD=libdl.so.2 "$xuring" run sh -c 'echo $LD_PRELOAD') == "libdl.so.2:$shim" ]]
	[[ $(LD_PRELOAD=$shim "$xuring" run sh -c 'echo $LD_PRELOAD') == "$shim" ]]
	[[ $("$xuring" run "$xuring" run sh -c 'echo $LD_PRELOAD') == "$shim" ]]
	[[ $("$xuring" run $preloaded) == "$(LD_PRELOAD=libdl.so.2 "$xuring" run $preloaded)" ]]
}

@test "xuring: -p, -o and --stats reach the program" {
	[[ $("$xuring" run -p redis,bulk -o ENTRIES=8 -oLOG=error --option=XURING_MODE=ring sh -c \
		'echo $XURING_PROFILE $XURING_ENTRIES $XURING_LOG $XURING_MODE') == 'redis,bulk 8 error ring' ]]
	[[ $("$xuring" run -o "STATS=json:it's here" printenv XURING_STATS) == "json:it's here" ]]
	run --separate-stderr "$xuring" run --stats cat /dev/null
	[[ $stderr == 'xuring: cat['*'mode auto'* ]]
	need jq
	"$xuring" run --stats=records -p tree -- cat /dev/null
	holds records '.[0] | .prog == "cat" and .profile == "tree"'
}

@test "xuring: what is wrong on the command line is told with what would be right, and nothing runs" {
	# wrong WORD ARG...
	wrong() {
		local word=$1
		shift
		run --separate-stderr -2 "$xuring" run "$@" touch ran
		[[ ${stderr_lines[0]} == xuring:*"$word"* && -z $output ]]
		[[ ! -e ran ]]
	}
	wrong 'nearest is MODE' -o MOD=ring
	wrong 'nearest is MODE' -o mode=ring
	wrong 'auto|ring|off' -o MODE=fast
	wrong '1 to 4096' -o ENTRIES=0
	wrong 'KEY=VALUE' -o MODE
	wrong 'nearest is remote' -p remot
	wrong 'nearest is redis' -p bulk,redsi
	wrong 'no such option: -x' -x
	run --separate-stderr -2 "$xuring" run
	[[ ${stderr_lines[0]} == 'xuring: which program?' && ${stderr_lines[1]} == '  xuring run '* && $stderr != *bench* ]]
	run --separate-stderr -2 "$xuring" run -p
	[[ ${stderr_lines[0]} == 'xuring: -p needs a value' ]]
	run --separate-stderr -2 "$xuring" run -p remot true
	[[ $stderr == 'xuring: PROFILE remot: no such profile; the nearest is remote' ]]
	run --separate-stderr -2 "$xuring" fly
	[[ ${stderr_lines[0]} == 'xuring: no such command: fly' ]]
	run -0 "$xuring" help
	[[ $output == *'xuring run '*'xuring bench'* ]]
}

@test "xuring: each command says how it is used; wrong arguments are told in a line, and never by a traceback" {
	need python3
	local command
	for command in check run advise bench top stats profiles options version; do
		run -0 "$xuring" help $command
		[[ $output == *"xuring "*"$command"* && ${#lines[@]} -le 6 ]]
	done
	for command in check run advise bench top stats profiles options; do
		run -0 "$xuring" $command --help
		[[ $output == *xuring*$command* ]]
	done
	run -2 "$xuring" help fly
	# told WORDS ARG...: ends with 2, the last line has the words.
	told() {
		local words=$1
		shift
		run -2 timeout 20 "$xuring" "$@"
		[[ ${lines[-1]} == *"$words"* && $output != *Traceback* ]]
	}
	told 'no argument but --rows' profiles --bad
	told 'no argument but --rows' options --rows more
	told 'one program' check ls -l
	told 'which program?' bench
	told 'which program?' advise
	told '0: not a whole number from 1 on' bench -n 0 true
	told 'x: not a whole number from 1 on' advise -n x true
	told '-1: not a number of seconds' bench --seconds=-1 true
	told 'inf: not a number of seconds' advise --seconds inf true
	told '0: not a number of seconds' top --interval 0
	told 'abc: not a process id' top abc
	told '0: not a process id' advise -p 0
	told 'required: FILE' stats
	told 'unrecognized arguments: -z' bench -z true
	run -1 "$xuring" top --once 4194305
	[[ $output == 'xuring: process 4194305 does not run, or can not be watched: start it by xuring run --live'* ]]
}

@test "xuring: a static program runs bare, and it is said" {
	need gcc
	before=()
	prints_whether gcc -static
	bare 'statically linked' ./whether
	prints_whether gcc -static-pie
	bare 'statically linked' ./whether
	prints_whether gcc
	[[ $("$xuring" run ./whether) == 1 ]]
}

@test "xuring: a program for musl runs bare, and it is said" {
	need musl-gcc
	[[ $(readelf -lW "$shim") == *ld-linux* ]] || skip 'built for musl'
	before=()
	prints_whether musl-gcc
	bare 'another libc' ./whether
}

@test "xuring: a program for another machine is left to whoever can run it" {
	need aarch64-linux-gnu-gcc
	[[ $(uname -m) != aarch64 ]] || skip 'that is this machine'
	prints_whether aarch64-linux-gnu-gcc
	run --separate-stderr "$xuring" run ./whether
	[[ ${stderr_lines[0]} == *'./whether runs bare: it is built for aarch64' ]]
	run bash -c ./whether
	want=$status
	run "$xuring" run ./whether
	[[ $status -eq $want ]]
}

@test "xuring: a setuid program runs bare, and it is said" {
	need setpriv gcc
	[[ $(id -u) -eq 0 ]] || skip 'only root can make one of another user'
	open=$(mktemp -d)
	chmod 755 "$open"
	prints_whether gcc
	install -m 4755 whether "$open/whether"
	before=(setpriv --reuid 65534 --clear-groups)
	[[ -r $shim ]] && setpriv --reuid 65534 --clear-groups test -x "$shim" || skip 'the tree is not for others to read'
	bare 'setuid' "$open/whether"
	# Where nothing is gained, it is served.
	[[ $("$xuring" run "$open/whether") == 1 ]]
	[[ $(setpriv --reuid 65534 --clear-groups --no-new-privs "$xuring" run "$open/whether") == 1 ]]
	rm -r "$open"
}

@test "xuring: a script is served if its interpreter is" {
	need gcc
	before=()
	prints_whether gcc -static
	cp whether static
	printf '#!%s/static\n' "$PWD" >script
	printf '#!/usr/bin/env -S A=b static\n' >by-env
	chmod +x script by-env
	bare "interpreter $PWD/static: it is statically" ./script
	PATH=$PWD:$PATH bare 'interpreter static: it is statically' ./by-env
	printf '#! /bin/sh -e\n%s\n' "$preloaded" >script
	[[ $("$xuring" run ./script) -gt 0 ]]
	printf '#!./loop\n' >loop
	chmod +x loop
	run -127 timeout 10 "$xuring" run ./loop
}

@test "xuring: where no ring is to be had a program runs bare, and it is said why" {
	need gcc
	prints_whether gcc
	before=("$tools/deny" EPERM)
	bare 'no ring to be had. io_uring_setup says EPERM' ./whether
	before=("$tools/deny" ENOSYS)
	bare 'ENOSYS' ./whether
	[[ $stderr == *'what helps: '*io_uring_setup* ]]
	before=("$tools/deny" kill)
	bare 'sandbox kills' ./whether
}

@test "xuring: run costs little, and needs neither python nor anything in PATH but the program" {
	mkdir bin
	for program in sh sed readlink; do
		ln -s "$(command -v $program)" bin/
	done
	[[ $(PATH=$PWD/bin "$xuring" run sh -c 'echo fine') == fine ]]
}

# The memory that a sleeping process has for itself alone, in KiB.
memory() {
	"$@" sleep 20 3>&- &
	pid=$!
	until [[ $(awk '/^State/ { print $2 }' /proc/$pid/status) == S && $(cat /proc/$pid/comm) == sleep ]]; do sleep 0.05; done
	awk '/^Private_Dirty/ { print $2 }' /proc/$pid/smaps_rollup
	kill $pid
}

@test "xuring: a process that no engine has anything to do in has at most 100 KiB more" {
	[[ -r /proc/self/smaps_rollup ]] || skip 'no smaps_rollup'
	bare=$(memory)
	more=$(($(memory env LD_PRELOAD="$shim") - bare))
	echo "$bare KiB bare, $more more"
	((more > 0 && more <= 100))
}

@test "xuring: check says good, limited or no, and what to do" {
	need jq
	run --separate-stderr "$xuring" check cat
	echo "$output"
	[[ -z $stderr ]]
	for line in "${lines[@]}"; do
		[[ $line =~ ^(good|limited|no)\ +(library|kernel|sysctl|sandbox|memlock|ring|config|options|program)\ |^\ +-\>\  ]]
	done
	[[ $output == *'good     program'* ]]
	"$xuring" check --json cat | jq -e '.verdict and (.findings | length >= 8 and all(.about and .verdict and .finding))'
	"$xuring" check --json | jq -e '.findings | all(.about != "program")'
	run -2 "$xuring" check --jsno
	run -2 "$xuring" check a b
}

@test "xuring: check: what can not be served, and what is refused" {
	need jq gcc
	prints_whether gcc -static
	run -1 "$xuring" check ./whether
	[[ $output == *'no       program   it is statically linked'* ]]
	run -1 "$xuring" check nowhere
	[[ $output == *'not found'* ]]
	for what in EPERM ENOSYS ENOMEM kill '-s enter EPERM' '-s register EACCES'; do
		run -1 "$tools/deny" $what "$xuring" check --json
		jq -e '.verdict == "no" and (.findings[] | select(.about == "ring") | .verdict == "no" and .remedy != "")
			and any(.findings[]; .about == "sandbox" and .verdict == "limited")' <<<"$output"
		[[ $what != -s* || $output == *"io_uring_${what:3:5}"* ]]
	done
}

@test "xuring: check: rings that count as locked memory" {
	need jq setpriv
	[[ $EUID -eq 0 ]] || skip "needs root"
	local kernel
	IFS=.- read -ra kernel < <(uname -r)
	((kernel[0] * 1000 + kernel[1] >= 6014)) || skip "not counted by this kernel"
	setpriv --reuid 65534 --clear-groups "$xuring" check >/dev/null 2>&1 || skip "nobody else may use it here"
	ulimit -l 0
	run -1 setpriv --reuid 65534 --clear-groups "$xuring" check --json
	jq -e 'any(.findings[]; .about == "memlock" and .verdict == "limited")' <<<"$output"
	jq -e 'any(.findings[]; .about == "ring" and (.finding | test("ENOMEM")) and (.remedy | test("ulimit -l")))' <<<"$output"
}

@test "xuring: check lists every mistake of the configuration, and what is set for a program" {
	mkdir .config
	printf 'MODUS=1\n[cat]\nENTRIES=x\nMODE=ring\nPROFILE=redis\n[dog]\nNO\n' >.config/xuring.conf
	run "$xuring" check /bin/cat
	echo "$output"
	[[ $output == *'xuring.conf:1: MODUS: no such option'* && $output == *':3: ENTRIES=x'* && $output == *':7: a line'* ]]
	[[ $output == *'good     options   MODE=ring (file), PROFILE=redis (file), SEND=later (profile), ENTRIES=256 (profile)'* ]]
	XURING_MODE=off run -1 "$xuring" check cat
	[[ $output == *'no       options   MODE=off (environment)'* ]]
}

@test "xuring: options and profiles name what the tables have" {
	run -0 "$xuring" options
	for name in $(sed -n 's/^\(CHOICE\|NUMBER\|TEXT\)(\([A-Z_]*\), .*/\2/p' "$root/config/options.def"); do
		grep -q "^$name = " <<<"$output"
	done
	[[ $("$xuring" options --rows | awk -F'\t' 'NF != 4 || $4 == ""' | wc -l) -eq 0 ]]
	awk 'length > 79' <<<"$output" >long
	[[ ! -s long ]]
	run -0 "$xuring" profiles
	for file in "$root"/config/profiles/*.def; do
		grep -q "^$(basename "$file" .def) " <<<"$output"
		grep -qF "#include \"config/profiles/${file##*/}\"" "$root/config/profiles.def"
	done
	[[ $("$xuring" profiles --rows | awk -F'\t' 'NF != 4 || $2 == "" || $3 == ""' | wc -l) -eq 0 ]]
}

@test "xuring: stats sums records and compares two files" {
	need python3 jq
	seq 2000 >numbers
	for i in 1 2 3; do
		"$xuring" run --stats=one cat numbers >/dev/null
	done
	"$xuring" run --stats=two -o MODE=ring cat numbers >/dev/null
	run -0 "$xuring" stats one
	[[ ${lines[0]} == 'one: 3 processes (cat 3)' ]]
	[[ $output =~ read\ +$(counted one total read)\  ]]
	run -0 "$xuring" stats one two
	[[ $output =~ processes\ +3\ +1\ +-2 ]]
	[[ $output =~ calls\ +$(counted one total)\ +$(counted two total)\  ]]
	echo 'not one' >>one
	echo '{"pid":1}' >>one
	run --separate-stderr -0 "$xuring" stats one
	[[ ${stderr_lines[0]} == 'xuring: one:4: not a statistics record'* && ${#stderr_lines[@]} -eq 2 ]]
	run -1 "$xuring" stats nowhere
	[[ $output == 'xuring: nowhere: No such file or directory' ]]
	run -1 "$xuring" stats numbers
}

@test "xuring: bench compares times and outputs" {
	need python3 jq
	run -0 "$xuring" bench -n 3 -- sh -c 'echo same; exit 3'
	[[ $output == *'3 pairs'*'ratio'*'the same output and status (3) in all runs'* ]]
	"$xuring" bench -n 2 --json -p tree sleep 0.05 |
		jq -e '.pairs == 2 and .profile == "tree" and .output == "same" and .ratio > 0.5 and .ratio < 2'
	run -1 "$xuring" bench -n 1 sh -c 'echo ${LD_PRELOAD-none}'
	[[ $output == *'DIFFERS'* ]]
	run -0 "$xuring" bench -n 2 sh -c 'echo $$'
	[[ $output == *'differs from run to run even when bare'* ]]
	run -127 "$xuring" bench nowhere
	run -2 "$xuring" bench -o MOD=x true
}

@test "xuring: advise counts, and promises nothing where there is nothing to gain" {
	need python3 jq
	run -0 "$xuring" advise -n 1 true
	[[ $output == *'Nothing is to be gained here'* ]]
	# Files that are in memory are read as fast as can be.
	mkdir files
	(cd files && for i in {1..300}; do echo "$i" >$i; done)
	"$xuring" advise --json grep -rc 7 files >found
	jq . found
	jq -e '.calls > 900 and (.engines | keys == ["aio", "loop", "scout", "stream", "sync"]
		and .sync.gain == 1 and .loop.gain == 1 and .aio.gain == 1 and all(.why != ""))' found
	"$xuring" advise -n 1 --json -- sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do dd if=/dev/zero of=x count=1 conv=fsync; done' |
		jq -e '.engines.sync | .gain >= 1 and (.why | startswith("10 syncs"))'
	run -127 "$xuring" advise nowhere
	run -2 "$xuring" advise
}

@test "xuring: the library is missing: it is said what to do" {
	mkdir -p empty/bin
	cp "$xuring" empty/bin
	unset BUILD
	run -126 empty/bin/xuring run true
	[[ $output == *'make install'* ]]
}

@test "xuring: installed, it finds its library, and after uninstall nothing is left" {
	need make
	# Nothing is built here, with whatever flags it was built.
	installing=(make -s -C "$root" -o build -o "$build/.flags" BUILD="$build" PREFIX="$PWD/usr")
	"${installing[@]}" install
	unset BUILD
	[[ $(usr/bin/xuring run sh -c 'echo $LD_PRELOAD') == "$PWD/usr/lib/libxuring-shim.so" ]]
	usr/bin/xuring check >/dev/null
	[[ $(usr/bin/xuring profiles) == "$("$xuring" profiles)" ]]
	need python3
	usr/bin/xuring run --stats=records true
	usr/bin/xuring stats records
	"${installing[@]}" uninstall
	find usr ! -type d >left
	cat left
	[[ ! -s left ]]
}

@test "xuring: a library that is replaced while a program runs: that goes on with the old one, the next has the new one" {
	cp "$shim" libxuring-shim.so
	mkfifo go
	LD_PRELOAD=$PWD/libxuring-shim.so XURING_STATS="json:$PWD/records" sh -c '
		grep -c "libxuring-shim.so$" /proc/$$/maps
		read -r x <go
		grep -c "libxuring-shim.so (deleted)" /proc/$$/maps
		LD_PRELOAD= grep -c libxuring-shim.so /proc/self/maps || :' >out 3>&- &
	pid=$!
	until [[ -s out ]]; do sleep 0.02; done
	cp "$shim" new
	mv new libxuring-shim.so
	echo >go
	wait $pid
	pid=
	[[ $(sed -n 1p out) -gt 0 && $(sed -n 2p out) -gt 0 && $(sed -n 3p out) -eq 0 ]]
	[[ $(grep -c '"prog":"sh"' records) -eq 1 ]]
	[[ $(LD_PRELOAD=$PWD/libxuring-shim.so grep -c 'libxuring-shim.so$' /proc/self/maps) -gt 0 ]]
}

# ---- top ----

# live PROG...: starts it to be watched, as $pid, and waits until it is; $pid is ended by teardown.
live() {
	"$xuring" run --live "$@" >/dev/null 2>&1 3>&- &
	pid=$!
	for ((i = 0; i < 200; i++)); do
		[[ -e /dev/shm/xuring-live.$pid ]] && return
		sleep 0.02
	done
	false
}

teardown() {
	[[ -z ${pid:-} ]] || kill -9 "$pid" 2>/dev/null || true
}

@test "xuring: top shows what a program that is watched counts, as text, JSON and OpenMetrics" {
	need python3 jq
	[[ -w /dev/shm ]] || skip 'no /dev/shm'
	live sh -c 'for i in 1 2 3 4 5 6 7; do read -r x </etc/passwd; done; read -r wait <&9' 9<> <(sleep 30)
	sleep 0.2
	"$xuring" top --json "$pid" >found
	jq . found
	jq -e --arg pid "$pid" '.[0] | .pid == ($pid | tonumber) and .prog == "sh" and .mode == "auto" and .profile == "safe"
		and .calls.open.kernel >= 7 and .calls.read.kernel > 7' found
	run -0 "$xuring" top --once "$pid"
	[[ ${lines[0]} == *'PID  program'*'kernel'*'fallback'* && ${lines[1]} == *"$pid  sh "* && $output == *' open  '* ]]
	run -0 "$xuring" top --openmetrics
	[[ $output == *"xuring_calls_total{pid=\"$pid\",prog=\"sh\",call=\"open\",way=\"kernel\"} "* && ${lines[-1]} == '# EOF' ]]
	run -1 "$xuring" top --once 1
	# What is killed leaves its page, and the next look removes it.
	kill -9 "$pid"
	wait "$pid" || true
	"$xuring" top --json | jq -e --arg pid "$pid" 'all(.pid != ($pid | tonumber))'
	[[ ! -e /dev/shm/xuring-live.$pid ]]
}

@test "xuring: top: a child counts for itself, and what ends well leaves nothing" {
	need python3 jq
	[[ -w /dev/shm ]] || skip 'no /dev/shm'
	cat >family.py <<'END'
import json, os, subprocess, sys
def mine():
	found = json.loads(subprocess.run([sys.argv[1], "top", "--json", str(os.getpid())], stdout=subprocess.PIPE, check=True).stdout)
	return found[0]["calls"].get("getrandom", found[0]["calls"].get("pread", {"kernel": 0}))["kernel"]
fd = os.open("/etc/passwd", os.O_RDONLY)
for i in range(100):
	os.pread(fd, 1, 0)
if not (pid := os.fork()):
	for i in range(10):
		os.pread(fd, 1, 0)
	print("child", mine(), flush=True)
	os._exit(0)
os.waitpid(pid, 0)
print("parent", mine(), os.getpid(), pid, flush=True)
END
	"$xuring" run --live /usr/bin/python3 family.py "$xuring" >out 2>err
	cat out err
	read -r _ child <<<"$(sed -n 1p out)"
	read -r _ parent a b <<<"$(sed -n 2p out)"
	[[ $child -eq 10 && $parent -eq 100 ]]
	[[ ! -e /dev/shm/xuring-live.$a && ! -e /dev/shm/xuring-live.$b ]]
}

@test "xuring: top believes no page that is not one, and where none can be made a program runs on" {
	need python3
	[[ -w /dev/shm ]] || skip 'no /dev/shm'
	head -c 30000 /dev/urandom >/dev/shm/xuring-live.1
	ln -sf /etc/passwd /dev/shm/xuring-live.2
	run timeout 10 "$xuring" top --json
	rm -f /dev/shm/xuring-live.[12]
	[[ $status -eq 0 && $output == \[* ]]
	# Neither memory nor a name to be had there.
	[[ $("$xuring" run --live sh -c 'ulimit -n 3; (echo fine; :); :') == fine ]]
}
