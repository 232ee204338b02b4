# What the shell tests share: where things are, the modes, a clean environment, skipping, comparing.
# Loaded by *.bats and by tests/programs; needs bash alone.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119,SC2120,SC2154 # variables and functions are for those who load this

root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
build=${BUILD:-$root/build}
tools=$build/tools

# The library under test. A test of the tests puts one in its place that does wrong.
shim=${XURING_TEST_SHIM:-$build/libxuring-shim.so}

# A fixed PATH: what stands before it in a user's own (wrappers of language managers, say) is not under test.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
for dir in /usr/lib/postgresql/*/bin; do
	[[ -d $dir ]] && postgres_bin=$dir # the last is the newest
done
PATH=$PATH${postgres_bin:+:$postgres_bin}

# The ways to run a program under the shim, besides bare.
modes=(off auto ring eperm enosys noops)

# What a mode is called in the name of a test.
declare -A mode_title=(
	[bare]='bare'
	[off]='off'
	[auto]='auto'
	[ring]='ring'
	[eperm]='setup EPERM'
	[enosys]='setup ENOSYS'
	[noops]='every op denied'
)

# need PROG...: skips the test when one of them is not installed.
need() {
	local prog
	for prog; do
		command -v "$prog" >/dev/null || skip "$prog is not installed"
	done
}

# need_shim: skips nothing, but fails with a plain word when nothing was built.
need_shim() {
	[[ -r $shim ]] || {
		echo "$shim is not there: run make first"
		return 1
	}
}

# need_ring: skips the test where the kernel, or what contains us, refuses io_uring.
need_ring() {
	local answer
	# 425 is io_uring_setup, 120 the size of its parameters
	answer=$(perl -e 'my $p = "\0" x 120; syscall(425, 1, $p) >= 0 or die "$!\n"' 2>&1) ||
		skip "no io_uring here: $answer"
}

# need_trace: skips the test where strace may not trace.
need_trace() {
	need strace
	strace -o /dev/null -f true 2>/dev/null || skip 'strace may not trace here'
}

# preload [LIBRARY]: the value of LD_PRELOAD; a sanitizer's runtime has to come first.
preload() {
	printf '%s' "${SAN_PRELOAD:+$SAN_PRELOAD:}${1:-$shim}"
}

# clean_env NAME=VALUE...: fills the array `clean` with an env(1) command that passes on these alone, and what
# sanitizers and coverage need.
clean_env() {
	local name
	clean=(env -i "PATH=$PATH" LC_ALL=C.UTF-8 TZ=UTC0 TERM=dumb)
	for name in ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS GCOV_ERROR_FILE GCOV_PREFIX; do
		[[ -v $name ]] && clean+=("$name=${!name}")
	done
	[[ -n ${SAN_PRELOAD:-} ]] && clean+=("ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}")
	clean+=("$@")
}

# shimmed [NAME=VALUE...] PROG [ARG...]: runs a program under the shim, for 30 s at most, in an environment that is
# clean but for these; `before` may hold a command that comes first (deny EPERM, strace ...).
shimmed() {
	local clean
	clean_env "HOME=$PWD" "LD_PRELOAD=$(preload)"
	"$tools/within" 30 ${before[@]+"${before[@]}"} "${clean[@]}" "$@" 3>&-
}

# The sum of one part (ring, kernel, fallback, total ...) of the calls of these symbols in all records of a file.
# counted FILE PART SYMBOL...: no SYMBOL means all.
counted() {
	jq -s --arg part "$2" '[.[].calls | to_entries[]
		| select($ARGS.positional == [] or IN(.key; $ARGS.positional[])) | .value[$part]] | add // 0' "$1" --args "${@:3}"
}

# holds FILE FILTER: true if the jq FILTER, given the array of all records of FILE, is; prints them if not.
holds() {
	jq -es "$2" "$1" >/dev/null && return
	echo "of these records this does not hold: $2"
	head -n 10 "$1" | cut -c1-1500
	return 1
}

# free_port N: prints N TCP ports of the loopback that nobody listens on, in one line.
free_port() {
	perl -MIO::Socket::INET -e '
		my @s = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die "listen: $!\n" } 1 .. shift;
		print join(" ", map { $_->sockport } @s), "\n"' "${1:-1}"
}

# wait_for_port PORT PID: until PORT takes connections; fails when PID has ended, or after 20 s.
wait_for_port() {
	local tries
	for ((tries = 0; tries < 400; tries++)); do
		(: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
		kill -0 "$2" || return
		sleep 0.05
	done
	echo "nobody listens on the port after 20 s" >&2
	return 1
}

# show_difference TITLE BARE OTHER: prints how the second file differs from the first; true if they are the same.
show_difference() {
	cmp -s "$2" "$3" && return
	echo "--- $1 differs (- bare, + under the shim):"
	diff -a -U2 "$2" "$3" | tail -n +3 | cut -c1-200 | cat -v |
		awk 'NR <= 30; END { if (NR > 30) print "... " NR - 30 " lines more" }'
	return 1
}

# end_group PID: asks the leader of a process group to end, waits up to ten seconds for that, and ends what is left of it.
end_group() {
	local tries
	kill -TERM "$1" 2>/dev/null || :
	for ((tries = 0; tries < 100; tries++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null || :
	wait "$1" 2>/dev/null || :
}

# need_xuring: what tests of the command xuring start with; $xuring is it, as it stands in the tree.
need_xuring() {
	need_shim || return
	[[ -z ${SAN_PRELOAD:-} && $build != */san-* ]] || skip 'the command does not preload sanitizers'
	unset LD_PRELOAD
	export BUILD=$build HOME=$BATS_TEST_TMPDIR
	xuring=$root/scripts/xuring
}

# far_mount DIR AT [OPTION...]: DIR is seen at AT, on the other end of a line with round trips of $far_us, with these
# options of the mount. A teardown calls far_unmount.
far_us=600
far_mount() {
	need sshfs fusermount3
	[[ -w /dev/fuse ]] || skip 'no /dev/fuse here'
	mkdir -p "$2"
	sshfs -o ssh_command="$tools/far $((far_us / 2))" "${@:3}" "here:$1" "$2" 2>mount.err ||
		skip "no sshfs here: $(head -n 1 mount.err)"
	far=$2
}

# far_unmount: what far_mount has mounted last, if anything, is taken away.
far_unmount() {
	local tries
	[[ -n ${far:-} ]] || return 0
	for ((tries = 0; tries < 50; tries++)); do
		fusermount3 -u "$far" 2>/dev/null && far='' && return
		sleep 0.1
	done
	fusermount3 -uz "$far"
	far=''
}
