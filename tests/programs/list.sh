# The programs that have to do the same bare and under the shim. A line a program:
#
#     program NAME 'COMMANDS IT NEEDS' 'WHAT TO RUN'
#
# WHAT TO RUN is bash, run by `case` (which see, for outcome, same, serve and stop) in an empty directory where `in` is
# a link to the fixture (see `fixture`). Longer ones are functions in cases.sh. It has to end with status 0,
# and to print and leave behind nothing that varies from run to run: no times, no ports, no process ids.
# shellcheck shell=bash disable=SC2016

program 'cat'     'cat'     'cat in/text/d01/* in/blob in/empty in/unended >all; cat <in/blob | cat - in/nul | cat -A | tail -c 300; cat all >>all2; cat -n in/unended >>all2; outcome cat in/missing in/nul'
program 'cp'      'cp'      'cp -a in/. copy; cp -rL in/odd/link-to-dir deref; cp --sparse=always in/sparse s; cp --reflink=never --no-preserve=mode in/blob over; cp in/quarter over; cp -l over linked; stat -c "%n %Y" copy/blob copy/text; outcome cp in/missing x; outcome cp in/text x'
program 'dd'      'dd'      'case_dd'
program 'grep -r' 'grep'    'grep -rn needle in/; grep -rc "Window.*7" in; grep -rlZ --include="*.c" zebra in/text | tr "\0" "\n"; grep -r -e nul -e façade in/ | tail -n 40; outcome grep -rq "no such words" in; outcome grep -r x in/missing'
program 'sed'     'sed'     'cp -r --no-preserve=mode in/text t; sed -i.bak "s/needle/pin/g; 3d" t/d01/*.txt; sed -n "/zebra/w zebras" t/d02/*.c; sed -s -n "\$=" t/d0[45]/*; seq 100 | sed "50q" | sed -n "\$p"; outcome sed p in/missing'
program 'sort'    'sort'    'sort -S 64k -T . in/text/*/*.txt >all; sort -u -o all2 all; sort -rn -k2 -o down all; head -n 50 down; sort -m all all2 | tail -n 5; sort --parallel=2 -R --random-source=in/blob all2 | md5sum; outcome sort -c all; outcome sort -c in/text/d01/file01.txt'
program 'tar'     'tar'     'tar -cf a.tar -C in . ; tar -tvf a.tar | sort; mkdir x; tar -xpf a.tar -C x; outcome tar -df a.tar -C x; tar -czf - -C in text | tar -xzf - -C x; tar -rf a.tar x/nul; tar -Scf sparse.tar -C in sparse; tar --delete -f a.tar ./text; outcome tar -xf in/blob'
program 'gzip'    'gzip'    'gzip -9 -n -c in/quarter >q.gz; gzip -l q.gz; gzip -t q.gz; gzip -dc <q.gz | cmp - in/quarter; cp -r --no-preserve=mode in/text t; gzip -nr t; zcat t/d01/file01.txt.gz; gunzip -r t; head -c 1000 q.gz >broken.gz; outcome gzip -t broken.gz; outcome gzip -d in/nul'
program 'md5sum'  'md5sum'  'find in/text -type f -print0 | sort -z | xargs -0 md5sum >sums; md5sum --quiet -c sums; md5sum <in/sparse; md5sum in/odd/*[!rk] --tag || :; sed 3s/^./x/ sums >bad; outcome md5sum --quiet -c bad; outcome md5sum in/missing'
program 'find'    'find'    'find in/ -printf "%p %y %m %s %l %T+ %n\n"; find in/ -type f -size +1 -exec md5sum {} + ; find in/ -empty; find -L in/ -xtype l; find in/ -newer in/blob -name "f*1.c" -exec wc -c {} \; ; cp -a in/text t; find t -name "*.c" -delete; find t -fprint list; outcome find missing'
program 'rsync'   'rsync'   'rsync -a -i in/ copy; cp --remove-destination in/nul copy/blob; rm -r copy/text/d04; rsync -a -i --delete in/ copy; rsync -aci --inplace --no-whole-file --link-dest=../copy in/ second; stat -c "%n %h %Y" second/blob; outcome rsync in/missing there'
program 'awk'     'awk'     'awk "{ n[FILENAME] += NF; print > (\"out.\" NF); print \$1 | \"sort | uniq -c\" } END { for (f in n) print n[f], f | \"sort -n\" }" in/text/d0[12]/*; printf "1\n2\n" | awk "{ \"echo cmd \" \$1 | getline x; print x; while ((getline l <\"in/unended\") > 0) print l }"'
program 'diff -r' 'diff patch'   'cp -r --no-preserve=mode in/text t; sed -i "7d;s/^x/y/" t/d01/*; rm t/d02/file03.txt; cp in/nul t; outcome diff -r in/text t; diff -u --label a --label b in/text/d01/file05.txt t/d01/file05.txt >p || :; patch -R -p0 t/d01/file05.txt p; cmp in/text/d01/file05.txt t/d01/file05.txt; outcome diff -q in/blob in/quarter'
program 'tail -f' 'tail'    'echo 1 >log; : >seen; tail -n 2 -f log >>seen & for i in 2 3 4; do echo $i >>log; until grep -q $i seen; do sleep 0.02; done; done; kill $!; wait $! || echo "status $?"; cat seen; tail -c 100 in/blob | md5sum; seq 1000 | tail -n +990'
program 'git'     'git'     'case_git'
program 'sqlite3' 'sqlite3' 'case_sqlite3'
program 'python3' 'python3' 'python3 "$here/workload.py"'
program 'perl'    'perl'    'perl "$here/workload.pl"'
program 'gcc'     'gcc ar'  'case_gcc'
program 'pipes'   'tee'     'case_pipes'

program 'curl from nginx' 'curl nginx' 'case_curl'
program 'wget from nginx' 'wget nginx' 'case_wget'

program 'redis-server with redis-benchmark' 'redis-server redis-benchmark redis-cli' 'case_redis'
program 'memcached with memcslap' 'memcached memcslap memccp memccat memcstat' 'case_memcached'
program 'nginx with wrk' 'nginx wrk curl' 'case_nginx_wrk'
program 'PostgreSQL with pgbench' 'initdb postgres pg_ctl pgbench psql' 'case_postgres'
