#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Event loops bare, and in company, as system calls are and with dear ones.

usage: loop.py BUILD SECONDS            servers with 64 connections, and an echo server under other loads
       loop.py BUILD SECONDS curve     an echo server over the price of a system call

Prints records as the benchmark programs do (bench.h). A side is a server of its own on the last core, asked by
`echo drive` from the first; bare and shim take turns. Where that is allowed, both run at a real-time priority, so that
other programs do not disturb them. A ratio is that of the CPU time that the server needs for a request, where nothing
else is said; on a core of its own that is what throughput comes from. Calls a request are those of the shim's own
statistics.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BUILD, SECONDS = sys.argv[1], float(sys.argv[2])
CONNECTIONS = 64
DEAR_NS = 800

# All figures together take no longer than this: where SECONDS for each run are too many, runs are shorter. What a run
# takes besides: the server's start and end, the first answer.
LIMIT, BESIDE = 240, 0.5

# For percentiles: so many seconds for a window, and for them all.
WINDOW, WINDOWS = 0.03, 15

CORES = sorted(os.sched_getaffinity(0))

NGINX = """user {user}; daemon off; master_process off; pid {dir}/pid; error_log {dir}/log;
events {{ worker_connections 500; }}
http {{ access_log off; keepalive_requests 100000000;
	client_body_temp_path {dir}/1; proxy_temp_path {dir}/2; fastcgi_temp_path {dir}/3; uwsgi_temp_path {dir}/4;
	scgi_temp_path {dir}/5;
	server {{ listen 127.0.0.1:{port}; location / {{ return 200 hello; }} }} }}"""

NODE = "require('http').createServer((q, s) => s.end('hello')).listen(%d, '127.0.0.1');" \
	"process.on('SIGTERM', () => process.exit(0))"

HTTP = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

# What is asked of whom.
SERVERS = {
	"echo": (lambda port, _: [f"{BUILD}/bench/echo", "serve", str(port)], None),
	"echo by poll": (lambda port, _: [f"{BUILD}/bench/echo", "serve", str(port), "poll"], None),
	"echo by select": (lambda port, _: [f"{BUILD}/bench/echo", "serve", str(port), "select"], None),
	"redis": (lambda port, _: ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1"],
		  "GET key\r\n"),
	"memcached": (lambda port, _: ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", str(port), "-t", "1"],
		      "get key\r\n"),
	"nginx": (lambda _, where: ["nginx", "-c", f"{where}/nginx.conf"], HTTP),
	"node": (lambda port, _: ["node", "-e", NODE % port], HTTP),
}


def free_port():
	with socket.create_server(("127.0.0.1", 0)) as s:
		return s.getsockname()[1]


def wait_for(port):
	for _ in range(200):
		try:
			socket.create_connection(("127.0.0.1", port)).close()
			return
		except OSError:
			time.sleep(0.02)
	sys.exit("loop.py: the server does not come up")


def resident(pid):
	"""Bytes of memory that a process has."""
	with open(f"/proc/{pid}/statm", encoding="ascii") as f:
		return int(f.read().split()[1]) * resource.getpagesize()


@contextlib.contextmanager
def serving(name, options, dear, where, counted=False):
	"""A server on the last core, its port; it is ended unless that was done."""
	command, _ = SERVERS[name]
	port = free_port()
	with open(f"{where}/nginx.conf", "w", encoding="utf-8") as conf:
		conf.write(NGINX.format(user="root" if os.geteuid() == 0 else "nobody", dir=where, port=port))
	env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
	put_in = []
	if options is not None:
		put_in = ["env", f"LD_PRELOAD={BUILD}/libxuring-shim.so", *options]
		if counted:
			put_in.append(f"XURING_STATS=json:{where}/record")
	dearer = [f"{BUILD}/bench/dear", str(dear)] if dear else []
	with subprocess.Popen(["taskset", "-c", str(CORES[-1]), *dearer, *put_in, *command(port, where)], env=env,
			      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
		try:
			wait_for(port)
			yield server, port
		finally:
			# It must not be waited for where something went wrong.
			server.kill()


class Pace:
	"""How long a run takes, so that all of them keep within the limit."""
	end = time.monotonic() + LIMIT
	left = 0 # runs that are still to come
	seconds = SECONDS

	@classmethod
	def keep(cls):
		"""Before a run."""
		cls.left = max(cls.left - 1, 0)
		spare = (cls.end - time.monotonic()) / (cls.left + 1) - BESIDE
		cls.seconds = max(min(SECONDS, spare), 0.05)


def drive(name, ports, connections=CONNECTIONS, how=None):
	"""What a crowd of clients on the first core saw of a server, or of several."""
	_, request = SERVERS[name]
	out = subprocess.run(["taskset", "-c", str(CORES[0]), f"{BUILD}/bench/echo", "drive", str(ports), str(connections),
			      how or str(Pace.seconds), *([request] if request else [])], check=True,
			     stdout=subprocess.PIPE, timeout=60).stdout
	return [json.loads(line) for line in out.splitlines()]


def run(name, options, dear, where, connections=CONNECTIONS, counted=False):
	"""One server for one time: what the driver saw, CPU nanoseconds a request, memory, what the shim counted."""
	record = f"{where}/record"
	Pace.keep()
	with serving(name, options, dear, where, counted) as (server, port):
		[found] = drive(name, port, connections)
		memory = resident(server.pid)
		server.send_signal(signal.SIGTERM)
		_, status, used = os.wait4(server.pid, 0)
		server.returncode = status
	n = found["requests"]
	found.update(cpu_ns=(used.ru_utime + used.ru_stime) * 1e9 / n, memory=memory)
	if os.path.exists(record):
		with open(record, encoding="utf-8") as lines:
			records = [json.loads(line) for line in lines]
		os.remove(record)
		found["calls"] = sum(r["enters"] + sum(c["kernel"] + c["fallback"] for c in r["calls"].values())
				     for r in records) / n
		found["verdict"] = records[-1]["engines"]["loop"].get("verdict")
	return found


def pairs(name, options, dear, where, turns=2, **load):
	"""So many runs bare, and under the shim, in turns."""
	bare, other = [], []
	for turn in range(turns):
		for side in (bare, other) if turn % 2 else (other, bare):
			side.append(run(name, options if side is other else None, dear, where, **load))
	return bare, other


def tell(suite, figure, bare, other, key="cpu_ns", times=1, note=None, **more):
	"""Print a record of what these runs say under `key`. Returns the ratio."""
	base, shim = [r[key] * times for r in bare], [r[key] * times for r in other]
	ratios = [o / b for o, b in zip(shim, base)]
	record = {
		"suite": suite, "figure": figure, "base": "bare", "other": "shim", "unit": "ns",
		"pairs": len(bare), "base_ns": statistics.median(base), "other_ns": statistics.median(shim),
		"diff_ns": statistics.median(o - b for o, b in zip(shim, base)),
		"ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios), **more,
	}
	if note:
		record["note"] = note
	print(json.dumps(record), flush=True)
	return record["ratio"]


def of(runs, key):
	return statistics.median(r[key] for r in runs)


def server_figures(name, where):
	"""What one server does with 64 connections."""
	cheap, other = pairs(name, [], 0, where)
	tell("loop", f"{name}, auto", cheap, other)
	for profile in "safe", "server":
		bare, other = pairs(name, [f"XURING_PROFILE={profile}"], DEAR_NS, where)
		# The same server where a call costs next to nothing more than its work.
		limit = of(bare, "cpu_ns") / of(cheap, "cpu_ns")
		tell("loop", f"{name}, dear, {profile}", bare, other, note=
		     f"{of(other, 'per_s') / of(bare, 'per_s'):.2f} times the throughput; as cheap calls {limit:.2f}")
	bare, other = pairs(name, ["XURING_PROFILE=server", "XURING_BATCH=on"], 0, where, counted=True)
	tell("loop", f"{name}, server, on", bare, other, note=f"{other[-1]['calls']:.2f} calls a request")


def likely(ratios):
	"""The median of ratios, and between what it lies in nineteen of twenty cases, found by drawing from them anew."""
	draw = random.Random(1)
	medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(1000))
	return statistics.median(ratios), medians[25], medians[-26]


def half_load(what, options, dear, where):
	"""
	The slowest of a hundred, at half of what the bare server can do. A percentile that high hangs on the few worst moments of a
	run, and these are the machine's. So there are many short windows of both servers, one right after the other and in turns;
	the figure is the median of the turns' ratios. A second bare server tells what such a figure is worth.
	"""
	rate = int(run("echo", None, dear, where)["per_s"] / 2)
	with serving("echo", None, dear, where) as (_, bare), serving("echo", None, dear, where) as (_, twin), \
			serving("echo", options, dear, where) as (_, other):
		ports = bare, twin, other
		# The engine has time to make up its mind.
		drive("echo", ",".join(map(str, ports)), how="0.2")
		nr = max(int(min(WINDOWS, 20 * Pace.seconds) / WINDOW / len(ports)), 12)
		found = [1000 * r["p99_us"] for r in
			 drive("echo", ",".join(map(str, ports)), how=f"{WINDOW}@{rate}*{nr}")]
	# In a turn, another one is the first each time.
	turns = [[found[3 * t + (side - t) % 3] for side in range(3)] for t in range(nr)]
	_, low, high = likely([t / b for b, t, _ in turns])
	ratio, ratio_low, ratio_high = likely([o / b for b, _, o in turns])
	print(json.dumps({
		"suite": "loop", "figure": f"half load{what}, p99", "base": "bare", "other": "shim", "unit": "ns",
		"pairs": len(turns), "base_ns": statistics.median(b for b, _, _ in turns),
		"other_ns": statistics.median(o for _, _, o in turns),
		"diff_ns": statistics.median(o - b for b, _, o in turns),
		"ratio": ratio, "ratio_low": ratio_low, "ratio_high": ratio_high,
		"note": f"bare against bare, the same way: {low:.2f} to {high:.2f}",
	}), flush=True)


def one_connection(what, options, dear, where):
	"""There and back, with nobody else."""
	bare, other = pairs("echo", options, dear, where, connections=1)
	tell("loop", f"one connection{what}, p50", bare, other, "p50_us", 1000)


def many_idle(what, options, dear, where):
	"""A hundred who ask, and ten thousand who say nothing."""
	few, _ = pairs("echo", None, dear, where, turns=1, connections=100)
	bare, other = pairs("echo", options, dear, where, connections="100+10000")
	tell("loop", f"10,000 idle{what}", bare, other, note=
	     f"{(of(other, 'memory') - of(bare, 'memory')) / 10100:.0f} bytes more a connection, "
	     f"{of(few, 'cpu_ns') / of(bare, 'cpu_ns'):.2f} without them")


def loop(where):
	"""Servers, and the echo server when it has little to do, and when it has many who say nothing."""
	resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 14, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
	# What is measured, and about how many runs it takes.
	figures = [(16, server_figures, (name,)) for name in SERVERS
		   if " " in name or name == "echo" or shutil.which(name if name != "redis" else "redis-server")]
	for runs, measure in (4, one_connection), (WINDOWS, half_load), (20, many_idle):
		figures += [(runs, measure, ("", [], 0)), (runs, measure, (", dear", ["XURING_PROFILE=server"], DEAR_NS))]
	for at, (_, measure, more) in enumerate(figures):
		Pace.left = sum(runs for runs, _, _ in figures[at:])
		measure(*more, where)


def change(points):
	"""The price at which what goes with it becomes positive: half way between two, or in proportion."""
	for (a, x), (b, y) in zip(points, points[1:]):
		if x <= 0 < y:
			return a + (b - a) * -x / (y - x)
	return points[0][0]


def curve(where):
	"""Bare, in company, and as the engine decides, over the price of a call; where the first two are even, and where
	the engine changes its mind."""
	on, auto = ["XURING_PROFILE=server", "XURING_BATCH=on"], ["XURING_PROFILE=server"]
	gains, decisions = [], []
	Pace.left = 11 * 10
	for dear in 0, 100, 200, 300, 400, 600, 800, 1200, 1800, 2400, 3000:
		price = int(subprocess.run([f"{BUILD}/bench/dear", str(dear)], check=True, stdout=subprocess.PIPE).stdout)
		bare, company = pairs("echo", on, dear, where, turns=3)
		decided = of([run("echo", auto, dear, where) for _ in bare], "cpu_ns")
		verdict = run("echo", auto, dear, where, counted=True)["verdict"]
		ratio = tell("curve", f"a call of {price} ns", bare, company, note=f"auto: {verdict}", auto_ns=decided)
		gains.append((price, 1 - ratio))
		decisions.append((price, 1 if verdict == "pays" else -1))
	even, switch = change(gains), change(decisions)
	print(json.dumps({
		"suite": "curve", "figure": "even, and where it switches", "base": "bare", "other": "shim", "unit": "ns",
		"pairs": 1, "base_ns": even, "other_ns": switch, "diff_ns": switch - even, "ratio": switch / even,
		"ratio_low": switch / even, "ratio_high": switch / even,
	}))


def main():
	try:
		os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
	except PermissionError:
		pass
	with tempfile.TemporaryDirectory() as where:
		if sys.argv[3:] == ["curve"]:
			curve(where)
		else:
			loop(where)


main()
