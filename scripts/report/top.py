# SPDX-License-Identifier: MIT
"""The command top: counts of programs while they run, from the pages that they share (shim/live.c)."""

import argparse
import glob
import json
import os
import struct
import sys
import time

from common import WAYS, fail

# The page of a process: shim/live.c.
PAGES = "/dev/shm/xuring-live."
HEAD = struct.Struct("=16s4IQ64s16s128s")
FIGURES = 16384


def words_of(raw):
	"""A text of a page, whatever is in it, as something that can be printed."""
	text = raw.split(b"\0")[0].decode("utf-8", "replace")
	return "".join(c if c.isprintable() else "?" for c in text)


def started(pid):
	"""When a process began, in nanoseconds since the machine was started, or None."""
	try:
		with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
			fields = f.read().rsplit(")", 1)[1].split()
	except OSError:
		return None
	return int(fields[19]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def read_figures(data, at, path):
	"""What the page has beside calls. Empty before the first time, and while it is always being written."""
	for _ in range(5 if len(data) > at else 0):
		version, = struct.unpack_from("=I", data, at)
		if not version % 2:
			try:
				return json.loads(words_of(data[at + 4:at + 4 + FIGURES]))
			except ValueError:
				return {}
		time.sleep(0.001)
		with open(path, "rb") as f:
			data = f.read(1 << 20)
	return {}


def read_page(path):
	"""What a process counts, or None where nobody counts there any more: such a page is removed if that can be done."""
	try:
		fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
		with open(fd, "rb") as f:
			data = f.read(1 << 20)
		magic, pid, symbols, ways, size, when, prog, mode, profile = HEAD.unpack_from(data)
		if not magic.startswith(b"xuring-live 1\0") or ways != len(WAYS) or path != f"{PAGES}{pid}":
			return None
		at = HEAD.size + ways * size
		names = [words_of(data[at + i * size:at + (i + 1) * size]) for i in range(symbols)]
		at += symbols * size
		at += -at % 8
		counts = struct.unpack_from(f"={symbols * ways}Q", data, at)
		at += 8 * len(counts)
		figures = read_figures(data, at, path)
	except (OSError, struct.error):
		return None
	begin = started(pid)
	if begin is None or begin > when + 20_000_000:
		try:
			os.unlink(path)
		except OSError:
			pass
		return None
	calls = {name: dict(zip(WAYS, counts[i * ways:(i + 1) * ways])) for i, name in enumerate(names)}
	return {"pid": pid, "prog": words_of(prog), "mode": words_of(mode), "profile": words_of(profile),
		"seconds": round(time.clock_gettime(time.CLOCK_BOOTTIME) - when / 1e9, 1),
		**figures, "calls": {name: parts for name, parts in calls.items() if any(parts.values())}}


def look(pid):
	pages = [f"{PAGES}{pid}"] if pid else sorted(glob.glob(f"{PAGES}*"))
	return [page for page in map(read_page, pages) if page]


def engine_figures(page):
	"""What engines count, where that is anything: name and number."""
	for engine, figures in page.get("engines", {}).items():
		for key, n in figures.items():
			if isinstance(n, int) and n:
				yield f"{engine}: {key.replace('_', ' ')}", n


def saved(page):
	"""How many entries into the kernel there were fewer than calls; below 0, more."""
	return sum_of(page) - sum_of(page, "kernel") - sum_of(page, "fallback") - page.get("enters", 0)


def label(text):
	return text.replace("\\", "\\\\").replace('"', '\\"')


def openmetrics(found):
	print("# TYPE xuring_calls counter\n# HELP xuring_calls Calls of programs under xuring, by who served them.")
	for page in found:
		for name, parts in page["calls"].items():
			for way, n in parts.items():
				if n:
					print(f'xuring_calls_total{{pid="{page["pid"]}",prog="{label(page["prog"])}",call="{name}",way="{way}"}} {n}')
	print("# TYPE xuring_engine counter\n# HELP xuring_engine What engines of programs under xuring count.")
	for page in found:
		for name, n in engine_figures(page):
			engine, figure = name.split(": ")
			print(f'xuring_engine_total{{pid="{page["pid"]}",prog="{label(page["prog"])}",engine="{engine}",figure="{figure}"}} {n}')
	print("# EOF")


def sum_of(page, way=None):
	return sum(n for parts in page["calls"].values() for w, n in parts.items() if way in (None, w))


def show_top(found, before, elapsed, pid):
	"""The screen: a line a process, and with a PID a line a call. Rates are since the last look, or since the start."""
	print(f"{'PID':>8}  {'program':<16} {'mode':<5} {'profile':<12}{'calls/s':>10}{'calls':>12}" + "".join(f"{w:>11}" for w in WAYS))
	old = {page["pid"]: page for page in before}
	for page in found:
		last = old.get(page["pid"])
		rate = (sum_of(page) - sum_of(last)) / elapsed if last else sum_of(page) / max(page["seconds"], 0.1)
		print(f"{page['pid']:>8}  {page['prog'][:16]:<16} {page['mode']:<5} {page['profile'][:11]:<12}{rate:>10.0f}{sum_of(page):>12}"
		      + "".join(f"{sum_of(page, w):>11}" for w in WAYS))
		if not pid:
			continue
		print()
		for name, parts in sorted(page["calls"].items(), key=lambda item: -sum(item[1].values())):
			n = sum(parts.values())
			rate = (n - sum(last["calls"].get(name, {}).values())) / elapsed if last else n / max(page["seconds"], 0.1)
			print(f"{'':>8}  {name:<34} {rate:>10.0f}{n:>12}" + "".join(f"{parts[w]:>11}" for w in WAYS))
		print()
		for name, n in (("entries into the kernel saved", saved(page)), *engine_figures(page)):
			print(f"{'':>8}  {name:<34} {'':>10}{n:>12}")


NOBODY = "no program counts to be watched: start one with xuring run --live, or with XURING_LIVE=on"


def command(_, args):
	parser = argparse.ArgumentParser(prog="xuring top", description="Watch the counts of running programs.")
	parser.add_argument("--once", action="store_true", help="print them once")
	parser.add_argument("--json", action="store_true", help="likewise, as JSON")
	parser.add_argument("--openmetrics", action="store_true", help="likewise, for a node exporter's textfile directory")
	parser.add_argument("--interval", type=float, default=1, help="seconds between two looks (1)")
	parser.add_argument("pid", nargs="?", type=int, help="one process, call by call")
	args = parser.parse_args(args)
	found = look(args.pid)
	if args.json:
		print(json.dumps(found))
	elif args.openmetrics:
		openmetrics(found)
	if args.json or args.openmetrics:
		return 0
	if not found:
		fail(NOBODY if not args.pid else f"{args.pid}: no such program, or it does not count: xuring run --live")
	if args.once:
		show_top(found, [], 1, args.pid)
		return 0
	before, at = [], time.monotonic()
	while True:
		print(f"\033[H\033[2Jxuring top: {len(found)} process{'es' if len(found) != 1 else ''}; Ctrl-C ends\n")
		show_top(found, before, max(time.monotonic() - at, 0.01), args.pid)
		sys.stdout.flush()
		before, at = found, time.monotonic()
		time.sleep(max(args.interval, 0.1))
		found = look(args.pid)
