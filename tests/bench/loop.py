#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Servers with 64 connections: bare, and in company, as system calls are and with dear ones.

usage: loop.py BUILD SECONDS

Prints records as the benchmark programs do (bench.h). A side is a server of its own on the last core, asked by
`echo drive` from the first; bare and shim take turns, and a ratio is that of the CPU time that the server needs for a
request: other processes disturb that less than a rate. Calls a request are those of the shim's own statistics.
"""

import json
import os
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


def run(name, options, dear, where):
	"""One server for one time. CPU microseconds a request, and calls a request where the shim counts them."""
	command, request = SERVERS[name]
	port = free_port()
	with open(f"{where}/nginx.conf", "w", encoding="utf-8") as conf:
		conf.write(NGINX.format(user="root" if os.geteuid() == 0 else "nobody", dir=where, port=port))
	record = f"{where}/record"
	env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
	put_in = []
	if options is not None:
		put_in = ["env", f"LD_PRELOAD={BUILD}/libxuring-shim.so", *options]
		if "XURING_BATCH=on" in options:
			put_in.append(f"XURING_STATS=json:{record}")
	dearer = [f"{BUILD}/bench/dear", str(DEAR_NS)] if dear else []
	with subprocess.Popen(["taskset", "-c", str(CORES[-1]), *dearer, *put_in, *command(port, where)], env=env,
			      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
		wait_for(port)
		out = subprocess.run(["taskset", "-c", str(CORES[0]), f"{BUILD}/bench/echo", "drive", str(port),
				      str(CONNECTIONS), str(SECONDS), *([request] if request else [])], check=True,
				     stdout=subprocess.PIPE, timeout=60).stdout
		server.send_signal(signal.SIGTERM)
		_, status, used = os.wait4(server.pid, 0)
		server.returncode = status
	n = json.loads(out)["requests"]
	calls = None
	if os.path.exists(record):
		with open(record, encoding="utf-8") as lines:
			found = [json.loads(line) for line in lines]
		os.remove(record)
		calls = sum(r["enters"] + sum(c["kernel"] + c["fallback"] for c in r["calls"].values())
			    for r in found) / n
	return (used.ru_utime + used.ru_stime) * 1e9 / n, calls


def figure(name, what, options, dear, where):
	bare, other, calls = [], [], None
	for turn in range(2):
		for side in (bare, other) if turn else (other, bare):
			ns, counted = run(name, options if side is other else None, dear, where)
			side.append(ns)
			calls = counted or calls
	ratios = [o / b for o, b in zip(other, bare)]
	record = {
		"suite": "loop", "figure": f"{name}, {what}", "base": "bare", "other": "shim", "unit": "ns",
		"pairs": len(bare), "base_ns": statistics.median(bare), "other_ns": statistics.median(other),
		"diff_ns": statistics.median(o - b for o, b in zip(other, bare)),
		"ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios),
	}
	if calls:
		record["note"] = f"{calls:.2f} calls a request"
	print(json.dumps(record), flush=True)


def main():
	with tempfile.TemporaryDirectory() as where:
		for name in SERVERS:
			if name != "echo" and not shutil.which(name if name != "redis" else "redis-server"):
				continue
			figure(name, "auto", [], False, where)
			figure(name, "dear calls, auto", [], True, where)
			figure(name, "dear, server", ["XURING_PROFILE=server"], True, where)
			figure(name, "server, on", ["XURING_PROFILE=server", "XURING_BATCH=on"], False, where)


main()
