# Suites of programs that work on files, of shells and of languages: see tests/suites.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # text for other shells; variables of those who load this

source_findutils() { echo findutils; }
build_findutils() { apt-get install -y dejagnu && configured; }
run_findutils() {
	as_user bash -c 'checked .'
	cat find/testsuite/find.sum xargs/testsuite/xargs.sum locate/testsuite/locate.sum |
		sed -nE 's/^([A-Z]+): (.*)/\2|\1/p' | tr ' |' '_ '
}

source_grep() { echo grep; }
build_grep() { configured; }
run_grep() { as_user bash -c 'checked .'; }

source_gzip() { echo gzip; }
build_gzip() { configured; }
run_gzip() { as_user bash -c 'checked .'; }

source_gawk() { echo gawk; }
build_gawk() { configured; }
run_gawk() {
	as_user bash -c 'under make AUTOMAKE=: ACLOCAL=: AUTOCONF=: AUTOHEADER=: -C test -k check' >"$work/gawk.out" 2>&1
	for ok in test/*.ok; do
		name=${ok##*/}
		if [[ -e test/_${name%.ok} ]]; then echo "${name%.ok} failed"; else echo "${name%.ok} ok"; fi
	done
}

source_cpio() { echo cpio; }
build_cpio() { configured CFLAGS='-O2 -fcommon'; }
run_cpio() { autotest tests; }

source_patch() { echo patch; }
build_patch() { configured; }
run_patch() { as_user bash -c 'checked .'; }

source_xz() { echo xz-utils; }
build_xz() { configured; }
run_xz() { as_user bash -c 'checked tests'; }

source_rsync() { echo rsync; }
build_rsync() { ./configure --disable-md2man --disable-xxhash --disable-lz4 --disable-zstd && make -j"$jobs"; }
run_rsync() { as_user bash -c 'under make check' 2>&1 | sed -nE 's/^(PASS|FAIL|SKIP|XFAIL|ERROR) +([^ ]+).*/\2 \1/p'; }

source_busybox() { echo busybox; }
build_busybox() {
	make defconfig && sed -i 's/^CONFIG_TC=y/# CONFIG_TC is not set/' .config && make -j"$jobs"
}
run_busybox() {
	as_user bash -c 'cd testsuite && under ./runtest -v' 2>&1 | sed -nE 's/^(PASS|FAIL|SKIPPED|UNTESTED): (.*)/\2|\1/p' | tr ' |' '_ '
}

source_e2fsprogs() { echo e2fsprogs; }
build_e2fsprogs() { ./configure --disable-nls && make -j"$jobs"; }
run_e2fsprogs() {
	as_user bash -c 'cd tests && under make check' 2>&1 | sed -nE 's/^([a-z]_[^:]*): .*: (ok|failed|skipped).*/\1 \2/p'
}

source_libaio() { echo libaio; }
build_libaio() { make -j"$jobs" && make -C harness -j"$jobs" -k progs; }
run_libaio() {
	cd harness || return
	local case
	mkdir -p testdir
	for case in cases/*.p; do
		(cd testdir && under timeout -k 5 60 "../$case" >/dev/null 2>&1)
		echo "${case##*/} $?"
	done
}

# By the distribution's mksh.
source_mksh() { echo mksh; }
build_mksh() { apt-get install -y mksh; }
run_mksh() {
	# It clears the environment of what it tests, but for what it is told.
	as_user bash -c 'export HOME=$TMPDIR; mapfile -t set < <(under env | sed -nE "s/^((LD_PRELOAD|XURING_[A-Z]+)=.*)/-e\n\1/p")
		setsid perl check.pl -s check.t -p "$(command -v mksh)" "${set[@]}" -v' 2>&1 |
		sed -nE 's/^(pass|FAIL|fail) (.*)/\2|\1/p' | tr ' |' '_ '
}

# By the distribution's zsh.
source_zsh() { echo zsh; }
build_zsh() { apt-get install -y zsh; }
run_zsh() {
	local case out
	cd Test || return
	export ZTST_exe=/usr/bin/zsh ZTST_srcdir=.
	for case in *.ztst; do
		out=$(as_user bash -c 'under setsid timeout -k 5 120 /usr/bin/zsh +Z -f ztst.zsh "$0"' "$case" 2>&1)
		echo "$case $?:$(sum <<<"$out")"
	done
}

# Its tests that make and change repositories; those of servers, mail and other systems' histories are left out.
source_git() { echo git; }
build_git() { make -j"$jobs" NO_GETTEXT=1 NO_TCLTK=1 NO_PYTHON=1 CFLAGS=-O1 all && make -C t -n >/dev/null; }
run_git() {
	local test
	cd t || return
	for test in ${GIT_TESTS:-t000[0-8]*.sh t002*.sh t003*.sh t01*.sh t1[0-1]*.sh t13*.sh t14*.sh t15*.sh t20*.sh t22*.sh t30*.sh t34*.sh t3[679]*.sh t50*.sh t53*.sh t55*.sh t70*.sh t71*.sh t75*.sh}; do
		as_user bash -c 'under timeout -k 5 300 sh "$0" --root=$TMPDIR/git' "$test" 2>&1 |
			sed -nE "s/^(not ok|ok) ([0-9]+).*/${test%%-*}.\2 \1/p" | sed 's/not ok/failed/'
		echo "${test%%-*} exit:${PIPESTATUS[0]}"
	done
}

# Of perl: what reads, writes, forks and connects.
source_perl() { echo perl; }
build_perl() { ./Configure -des -Doptimize=-O1 && make -j"$jobs" test_prep; }
run_perl() {
	cd t || return
	as_user bash -c 'under ./perl harness -v io/*.t op/{alarm,chdir,chop,chr,closure,die_exit,do,eval,exec,fh,filetest,fork,getpid,getppid,glob,goto,infnan,inccode,kill0,lfs,magic,mkdir,print,read,require_errors,rt119311,select,sleep,srand,stat,sysio,taint,threads,time,umask,utf8magic,utfhash,warn,write}*.t \
		../dist/IO/t/*.t ../cpan/Socket/t/*.t ../lib/*.t ../ext/{POSIX,Fcntl,File-Glob,IPC-Open3,PerlIO-encoding,PerlIO-scalar,PerlIO-via}/t/*.t ../cpan/{IPC-SysV,IPC-Cmd,File-Temp,IO-Compress,IO-Socket-IP}/t/*.t ../dist/{Storable,PathTools}/t/*.t' >"$work/perl.out" 2>&1
	awk '/^[^ ]+\.t \.+/ { file = $1 } /^(not )?ok [0-9]+/ { n = ($1 == "not") ? $3 : $2; print file "." n, ($1 == "not") ? "failed" : "ok" }
		/^# Failed|^Dubious/ { print file, $0 }' "$work/perl.out" | sed -E 's/^([^ ]+) (# Failed|Dubious).*/\1 trouble/'
}

# Debian's stress-ng, each of these for a second, with its results verified.
stressors='aio aiol io-uring readahead revio seek sync-file fifo pipe pipeherd sendfile splice tee vm-splice epoll sock sockdiag
	sockfd sockpair udp access chdir chmod close copy-file dentry dir dirdeep dirmany dup dynlib env eventfd exec exit-group
	fallocate fcntl fiemap file-ioctl filename flock fork fpunch fsize fstat futex getdent getrandom handle hdd inotify
	iomix itimer kill lease link locka lockf lockofd mknod mmap mq msg nanosleep open pidfd poll procfs
	pty rename sem sem-sysv shm sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv
	sigsuspend sigtrap spawn switch symlink sync-file touch timer timerfd truncate unlink utime vfork wait xattr yield'
source_stressng() { :; }
build_stressng() { apt-get install -y stress-ng; }
run_stressng() {
	local case
	for case in $stressors; do
		as_user bash -c 'under timeout -k 5 60 stress-ng "--$0" 1 --timeout 1 --verify --temp-path "$TMPDIR"' "$case" >/dev/null 2>&1
		echo "$case $?"
	done
}

# Of ruby, by the distribution's: files, processes, threads and sockets.
source_ruby() { echo ruby3.1; }
build_ruby() { apt-get install -y ruby ruby-test-unit; }
run_ruby() {
	local case
	for case in test/ruby/test_{argf,dir,file,file_exhaustive,io,io_m17n,pipe,process,readpartial,signal,thread}.rb \
		test/{io,socket,fileutils,pathname,zlib} test/net/http test/test_{open3,pstore,pty,timeout,tmpdir}.rb; do
		as_user bash -c 'under timeout -k 5 600 ruby -Itool/lib test/runner.rb -v "$0" 2>/dev/null' "$case" |
			awk '/^\[ *[0-9]+\/[0-9]+\] / { sub(/^\[[^]]*\] /, ""); verdict[$1] = "ok" }
				complaint { verdict[substr($1, 1, index($1, ":") - 1)] = complaint; complaint = "" }
				/^ +[0-9]+\) (Failure|Error):/ { complaint = "failed" }
				END { for (name in verdict) print name, verdict[name] }'
		echo "$case exit:${PIPESTATUS[0]}"
	done
}

# What the distribution builds of glib's own tests: of these its main loop, files, sockets, processes and bus.
glib_tests='async-close-output-stream async-splice-output-stream buffered-input-stream buffered-output-stream cancellable contexts
	converter-stream credentials data-input-stream data-output-stream dir file fileutils filter-streams g-file g-file-info
	gdbus-addresses gdbus-auth gdbus-connection gdbus-connection-flush gdbus-connection-loss gdbus-connection-slow
	gdbus-exit-on-close gdbus-non-socket gdbus-overflow gdbus-server-auth gsubprocess io-channel io-channel-basic io-stream
	keyfile live-g-file mainloop mappedfile pollable readwrite sleepy-stream socket socket-address socket-listener
	socket-service spawn-multithreaded spawn-path-search spawn-singlethread spawn-test stream-rw_all task testfilemonitor
	thread thread-pool timeout trash unix unix-fd unix-mounts unix-streams utils'
source_glib() { :; }
build_glib() { apt-get install -y libglib2.0-tests; }
run_glib() {
	local case
	for case in $glib_tests; do
		as_user bash -c 'under timeout -k 5 120 "$0" --tap' "/usr/libexec/installed-tests/glib/$case" 2>/dev/null </dev/null |
			sed -nE "s,^(not ok|ok) [0-9]+ ([^ ]+)( # SKIP)?.*,$case\2 \1\3,p" | sed 's/ not ok$/ failed/; s/ # SKIP/-skipped/'
		echo "$case exit:${PIPESTATUS[0]}"
	done
}

# What the distribution builds of systemd's own unit tests. A verdict is a status; 77 is skipped.
source_systemd() { :; }
build_systemd() { apt-get install -y systemd-tests; }
run_systemd() {
	local case
	for case in /usr/lib/systemd/tests/test-*; do
		[[ ${case##*/} != *-benchmark ]] || continue
		as_user bash -c 'under timeout -k 5 60 "$0"' "$case" >/dev/null 2>&1 </dev/null
		echo "${case##*/} $?"
	done
}
