# What the lifecycle tests share: a program runs bare, and then in each mode of the shim, and has to do the same.
# Loaded by lifecycle-*.bats, after lib.bash.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are for those who load this

# off; auto with statistics; ring; ring with a kernel that refuses one.
lifecycle_modes=(off auto ring denied)

# unseen_modes: those in which no ring takes a number among the fds, as each does before Linux 6.5.
unseen_modes() {
	if "$shim" | grep -qE '^ring     (invisible|none)'; then
		echo "${lifecycle_modes[@]}"
	else
		echo off auto denied
	fi
}

# mode_settings MODE: fills `settings` with the environment that makes it.
mode_settings() {
	settings=("LD_PRELOAD=${preloaded:-$(preload)}" XURING_MODE="$1" "XURING_STATS=json:$records")
	case $1 in
	off) settings=("${settings[0]}" XURING_MODE=off) ;;
	auto) settings=("${settings[0]}" "XURING_STATS=json:$records") ;;
	denied) settings+=(XURING_MODE=ring XURING_DENY=setup) ;;
	esac
}

# close_others: what the test runner has open, programs that look at their descriptors must not find.
close_others() {
	local fd
	for fd in /proc/self/fd/*; do
		fd=${fd##*/}
		[[ $fd -le 2 ]] || eval "exec $fd>&-"
	done
}

# play DIR NAME=VALUE... PROG ARGS...: runs it in an empty directory, box; what it printed, its status, and what it left
# there are then in DIR.
play() {
	local into=$1 clean status=0
	shift
	rm -rf "$box"
	mkdir -p "$box" "$into"
	chmod 755 "$box"
	clean_env "HOME=$box" ${with[@]+"${with[@]}"}
	(cd "$box" && close_others && exec "$tools/within" "${limit:-60}" "${clean[@]}" "$@") </dev/null >"$into/out" \
		2>"$into/err" || status=$?
	echo "$status" >"$into/status"
	(cd "$box" && find . -type f -printf '%p %M %s\n' -o -printf '%p %M\n' | sort) >"$into/files"
}

# same [-n] [-s STATUS] [-m 'MODE...'] PROG ARGS...: bare it must end with STATUS (0), and in each mode print the same, end
# the same and leave the same. In mode ring something must have gone through a ring, in the others nothing; -n: the
# program leaves no record by which to tell. `with` may hold settings of the environment, for all runs, `alone` for the
# bare one.
same() {
	local OPTIND=1 option told=1 wanted=0 mode part failed=0 settings
	local modes=("${lifecycle_modes[@]}")
	while getopts ns:m: option; do
		case $option in
		n) told='' ;;
		s) wanted=$OPTARG ;;
		m) read -ra modes <<<"$OPTARG" ;;
		*) return 2 ;;
		esac
	done
	shift $((OPTIND - 1))

	play "$results/bare" ${alone[@]+"${alone[@]}"} "$@"
	if [[ $(<"$results/bare/status") -ne $wanted ]]; then
		echo "bare, it ended with status $(<"$results/bare/status"):"
		tail -n 20 "$results/bare/out" "$results/bare/err"
		return 1
	fi
	if grep -q '^skip: ' "$results/bare/out"; then
		skip "$(sed -n 's/^skip: //p' "$results/bare/out" | head -n 1)"
	fi
	for mode in "${modes[@]}"; do
		: >"$records"
		mode_settings "$mode"
		play "$results/$mode" "${settings[@]}" "$@"
		for part in status out err files; do
			show_difference "mode $mode: $part" "$results/bare/$part" "$results/$mode/$part" || failed=1
		done
		[[ -z $told ]] || told_by_records "$mode" || failed=1
	done
	return $failed
}

# told_by_records MODE: the statistics say what the mode says.
told_by_records() {
	local through total
	[[ $1 != off ]] || return 0
	through=$(counted "$records" ring)
	total=$(counted "$records" total)
	if [[ $total -eq 0 ]]; then
		echo "mode $1: nothing was counted"
		return 1
	fi
	if [[ $1 == ring && $through -eq 0 ]]; then
		echo "mode ring: nothing went through the ring"
		return 1
	fi
	if [[ $1 != ring && $through -ne 0 ]]; then
		echo "mode $1: $through calls went through a ring"
		return 1
	fi
}

# For setup: the place for it all.
lifecycle_setup() {
	need jq
	need_shim
	need_ring
	umask 022
	cd "$BATS_TEST_TMPDIR" || return
	box=$PWD/box
	results=$PWD/results
	records=$PWD/records
	with=() alone=()
	preloaded=''
	limit=60
}

# need_root: some things are root's alone to do.
need_root() {
	[[ $(id -u) -eq 0 ]] || skip "for root only"
}
