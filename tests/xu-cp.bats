#!/usr/bin/env bats
# xu-cp and cp: the same arguments in the same place leave the same files, and the same complaints.
# shellcheck shell=bash disable=SC2154,SC2164,SC2002

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"
bats_require_minimum_version 1.5.0

setup() {
	xu_cp=$build/examples/xu-cp
	cd "$BATS_TEST_TMPDIR"
	need_ring
	# A cp whose words differ, as busybox's, is none to compare with.
	cp --version | grep -q 'coreutils' || skip 'cp is not of coreutils'
}

teardown() {
	chmod -R u+rwx . 2>/dev/null || :
}

# listing DIRECTORY [times]: names, kinds, modes, owners, sizes, where links lead, which names are one file, contents;
# and when files were last changed.
listing() {
	local format='%P\t%y\t%m\t%U:%G\t%l\t%s\t%i\t%n'
	[[ -z ${2-} ]] || format+='\t%T@'
	# What a directory's size is, and which numbers files have, is the file system's.
	(cd "$1" && find . -printf "$format\n" | LC_ALL=C sort | awk -F '\t' -v OFS='\t' -v now="$(date +%s)" '
		$2 == "d" { $6 = $8 = "-" }
		$9 > now - 86400 && $9 < now + 60 { $9 = "today" }
		{ number = $7; if (!(number in first)) first[number] = $1; $7 = $8 > 1 ? first[number] : "-"; print }')
	(cd "$1" && find . -type f -exec md5sum {} + | sort -k 2)
}

# fill MAKE: fills this directory with what the function MAKE makes, once.
fill() {
	local made=$BATS_FILE_TMPDIR/$1
	[[ -d $made ]] || (mkdir "$made" && cd "$made" && "$1") || return
	cp -a "$made/." .
}

# as_cp MAKE ARGUMENT...: in two directories, each filled by the function MAKE, cp and xu-cp do the same. cp_times=yes:
# and keep times. more=COMMAND: what else has to be the same. said=only: the words alone have to be.
as_cp() {
	local make=$1 side status=()
	shift
	rm -rf cp xu
	for side in cp xu; do
		mkdir "$side"
		(cd "$side" && fill "$make") || return
	done
	(cd cp && timeout 60 cp "$@" >../cp.out 2>../cp.err </dev/null) || status[0]=$?
	(cd xu && timeout 60 "$xu_cp" "$@" >../xu.out 2>../xu.err </dev/null) || status[1]=$?
	sed -i 's/^xu-cp: /cp: /' xu.err
	[[ ${status[0]-0} -eq ${status[1]-0} ]] || { echo "$*: status ${status[0]-0} and ${status[1]-0}"; cat cp.err xu.err; return 1; }
	# Not in the same order: many are under way.
	diff <(sort cp.err) <(sort xu.err) || { echo "with $*"; return 1; }
	diff <(sort cp.out) <(sort xu.out) || { echo "with $*"; return 1; }
	[[ -z ${said-} ]] || return 0
	diff <(listing cp "${cp_times-}") <(listing xu "${cp_times-}") || { echo "with $*"; return 1; }
	[[ -z ${more-} ]] || diff <(cd cp; eval "$more") <(cd xu; eval "$more") || { echo "with $*"; return 1; }
}

# ---- One file ----

# Files of many kinds and sizes, about the size of the buffers too.
files() {
	local size
	for size in 0 1 4095 4096 131071 131072 131073 262144 1000000; do
		head -c "$size" /dev/zero | tr '\0' "\\$((size % 8 + 60))" >"./$size"
	done
	printf 'no end of line' >unended
	chmod 640 4095
	chmod 4755 4096
	mkdir dir
	ln -s 4095 link
	ln -s nowhere broken
	mkdir dir/4095
}

@test "xu-cp: files, one and several, as cp does" {
	local size
	for size in 0 1 4095 4096 131071 131072 131073 262144 1000000 unended link; do
		as_cp files $size copy
		as_cp files $size dir/copy
	done
	as_cp files 0 1 unended link dir
	as_cp files -t dir 0 1
	as_cp files 1000000 1 # over a shorter one
	as_cp files 1 1000000 # over a longer one
	as_cp files 1 link
	as_cp files -d link copy
	as_cp files -P broken copy
	as_cp files -T 1 4095
	as_cp files -v 0 1 4095 copy dir
	as_cp files /proc/filesystems copy
}

@test "xu-cp: whatever the number of slots" {
	local slots
	head -c 12345678 /dev/urandom >large
	for slots in 1 2 3 8 64; do
		"$xu_cp" -j $slots large copy
		cmp large copy
	done
}

@test "xu-cp: what can only be read in order" {
	head -c 3000000 /dev/urandom >data
	cat data | "$xu_cp" -j 64 /dev/stdin copy
	cmp data copy
	mkfifo fifo
	cat fifo >copy2 &
	"$xu_cp" data fifo
	wait $!
	cmp data copy2
}

@test "xu-cp: complains as cp does" {
	as_cp files missing there
	as_cp files dir there
	as_cp files 1 1
	as_cp files 1 ./1
	as_cp files broken there
	as_cp files 1 broken
	as_cp files 1 nowhere/there
	as_cp files 4095 dir
	as_cp files 0 missing dir 1 dir/4095 broken dir
	as_cp files 0 1 nowhere
	as_cp files 0 1 4095
	as_cp files -t nowhere 0
	as_cp files -r dir 1
	as_cp files -r missing there
	as_cp files 1 /dev/full
	as_cp files link 4095
	as_cp files -P link 4095
	as_cp files -d link link
	for args in '' 1 '-T 0 1 dir' '-j 0 1 there' '-j 65 1 there' '-Z 0 1' '--preserve=nonsense 0 1'; do
		rm -rf xu && mkdir xu && (cd xu && fill files)
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr bash -c "cd xu && exec \"\$@\"" - "$xu_cp" $args
		[[ -n $stderr && -z $output && ! -e xu/there ]] || { echo "$args: $stderr"; false; }
	done
	run -1 --separate-stderr bash -c "echo x >one; '$xu_cp' -v one two >/dev/full"
	[[ $stderr == *'write error: No space left on device' ]]
}

# Names that a shell or a terminal would not take as they are.
odd_names() {
	local name
	# shellcheck disable=SC2016 # a name
	for name in "it's" 'two words' $'new\nline' $'\t\001\033[31m' 'ümlaut' $'\377\376' $'half\303' 'back\slash' 'say "x"' \
		"\"it's\"" "#'" "a#'" "~'" "x='" $'it\'s\n\'' '$HOME' $'\302\205'; do
		echo x >"./$name"
	done
	mkdir other
}

@test "xu-cp: names in messages, as a shell would read them" {
	local LC_ALL files missing
	export LC_ALL
	mkdir names && (cd names && odd_names)
	readarray -d '' files < <(cd names && find . -maxdepth 1 -type f -printf '%P\0')
	missing=("${files[@]/%/.missing}")
	[[ ${#files[@]} -eq 17 ]]
	for LC_ALL in C C.UTF-8; do
		# Which of them are made is looked at below: listings are made for names of one line.
		said=only as_cp odd_names -v "${files[@]}" other
		diff -r cp xu
		said=only as_cp odd_names "${missing[@]}" other
	done
}

# A directory with something below, and one to copy to.
trees() {
	mkdir -p dir/sub other
	echo y >dir/sub/file
	echo z >dir/file
}

@test "xu-cp: targets with a slash or dots at the end, and such that can not be" {
	as_cp files 1 newdir/
	as_cp files 1 4095/
	as_cp files 1 4095/there
	as_cp files 1 "$(printf 'x%.0s' {1..300})"
	as_cp files -v 1 dir//
	as_cp files -v 1 dir/.
	as_cp files -T 1 dir/
	as_cp trees -rv dir// other///
	# What is above a directory goes into the target, not beside it.
	as_cp trees -rv dir/sub/.. other
	as_cp trees -rv dir/sub/../ other
	as_cp trees -rv dir/. other
	as_cp trees -rv dir/sub/../sub other
}

# Targets of several ages, one that may not be written, one with two names.
targets() {
	files
	touch -d '2001-02-03 04:05:06.7' 1
	echo older >older && touch -d 2000-01-01 older
	echo newer >newer && touch -d 2030-01-01 newer
	echo closed >closed && chmod 400 closed
	echo two >two && ln two names
}

@test "xu-cp: what is there already: -n, -u, -f, hard links" {
	as_cp targets -n 1 older
	as_cp targets -n 1 new
	as_cp targets -n -r dir 1
	as_cp targets -u 1 older
	as_cp targets -u 1 newer
	as_cp targets -u 1 new
	as_cp targets 1 closed
	as_cp targets -f 1 closed
	as_cp targets 1 two
	as_cp targets -d 1 two
	as_cp targets two names
	as_cp targets -dn broken link
	as_cp targets -d broken link
}

@test "xu-cp: attributes" {
	cp_times=yes as_cp targets -p 1 copy
	cp_times=yes as_cp targets -p 4096 older
	cp_times=yes as_cp targets -p closed copy
	cp_times=yes as_cp targets --preserve=timestamps 1 copy
	as_cp targets --preserve=mode closed copy
	as_cp targets --preserve=ownership closed copy
	cp_times=yes as_cp targets -a link copy
	cp_times=yes as_cp targets -a two names newer closed dir
	umask 077
	as_cp targets 4095 copy
	as_cp targets -p 4095 copy
	as_cp targets -r dir copy
}

@test "xu-cp: extended attributes and access control lists" {
	need setfattr
	need setfacl
	extended() {
		echo x >file
		mkdir tree
		setfattr -n user.word -v value file && setfacl -m u:1234:r file tree && setfattr -n user.tree -v t tree ||
			skip 'this file system has none'
		cp -a file tree/inner
		chmod 444 tree/inner
	}
	more='getfattr -d -m - --absolute-names * */* 2>/dev/null | sed "s/^# file: .*/&/"' as_cp extended -a file copy
	more='getfattr -d -m - * */* 2>/dev/null' as_cp extended -a tree copy
	more='getfattr -d -m - * */* 2>/dev/null' as_cp extended -p file copy
	more='getfattr -d -m - * */* 2>/dev/null' as_cp extended file copy
}

# ---- Holes ----

# map FILE: where its data are.
map() {
	perl -e 'use Fcntl qw(SEEK_SET); open(my $f, "<", $ARGV[0]) or die; my ($at, $size) = (0, -s $f);
		while ($at < $size) { my $d = sysseek($f, $at, 3); last unless defined $d; my $h = sysseek($f, $d, 4);
			print $d + 0, "-", $h, "\n"; $at = $h }' "$1"
}

# Holes at the beginning, in the middle, at the end; nothing but a hole; data at the very end; many small ones.
holes() {
	truncate -s 3000000 empty
	truncate -s 5000000 ends && printf x | dd of=ends bs=1 seek=4999999 conv=notrunc status=none
	head -c 300000 /dev/zero | tr '\0' a >middle && truncate -s 2000000 middle && printf end >>middle
	head -c 200000 /dev/zero | tr '\0' b >./tail && truncate -s 9000000 tail
	truncate -s 4194304 many
	perl -e 'open(my $f, "+<", "many") or die; for (0 .. 63) { seek($f, $_ * 65536, 0); print $f "data $_" }'
	head -c 1000000 /dev/zero >zeroes
	head -c 9000000 /dev/zero | tr '\0' c >over
}

@test "xu-cp: holes stay holes" {
	local file
	for file in empty ends middle tail many zeroes; do
		as_cp holes --preserve=mode $file copy
		diff <(map cp/copy) <(map xu/copy) || { echo "$file: the data lie elsewhere"; false; }
		diff <(map xu/$file) <(map xu/copy)
		as_cp holes $file over
	done
	mkdir tree
	(cd tree && holes)
	"$xu_cp" -r -j 64 tree copy
	[[ $(du -s copy | cut -f 1) -le $(($(du -s tree | cut -f 1) + 100)) ]]
	diff -r tree copy
}

# ---- Trees ----

# A tree with all that there is: files, empty and large, links of both kinds, a pipe, modes, names of all sorts.
tree() {
	local i
	umask 022
	mkdir -p tree/a/b/c/d 'tree/two words' tree/empty tree/narrow tree/many tree/sticky
	for i in {1..300}; do
		echo "$i $i" >"tree/many/$i"
	done
	head -c 3000000 /dev/zero | tr '\0' l >tree/a/b/large
	head -c 262144 /dev/zero | tr '\0' m >tree/a/b/c/blocks
	truncate -s 500000 tree/sparse
	: >tree/a/nothing
	echo x >'tree/two words/a file'
	echo y >"tree/two words/$(printf 'odd\1\n\377')" || :
	ln -s ../a/nothing tree/a/link
	ln -s nowhere tree/broken
	ln -s b tree/a/to-directory
	ln tree/a/b/large tree/large-too
	ln tree/many/7 tree/many/seven
	ln tree/many/7 tree/a/b/7
	ln -P tree/broken tree/broken-too
	mkfifo tree/a/pipe
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("tree/a/socket")' || :
	echo narrow >tree/narrow/file
	chmod 751 tree/a/b
	chmod 4755 tree/a/b/large
	chmod 400 tree/a/nothing
	chmod 555 tree/narrow
	chmod 1777 tree/sticky
	chown 1234:4321 tree/many/1 tree/empty tree/broken 2>/dev/null || :
	find tree -exec touch -h -d '2001-02-03 04:05:06.789' {} +
	touch -d '2002-02-03 04:05:06.789' tree/many/*5
}

# A copy of an older state of it.
there() {
	tree
	cp -a tree there
	echo 'longer than before' >there/many/3
	rm there/many/4 there/a/link
	ln -s elsewhere there/a/link
	echo newer >there/many/6
	mkdir there/tree
}

@test "xu-cp: whole trees, as cp -r does" {
	as_cp tree -r tree copy
	as_cp tree -R tree/ copy
	as_cp tree -rT tree copy
	as_cp tree -rv tree/a copy
	as_cp there -r tree there
	as_cp there -rT tree there
	as_cp there -r tree/. there
	as_cp there -rnT tree there
	as_cp there -ruT tree there
	as_cp there -r tree/many tree/a/b tree/broken tree/a/pipe there/empty
	as_cp tree -rL tree/many tree/a/b tree/a/to-directory tree/empty
	as_cp tree -rH tree/a/to-directory copy
	as_cp tree -r tree/a/to-directory copy
	as_cp tree -r tree/a/to-directory/. copy
}

@test "xu-cp: whole trees, as cp -a does" {
	cp_times=yes as_cp tree -a tree copy
	cp_times=yes as_cp tree -rp tree copy
	cp_times=yes as_cp there -aT tree there
	as_cp there -rdT tree there
	as_cp tree -rd tree copy
	cp_times=yes as_cp tree -a tree/many tree/a tree/broken tree/large-too tree/empty
	for slots in 1 64; do
		rm -rf got
		"$xu_cp" -a -j $slots xu/tree got
		diff <(listing xu/tree yes) <(listing got yes)
	done
}

@test "xu-cp: trees, as a user without privileges" {
	need setpriv
	[[ $(id -u) -eq 0 ]] || skip 'only for root'
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2>/dev/null
	mkdir -m 777 place && cd place
	tree
	chown 1000:1000 -R tree && chown root tree/many/2 && chmod 000 tree/many/3 tree/many/2
	mkdir tree/closed && echo x >tree/closed/file && chmod 700 tree/closed
	echo x >tree/exec && chown 4000:4000 tree/exec && chmod 6755 tree/exec
	setpriv --reuid 1000 --regid 1000 --clear-groups test -r "$xu_cp" || skip 'others may not come here'
	for options in -r -a; do
		run setpriv --reuid 1000 --regid 1000 --clear-groups cp $options tree want
		local want=$status
		sort <<<"$output" >want.err
		run setpriv --reuid 1000 --regid 1000 --clear-groups "$xu_cp" $options tree got
		[[ $status -eq $want ]]
		diff want.err <(sed 's/^xu-cp/cp/; s/got/want/' <<<"$output" | sort)
		diff <(listing want) <(listing got)
		chmod -R u+rwx want got
		rm -rf want got
	done
}

@test "xu-cp: a directory is not copied into itself, nor round in circles" {
	selves() {
		mkdir -p tree/sub/down
		echo one >tree/one
		ln -s . tree/round
		ln -s .. tree/sub/up
	}
	# cp copies nothing more after that.
	said=only as_cp selves -r tree tree/sub
	cmp xu/tree/one xu/tree/sub/tree/one
	said=only as_cp selves -r tree tree
	as_cp selves -rT tree tree
	said=only as_cp selves -r tree tree/new
	said=only as_cp selves -r . tree/new
	as_cp selves -rL tree copy
	as_cp selves -rL tree/sub copy
	as_cp selves -rH tree/round copy
}

@test "xu-cp: sources of the same name do not overwrite each other" {
	twins() {
		mkdir -p a/d b/d c to
		for i in a b; do
			echo $i >$i/file
			echo $i >$i/d/file
			echo $i >$i/d/$i
			ln -s $i $i/link
		done
	}
	as_cp twins a/file b/file to
	as_cp twins -r a/d b/d to
	as_cp twins -a a/link b/link to
	as_cp twins a/file a/file to
	as_cp twins -r a a to
	as_cp twins a/file ./a/file to
}

@test "xu-cp: names that are one file in the end" {
	# Sequentially copied, the last one wins; in no case is it a mixture.
	mkdir from to
	for i in {1..8}; do
		head -c 1000000 /dev/zero | tr '\0' "$i" >"from/$i"
		: >to/1
		[[ $i -eq 1 ]] || ln -f to/1 "to/$i"
	done
	"$xu_cp" -rT -j 64 from to
	[[ $(tr -s 1-8 <to/1 | wc -c) -eq 1 && $(stat -c %s to/1) -eq 1000000 ]]
}

@test "xu-cp: deep, wide and long" {
	local path=tree i
	for i in {1..150}; do
		mkdir "$path" && echo "$i" >"$path/file" && echo "$i" >"$path/zfile"
		path+=/deep-$i
	done
	mkdir wide
	(cd wide && seq 3000 | xargs touch && mkdir -p d{1..300} && for i in {1..300}; do echo x >"d$i/x"; done)
	for from in tree wide; do
		"$xu_cp" -r $from copy
		diff -r $from copy
		rm -rf copy
	done
	(ulimit -n 128; "$xu_cp" -r tree copy)
	diff -r tree copy
	# What no path can name.
	mkdir long
	python3 -c '
import os
os.chdir("long")
for _ in range(30):
    os.mkdir("x" * 200)
    os.chdir("x" * 200)' 2>/dev/null
	run -1 "$xu_cp" -r long copy2
	[[ $output == *'File name too long'* ]]
	python3 -c 'import shutil; shutil.rmtree("long"); shutil.rmtree("copy2")' || :
}

@test "xu-cp: shows progress of a long copy where asked for" {
	mkfifo fifo
	(head -c 3000000 /dev/zero; sleep 1.5; head -c 3000000 /dev/zero) >fifo &
	"$xu_cp" --progress fifo copy 2>err
	wait $!
	[[ $(stat -c %s copy) -eq 6000000 ]]
	grep -q 'MiB/s, 1 files' err
	"$xu_cp" copy copy2 2>err
	[[ ! -s err ]]
}
