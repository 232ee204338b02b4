#!/usr/bin/env bats
# The scout: programs that walk through trees give the same results bare and with a reader ahead of them, in both
# profiles, on the local file system and on one behind a slow line; and the reader really was ahead.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2119,SC2154,SC2164

load lib

# A small forest with all that can stand in a directory.
make_tree() {
	local odd=$1/odd long
	"$tools/forest" "$1" 80 4
	long=$(printf '\xff\xfe%.0s' {1..127})
	mkdir -p "$odd/empty" "$odd/deep/er/still" "$odd/locked"
	mkfifo "$odd/fifo"
	mknod "$odd/device" c 1 3 2>/dev/null || : # for root alone
	ln -s loop "$odd/loop"
	ln -s ../odd "$odd/round"
	ln -s nowhere "$odd/dangling"
	ln -s ../part00 "$odd/link"
	echo text >"$odd/$long"
	echo text >"$odd/deep/er/still/file"
	printf 'needle\n' >"$odd/-name with spaces"
	: >"$odd/nothing"
	printf 'needle 1\n' >"$odd/locked/inside"
	chmod 700 "$odd/locked"
	chmod 600 "$odd/nothing"
	find "$1" -exec touch -hd 2020-01-01 {} +
}

setup_file() {
	need_shim
	cd "$BATS_FILE_TMPDIR"
	make_tree "$BATS_FILE_TMPDIR/tree"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	far_unmount
}

# scouted PROFILE COMMAND...: under the shim, with the scout at work from the first call on.
scouted() {
	shimmed XURING_SCOUT=on "XURING_PROFILE=$1" "XURING_STATS=json:$BATS_TEST_TMPDIR/stats" "${@:2}"
}

bare() {
	local clean
	clean_env "HOME=$PWD"
	"$tools/within" 30 "${clean[@]}" "$@" 3>&-
}

# What a run shows: output, errors, status, and what it left in the directory `out`.
record() {
	local name=$1
	shift
	rm -rf out
	"$@" >"$name.out" 2>"$name.err" && echo 0 >"$name.status" || echo $? >"$name.status"
	[[ ! -e out ]] || (cd out && find . -printf "%P %y %s %m ${times:-} %l\n" | sort &&
		find . -type f | sort | xargs -r -d '\n' md5sum) >"$name.left"
}

same() {
	local part
	for part in out err status left; do
		[[ ! -e bare.$part && ! -e $1.$part ]] || show_difference "$part of $1: ${*:2}" "bare.$part" "$1.$part" || return
	done
}

# The commands of which each is compared; @ is the tree.
commands() { cat <<'END'
grep -rn needle @
grep -rl --include=*7.txt needle @
tar cf - @
cp -r @/part00 out
cp -a @ out
rsync -a @/part00/ out
du -a @
find @ -type f -size +3k
find @ -type f -exec md5sum {} +
ls -lRi --time-style=full-iso @/part00
sh -c 'md5sum @/part00/*/*'
sh -c 'cat @/part00/*/*'
sh -c 'grep -r needle @ | head -n 1'
grep -rm1 needle @
python3 -c 'import os; names = ["@/part00/dir001/" + n for n in sorted(os.listdir("@/part00/dir001"))]; some = [open(n, "rb").read(50) for n in names[:9]]; pid = os.fork(); rest = [open(n, "rb").read() for n in names[9:]]; pid and os.waitpid(pid, 0); print(len(some), [len(r) for r in rest], [os.stat(n).st_size for n in names], flush=True)'
find @ -name dir003 -quit
wc -c @/part00/dir001 @/part00/dir002
python3 -c 'import os; print([(d, sorted(f), [len(open(os.path.join(d, x), "rb").read()) for x in f if x.endswith(".txt")]) for d, s, f in os.walk("@")])'
perl -e 'use File::Find; find({no_chdir => 1, wanted => sub { -f && open(my $f, "<", $_) && print $_, length(join "", <$f>), "\n" }}, "@")'
END
}

# compare_all TREE PROFILE...
compare_all() {
	local tree=$1 line profile failed=0
	shift
	while read -r line; do
		command -v "${line%% *}" >/dev/null || continue
		eval "set -- ${line//@/$tree}"
		rm -f -- *.left
		times=''
		[[ $line = *' -a '* ]] && times=%T@
		record bare bare "$@"
		for profile in safe remote; do
			record $profile scouted $profile "$@"
			same $profile "$line" || failed=1
		done
	done < <(commands)
	return $failed
}

@test 'programs that walk a local tree' {
	compare_all "$BATS_FILE_TMPDIR/tree"
	holds stats 'map(.engines.scout) | map(.predicted) | add > 500'
	holds stats 'map(.engines.scout) | map(.used) | add > 500'
	holds stats 'map(.engines.scout) | map(.handed) | add == 0'
}

@test 'programs that walk a tree that is far away' {
	far_mount "$BATS_FILE_TMPDIR/tree" mnt
	compare_all mnt
	holds stats 'map(select(.profile == "remote") | .engines.scout.handed) | add > 150'
	holds stats 'map(select(.profile == "safe") | .engines.scout.handed) | add == 0'
	holds stats 'map(.engines.scout) | map(.used) | add > 500'
}

@test 'without being told to, where calls wait, and not where they do not' {
	far_mount "$BATS_FILE_TMPDIR/tree" mnt
	shimmed XURING_PROFILE=remote XURING_STATS=json:far.stats grep -r needle mnt | sort >far.out
	shimmed XURING_PROFILE=remote XURING_STATS=json:near.stats grep -r needle "$BATS_FILE_TMPDIR/tree" >near.out
	bare grep -r needle mnt | sort | diff - far.out
	holds far.stats '.[0].engines.scout | .used > 30 and .handed > 25 and .used > .wasted'
	shimmed XURING_PROFILE=remote XURING_STATS=json:warm.stats grep -r needle "$BATS_FILE_TMPDIR/tree" >near.out
	holds warm.stats '.[0].engines.scout | .predicted < 20'
	shimmed XURING_PROFILE=remote XURING_SCOUT=off XURING_STATS=json:off.stats grep -r needle mnt | sort | diff far.out -
	holds off.stats '.[0].engines.scout | .starts == 0 and .listed == 0'
}

@test 'opens that wait after questions that did not' {
	mkdir src
	(cd src && for name in {100..999}; do echo "$name" >"$name"; done)
	far_mount "$PWD/src" mnt
	# Who has read the names is not kept waiting for attributes.
	cat >asks.py <<-'END'
		import os
		names = sorted(os.listdir("mnt"))
		os.listdir(".")
		for _ in range(3):
		    sizes = [os.stat("src/" + name).st_size for name in names]
		print(sum(sizes), [open("mnt/" + name).read() for name in names[:300]])
	END
	bare /usr/bin/python3 asks.py >bare.out
	shimmed XURING_PROFILE=remote XURING_STATS=json:stats /usr/bin/python3 asks.py >remote.out
	cmp bare.out remote.out
	holds stats '.[0].engines.scout.handed > 60'
}

@test 'a plan that begins anew keeps what is on its new way' {
	need rsync
	"$tools/forest" src 400 8
	far_mount "$PWD/src" mnt -o dir_cache=no
	# It asks about files as they are read, and opens them by name: the first that are opened are found out to be the wrong ones.
	shimmed XURING_PROFILE=remote XURING_STATS=json:stats rsync -a mnt/ out
	diff -r src out
	holds stats 'map(.engines.scout) | (map(.used) | add > 200) and (map(.wasted) | add < 100)'
}

@test 'threads that go through a tree, one after another, and all at once' {
	local profile
	"$tools/forest" src 400 8
	far_mount "$PWD/src" mnt
	cat >threads.py <<-'END'
		import glob, os, threading
		names = sorted(n for n in glob.glob("mnt/part00/*/*") if os.path.isfile(n))
		found, lock = {}, threading.Lock()
		def work(mine):
		    for name in mine:
		        size = os.stat(name).st_size
		        with open(name, "rb") as f:
		            text = f.read()
		        with lock:
		            found[name] = (size, hash(text))
		halves = names[:len(names) // 2], names[len(names) // 2:]
		for half in halves:
		    thread = threading.Thread(target=work, args=(half,))
		    thread.start()
		    thread.join()
		print(len(names), sorted(found.items()))
		for shares in halves, [names[i::4] for i in range(4)]:
		    found.clear()
		    threads = [threading.Thread(target=work, args=(share,)) for share in shares]
		    for t in threads: t.start()
		    for t in threads: t.join()
		    print(len(names), sorted(found.items()))
	END
	bare env PYTHONHASHSEED=0 /usr/bin/python3 threads.py >bare.out
	for profile in safe remote; do
		# Once it waits: Python's own modules are opened in no order, and what is fetched in vain for them may be reason to stop.
		shimmed XURING_PROFILE=$profile XURING_STATS=json:stats PYTHONHASHSEED=0 /usr/bin/python3 threads.py >$profile.out
		cmp bare.out $profile.out
	done
	holds stats 'map(select(.profile == "remote") | .engines.scout | .handed) | add > 100'
}

# with OPTION=VALUE COMMAND...: its statistics are all that is in `one`.
with() {
	rm -f one
	shimmed XURING_SCOUT=on XURING_STATS=json:one "$@" >with.out
}

@test 'how far ahead, how many bytes, how old' {
	# shellcheck disable=SC2016 # perl's variables
	local first='for (@ARGV) { open F, "<", $_ or die; print <F>; select undef, undef, undef, 0.01 }'
	"$tools/forest" src 300 1
	set -- src/part00/dir000/*
	# Files, of a program that ends after some.
	with XURING_SCOUT_DEPTH=4 perl -e "$first" -- "${@:1:40}"
	holds one '.[0].engines.scout | .predicted > 4 and .predicted <= .used + 4'
	with perl -e "splice @ARGV, 40; $first" -- "$@"
	holds one '.[0].engines.scout | .predicted > .used + 4'
	with XURING_SCOUT_DEPTH=4 perl -e "splice @ARGV, 40; $first" -- "$@"
	holds one '.[0].engines.scout | .predicted > 4 and .predicted <= .used + 4'
	# Bytes, of one that reads the first 4 MiB.
	truncate -s 64M src/large
	far_mount "$PWD/src" mnt
	with XURING_PROFILE=remote XURING_SCOUT_BYTES=131072 dd if=mnt/large bs=64k count=64 status=none
	holds one '.[0].engines.scout | .ahead_bytes > 0 and .ahead_bytes <= 4 * 1048576 + 131072'
	with XURING_PROFILE=remote dd if=mnt/large bs=64k count=64 status=none
	holds one '.[0].engines.scout.ahead_bytes > 6 * 1048576'
	# Age, of files handed over to one that takes its time.
	set -- mnt/part00/dir000/*
	with XURING_PROFILE=remote perl -e "$first" -- "${@:1:60}"
	holds one '.[0].engines.scout.handed > 10'
	with XURING_PROFILE=remote XURING_SCOUT_AGE_MS=1 perl -e "$first" -- "${@:61:120}"
	holds one '.[0].engines.scout | .predicted > 10 and .handed == 0'
}

# What one who opens ahead might miss: removed, renamed, replaced files, limits, children, flags.
walk() {
	local i
	rm -rf "$1"
	mkdir -p "$1"
	for ((i = 0; i < 200; i++)); do
		printf 'this is %03d\n' $i >"$1/$(printf %03d $i)"
	done
	shift
	"$@"
}

@test 'files that change while they are walked through' {
	mkdir src
	far_mount "$PWD/src" mnt
	walk src/a bare "$tools/walker" mnt/a >bare.out
	walk src/b scouted safe "$tools/walker" mnt/b >safe.out
	walk src/c scouted remote "$tools/walker" mnt/c >remote.out
	show_difference 'profile safe' bare.out safe.out
	show_difference 'profile remote' bare.out remote.out
	holds stats 'map(select(.profile == "remote") | .engines.scout.handed) | add > 100'
}

# Mounts that remember names and attributes, for a second, and not at all.
remembering=('' '-o dir_cache=no' '-o dir_cache=no,attr_timeout=0,entry_timeout=0')

@test 'attributes that change while they are asked for' {
	local options run door
	for run in bare remote; do
		mkdir -p src/$run/{00..23}
		tee src/$run/{00..23}/0{00..11} <<<"some text" >teed
		find src/$run -exec touch -d 2020-01-01 {} +
	done
	far_mount "$PWD/src" mnt -o dir_cache=no,attr_timeout=0,entry_timeout=0
	for door in {00..23}; do
		bare "$tools/asker" "mnt/bare/$door" "$door"
	done >bare.out
	for door in {00..23}; do
		scouted remote "$tools/asker" "mnt/remote/$door" "$door"
	done >remote.out
	show_difference 'profile remote' bare.out remote.out
	holds stats 'map(select(.prog == "asker") | .engines.scout | select(.handed > 0)) | length > 12'
}

@test 'attributes of a tree that is far away, remembered or not' {
	local options command n=0
	for options in "${remembering[@]}"; do
		# shellcheck disable=SC2086 # options are words
		far_mount "$BATS_FILE_TMPDIR/tree" mnt $options
		for command in 'du -a mnt' 'find mnt -type f -size +3k' 'ls -lR mnt/part00' 'tar cf - mnt/part00' 'find mnt -newer mnt/part00'; do
			# shellcheck disable=SC2086 # words
			record bare bare $command
			# shellcheck disable=SC2086
			record remote scouted remote $command
			same remote "$options: $command"
		done
		teardown
		holds stats "map(.engines.scout) | map(.looked_up + .used) | add > $((n += 100))"
	done
	holds stats 'map(.engines.scout) | map(.handed) | max > 50'
}

@test 'a tree that is removed while it is walked' {
	local profile
	for profile in safe remote; do
		mkdir -p src
		"$tools/forest" src/one 100 5
		"$tools/forest" src/two 100 5
		far_mount "$PWD/src" mnt
		scouted $profile rm -r mnt/one
		scouted $profile find mnt/two -delete
		[[ -z $(ls -A src) ]]
		teardown
	done
}

@test 'a user who may not see all' {
	need setpriv
	[[ $EUID = 0 ]] || skip 'for root alone'
	local as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	local tree=$BATS_FILE_TMPDIR/tree
	"${as[@]}" test -x "$tree" || tree=$(mktemp -d /tmp/xuring-scout.XXXXXX)
	[[ $tree = /tmp/* ]] && cp -a "$BATS_FILE_TMPDIR/tree/odd" "$tree" && chmod 755 "$tree"
	record bare bare "${as[@]}" grep -r needle "$tree/odd"
	record safe scouted safe "${as[@]}" grep -r needle "$tree/odd"
	record remote scouted remote "${as[@]}" grep -r needle "$tree/odd"
	[[ $tree = /tmp/xuring-scout.* ]] && rm -rf "$tree"
	same safe
	same remote
	grep -q locked bare.err
}

@test 'git status' {
	need git
	local profile
	cp -r --no-preserve=mode "$BATS_FILE_TMPDIR/tree/part00" work
	(cd work && git init -q . && git add . && echo more >>"$(git ls-files | head -n 1)" && : >new)
	far_mount "$PWD/work" mnt
	record bare bare git -C mnt -c safe.directory='*' status --short
	for profile in safe remote; do
		record $profile scouted $profile git -C mnt -c safe.directory='*' status --short
		same $profile
	done
	# What it looks for in its own directory by name does not have all the directories there read.
	[[ $(find work/.git/objects -type d | wc -l) -gt 40 ]]
	holds stats 'map(select(.prog == "git") | .engines.scout.listed) | (length > 1) and (max < 30)'
}

@test 'one large file, from end to end' {
	mkdir src
	head -c 20000000 /dev/urandom >src/file
	far_mount "$PWD/src" mnt
	local sum
	sum=$(md5sum <src/file)
	for command in 'cat mnt/file' 'dd if=mnt/file bs=64k status=none' 'dd if=mnt/file bs=10000 status=none skip=3'; do
		# shellcheck disable=SC2086 # words
		record bare bare $command
		# shellcheck disable=SC2086
		record safe scouted safe $command
		same safe "$command"
	done
	[[ $(shimmed XURING_STATS=json:auto cat mnt/file | md5sum) = "$sum" ]]
	holds auto '.[0].engines.scout.ahead_bytes > 15000000'
	shimmed XURING_STATS=json:dd dd if=mnt/file of=/dev/null bs=64k status=none
	holds dd '.[0].engines.scout.ahead_bytes > 15000000'
}

# Reads in equal steps, forwards and backwards, by pread and by lseek and read; then in no order.
steps() { cat <<'END'
import os, sys, hashlib
fd, size, sums = os.open(sys.argv[1], os.O_RDONLY), 24 << 20, hashlib.md5()
for i in range(90):
	sums.update(os.pread(fd, 4096, i * 262144))
for i in range(90, 0, -1):
	os.lseek(fd, i * 262144 + 131072, os.SEEK_SET)
	sums.update(os.read(fd, 1000))
for i in range(200):
	sums.update(os.pread(fd, 100, i * i * 7919 % size))
os.lseek(fd, -5000, os.SEEK_END)
sums.update(os.read(fd, 4000) + os.read(fd, 4000) + os.read(fd, 4000))
print(sums.hexdigest(), os.lseek(fd, 0, os.SEEK_CUR))
END
}

@test 'one large file, in equal steps' {
	need /usr/bin/python3
	local profile
	mkdir src
	head -c 24M /dev/urandom >src/file
	steps >steps.py
	far_mount "$PWD/src" mnt
	bare /usr/bin/python3 steps.py mnt/file >bare.out
	for profile in safe remote; do
		teardown
		far_mount "$PWD/src" mnt
		scouted $profile /usr/bin/python3 steps.py mnt/file >$profile.out
		show_difference "profile $profile" bare.out $profile.out
	done
	holds stats 'map(select(.engines.scout.ahead_bytes > 100000)) | length == 2'
}

# hold_lease FILE: takes a write lease, says so, and gives it up when nobody asks.
hold_lease() {
	/usr/bin/python3 -c 'import fcntl, os, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("held", flush=True)
time.sleep(30)' "$1"
}

@test 'a file that another process has a lease on is not waited for' {
	need /usr/bin/python3
	local holder tries
	mkdir src
	for i in {000..299}; do echo "some text $i" >"src/$i"; done
	hold_lease src/250 >held 2>held.err 3>&- &
	holder=$!
	for ((tries = 0; tries < 100; tries++)); do
		[[ ! -s held && ! -s held.err ]] || break
		sleep 0.1
	done
	[[ -s held ]] || skip "no leases here: $(tail -n 1 held.err)"
	# All but that one, in the order of their names, and not from the argument list.
	# shellcheck disable=SC2016 # perl's variables
	scouted safe perl -e 'for (0 .. 299) { next if $_ == 250; open F, "<", sprintf "src/%03d", $_ or die; print <F>; close F; select undef, undef, undef, 0.003 }' >safe.out
	find src -type f ! -name 250 | sort | xargs cat | cmp - safe.out
	kill -0 $holder
	kill $holder
	holds stats '.[0].engines.scout.predicted > 0'
}

@test 'no ring, no operations, few files: as bare' {
	local tree=$BATS_FILE_TMPDIR/tree/part00
	bare tar cf bare.tar "$tree" 2>/dev/null
	scouted remote XURING_DENY=setup tar cf a.tar "$tree" 2>/dev/null
	scouted remote XURING_DENY_OPS=all tar cf b.tar "$tree" 2>/dev/null
	scouted remote XURING_DENY_OPS=fixed_fd_install tar cf c.tar "$tree" 2>/dev/null
	(ulimit -n 8 && scouted remote tar cf d.tar "$tree" 2>/dev/null)
	(ulimit -v 100000 && scouted remote tar cf e.tar "$tree" 2>/dev/null)
	shimmed XURING_SCOUT=off XURING_STATS=json:off tar cf f.tar "$tree" 2>/dev/null
	for other in a b c d e f; do
		cmp bare.tar $other.tar
	done
	holds off '.[0].engines.scout.predicted == 0'
}

# In a memory cgroup of that size, of either version: runs the rest.
confined() {
	local group
	group=/sys/fs/cgroup/memory/xuring.$$
	[[ -d ${group%/*} ]] || group=/sys/fs/cgroup/xuring.$$
	mkdir "$group" 2>/dev/null || return 77
	if { echo "$1" >"$group/memory.limit_in_bytes" || echo "$1" >"$group/memory.max"; } 2>/dev/null; then
		(echo $BASHPID >"$group/cgroup.procs" && shift && "$@")
	else
		(exit 77)
	fi
	local status=$? tries
	for ((tries = 0; tries < 50; tries++)); do
		rmdir "$group" 2>/dev/null && break
		sleep 0.1
	done
	return $status
}

@test 'little memory' {
	local status=0 profile
	far_mount "$BATS_FILE_TMPDIR/tree" mnt
	confined 24M true || status=$?
	[[ $status != 77 ]] || skip 'no memory cgroup to be had here'
	bare tar cf - mnt/part00 >bare.out
	for profile in safe remote; do
		confined 24M scouted $profile tar cf - mnt/part00 | cmp - bare.out
	done
}

@test 'a large file that is closed half read, and removed' {
	local run when
	mkdir src
	far_mount "$PWD/src" mnt -o dir_cache=no
	for run in bare 'scouted safe' 'scouted remote'; do
		for when in closed open; do
			mkdir src/dir
			head -c 20000000 /dev/zero >src/dir/file
			# shellcheck disable=SC2016,SC2086 # perl's variables; words
			$run perl -e 'open F, "<", "mnt/dir/file" or die; sysread F, $b, 65536 for 1 .. 60;
				close F if $ARGV[0] eq "closed"; select undef, undef, undef, 0.3;
				unlink "mnt/dir/file" or die; close F; select undef, undef, undef, 0.3;
				opendir D, "mnt/dir"; print sort readdir D; rmdir "mnt/dir" or print "rmdir: $!\n"' $when
			rm -rf src/dir
		done >"${run##* }.out"
	done
	show_difference 'profile safe' bare.out safe.out
	show_difference 'profile remote' bare.out remote.out
	holds stats 'map(.engines.scout) | map(.ahead_bytes) | max > 1000000'
}

# An order that no directory has.
md5sum_order() {
	while read -r name; do
		echo "$(md5sum <<<"$name") $name"
	done | sort | cut -d ' ' -f 4-
}

@test 'files in the order of the argument list' {
	local list
	far_mount "$BATS_FILE_TMPDIR/tree" mnt
	mapfile -t list < <(cd mnt && find . -type f -name '*.txt' | md5sum_order)
	list=("${list[@]/#/mnt/}" mnt/odd/fifo0 mnt/odd/empty mnt/odd/dangling)
	record bare bare md5sum -- "${list[@]}"
	record safe scouted safe md5sum -- "${list[@]}"
	record remote scouted remote md5sum -- "${list[@]}"
	same safe
	same remote
	holds stats 'map(select(.profile == "remote") | .engines.scout | .handed) | add > 40'
}

# The kernel interrupts the task that a ring belongs to, without a signal.
@test 'a program that counts its threads finds those that it has made' {
	mkdir src
	for ((i = 0; i < 100; i++)); do
		echo $i >src/$i
	done
	far_mount "$PWD/src" mnt
	bare "$tools/alone" mnt >want
	grep -qx 'from /proc: 1' want
	shimmed XURING_PROFILE=remote XURING_SCOUT=on XURING_STATS=json:stats "$tools/alone" mnt >got
	show_difference 'the number of threads' want got
	# It was at work until then, and is no more.
	holds stats '.[0].engines.scout | .starts == 1 and .predicted > 0 and .predicted < 90'
	[[ $EUID -eq 0 ]] || skip 'the rest of it changes its root'
	bare "$tools/alone" mnt inside >want
	for mode in auto ring; do
		shimmed XURING_PROFILE=remote XURING_SCOUT=on XURING_MODE=$mode "$tools/alone" mnt inside >got
		show_difference "the number of threads in mode $mode" want got
	done
}

@test 'nothing that the program waits for is interrupted' {
	"$tools/forest" many 300 1
	bare "$tools/whole" many/part00/dir000 120 >whole.bare
	shimmed XURING_SCOUT=on XURING_STATS=json:whole.stats "$tools/whole" many/part00/dir000 120 >whole.out
	show_difference whole whole.bare whole.out
	holds whole.stats 'any(.engines.scout.used > 20)'
}
