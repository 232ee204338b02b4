# Runs the cases of tests/programs/list.sh in a small Debian of another time, bare and under the shim that was built
# here, and compares. Used by userlands.bats; what a case is and how it is compared, tests/programs/harness.bash says.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables of the harness
# shellcheck source-path=SCRIPTDIR source=../programs/harness.bash
source "${BASH_SOURCE[0]%/*}/../programs/harness.bash"
userlands=$root/tests/userlands

# Where the small systems are. They are made once, and go with the build.
systems=$build/userlands

# $XURING_USERLANDS: which of them are wanted (bullseye trixie sid musl); unset: all.
wanted() {
	[[ " ${XURING_USERLANDS-bullseye trixie sid musl} " == *" $1 "* ]]
}

# need_userland NAME: sets $system; skips the test when there is none, or none can be entered.
need_userland() {
	local answer
	system=$systems/$1
	wanted "$1" || skip "XURING_USERLANDS says no $1"
	[[ -z ${SAN_PRELOAD:-} && $build != */cov ]] || skip 'only the plain build is for other systems'
	if [[ ! -e $system.made ]]; then
		answer=$(make_userland "$1") || skip "$(tail -n 1 <<<"$answer")"
	fi
	answer=$("$userlands/enter" "$system" /bin/true 2>&1) || skip "$(tail -n 1 <<<"$answer")"
}

# make_userland NAME: as `make` and `make-musl`, which see.
make_userland() {
	case $1 in
	musl) "$userlands/make-musl" "$systems/musl" ;;
	*) "$userlands/make" "$1" "$systems/$1" ;;
	esac
}

# make_userlands: makes those that are wanted and not there, at once: each waits for the network and the disk.
make_userlands() {
	local name
	for name in bullseye trixie sid musl; do
		! wanted $name || make_userland $name >/dev/null 2>&1 3>&- &
	done
	wait
}

# inside CMD...: runs it in $system, where the tests, the place of this test run and the shim are seen.
inside() {
	SHARE="$root/tests $place" "$userlands/enter" "$system" "$@"
}

# has COMMAND...: true if $system has them all.
has() {
	local name
	for name; do
		[[ -e $system/bin/$name || -e $system/usr/bin/$name || -e $system/usr/sbin/$name ]] || return
	done
}

# run_inside NAME MODE: run_case, but inside. A refused ring is refused by a real filter, put on from the outside.
run_inside() {
	local name=$1 mode=$2 box=$results/box records=$results/$2.records ports clean status=0 outer=()
	local preloaded="LD_PRELOAD=$place/lib/libxuring-shim.so"
	read -ra ports < <(free_port 2)
	rm -rf "$box" "$results/logs" "$records"
	mkdir -p "$box/work" "$box/home" "$box/tmp" "$results/logs"
	ln -s "$place/fixture" "$box/work/in"

	clean_env "HOME=$box/home" "TMPDIR=$box/tmp" "LOGS=$results/logs" "PORT=${ports[0]}" "PORT2=${ports[1]}"
	# Since 3.12, Python counts its threads in /proc, and with them the workers of the kernel that a ring brings.
	clean+=('PYTHONWARNINGS=ignore:This process:DeprecationWarning')
	case $mode in
	bare) ;;
	auto) clean+=("$preloaded") ;;
	*) clean+=("$preloaded" XURING_MODE=ring "XURING_STATS=json:$records") ;;
	esac
	[[ $mode != eperm ]] || outer=("$tools/deny" EPERM)
	# shellcheck disable=SC2016
	SHARE="$root/tests $place" "$tools/within" "$limit" "${outer[@]}" "$userlands/enter" "$system" \
		"${clean[@]}" bash -c 'cd "$1" && exec "$2" "$3"' - "$box/work" "$programs/case" "$name" \
		</dev/null >"$results/$mode.stdout" 2>"$results/$mode.stderr" 3>&- || status=$?
	echo "$status" >"$results/$mode.status"
	describe "$box" >"$results/$mode.files"
}

# program NAME COMMANDS: a line of list.sh. What is not there inside is not asked for. Three go at a time.
program() {
	# shellcheck disable=SC2086 # words of the list
	has $2 || return 0
	ran=$((ran + 1))
	[[ $(jobs -rp | wc -l) -lt 3 ]] || wait -n || :
	program_inside "$1" >"$place/$suite/${1//[^[:alnum:]]/-}.$mode" 2>&1 3>&- &
}

# program_inside NAME: what it prints is what is wrong.
program_inside() {
	local results=$place/$suite/${1//[^[:alnum:]]/-}
	mkdir -p "$results"
	[[ -e $results/bare.status ]] || run_inside "$1" bare
	if [[ $(<"$results/bare.status") -ne 0 ]]; then
		echo "$1: bare, it ended with status $(<"$results/bare.status"); its stdout and stderr end so:"
		tail -n 15 "$results/bare.stdout" "$results/bare.stderr"
		return
	fi
	run_inside "$1" "$mode"
	compare "$mode" && check_records "$mode" || echo "$1 differs"
}

# check_programs SUITE MODE: the body of a test.
check_programs() {
	local suite=$1 mode=$2 ran=0
	need_shim
	need_userland "$suite"
	[[ $mode != ring ]] || need_ring
	mkdir -p "$place/$suite"
	# shellcheck source-path=SCRIPTDIR source=../programs/list.sh
	source "$programs/list.sh"
	wait
	cat "$place/$suite"/*."$mode"
	[[ $ran -gt 10 && -z $(cat "$place/$suite"/*."$mode") ]]
}

# session MODE: a session with the shim in /etc/ld.so.preload; what came of it is then in $results/MODE.*.
session() {
	local mode=$1 records=$results/$1.records setting=() outer=() status=0
	local preload=/usr/lib/libxuring-shim.so
	case $mode in
	bare) preload='' ;;
	auto) ;;
	*) setting=(XURING_MODE=ring "XURING_STATS=json:$records") ;;
	esac
	[[ $mode != eperm ]] || outer=("$tools/deny" EPERM)
	rm -f "$records"
	: >"$records"
	chmod 666 "$records"
	# shellcheck disable=SC2016
	SHARE="$root/tests $place" CHANGES=$results/$mode.files "$tools/within" 60 "${outer[@]}" "$userlands/enter" "$system" \
		/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c '
			cp "$1" /usr/lib/libxuring-shim.so
			chmod 644 /usr/lib/libxuring-shim.so
			echo "$2" >/etc/ld.so.preload
			mkdir /root/session
			session=$3
			shift 3
			exec env "$@" "$session" /root/session' \
		- "$place/lib/libxuring-shim.so" "$preload" "$userlands/session" "${setting[@]}" \
		</dev/null >"$results/$mode.stdout" 2>"$results/$mode.stderr" 3>&- || status=$?
	echo "$status" >"$results/$mode.status"
	# Logs and old copies have times in them.
	sed -i -E '\,\./(var/log|var/backups|var/cache/ldconfig)/|\./etc/ld\.so\.preload|/lib/libxuring-shim\.so,d' \
		"$results/$mode.files"
}

# check_session SUITE MODE: the body of a test.
check_session() {
	local suite=$1 mode=$2 results=$place/$1/session
	need_shim
	need_userland "$suite"
	[[ $mode != ring ]] || need_ring
	mkdir -p "$results"
	chmod 711 "$place/$suite" "$results"
	[[ -e $results/bare.status ]] || session bare
	session "$mode"
	compare "$mode"
	check_records "$mode"
}

# need_musl: the small system on musl, and the shim built for it.
need_musl() {
	need_userland musl
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$root" CC=musl-gcc BUILD="$systems/musl-build" \
		"$systems/musl-build/libxuring-shim.so" 3>&-
	mkdir -p "$place/musl"
	[[ -e $place/musl/libxuring-shim.so ]] || install "$systems/musl-build/libxuring-shim.so" "$place/musl"
}

# check_busybox MODE: the body of a test.
check_busybox() {
	local mode=$1 results=$place/musl/busybox run
	need_musl
	[[ $mode != ring ]] || need_ring
	mkdir -p "$results"
	for run in bare "$mode"; do
		[[ -e $results/$run.status ]] || run_busybox "$run"
		[[ $(<"$results/$run.status") -eq 0 ]] || {
			echo "$run: they ended with status $(<"$results/$run.status"), the last words being"
			tail -n 3 "$results/$run.stdout" "$results/$run.stderr"
			return 1
		}
	done
	[[ $(grep -c '^PASS' "$results/bare.stdout") -gt 400 ]]
	show_difference 'what passed' "$results/bare.stdout" "$results/$mode.stdout"
	check_records "$mode"
}

# run_busybox MODE: that takes half a minute, and on a busy machine many times as long.
run_busybox() {
	local mode=$1 records=$results/$1.records setting=() outer=() status=0
	case $mode in
	bare) ;;
	auto) setting=("LD_PRELOAD=$place/musl/libxuring-shim.so") ;;
	*) setting=("LD_PRELOAD=$place/musl/libxuring-shim.so" XURING_MODE=ring "XURING_STATS=json:$records") ;;
	esac
	[[ $mode != eperm ]] || outer=("$tools/deny" EPERM)
	SHARE="$root/tests $place" "$tools/within" 900 "${outer[@]}" "$userlands/enter" "$system" \
		/bin/env -i PATH=/bin "${setting[@]}" "$userlands/busybox" \
		</dev/null >"$results/$mode.stdout" 2>"$results/$mode.stderr" 3>&- || status=$?
	echo "$status" >"$results/$mode.status"
}

# check_setuid SUITE: a setuid program with the shim in /etc/ld.so.preload must not write where its caller says.
# An ordinary one does, which shows that the test would notice.
check_setuid() {
	local suite=$1 log=$place/$1/setuid
	need_shim
	need_userland "$suite"
	mkdir -p "$log"
	chmod 711 "$place/$suite" "$log"
	# shellcheck disable=SC2016
	inside /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c '
		set -e
		cp "$1" /usr/lib/libxuring-shim.so
		chmod 644 /usr/lib/libxuring-shim.so
		useradd -m ann
		echo /usr/lib/libxuring-shim.so >/etc/ld.so.preload
		export XURING_LOG=trace XURING_MODE=ring
		test -u /usr/bin/passwd
		su ann -c "XURING_LOG_FILE=$2/s.log XURING_STATS=json:$2/s.json passwd -S"
		XURING_LOG_FILE=$2/o.log XURING_STATS=json:$2/o.json passwd -S ann' - "$place/lib/libxuring-shim.so" "$log" 3>&-
	ls -l "$log"
	[[ -e $log/o.json && ! -e $log/s.json && ! -e $log/s.log ]]
}

# check_imports SUITE: the table has all that the programs there use, and all that its libc has.
check_imports() {
	need_userland "$1"
	"$root/scripts/imports" --all --root "$system"
}

# check_tables SUITE: the shim, run as a program there, prints the tables that it prints here.
check_tables() {
	need_shim
	need_userland "$1"
	"$shim" >"$place/tables.here"
	inside "$place/lib/libxuring-shim.so" >"$place/tables.there"
	show_difference tables "$place/tables.here" "$place/tables.there"
}
