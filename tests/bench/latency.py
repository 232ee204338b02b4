#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How long requests take, bare and under the shim, when a server has half of the work that it could do.

usage: latency.py BUILD SECONDS

An echo server on the last core is asked by 64 connections from the first, at half the rate that it can serve bare; a time
counts from when its request was due. Two servers, bare and shim, are asked in short windows that take turns, since what
disturbs a percentile is the machine's: a figure is the median of the windows. Prints a record (bench.h) for each percentile,
with system calls as they are and the default profile, and with dear ones and profile server.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time

BUILD, SECONDS = sys.argv[1], float(sys.argv[2])
CORES = sorted(os.sched_getaffinity(0))
CONNECTIONS, DEAR_NS = 64, 800

# For each of two prices of a call: what it is called, what is put before the server, the settings of the shim.
PRICES = (
	("cheap", [], []),
	("dear", [f"{BUILD}/bench/dear", str(DEAR_NS)], ["XURING_PROFILE=server"]),
)

# A window holds enough requests for the rarest percentile, and there are as many as the time allows.
WINDOW = 0.2
WINDOWS = max(5, int(8 * SECONDS / WINDOW))


def free_port():
	with socket.create_server(("127.0.0.1", 0)) as s:
		return s.getsockname()[1]


@contextlib.contextmanager
def server(before):
	"""The port of an echo server with these words before it."""
	port = free_port()
	env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
	words = ["taskset", "-c", str(CORES[-1]), *before, f"{BUILD}/bench/echo", "serve", str(port)]
	with subprocess.Popen(words, env=env) as process:
		try:
			for _ in range(200):
				with contextlib.suppress(OSError):
					socket.create_connection(("127.0.0.1", port)).close()
					break
				time.sleep(0.02)
			yield port
		finally:
			process.kill()


def ask(port, load):
	"""What the clients saw in a window."""
	words = ["taskset", "-c", str(CORES[0]), f"{BUILD}/bench/echo", "drive", str(port), str(CONNECTIONS), load]
	return json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, timeout=60).stdout)


def windows(ports):
	"""What both sides' clients saw, window by window."""
	rate = int(ask(ports[0], str(WINDOW))["per_s"] / 2)
	ask(ports[1], str(WINDOW)) # it has time to make up its mind
	for turn in range(WINDOWS):
		pair = {i: ask(ports[i], f"{WINDOW}@{rate}") for i in ((0, 1) if turn % 2 else (1, 0))}
		yield pair[0], pair[1], rate


def tell(price, key, pairs):
	"""The record of one percentile."""
	bare, shim = ([1000 * pair[side][key] for pair in pairs] for side in (0, 1))
	ratios = sorted(s / b for b, s in zip(bare, shim))
	part = float(key[1:-len("_us")])
	print(json.dumps({
		"suite": "latency", "figure": f"{price}, p{part:g}", "base": "bare", "other": "shim", "unit": "ns",
		"pairs": len(pairs), "base_ns": statistics.median(bare), "other_ns": statistics.median(shim),
		"diff_ns": statistics.median(s - b for b, s in zip(bare, shim)), "ratio": statistics.median(ratios),
		"ratio_low": ratios[len(ratios) // 4], "ratio_high": ratios[-1 - len(ratios) // 4],
		"price": price, "percentile": part, "note": f"{pairs[0][2]} requests a second"}), flush=True)


def main():
	# Where that is allowed, nobody else is let in between.
	with contextlib.suppress(PermissionError):
		os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
	for price, dearer, settings in PRICES:
		shim = [*dearer, "env", f"LD_PRELOAD={BUILD}/libxuring-shim.so", *settings]
		with server(dearer) as bare_port, server(shim) as shim_port:
			pairs = list(windows((bare_port, shim_port)))
		for key in pairs[0][0]:
			if key.endswith("_us"):
				tell(price, key, pairs)


if __name__ == "__main__":
	main()
