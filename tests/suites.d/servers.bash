# Suites of servers, of what they are written with, and of what speaks to them: see tests/suites.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # text for other shells; variables of those who load this

source_redis() { echo redis; }
build_redis() { apt-get install -y tcl && make -j"$jobs" MALLOC=libc; }
run_redis() {
	as_user bash -c 'under ./runtest --clients 4 --tags "-slow -large-memory" --skipunit integration/corrupt-dump-fuzzer' 2>&1 |
		sed -nE 's/\x1b\[[0-9;]*m//g; s/^\[(ok|err|exception|skip|ignore)\]: (.*)/\2|\1/p' |
		sed -E 's/ \([0-9]+ ms\)|[0-9]+:[0-9]+:[0-9]+|[0-9]{4,}//g; s/ in tests\/.*\|/|/' | tr ' |' '_ '
}

source_memcached() { echo memcached; }
build_memcached() { apt-get install -y libevent-dev && ./configure && make -j"$jobs"; }
run_memcached() {
	as_user bash -c 'for t in t/*.t; do echo "$t"; under timeout -k 5 120 perl -Ilib "$t" </dev/null; echo "exit $?"; done' 2>&1 |
		awk '/^t\// { file = $1 } /^exit / { print file, "exit:" $2 } /^ok / { print file ":" $2, "ok" } /^not ok / { print file ":" $3, "not-ok" }'
}

source_tcl() { echo tcl8.6; }
build_tcl() { apt-get install -y tcl; }
run_tcl() {
	cd tests || return
	as_user bash -c 'under tclsh8.6 all.tcl -verbose pst -file "socket*.test io*.test chan*.test http*.test event.test exec.test \
		fCmd.test fileName.test fileSystem.test interp.test pid.test source.test thread.test zlib.test cmdAH.test"' 2>&1 |
		sed -nE 's/^(\+\+\+\+|====) ([a-zA-Z]+-[0-9.a-z_-]+)( .*)? (PASSED|SKIPPED|FAILED).*/\2 \4/p'
}

source_node() { echo nodejs; }
build_node() { apt-get install -y nodejs; }
run_node() {
	local kinds='child|cluster|dgram|eventloop|file|fs|handle|http|http2|https|net|pipe|process|readline|socket|stdin|stdio|stdout|stream|tls|worker'
	# Each in a process of its own, with the flags that its head asks for.
	find test/parallel -regextype posix-extended -regex ".*/test-($kinds)[-.].*\.m?js" -printf "%f\n" | sort | as_user xargs -P "$jobs" -I{} bash -c '
		flags=$(sed -nE "s/^\/\/ Flags: *//p" test/parallel/{} | tr "\n" " ")
		export TEST_THREAD_ID=$BASHPID TEST_PARALLEL=1
		under timeout -k 2 60 node $flags test/parallel/{} </dev/null >/dev/null 2>&1
		echo "{} $?"'
}

# By the varnish and the varnishtest of the distribution: its tests of HTTP/1, HTTP/2, of aborted clients and servers, and haproxy's.
varnishtests() {
	printf '%s\n' "$@" | as_user xargs -P "$jobs" -I{} bash -c 'under timeout -k 5 100 varnishtest -q -t 60 {} >/dev/null 2>&1; echo "{} $?"'
}

export -f varnishtests

source_varnish() { echo varnish; }
build_varnish() { apt-get install -y varnish gcc; }
run_varnish() {
	cd bin/varnishtest/tests || return
	varnishtests a*.vtc b000[0-4]?.vtc c000[0-4]?.vtc h*.vtc t*.vtc
}

source_haproxy() { echo haproxy; }
build_haproxy() { apt-get install -y varnish haproxy; }
run_haproxy() {
	export HAPROXY_PROGRAM=/usr/sbin/haproxy
	varnishtests reg-tests/*/*.vtc
}

source_curl() { echo curl; }
build_curl() { ./configure --with-openssl --disable-shared && make -j"$jobs" && make -j"$jobs" -C tests; }
run_curl() {
	cd tests || return
	as_user bash -c 'under perl runtests.pl -a -p 1 to 400 500 to 700 1500 to 1560 3000 to 3020' 2>&1 |
		sed -nE 's/^test ([0-9]+)\.\.\..*(OK|FAILED|SKIPPED).*/\1 \2/p'
}

source_postgres() { echo postgresql-15; }
build_postgres() {
	apt-get install -y postgresql postgresql-contrib &&
		./configure --without-readline && make -j"$jobs" -C src/backend generated-headers && make -j"$jobs" -C src/test/regress
}
run_postgres() {
	cd src/test/regress || return
	as_user bash -c 'under ./pg_regress --inputdir=. --dlpath=. --bindir=/usr/lib/postgresql/15/bin --temp-instance=$TMPDIR/pg \
		--max-concurrent-tests=4 --schedule=parallel_schedule' 2>&1 | sed -nE 's/^(test|    ) *([a-z0-9_]+) +\.\.\. (ok|FAILED).*/\2 \3/p'
	rm -rf "$TMPDIR/pg"
}
