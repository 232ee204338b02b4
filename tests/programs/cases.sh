# The longer cases of list.sh, as functions; `case` says what they may use.
# shellcheck shell=bash

# dd: block sizes, offsets, conversions, short reads from pipes, flags of open, direct I/O, syncs.
case_dd() {
	local quiet='status=none'

	dd if=in/blob of=whole bs=4096
	dd if=in/blob of=part bs=512 skip=3 seek=5 count=100 $quiet
	dd if=in/quarter of=part bs=1000 seek=10 count=5 conv=notrunc $quiet
	dd if=in/unended of=padded ibs=16 obs=48 conv=sync,ucase $quiet
	dd if=in/blob bs=64k $quiet | dd of=piped bs=1000 iflag=fullblock $quiet
	dd if=in/nul of=appended oflag=append conv=notrunc $quiet
	dd if=in/nul of=appended oflag=append conv=notrunc,fsync $quiet
	dd if=in/quarter of=synced bs=32k oflag=dsync count=3 $quiet
	dd if=in/quarter of=data-synced bs=64k conv=fdatasync $quiet
	dd if=in/sparse of=holes bs=4096 conv=sparse $quiet
	outcome dd if=in/quarter of=direct bs=4096 iflag=direct oflag=direct $quiet
	outcome dd if=in/missing of=x $quiet
	outcome dd if=in/blob of=in $quiet
	same in/blob whole
	same in/blob piped
} 2> >(sed 's/ copied, .*/ copied/' >&2) # the line with time and speed

# git: init, add, commit, branch, merge, clone over pipes, log, fsck, gc. Names and dates are set, so that hashes are.
case_git() {
	export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@example.org
	export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z' GIT_CONFIG_NOSYSTEM=1
	git config --global gc.auto 0
	git config --global maintenance.auto false
	git config --global pack.threads 1
	git config --global init.defaultBranch main
	git config --global safe.directory '*'

	git init -q r
	cp -r --no-preserve=mode in/text in/odd in/blob r
	git -C r add -A
	git -C r commit -q -m 'first'
	git -C r checkout -q -b side
	sed -i 's/needle/pin/' r/text/d01/*.txt
	git -C r rm -q -r text/d02
	git -C r commit -q -a -m 'side'
	git -C r diff --stat main side
	git -C r checkout -q main
	git -C r mv odd strange
	git -C r commit -q -m 'move'
	git -C r merge -q -m 'merge' side
	git -C r tag -a -m 'a tag' v1
	git clone -q --no-local "file://$PWD/r" c
	git -C c log --stat --format='%H %an %ad %s'
	git -C c fsck --full --strict
	echo more >>c/text/d01/file01.txt
	git -C c commit -q -a -m 'more'
	git -C c push -q origin main:pushed
	git -C r gc -q --prune=now
	git -C r fsck --full
	git -C r count-objects -v
	git -C r archive HEAD | tar -t | tail -n 3
	git -C c status --short
	outcome git -C c show nothing
	git -C r grep -c pin pushed
	rm r/.git/index c/.git/index # they hold times and inode numbers
}

# sqlite3: transactions with both kinds of journal, rollback, two writers at once, integrity.
case_sqlite3() {
	local journal i

	for journal in delete wal; do
		sqlite3 $journal.db <<-END
			pragma journal_mode=$journal;
			pragma synchronous=full;
			create table t(id integer primary key, k text, v blob);
			create index t_k on t(k);
			begin;
			with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
				insert into t select i, 'key' || (i * 7919 % 3001), zeroblob(i % 200) from n;
			commit;
			begin; delete from t where id % 3 = 0; select count(*) from t; rollback;
			begin; update t set k = k || 'x' where id % 5 = 0; savepoint s; delete from t; rollback to s; commit;
			insert into t(k) values ('alone'); insert into t(k) values ('alone, too');
			select count(*), sum(length(v)), sum(length(k)) from t;
		END
		# Two processes, both waiting for the lock.
		for ((i = 0; i < 15; i++)); do
			echo "begin immediate; insert into t(k) values ('writer'); commit;"
		done >inserts
		sqlite3 -cmd '.timeout 20000' $journal.db <inserts &
		sqlite3 -cmd '.timeout 20000' $journal.db <inserts
		wait $!
		sqlite3 $journal.db 'select k, count(*) from t where id > 3002 group by k; pragma integrity_check; vacuum;'
		sqlite3 $journal.db .dump | md5sum
		outcome sqlite3 $journal.db 'insert into t(id) values (1)'
	done
	ls
	rm ./*.db # they count changes, and salts are random
}

# gcc: compiles two files and an archive, links, runs; C from stdin, an error, preprocessing, many headers.
case_gcc() {
	cat >main.c <<-'END'
		#include <stdio.h>
		#include <math.h>
		int twice(int x);
		int main(void) { printf("%d %.3f\n", twice(21), sqrt(2)); return 7; }
	END
	echo 'int twice(int x) { return 2 * x; }' >twice.c
	gcc -O2 -Wall -c twice.c
	ar rcs libtwice.a twice.o
	gcc -pipe -O1 -c main.c
	gcc main.o -L. -ltwice -lm -o prog
	outcome ./prog
	gcc -O2 -shared -fPIC twice.c -o libdyn.so
	echo '#include <stdlib.h>' | gcc -xc -E - | md5sum
	gcc -S -O2 -o - twice.c | grep twice
	outcome gcc -c in/nul -xc -
	echo 'int f( {' >bad.c
	outcome gcc bad.c
}

# The shell's own reading and writing, and what pipes are for: SIGPIPE, slow writers, tee, here-documents, appending.
case_pipes() {
	local line

	yes | head -n 3 && :
	echo "${PIPESTATUS[*]}"
	(trap '' PIPE && yes 2>&1) | head -n 1 && :
	echo "${PIPESTATUS[*]}"
	seq 5000 | tee a b | wc -c
	for line in 1 2 3; do echo $line && sleep 0.02; done | while read -r line; do echo "got $line"; done
	while read -r line; do echo "read $line"; done <<-END
		one
		two
	END
	{
		echo first
		seq 3
		echo last
	} >>log
	(echo appended >>log) && cat log >>log2
	mkfifo f
	cat in/blob >f &
	cmp f in/blob
	wait $!
	exec 5<>both
	echo hello >&5
	exec 5<both
	read -r line <&5
	echo "$line"
	exec 5<&-
	split -b 100000 in/blob piece.
	cat piece.* | cmp - in/blob
	timeout 0.2 cat f || echo "opening waits: $?"
	sleep 0.4 | timeout 0.2 cat || echo "reading waits: $?"
	head -c 100 /dev/zero | od -c
	wc -l /proc/self/status | sed 's/^[1-9][0-9]* /N /'
	# Nobody reads: the writer fills the pipe, waits, and is killed.
	# shellcheck disable=SC2216
	{ timeout 0.3 cat in/blob && :; } | sleep 0.6 && :
	echo "${PIPESTATUS[*]}"
}

# Writes the configuration of an nginx that serves the fixture, with all its files below the directory $LOGS.
nginx_conf() {
	mkdir -p "$LOGS/nginx"
	chmod 755 "$LOGS" "$LOGS/nginx"
	cat >"$LOGS/nginx/conf" <<-END
		daemon off;
		worker_processes 2;
		pid $LOGS/nginx/pid;
		error_log $LOGS/nginx/error warn;
		$([[ $(id -u) -ne 0 ]] || echo 'user nobody nogroup;')
		events { worker_connections 256; }
		http {
			log_format plain '\$request_method \$uri \$status \$body_bytes_sent';
			access_log $LOGS/nginx/access plain;
			$(for kind in client_body proxy fastcgi uwsgi scgi; do
				echo "${kind}_temp_path $LOGS/nginx/$kind;"
			done)
			sendfile $1;
			root $(readlink -f in);
			autoindex on;
			server { listen 127.0.0.1:$PORT; location /again { proxy_pass http://127.0.0.1:$PORT/; } }
		}
	END
}

# Prints what nginx has logged without times, ports, process and connection numbers. Which of two at once is logged
# first is chance, and so is what a load tool that ends lets go of (499).
nginx_logs() {
	sort "$LOGS/nginx/access" | uniq -c | grep -v ' 499 '
	sed -e 's/^[^[]*//' -e 's/ [0-9#]*: \*[0-9]* / /' -e "s/$PORT/PORT/g" -e 's/0000*[0-9]*/N/' \
		"$LOGS/nginx/error" | sort
	rm "$LOGS/nginx/access" "$LOGS/nginx/error"
}

# curl: bodies, ranges, several at once, a proxied one, errors; the log of nginx agrees.
case_curl() {
	local sendfile

	for sendfile in on off; do
		nginx_conf $sendfile
		serve "$PORT" nginx -e "$LOGS/nginx/error" -c "$LOGS/nginx/conf"
		curl -sS "http://127.0.0.1:$PORT/blob" -o blob
		same blob in/blob
		curl -sS "http://127.0.0.1:$PORT/text/d01/file0[0-9].txt" -o 'text-#1'
		curl -sS -r 1000-300000 "http://127.0.0.1:$PORT/quarter" | md5sum
		curl -sS --parallel --parallel-max 5 -o one "http://127.0.0.1:$PORT/sparse" \
			-o two "http://127.0.0.1:$PORT/again/blob" 2>"$LOGS/progress"
		curl -sS -I "http://127.0.0.1:$PORT/nul" | grep -i -e '^HTTP' -e length
		curl -sS -i "http://127.0.0.1:$PORT/missing" | grep -v '^Date'
		outcome curl -sS -f "http://127.0.0.1:$PORT/missing" -o x
		curl -sS -d @in/blob -w '%{http_code} %{size_upload}\n' "http://127.0.0.1:$PORT/again/unended" -o posted
		curl -sS "file://$PWD/in/quarter" | cmp - in/quarter
		stop QUIT
		nginx_logs
	done
	# curl may name the time it waited for.
	outcome curl -sS "http://127.0.0.1:$PORT/" 2>&1 | sed -e 's/after [0-9]* ms/after some time/' -e "s/$PORT/PORT/"
}

# wget: files, a tree with all that it links to, going on with half a file, errors.
case_wget() {
	nginx_conf on
	serve "$PORT" nginx -e "$LOGS/nginx/error" -c "$LOGS/nginx/conf"
	wget -q --no-hsts "http://127.0.0.1:$PORT/blob" "http://127.0.0.1:$PORT/sparse"
	same blob in/blob
	wget -q --no-hsts -r -np -nH -R 'index.html*' "http://127.0.0.1:$PORT/text/d03/"
	head -c 100000 in/quarter >quarter
	wget -q --no-hsts -c "http://127.0.0.1:$PORT/quarter"
	same quarter in/quarter
	wget -q --no-hsts -O - "http://127.0.0.1:$PORT/again/unended"
	outcome wget -q --no-hsts -O x "http://127.0.0.1:$PORT/missing"
	stop QUIT
	nginx_logs
}

# redis-server with redis-benchmark, every write synced to its log; then the data, after a restart from the log
# and after one from a snapshot.
case_redis() {
	local cli=(redis-cli -h 127.0.0.1 -p "$PORT") i
	local redis=(redis-server --port "$PORT" --bind 127.0.0.1 --dir "$PWD" --save '' --enable-debug-command yes)

	serve "$PORT" "${redis[@]}" --appendonly yes --appendfsync always
	redis-benchmark -h 127.0.0.1 -p "$PORT" -n 1000 -c 20 -d 100 -q --csv -t ping,set,get,incr,lpush,mset | cut -d, -f1
	redis-benchmark -h 127.0.0.1 -p "$PORT" -n 2000 -c 10 -P 16 -q --csv -t set,get | cut -d, -f1
	"${cli[@]}" get counter:__rand_int__
	"${cli[@]}" llen mylist
	for ((i = 0; i < 2000; i++)); do
		echo "SET key:$i value:$((i * i))"
	done | "${cli[@]}" --pipe
	"${cli[@]}" -x set blob <in/blob
	"${cli[@]}" get key:1234
	"${cli[@]}" --raw get blob | head -c -1 | cmp - in/blob
	"${cli[@]}" eval 'local n = 0 for i = 0, 1999 do n = n + #redis.call("get", "key:" .. i) end return n' 0
	"${cli[@]}" subscribe news >heard &
	until [[ $("${cli[@]}" publish news hello) == 1 ]]; do sleep 0.02; done
	until grep -q hello heard; do sleep 0.02; done
	kill $!
	wait $! || :
	"${cli[@]}" get nothing there || :
	"${cli[@]}" info stats | grep -e total_error_replies -e rejected_connections
	"${cli[@]}" dbsize
	"${cli[@]}" debug digest | tee digest
	"${cli[@]}" shutdown nosave
	ended
	redis-check-aof appendonlydir/*.incr.aof | tail -n 1

	serve "$PORT" "${redis[@]}" --appendonly yes
	until "${cli[@]}" info persistence | grep -q '^loading:0'; do sleep 0.02; done
	"${cli[@]}" debug digest | cmp - digest
	"${cli[@]}" save
	"${cli[@]}" bgrewriteaof
	until "${cli[@]}" info persistence | grep -q aof_rewrite_in_progress:0; do sleep 0.05; done
	"${cli[@]}" info persistence | grep -e aof_last_bgrewrite_status -e rdb_last_bgsave_status
	stop
	redis-check-rdb dump.rdb | grep -o 'Checksum OK'

	serve "$PORT" "${redis[@]}" --appendonly no
	until "${cli[@]}" info persistence | grep -q '^loading:0'; do sleep 0.02; done
	"${cli[@]}" debug digest | cmp - digest
	stop
	rm -r appendonlydir dump.rdb # they hold times
}

# memcached with memcslap; then files go in and come back, by the tools and by hand.
case_memcached() {
	local name text=(in/text/d01/*.txt)

	serve "$PORT" memcached -p "$PORT" -l 127.0.0.1 -U 0 -t 2 -m 32 -u "$(id -un)"
	export MEMCACHED_SERVERS=127.0.0.1:$PORT
	outcome memcslap --concurrency=4 --execute-number=250 --initial-load=300 --test=set >"$LOGS/slap" # prints times
	outcome memcslap --concurrency=4 --execute-number=250 --initial-load=300 --test=get >>"$LOGS/slap"
	outcome memcslap --concurrency=2 --execute-number=250 --initial-load=300 --test=get --binary >>"$LOGS/slap"
	memcstat | grep -w -e cmd_set -e get_misses -e curr_items -e evictions -e rejected_connections
	memccp "${text[@]}" in/quarter
	for name in "${text[@]}"; do
		memccat "${name##*/}" | head -c -1 | cmp - "$name" # it adds a newline
	done
	memccat --file=quarter quarter
	cmp quarter in/quarter
	memcrm "${text[0]##*/}"
	outcome memccat "${text[0]##*/}"

	exec 5<>"/dev/tcp/127.0.0.1/$PORT"
	printf '%s\r\n' 'set k 5 0 5' hello 'get k' 'incr k 1' 'append k 0 0 1' '!' 'get k nothing' 'delete k' 'get k' quit >&5
	cat <&5
	exec 5<&-
	stop
}

# nginx with wrk: no error and the right status each time, the log has every request, bodies are right after it.
case_nginx_wrk() {
	local sendfile asked page=quarter name

	for sendfile in on off; do
		nginx_conf $sendfile
		serve "$PORT" nginx -e "$LOGS/nginx/error" -c "$LOGS/nginx/conf"
		wrk -t 2 -c 16 -d 1s "http://127.0.0.1:$PORT/$page" >"$LOGS/wrk"
		page=again/unended
		grep -e 'errors' -e 'Non-2xx' "$LOGS/wrk" || echo 'no errors'
		awk '/requests in/ { print ($1 > 20) ? "requests were answered" : "hardly any request was answered: " $0 }' "$LOGS/wrk"
		asked=$(awk '/requests in/ { n += $1 } END { print n }' "$LOGS/wrk")
		[[ $(grep -c ' 200 ' "$LOGS/nginx/access") -ge $asked ]] && echo 'all are in the log'
		for name in blob quarter sparse unended again/nul; do
			curl -sS "http://127.0.0.1:$PORT/$name" | md5sum
		done
		stop QUIT
		sed -i -e '/quarter 200/d' -e '/unended 200/d' "$LOGS/nginx/access" # as many as there was time for
		nginx_logs
	done
}

# PostgreSQL: initdb, pgbench, the sums that have to agree, a crash and what is found after it, checksums.
# The server refuses to run as root, and so runs as postgres if we are root.
case_postgres() {
	local as=()

	if [[ $(id -u) -eq 0 ]]; then
		as=(setpriv --reuid=postgres --regid=postgres --init-groups)
		chown postgres: .
	fi
	export PGHOST=127.0.0.1 PGPORT=$PORT PGUSER=xuring PGDATABASE=postgres
	"${as[@]}" initdb -D data -U xuring -A trust -k --locale=C.UTF-8 -E UTF8 >"$LOGS/initdb"
	cat >>data/postgresql.conf <<-END
		unix_socket_directories = ''
		shared_buffers = 8MB
		max_connections = 20
	END

	serve "$PORT" "${as[@]}" postgres -D data -h 127.0.0.1 -p "$PORT"
	until psql -qAtc 'select 1' >/dev/null 2>&1; do sleep 0.05; done
	pgbench -q -i -s 1 2>"$LOGS/pgbench"
	pgbench -c 4 -j 2 -t 25 2>>"$LOGS/pgbench" | grep -e 'actually processed' -e failed
	pgbench -n -c 2 -S -t 100 -M prepared 2>>"$LOGS/pgbench" | grep -e 'actually processed' -e failed
	postgres_sums
	psql -qAtc "copy (select i, i * i from generate_series(1, 5000) i) to stdout" | md5sum
	psql -qAt <<-END
		create table t(i int primary key, s text);
		begin; insert into t select i, repeat('x', i % 100) from generate_series(1, 3000) i; rollback;
		insert into t select i, repeat('x', i % 100) from generate_series(1, 3000) i;
		checkpoint;
		update t set s = s || 'y' where i % 3 = 0;
		select count(*), sum(length(s)) from t;
		vacuum t;
	END
	outcome psql -qc 'insert into t values (1)'

	# It dies; what was committed is there when it is back.
	"${as[@]}" pg_ctl -D data -m immediate stop >"$LOGS/stop"
	ended
	serve "$PORT" "${as[@]}" postgres -D data -h 127.0.0.1 -p "$PORT"
	until psql -qAtc 'select 1' >/dev/null 2>&1; do sleep 0.05; done
	postgres_sums
	psql -qAtc 'select count(*), sum(length(s)) from t'
	pg_dump --no-comments -t t | grep -cE $'^[0-9]+\tx*y$'
	stop INT
	"${as[@]}" pg_checksums -D data | grep -i bad
	rm -r data
}

# What the tables of pgbench have to add up to.
postgres_sums() {
	psql -qAt <<-'END'
		select count(*) from pgbench_accounts;
		select count(*) from pgbench_history;
		select (select sum(abalance) from pgbench_accounts) = (select sum(delta) from pgbench_history);
		select (select sum(bbalance) from pgbench_branches) = (select sum(tbalance) from pgbench_tellers);
	END
}
