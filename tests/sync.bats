#!/usr/bin/env bats
# Engine sync: threads that sync the same file at the same time share the kernel's work, and each call still means what it
# says. strace makes syncs slow or makes them fail, and tells what reached the kernel.
# shellcheck shell=bash disable=SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	need_shim
	need_trace
	cd "$BATS_TEST_TMPDIR"
	case $(stat -f -c %T .) in
	ext2/ext3 | xfs | btrfs | f2fs) ;;
	*) skip "syncs are shared on ext4, xfs, btrfs and f2fs, and this is $(stat -f -c %T .)" ;;
	esac
	clean_env "LD_PRELOAD=$(preload)" "XURING_STATS=json:$PWD/records" "TMPDIR=$PWD"
	shim_env=("${clean[@]}")
	clean_env "TMPDIR=$PWD"
}

# syncers INJECTION SETTING ARGUMENT...: runs them bare and under the shim, the kernel's syncs manipulated. Leaves the calls'
# lines in bare and shim, and in bare.kernel and shim.kernel the kernel's: BEGIN END RESULT, as the calls' own lines.
syncers() {
	local inject=$1 setting=$2 side
	shift 2
	for side in bare shim; do
		local env=("${clean[@]}")
		[[ $side == bare ]] || env=("${shim_env[@]}" "$setting")
		timeout 60 strace -f -ttt -T -o trace -e trace=fsync,fdatasync -e signal=none -e inject="$inject" \
			env "${env[@]}" "$tools/syncers" "$@" >"$side"
		/usr/bin/perl -ne '
			my ($tid, $time) = /^(\d+) +([\d.]+) / or next;
			$begin{$tid} = $time * 1e6 if /sync\(/;
			my ($res, $took) = /= (-?\d+).*<([\d.]+)>/ or next;
			printf "%d %d %d\n", $begin{$tid}, $begin{$tid} + $took * 1e6, $res < 0;' trace >"$side.kernel"
		[[ -s $side.kernel ]] || { echo "nothing traced"; head trace; return 1; }
	done
	echo "calls $(wc -l <shim), the kernel's: bare $(wc -l <bare.kernel), shim $(wc -l <shim.kernel)"
}

# covered: within each call that said success lies a whole sync of the kernel's.
covered() {
	/usr/bin/perl -e '
		open my $kernel, "<", "shim.kernel"; my @syncs = map { [split] } <$kernel>;
		open my $calls, "<", "shim";
		while (<$calls>) {
			my ($from, $to, $error) = split;
			next if $error or grep { $_->[0] >= $from and $_->[1] <= $to + 2000 and !$_->[2] } @syncs;
			print "no sync began and ended within the call $_"; $bad++;
		}
		exit !!$bad'
}

# errors FILE: how many calls failed.
errors() {
	grep -cv ' 0$' "$1" || :
}

@test "sync: eight threads on one open file need few syncs, and each call has one of its own time" {
	syncers fdatasync:delay_enter=5000 XURING_FSYNC=share -d 8 20 one
	[[ $(wc -l <bare.kernel) -eq 160 && $(wc -l <shim) -eq 160 ]]
	[[ $(wc -l <shim.kernel) -le 70 ]]
	[[ $(errors shim) -eq 0 ]]
	covered
	[[ $(jq .engines.sync.asked records) -eq 160 ]]
	[[ $(jq .engines.sync.synced records) -eq $(wc -l <shim.kernel) ]]
}

@test "sync: open files of one file are in company too, other files are not" {
	syncers fsync:delay_enter=5000 XURING_FSYNC=share -o 6 10 one
	[[ $(wc -l <shim.kernel) -le 35 ]]
	covered
	rm one
	syncers fsync:delay_enter=5000 XURING_FSYNC=share 3 10 one two three
	[[ $(wc -l <shim.kernel) -eq 30 ]]
	covered
}

@test "sync: an error reaches one caller for each that the kernel tells, and no other" {
	syncers fdatasync:delay_enter=3000:error=EIO:when=3+4 XURING_FSYNC=share -d -o 8 20 one
	[[ $(errors bare) -gt 0 && $(errors shim) -gt 0 ]]
	[[ $(errors shim) -eq $(grep -c ' -1 EIO' trace) ]]
	[[ $(grep -cv ' [05]$' shim) -eq 0 ]]
}

@test "sync: fsync is not answered by fdatasync" {
	syncers fsync,fdatasync:delay_enter=3000 XURING_FSYNC=share -m 2 10 one
	[[ $(grep -c 'fsync(' trace) -eq 10 ]]
	[[ $(grep -c 'fdatasync(' trace) -eq 10 ]]
}

@test "sync: one thread is left alone, and so is everybody with XURING_FSYNC=off" {
	syncers fsync:delay_enter=1000 XURING_FSYNC=off 8 10 one
	[[ $(wc -l <shim.kernel) -eq 80 ]]
	[[ $(jq .engines.sync.asked records) -eq 0 ]]
	rm records
	"${shim_env[@]}" sqlite3 db 'create table t(x); insert into t values(1);' || [[ ! -x $(command -v sqlite3) ]]
	[[ $(jq .engines.sync.asked records) -eq 0 ]]
}

# batch INJECTION COMMAND...: runs it in the shim with XURING_FSYNC=batch, on files f00 to f59 that are some ticks old; the
# kernel's syncs are in trace, with the names of the files.
batch() {
	local inject=$1 i
	shift
	[[ $(stat -f -c %T .) == ext2/ext3 ]] || skip "all of a file system is synced on ext4, and this is $(stat -f -c %T .)"
	# The engine keeps off while others have much to write.
	(($(awk '/^Dirty:/ { print $2 }' /proc/meminfo) < 40000)) || timeout 20 sync -f . || :
	for i in {10..69}; do
		echo "$i" >"f$i"
	done
	sleep 0.05
	(($(awk '/^Dirty:/ { print $2 }' /proc/meminfo) < 55000)) || skip 'other programs have much to write'
	timeout 60 strace -f -y -o trace -e trace=fsync,fdatasync,syncfs,sync_file_range,fstat -e signal=none ${inject:+-e inject="$inject"} \
		env "${shim_env[@]}" XURING_FSYNC=batch "$@"
}

# kernel CALL: how often it was made.
kernel() {
	grep -c " $1(" trace || :
}

# dirty FILE...: those of which the page cache has something that is not on the disk.
dirty() {
	perl -e 'for (@ARGV) {
		open my $f, "+<", $_ or die;
		my $pages = "\0" x 40;
		syscall(451, fileno $f, pack("QQ", 0, 0), $pages, 0) >= 0 or exit 77;
		my @n = unpack "Q5", $pages;
		print "$_\n" if $n[1] or $n[2];
	}' "$@"
}

@test "sync: many files one after another need few syncs, and are on the disk" {
	batch '' sync f{10..69}
	[[ $(kernel syncfs) -eq 1 && $(kernel fsync) -le 8 ]]
	[[ $(jq .engines.sync.answered records) -ge 50 ]]
	[[ -z $(dirty f*) ]]
}

@test "sync: what was written or stored to meanwhile is synced by the kernel" {
	need python3
	batch '' /usr/bin/python3 -S -c 'import os, mmap
fs = [os.open("f%d" % i, os.O_RDWR) for i in range(10, 70)]
m = mmap.mmap(fs[20], 0)
for f in fs[:10]: os.fsync(f)
os.pwrite(fs[15], b"x", 0)
os.ftruncate(fs[16], 1)
m[0] = 65
for f in fs[10:]: os.fdatasync(f)'
	[[ $(kernel syncfs) -ge 1 ]]
	grep -q 'fdatasync(.*/f25>)' trace
	grep -q 'fdatasync(.*/f26>)' trace
	grep -q 'fdatasync(.*/f30>)' trace
	[[ $(jq .engines.sync.answered records) -ge 40 ]]
	[[ -z $(dirty f*) ]]
}

@test "sync: what a sync of all answers for is no more than it did, and for no longer than a second" {
	need python3
	local elsewhere=/dev/shm/xuring-sync.$$
	[[ -w /dev/shm && $(stat -c %d /dev/shm) != $(stat -c %d .) ]] || elsewhere=$PWD/elsewhere
	echo 1 >"$elsewhere"
	# One was written, and flushed without a sync; one is of another file system; one is asked for later.
	batch '' /usr/bin/python3 -S -c 'import ctypes, os, sys, time
flush = ctypes.CDLL(None).sync_file_range
flush.argtypes = ctypes.c_int, ctypes.c_long, ctypes.c_long, ctypes.c_uint
fs = [os.open("f%d" % i, os.O_RDWR) for i in range(10, 70)]
other = os.open(sys.argv[1], os.O_RDWR)
for f in fs[:20]: os.fsync(f)
os.pwrite(fs[25], b"x", 0)
assert not flush(fs[25], 0, 0, 7)
os.fsync(fs[25])
time.sleep(1.1)
os.fsync(fs[30])
os.fsync(other)' "$elsewhere"
	[[ $elsewhere == "$PWD"* ]] || rm "$elsewhere"
	[[ $(kernel syncfs) -ge 1 && $(jq .engines.sync.answered records) -ge 1 ]]
	grep -q 'fsync(.*/f35>)' trace
	grep -q 'fsync(.*/f40>)' trace
	grep -q "fsync(.*<$elsewhere>)" trace
	rm records
	# Those of another file system, right after a sync of all.
	[[ $elsewhere != "$PWD"* ]] || return 0
	echo 1 >"$elsewhere"
	batch '' sync f{10..30} "$elsewhere"
	rm "$elsewhere"
	[[ $(kernel syncfs) -ge 1 ]]
	grep -q "fsync(.*<$elsewhere>)" trace
}

@test "sync: what a sync of all is to answer for is asked for its dirty pages, and for its errors" {
	batch '' "$tools/deny" -s cachestat ENOSYS sync f{10..69}
	[[ $(kernel fsync) -eq 60 ]]
	rm records
	if batch sync_file_range:error=EIO sync f{10..69} 2>errors; then false; fi
	[[ $(jq .engines.sync.answered records) -ge 1 ]]
	[[ $(wc -l <errors) -eq $((60 - $(kernel fsync))) ]]
}

@test "sync: after an error each file is the kernel's to sync" {
	batch syncfs:error=EIO sync f{10..69}
	[[ $(kernel fsync) -eq 60 ]]
	rm records
	if batch fsync:error=EIO:when=3 sync f{10..69} 2>errors; then false; fi
	[[ $(wc -l <errors) -eq 1 && $(kernel fsync) -ge 4 ]]
	rm records
	if batch fsync:error=EIO sync f{10..69} 2>errors; then false; fi
	[[ $(wc -l <errors) -eq 60 && $(kernel fsync) -eq 60 ]]
}

@test "sync: who syncs what it has just written is left alone" {
	need python3
	batch '' /usr/bin/python3 -S -c 'import os
fs = [os.open("f%d" % i, os.O_RDWR) for i in range(10, 70)]
for f in fs:
    os.write(f, b"more")
    os.fsync(f)'
	[[ $(kernel syncfs) -eq 0 && $(kernel fsync) -eq 60 ]]
	[[ $(jq .engines.sync.answered records) -eq 0 ]]
	# Nor is it asked each time when the file was written, which would make the next write dear.
	[[ $(grep -c 'fstat(.*/f[1-6][0-9]>' trace) -le 20 ]]
}
