# Runs the cases of list.sh bare and under the shim, and compares. Used by the tests that `generate` makes.
#
# Each run gets a new directory with work (where it runs), home and tmp; the path is the same for all runs of a case,
# as programs print paths. Compared are stdout, stderr, the exit status, and all files and directories that are left:
# type, mode, owner, links, size, contents. The bare run of a case is made once a test run.
# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR source=../lib.bash
source "${BASH_SOURCE[0]%/*}/../lib.bash"
programs=$root/tests/programs

# How long a case may run.
limit=${XURING_TEST_LIMIT:-50}

# Once a test run: the place for all of it, the fixture, and the library where any user can read it.
programs_setup() {
	place=$(mktemp -d "${TMPDIR:-/tmp}/xuring-programs.XXXXXX")
	chmod 711 "$place"
	export place
	"$programs/fixture" "$place/fixture"
	describe "$place/fixture" >"$place/fixture.before"
	[[ ! -r $shim ]] || install -D "$shim" "$place/lib/libxuring-shim.so"
}

# At the end. XURING_TEST_KEEP=1 leaves everything there to look at.
programs_teardown() {
	if [[ -n ${XURING_TEST_KEEP:-} ]]; then
		echo "# kept: $place" >&3
		return
	fi
	[[ $(id -u) -eq 0 ]] || chmod -R u+w "$place"
	rm -rf "$place"
}

# describe DIR: prints what is in it, a line an entry, and then the checksums of the files. No times, no sizes of
# directories.
describe() {
	(
		cd "$1" || exit
		find . \( -type d -printf '%p %M %u:%g\n' \) -o -printf '%p %M %u:%g %n links %s %l\n' | sort
		find . -type f -print0 | sort -z | xargs -0r sha256sum
	)
}

# mode_command MODE: fills the array `under` with what comes before a program to run it in this mode. In auto
# nothing is set but LD_PRELOAD, as users do; the others leave statistics in the file $records.
mode_command() {
	local preloaded
	preloaded="LD_PRELOAD=$(preload "$place/lib/libxuring-shim.so")"
	local ring=(env "$preloaded" XURING_MODE=ring "XURING_STATS=json:$records")
	case $1 in
	bare) under=() ;;
	off) under=(env "$preloaded" XURING_MODE=off "XURING_STATS=json:$records") ;;
	auto) under=(env "$preloaded") ;;
	ring) under=("${ring[@]}") ;;
	eperm) under=("$tools/deny" EPERM "${ring[@]}") ;;
	enosys) under=("$tools/deny" ENOSYS "${ring[@]}") ;;
	noops) under=("${ring[@]}" XURING_DENY_OPS=all) ;;
	*) echo "there is no mode $1" && return 1 ;;
	esac
}

# run_case NAME MODE: runs a case in a mode; what came of it is then in $results/MODE.*.
run_case() {
	local name=$1 mode=$2 box=$results/box records=$results/$2.records ports clean under status=0
	read -ra ports < <(free_port 2)
	[[ $(id -u) -eq 0 || ! -e $box ]] || chmod -R u+w "$box"
	rm -rf "$box" "$results/logs" "$records"
	mkdir -p "$box/work" "$box/home" "$box/tmp" "$results/logs"
	chmod 755 "$box" "$results/logs"
	ln -s "$place/fixture" "$box/work/in"
	: >"$records"
	chmod 666 "$records"

	clean_env "HOME=$box/home" "TMPDIR=$box/tmp" "LOGS=$results/logs" "PORT=${ports[0]}" "PORT2=${ports[1]}"
	mode_command "$mode"
	(cd "$box/work" && exec "$tools/within" "$limit" "${clean[@]}" "${under[@]}" "$programs/case" "$name") \
		</dev/null >"$results/$mode.stdout" 2>"$results/$mode.stderr" 3>&- || status=$?
	echo "$status" >"$results/$mode.status"
	describe "$box" >"$results/$mode.files"
}

# The statistics of all processes of the run must say what the mode says: in ring something went through a ring, in
# the others nothing did; denied rings have a reason; the parts of each symbol add up.
check_records() {
	local mode=$1 file=$results/$1.records
	[[ $mode != bare && $mode != auto ]] || return 0
	command -v jq >/dev/null || return 0
	jq -es --arg mode "$mode" '
		def sum(part): [.[].calls[] | part // 0] | add // 0;
		(if $mode == "off" then "off" else "ring" end) as $says
		| [
			(if length == 0 then "nobody left a record" else empty end),
			(.[] | . as $r | .calls | to_entries[]
				| select(.value.total != .value.kernel + .value.ring + .value.memory + .value.queued + .value.fallback)
				| "\($r.prog): the parts of \(.key) are not its total: \(.value)"),
			(.[] | select(.mode != $says) | "\(.prog): its mode is \(.mode)"),
			(if $mode == "ring" and sum(.ring) == 0 then "nothing went through a ring" else empty end),
			(if $mode != "ring" and sum(.ring) != 0 then "\(sum(.ring)) calls went through a ring" else empty end),
			(if ($mode | IN("eperm", "enosys", "noops")) and sum(.fallback) == 0 then "nothing fell back" else empty end),
			(if $mode | IN("eperm", "enosys") then
				.[] | select(.why_no_ring == "" and ([.calls[].fallback] | add // 0) > 0) | "\(.prog): fell back without a reason"
			else empty end)
		] | unique | if length == 0 then true else .[:20] | join("\n") | halt_error(1) end' "$file" >/dev/null
}

# compare MODE [OTHER]: prints all that differs from the bare run; true if nothing does.
compare() {
	local part differs=0
	for part in status stdout stderr files; do
		show_difference "$part" "$results/${2:-bare}.$part" "$results/$1.$part" || differs=1
	done
	return $differs
}

# run_bare_again NAME: one more bare run, so that `bare` and `first` can be compared.
run_bare_again() {
	local part
	for part in status stdout stderr files; do
		cp "$results/bare.$part" "$results/first.$part"
	done
	run_case "$1" bare
}

# check_program NAME MODE 'COMMANDS IT NEEDS': the body of each test.
check_program() {
	local name=$1 mode=$2 results lock
	# shellcheck disable=SC2086 # words of the list
	need $3
	[[ $mode == bare ]] || need_shim
	[[ $mode != ring ]] || need_ring
	results=$place/${name//[^[:alnum:]]/-}
	mkdir -p "$results"
	chmod 711 "$results"
	exec {lock}>"$results.lock"
	flock "$lock" # the runs of a case share its directory

	if [[ ! -e $results/bare.status ]]; then
		run_case "$name" bare
	fi
	if [[ $(<"$results/bare.status") -ne 0 ]]; then
		echo "bare, it ended with status $(<"$results/bare.status"); its stdout and stderr end so:"
		tail -n 15 "$results/bare.stdout" "$results/bare.stderr"
		tail -n 15 "$results"/logs/* 2>/dev/null || :
		return 1
	fi
	if [[ $mode == bare ]]; then
		run_bare_again "$name"
		compare bare first
		return
	fi

	run_case "$name" "$mode"
	compare "$mode" || {
		tail -n 15 "$results"/logs/* 2>/dev/null || :
		# Is it the case that is not the same each time?
		run_bare_again "$name"
		compare bare first >/dev/null || echo 'two bare runs differ as well: this case has something that varies'
		return 1
	}
	check_records "$mode"
}
