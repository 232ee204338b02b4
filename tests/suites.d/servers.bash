# Suites of servers, of what they are written with, and of what speaks to them: see tests/suites.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # text for other shells; variables of those who load this

source_redis() { echo redis; }
build_redis() { apt-get install -y tcl && make -j"$jobs" MALLOC=libc; }

# All but what takes minutes.
redis_units='unit/protocol unit/type/string unit/networking unit/querybuf unit/multi unit/pubsub unit/limits unit/auth
	unit/keyspace unit/scan unit/info unit/info-command unit/type/incr unit/type/list unit/type/list-2
	unit/type/set unit/type/zset unit/type/hash unit/type/stream-cgroups unit/sort unit/expire unit/other
	unit/quit unit/acl unit/acl-v2 unit/pubsubshard unit/slowlog unit/scripting unit/functions
	unit/introspection unit/introspection-2 unit/obuf-limits unit/bitops unit/bitfield unit/lazyfree
	unit/wait unit/pause unit/pendingquerybuf unit/tracking unit/shutdown unit/client-eviction
	unit/violations unit/replybufsize unit/cluster-scripting integration/replication-2
	integration/replication-3 integration/aof'
run_redis() {
	# shellcheck disable=SC2046,SC2086 # one option for each
	as_user bash -c 'under ./runtest --clients 2 --tags "-slow -large-memory" "$@"' sh $(printf -- '--single %s ' $redis_units) 2>&1 |
		sed -nE 's/\x1b\[[0-9;]*m//g; s/^\[(ok|err|exception)\]: (.*)/\2|\1/p' |
		sed -E 's/ \([0-9]+ ms\)//; s/ in tests\/.*\|/|/' | tr ' |' '_ '
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

# By the distribution's haproxy, and by varnishtest, which knows it too.
source_haproxy() { echo haproxy; }
build_haproxy() { apt-get install -y varnish haproxy; }
run_haproxy() {
	export HAPROXY_PROGRAM=/usr/sbin/haproxy
	printf '%s\n' reg-tests/*/*.vtc | as_user xargs -P "$jobs" -I{} bash -c '
		under timeout -k 5 60 varnishtest -q -t 40 {} >/dev/null 2>&1
		echo "{} $?"'
}

# By the distribution's server, which is under the shim, and its psql, which is not. A verdict is all that came of a test.
source_postgres() { echo postgresql-15; }
build_postgres() {
	apt-get install -y postgresql-15 postgresql-server-dev-15 || return
	cd src/test/regress && rm -f GNUmakefile &&
		printf '%s\n' 'MODULES = regress' 'PGXS := $(shell pg_config --pgxs)' 'include $(PGXS)' >Makefile && make with_llvm=no
}
run_postgres() {
	local out
	export data=$work/home/pg.$mode tests=$PWD/src/test/regress
	rm -rf "$data" && as_user mkdir -m 700 "$data"
	as_user bash -c 'PATH=$(pg_config --bindir):$PATH
		initdb -D "$data/db" -U postgres -A trust --no-locale -E UTF8 &&
			under setsid pg_ctl -D "$data/db" -l "$data/log" -w -o "-F -k $data -c listen_addresses=" start || exit
		cd "$data" && mkdir testtablespace results
		"$(dirname "$(pg_config --pgxs)")/../../src/test/regress/pg_regress" --bindir= --host="$data" --user=postgres --inputdir="$tests" \
			--outputdir="$data" --dlpath="$tests" --max-connections=4 --schedule="$tests/parallel_schedule"
		pg_ctl -D "$data/db" -m fast -w stop' >"$data.out" 2>&1
	for out in "$data"/results/*.out; do
		echo "${out##*/} $(md5sum <"$out")"
	done
}
