#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Does it do harm? Everyday commands and server loads with everything cached, bare and under the shim as it is by default.

usage: harm.py BUILD SECONDS [PATTERN]

Prints records as the benchmark programs do (bench.h). A command and its twin run in turns, and a ratio is that of a pair:
of the processor time that the command and its children took, since nothing here waits, and other processes disturb that
least. The ratio of the elapsed times stands beside it. Of a server it is the processor time that it needs for a request.
"""

import fnmatch
import json
import os
import resource
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BUILD, SECONDS = os.path.abspath(sys.argv[1]), float(sys.argv[2])
PATTERN = sys.argv[3] if len(sys.argv) > 3 else "*"
CORES = sorted(os.sched_getaffinity(0))

BARE = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
BARE.update(LC_ALL="C.UTF-8", GIT_PAGER="cat", HOME="/nonexistent", GIT_CONFIG_NOSYSTEM="1")
SHIM = {**BARE, "LD_PRELOAD": f"{BUILD}/libxuring-shim.so"}

# What is run, by sh where it takes a shell, in a place that has `tree` (1,000 files in 20 directories), `tree2` like it, `large`
# (64 MiB), `lines` (400,000 of them), `few` (20,000), `json`, `src` (a C project of 30 files), `repo` (tree under git) and `db`
# (sqlite). What a command leaves in `out` is removed. Each works for some ten milliseconds: what a start costs, which is the
# same for all, has a figure of its own.
COMMANDS = {
	"cat": "cat large large large large",
	"cp": "cp large out",
	"cp -r": "cp -r tree out",
	"rm -r": "cp -r tree out; rm -r out",
	"dd bs=4k": "dd if=large of=/dev/null bs=4k status=none",
	"head, tail": "head -c 32M large | tail -c 16M",
	"wc -l": "wc -l" + " lines large" * 8,
	"sort": "sort -n lines",
	"sha256sum": "sha256sum large",
	"grep": "grep -c 31337" + " lines" * 30,
	"grep -r": "grep -rc needle tree tree2",
	"sed": "sed s/7/seven/ lines",
	"awk": "awk '{ n += $1 } END { print n }' lines",
	"cut, tr, uniq": "cut -c1-3 lines lines lines | tr 1 2 | uniq -c",
	"find": "find" + " tree" * 10 + " -type f -size +4k",
	"find, xargs, md5sum": "find tree -type f | xargs md5sum",
	"ls -lR": "ls -lR" + " tree" * 6,
	"du -s": "du -sl" + " tree" * 12,
	"diff -r": "diff -r tree tree2",
	"tar c": "tar cf - tree tree2 | cat",
	"tar x": "mkdir out; tar xf tree.tar -C out",
	"gzip -1": "gzip -1 -c lines",
	"xz -0": "xz -0 -T1 -c lines",
	"rsync -a": "rsync -a tree/ out/",
	"git status": "git -C repo status",
	"git grep": "git -C repo grep -c needle",
	"git clone": "git clone -q --no-hardlinks repo out",
	"gcc": "gcc -O1 -c src/1.c -o out",
	"make -j2": "make -s -C src clean; make -s -C src -j2",
	"python3": "python3 -c 'import json, asyncio, http.server, unittest, sqlite3, email.mime.text, xml.dom.minidom'",
	"perl": "perl -ne '$n += $_; END { print $n }' lines",
	"jq": "jq -c .a json",
	"dash, while read": "dash -c 'while read -r x; do :; done <few'",
	"sqlite3, inserts": "sqlite3 out 'create table t(a)' 'with recursive c(x) as (select 1 union all select x + 1 from c "
			    "limit 200000) insert into t select x from c'",
	"sqlite3, query": "sqlite3 db 'select sum(a), count(distinct b) from t'",
	"openssl enc": "openssl enc -aes-128-cbc -K 00 -iv 00 -in large -out /dev/null",
	"file": "file -f names",
	"node": "node -e 'require(\"fs\").readFileSync(\"large\").length'",
}

NGINX = """user {user}; daemon off; master_process off; pid {dir}/pid; error_log {dir}/log;
events {{ worker_connections 500; }}
http {{ access_log off; keepalive_requests 100000000; root {dir};
	client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
	scgi_temp_path {dir}/5;
	server {{ listen 127.0.0.1:{port}; }} }}"""

HTTP = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n"
PYTHON = """
import asyncio, sys
async def serve(reader, writer):
	while line := await reader.readline():
		writer.write(line)
	writer.close()
async def main():
	await (await asyncio.start_server(serve, '127.0.0.1', int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""
NODE = "require('http').createServer((q, s) => s.end('hello')).listen(+process.argv[1], '127.0.0.1')"

# Servers: how one is started at a port, and what each of 32 connections asks.
SERVERS = {
	"redis": (lambda port, _: ["redis-server", "--port", port, "--save", "", "--bind", "127.0.0.1"], "GET key\r\n"),
	"memcached": (lambda port, _: ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", port, "-t", "1"], "get key\r\n"),
	"nginx, a file": (lambda _, where: ["nginx", "-c", f"{where}/nginx.conf"], HTTP),
	"node, http": (lambda port, _: ["node", "-e", NODE, port], HTTP),
	"python, asyncio": (lambda port, _: ["python3", "-c", PYTHON, port], "hello\n"),
}


def too_long(*_):
	raise TimeoutError("it takes too long")


def run(words, where, env):
	# Not by run(timeout=...), which looks only now and then whether the child has ended.
	signal.alarm(120)
	try:
		return subprocess.run(words, cwd=where, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
				      stderr=subprocess.DEVNULL, check=False)
	finally:
		signal.alarm(0)


def sh(command, where, env):
	return run(["sh", "-c", command], where, env)


def directly(command, where, env):
	return run(shlex.split(command), where, env)


def fixture(where):
	"""What the commands work on."""
	sh(f"""{BUILD}/tools/forest tree 1000 20; cp -a tree tree2; head -c 64M /dev/urandom >large
	seq 400000 >lines; seq 20000 >few; tar cf tree.tar tree; find tree tree2 -type f >names
	seq 200000 | sed 's/.*/{{"a":[&,&],"b":"&"}}/' | head -20000 >json
	cp -r tree repo; git -C repo init -q; git -C repo add .
	git -C repo -c user.name=a -c user.email=a@b commit -qm all
	sqlite3 db 'create table t(a, b)' 'with recursive c(x) as (select 1 union all select x + 1 from c limit 200000) insert into t select x, x % 1000 from c'
	mkdir src; for i in $(seq 30); do
		{{ printf '#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\n#include <unistd.h>\\n'
		for f in $(seq 40); do echo "int f${{i}}_$f(int x) {{ char b[64]; snprintf(b, sizeof b, \\"%d\\", x); return (int)strlen(b) + x * $f; }}"; done; }} >src/$i.c
	done
	printf 'O := $(patsubst %%.c,%%.o,$(wildcard *.c))\\nall: all.a\\nall.a: $O\\n\\tar rc $@ $^\\n%%.o: %%.c\\n\\tcc -O1 -c $<\\nclean:\\n\\trm -f *.o *.a\\n' >src/Makefile
	""", where, BARE)


def emit(figure, bare, shim, **more):
	ratios = [s / b for b, s in zip(bare, shim)]
	print(json.dumps({
		"suite": "harm", "figure": figure, "base": "bare", "other": "shim", "unit": "ns", "pairs": len(bare),
		"base_ns": statistics.median(bare), "other_ns": statistics.median(shim),
		"diff_ns": statistics.median(s - b for b, s in zip(bare, shim)), "ratio": statistics.median(ratios),
		"ratio_low": min(ratios), "ratio_high": max(ratios), **more}), flush=True)


def timed(command, where, env):
	"""One run: processor time and elapsed time in ns, and the status."""
	shutil.rmtree(f"{where}/out", ignore_errors=True)
	if os.path.exists(f"{where}/out"):
		os.unlink(f"{where}/out")
	start, before = time.monotonic_ns(), resource.getrusage(resource.RUSAGE_CHILDREN)
	status = (sh if set(command) & set("|;<") else directly)(command, where, env).returncode
	elapsed, after = time.monotonic_ns() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
	return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9, elapsed, status


def a_command(name, where):
	"""At least 5 pairs, and as many as fit into the time."""
	sides, elapsed, end = ([], []), ([], []), 0
	while len(sides[0]) < 5 or time.monotonic() < end:
		results = [None, None]
		for i in (0, 1) if len(sides[0]) % 2 else (1, 0):
			results[i] = timed(COMMANDS[name], where, (BARE, SHIM)[i])
		if results[0][2] != results[1][2]:
			sys.exit(f"harm.py: {name}: status {results[0][2]} bare, {results[1][2]} under the shim")
		if not end: # the first pair only fills the caches
			end = time.monotonic() + 4 * SECONDS
			continue
		for i, (ns, wall, _) in enumerate(results):
			sides[i].append(ns)
			elapsed[i].append(wall)
	walls = statistics.median(s / b for b, s in zip(*elapsed))
	emit(name, *sides, note=f"elapsed {walls:.3f}")


def one_server(name, where, env):
	"""Processor time of a server for a request, in ns."""
	command, request = SERVERS[name]
	port = str(18000 + os.getpid() % 1000)
	with open(f"{where}/nginx.conf", "w", encoding="utf-8") as conf:
		conf.write(NGINX.format(user="root" if os.geteuid() == 0 else "nobody", dir=where, port=port))
	with open(f"{where}/page", "w", encoding="utf-8") as page:
		page.write("hello " * 100)
	with subprocess.Popen(["taskset", "-c", str(CORES[-1]), *command(port, where)], env=env, cwd=where,
			      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
		try:
			for _ in range(100):
				if not sh(f"exec 3<>/dev/tcp/127.0.0.1/{port}".join(("bash -c '", "'")), where, BARE).returncode:
					break
				time.sleep(0.05)
			out = subprocess.run(["taskset", "-c", str(CORES[0]), f"{BUILD}/bench/echo", "drive", port, "32",
					      str(SECONDS), request], check=True, env=BARE, stdout=subprocess.PIPE,
					     timeout=60).stdout
		finally:
			server.send_signal(signal.SIGTERM)
			_, status, used = os.wait4(server.pid, 0)
			server.returncode = status
	return (used.ru_utime + used.ru_stime) * 1e9 / json.loads(out)["requests"]


def a_server(name, where):
	bare, shim = [], []
	for turn in range(4):
		for side, env in ((bare, BARE), (shim, SHIM)) if turn % 2 else ((shim, SHIM), (bare, BARE)):
			side.append(one_server(name, where, env))
	emit(name, bare, shim, note="processor time a request")


def main():
	signal.signal(signal.SIGALRM, too_long)
	with tempfile.TemporaryDirectory(prefix="xuring-bench-", dir="/var/tmp") as where:
		fixture(where)
		for what, measure in ((COMMANDS, a_command), (SERVERS, a_server)):
			for name in what:
				program = name.split()[0].strip(",")
				program = {"redis": "redis-server", "python": "python3"}.get(program, program)
				if fnmatch.fnmatch(name, PATTERN) and shutil.which(program):
					measure(name, where)


main()
