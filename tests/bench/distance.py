#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A cold tree at a growing distance: grep -r and tar on sshfs, bare and read ahead (profile remote).

usage: distance.py BUILD SECONDS

Prints records as the benchmark programs do (bench.h), one for each program and round-trip time. The other end of the line is
this machine, behind a relay that delays each direction (tests/tools/far.c). Caches are dropped before each run, which
takes root; without it, or without sshfs, nothing is printed and the status is 77.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(sys.argv[1])
ROUND_TRIPS_US = (0, 200, 500, 1000, 2000, 5000)
FILES, DIRECTORIES = 300, 6
COMMANDS = {"grep -r": "grep -rc needle .", "tar c": "tar cf - . | cat"}
BARE = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
SHIM = {**BARE, "LD_PRELOAD": f"{BUILD}/libxuring-shim.so", "XURING_PROFILE": "remote"}


def skip(why):
	print(why, file=sys.stderr)
	sys.exit(77)


def unmount(at):
	for _ in range(50):
		if not subprocess.run(["fusermount3", "-u", at], stderr=subprocess.DEVNULL, check=False).returncode:
			return
		time.sleep(0.1)


def timed(where, delay, command, env):
	"""One cold run behind a line of that delay in each direction, in ns, and what it printed."""
	os.sync()
	try:
		with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
			f.write("3")
	except OSError as error:
		skip(f"caches cannot be dropped: {error.strerror}")
	if subprocess.run(["sshfs", "-o", f"ssh_command={BUILD}/tools/far {delay}", f"here:{where}/tree", f"{where}/mnt"],
			  stderr=subprocess.DEVNULL, check=False).returncode:
		skip("sshfs cannot mount here")
	try:
		start = time.monotonic_ns()
		out = subprocess.run(["sh", "-c", command], cwd=f"{where}/mnt", env=env, stdout=subprocess.PIPE, check=True,
				     timeout=120).stdout
		return time.monotonic_ns() - start, out
	finally:
		unmount(f"{where}/mnt")


def main():
	if not shutil.which("sshfs") or not os.access("/dev/fuse", os.W_OK):
		skip("sshfs or /dev/fuse is missing")
	with tempfile.TemporaryDirectory(prefix="xuring-bench-", dir="/var/tmp") as where:
		os.mkdir(f"{where}/mnt")
		subprocess.run([f"{BUILD}/tools/forest", f"{where}/tree", str(FILES), str(DIRECTORIES)], check=True)
		for name, command in COMMANDS.items():
			for round_trip in ROUND_TRIPS_US:
				sides = ([], [])
				for turn in range(2):
					results = [None, None]
					for i in (0, 1) if turn else (1, 0):
						results[i] = timed(where, round_trip // 2, command, (BARE, SHIM)[i])
						sides[i].append(results[i][0])
					if results[0][1] != results[1][1]:
						sys.exit(f"distance.py: {name}: the output differs")
				ratios = [s / b for b, s in zip(*sides)]
				print(json.dumps({
					"suite": "distance", "figure": f"{name}, {round_trip / 1000:g} ms", "base": "bare",
					"other": "shim", "unit": "ns", "pairs": len(ratios), "round_trip_ms": round_trip / 1000,
					"program": name, "base_ns": statistics.median(sides[0]),
					"other_ns": statistics.median(sides[1]),
					"diff_ns": statistics.median(s - b for b, s in zip(*sides)),
					"ratio": statistics.median(ratios), "ratio_low": min(ratios), "ratio_high": max(ratios)}),
					flush=True)


main()
