#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs that wait for the disk, and programs that read and write little at a time: bare, and under the shim.

usage: disk.py BUILD SECONDS sync|stream|aio [PATTERN]

Prints records as the benchmark programs do (bench.h). A program and its twin run in turns, each in a new directory on the disk,
and a ratio is that of the elapsed times of a pair; beside it stands that of the processor times, which a busy machine disturbs
less. Figures whose name ends in "default" are of the default profile, the others of profile bulk.
"""

import fnmatch
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

BUILD, SECONDS, SUITE = os.path.abspath(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
PATTERN = sys.argv[4] if len(sys.argv) > 4 else "*"
PORT = 17000 + os.getpid() % 1000
ROOT = os.geteuid() == 0

BARE = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
BARE.update(GIT_CONFIG_NOSYSTEM="1", HOME="/nonexistent", TOOLS=f"{BUILD}/tools", BENCH=f"{BUILD}/bench")

# The elapsed time of a shell's command, and what is done before, in a directory with the file `in` of 16 MiB. What was written
# before is on its way to the disk or not; nothing else is to be done than what is timed.
FILES_400 = "mkdir d; for ((i = 0; i < 400; i++)); do echo $i >d/$i; done"
TRANSACTIONS = """(echo 'pragma journal_mode={}; create table t(x);'
	for ((i = 0; i < 200; i++)); do echo "insert into t values($i);"; done) >q"""
PACKAGE = f"""mkdir -p p/DEBIAN root/var/lib/dpkg/info root/var/lib/dpkg/updates; >root/var/lib/dpkg/status; cd p
	printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: p\\nDescription: p\\n' >DEBIAN/control
	{FILES_400}; cd ..; dpkg-deb -Znone --root-owner-group -b p p.deb >out; sync p.deb"""
SYNC = {
	"sync of 400 files": ("exec sync d/*", FILES_400),
	"dpkg -i, 400 files": ("exec dpkg --root=$PWD/root --force-not-root --log=log -i p.deb >out 2>&1", PACKAGE),
	"git add, commit": ("""git -c core.fsync=all add . && exec git -c core.fsync=all -c user.name=a -c user.email=a@b commit -qm all""",
			    f"git init -q; rm in; {FILES_400}"),
	"rsync --fsync, 400 files": ("exec rsync --fsync -r d e", FILES_400),
	"rsync --fsync, 6 of 16 MiB": ("exec rsync --fsync -r d e", "mkdir d; for i in {1..6}; do cp in d/$i; done; sync d/*"),
	"dd conv=fsync, 128 MiB": ("XURING_WRITEBACK=early exec dd if=big of=out bs=1M conv=fsync status=none",
				   "for i in {1..8}; do cat in; done >big; sync big"),
	"sqlite3, journal": ("exec sqlite3 db <q >out", TRANSACTIONS.format("delete")),
	"sqlite3, WAL": ("exec sqlite3 db <q >out", TRANSACTIONS.format("wal")),
}
PYTHON = "exec /usr/bin/python3 -S -c '"
STREAM = {
	"dd bs=1": ("exec dd if=in of=/dev/null bs=1 count=300000 status=none", ""),
	"dd bs=64": ("exec dd if=in of=/dev/null bs=64 count=100000 status=none", ""),
	"dash while read": ("exec dash -c 'while read -r x; do :; done <text'", "head -c 500000 in | base64 >text"),
	"python, 16 bytes": (PYTHON + """f = open("in", "rb", buffering=0)
while f.read(16): pass'""", "truncate -s 8M in"),
	"python, readline": (PYTHON + """f = open("text", "rb", buffering=0)
while f.readline(): pass'""", "head -c 300000 in | base64 >text"),
	"dd bs=64, writing": ("exec dd if=/dev/zero of=out bs=64 count=100000 status=none", ""),
	"python, 64-byte lines": (PYTHON + """f = open("out", "ab", buffering=0)
for i in range(300000): f.write(b"a line of a log that is as long as lines of logs are, 64 bytes.\\n")'""", ""),
	"dd bs=4k iflag=direct": ("exec dd if=in of=/dev/null bs=4k iflag=direct status=none", ""),
	"fio psync direct": ("""exec fio --name=x --filename=in --rw=read --ioengine=psync --direct=1 --bs=4k --size=16M --loops=8 \
		--output=out""", ""),
}

NGINX = """user {user}; daemon off; pid {dir}/pid; error_log {dir}/log; worker_processes 1;
events {{ }}
http {{ access_log {dir}/access; keepalive_requests 100000000; root {dir};
	client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
	scgi_temp_path {dir}/5; server {{ listen 127.0.0.1:{port}; }} }}"""


def too_long(*_):
	raise TimeoutError("it takes too long")


def sh(command, where, env):
	"""Elapsed and processor time of a shell's command, in ns."""
	# Not run(timeout=...), which looks whether the child has ended every 50 ms only.
	signal.alarm(120)
	start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
	subprocess.run(["bash", "-c", command], cwd=where, env=env, check=True)
	signal.alarm(0)
	end, after = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
	return (end - start) * 1e9, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e9


def time_command(command, before):
	def measure(where, env):
		with open(os.path.join(where, "in"), "wb") as file:
			file.write(os.urandom(1 << 20) * 16)
			os.fsync(file.fileno())
		sh(before, where, BARE)
		time.sleep(0.05)
		return sh(command, where, env)
	return measure


def time_syncs(threads, times):
	"""A sync, when so many threads append to one file and sync it at the same time."""
	def measure(where, env):
		lines = subprocess.run([f"{BUILD}/tools/syncers", "-d", "-o", str(threads), str(times), f"{where}/file"], env=env,
				       stdout=subprocess.PIPE, text=True, timeout=120, check=True).stdout.splitlines()
		calls = [list(map(int, line.split())) for line in lines]
		return (max(c[1] for c in calls) - min(c[0] for c in calls)) * 1000 / len(calls), 0
	return measure


def serve(command, where, env, ready, work):
	"""What `work` says once the server answers to the shell command `ready`."""
	with open(f"{where}/log", "w", encoding="utf-8") as log, \
	     subprocess.Popen(command, cwd=where, env=env, stdout=log, stderr=log) as server:
		try:
			for _ in range(400):
				if not subprocess.run(["bash", "-c", ready], cwd=where, env=BARE, stdout=subprocess.DEVNULL,
						      stderr=subprocess.DEVNULL, timeout=30, check=False).returncode:
					return work()
				time.sleep(0.025)
			raise OSError(f"{command[0]} does not answer")
		finally:
			server.terminate()
			server.wait()


def nginx(where, env):
	"""A request to a server with an access log."""
	os.chmod(where, 0o755)
	with open(f"{where}/conf", "w", encoding="utf-8") as conf:
		conf.write(NGINX.format(user="root" if ROOT else "nobody", dir=where, port=PORT))
	with open(f"{where}/page", "w", encoding="utf-8") as page:
		page.write("hello\n")

	def work():
		done = subprocess.run(["wrk", "-t1", "-c16", f"-d{max(1, int(2 * SECONDS))}s", f"http://127.0.0.1:{PORT}/page"],
				      env=BARE, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
		return 1e9 / float(done.split("Requests/sec:")[1].split()[0]), 0
	return serve(["nginx", "-c", f"{where}/conf"], where, env, f"exec 3<>/dev/tcp/127.0.0.1/{PORT}", work)


def redis(where, env):
	"""2,000 sets, one after another, each synced to the log before it is answered."""
	command = ["redis-server", "--port", str(PORT), "--bind", "127.0.0.1", "--dir", where, "--save", "", "--appendonly", "yes",
		   "--appendfsync", "always"]
	return serve(command, where, env, f"redis-cli -p {PORT} ping | grep -q PONG",
		     lambda: sh(f"redis-benchmark -p {PORT} -c 1 -n 2000 -t set -q >out", where, BARE))


def postgres(where, env, settings, work):
	"""What work(commands of the client) says, beside a server with these settings."""
	bin_dir = sorted(os.listdir("/usr/lib/postgresql"), key=int)[-1]
	bin_dir = f"/usr/lib/postgresql/{bin_dir}/bin"
	user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if ROOT else []
	if ROOT:
		shutil.chown(where, "postgres", "postgres")
	subprocess.run([*user, f"{bin_dir}/initdb", "-N", "-A", "trust", "-U", "postgres", "-D", f"{where}/data"], env=BARE, check=True,
		       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
	client = f"-h {where} -p {PORT} -U postgres"
	options = [w for s in (*settings, f"port={PORT}", "listen_addresses=", f"unix_socket_directories={where}") for w in ("-c", s)]
	environment = [f"{k}={v}" for k, v in env.items() if k == "LD_PRELOAD" or k.startswith("XURING_")]
	# Not setpriv, which is not what is measured, but the server is preloaded.
	return serve([*user, "env", *environment, f"{bin_dir}/postgres", "-D", f"{where}/data", *options], where, BARE,
		     f"{bin_dir}/pg_isready {client}", lambda: work(f"{bin_dir}/pgbench {client}", f"{bin_dir}/psql {client} -q postgres"))


def checkpoint(where, env):
	"""A checkpoint after pgbench -i."""
	def work(pgbench, psql):
		sh(f"{pgbench} -i -s 4 -q postgres >out 2>&1", where, BARE)
		return sh(f"{psql} -c checkpoint", where, BARE)
	return postgres(where, env, ("shared_buffers=128MB", "checkpoint_timeout=1h", "max_wal_size=4GB"), work)


BITMAP = """set enable_seqscan = off; set enable_indexscan = off; set max_parallel_workers_per_gather = 0;
	select sum(length(pad)) from t where k < 300"""


def bitmap_scan(where, env):
	"""A bitmap scan of a table that is not in memory, for which the server gives hints."""
	def work(_, psql):
		sh(f"""{psql} -c "create table t as select (n * 7919) % 1000 as k, repeat(md5(n::text), 25) as pad
			from generate_series(1, 60000) n" -c "create index on t(k)" -c "vacuum analyze t" -c checkpoint >out 2>&1""", where, BARE)
		for folder, _, names in os.walk(f"{where}/data/base"):
			for name in names:
				fd = os.open(os.path.join(folder, name), os.O_RDONLY)
				os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
				os.close(fd)
		return sh(f'{psql} -c "{BITMAP}" >out', where, BARE)
	return postgres(where, env, ("shared_buffers=1MB", "effective_io_concurrency=32", "autovacuum=off"), work)


def qemu(write):
	"""A request of qemu-img bench, 4 KiB each, 32 at a time."""
	def measure(where, env):
		with open(f"{where}/image", "wb") as file:
			for _ in range(64):
				file.write(os.urandom(1 << 20))
			os.fsync(file.fileno())
		_, cpu = sh(f"qemu-img bench -t none -n {write} -c 40000 -d 32 -s 4k -S 28k -f raw image >out", where, env)
		with open(f"{where}/out", encoding="utf-8") as text:
			return float(text.read().split("completed in ")[1].split()[0]) / 40000 * 1e9, cpu
	return measure


def rows():
	"""The figures of the suite: name, what measures it, profiles, the program that it needs."""
	if SUITE == "sync":
		yield "fdatasync, 1 thread", time_syncs(1, 300), ("safe",), None
		yield "fdatasync, 8 threads", time_syncs(8, 100), ("safe",), None
	if SUITE == "aio":
		yield "qemu-img bench, read", qemu(""), ("safe",), "qemu-img"
		yield "qemu-img bench, write", qemu("-w"), ("safe",), "qemu-img"
		yield "postgres, bitmap scan", bitmap_scan, ("safe",), "pgbench"
		return
	for name, (command, before) in (SYNC if SUITE == "sync" else STREAM).items():
		both = ("bulk",) if "XURING_" in command else ("bulk", "safe")
		yield name, time_command(command, before), both, name.split()[0].strip(",").replace("python", "python3")
	if SUITE == "sync":
		yield "redis, appendfsync always", redis, ("bulk", "safe"), "redis-server"
		yield "postgres, checkpoint", checkpoint, ("bulk", "safe"), "pgbench"
	else:
		yield "nginx, access log", nginx, ("bulk", "safe"), "wrk"


def compare(figure, measure, profile):
	"""Pairs in turns: 2 at least, and as many as fit into the time."""
	sides, work, end = ([], []), ([], []), time.monotonic() + 4 * SECONDS
	while len(sides[0]) < 2 or (time.monotonic() < end and len(sides[0]) < 12):
		for i in (0, 1) if len(sides[0]) % 2 else (1, 0):
			with tempfile.TemporaryDirectory(prefix="xuring-bench-", dir="/var/tmp") as where:
				env = {**BARE, "LD_PRELOAD": f"{BUILD}/libxuring-shim.so", "XURING_PROFILE": profile} if i else BARE
				ns, cpu = measure(where, env)
				sides[i].append(ns)
				work[i].append(cpu)
	ratios = [s / b for b, s in zip(*sides)]
	more = {"note": f"processor {statistics.median(s / b for b, s in zip(*work)):.3f}"} if min(*work[0], *work[1]) else {}
	print(json.dumps({
		"suite": SUITE, "figure": figure, "base": "bare", "other": "shim", "unit": "ns", "pairs": len(ratios),
		"base_ns": statistics.median(sides[0]), "other_ns": statistics.median(sides[1]),
		"diff_ns": statistics.median(s - b for b, s in zip(*sides)), "ratio": statistics.median(ratios),
		"ratio_low": min(ratios), "ratio_high": max(ratios), **more}), flush=True)


signal.signal(signal.SIGALRM, too_long)
for row, how, profiles, program in rows():
	for which in profiles:
		title = f"{row}, default" if which == "safe" and len(profiles) > 1 else row
		if fnmatch.fnmatch(title, PATTERN) and (not program or shutil.which(program)):
			compare(title, how, which)
