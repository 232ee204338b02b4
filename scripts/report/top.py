# SPDX-License-Identifier: MIT
"""The command top: counts of programs while they run, from the pages that they share (shim/live.c)."""

import argparse
import glob
import json
import os
import shutil
import struct
import sys
import time

from common import WAYS, duration, fail, process_id, several

# The page of a process: shim/live.c.
PAGES = "/dev/shm/xuring-live."
HEAD = struct.Struct("=16s4IQ64s16s128s")
FIGURES = 16384

# A screen with fewer columns has no room for all ways.
NARROW = 111


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


def calls_of(page, name, way=None):
	"""How many calls of a name; by one way, or by all."""
	return sum(n for w, n in page["calls"].get(name, {}).items() if way in (None, w))


def sum_of(page, way=None):
	return sum(calls_of(page, name, way) for name in page["calls"])


def table(found, before, elapsed, pid, width):
	"""The screen: a line a process, and with a PID a line a call. Rates are since the last look, or since the start. On a
	narrow screen ways by which nothing was served have no column."""
	ways = [way for way in WAYS if width >= NARROW or way == "kernel" or any(sum_of(page, way) for page in found)]

	def row(name, rate, counts):
		return f"{name:<42}{rate:>9}" + "".join(f"{n:>10}" for n in counts)

	def per_second(count, page, last):
		n, then = count(page), count(last) if last else 0
		return f"{(n - then) / (elapsed if last else max(page['seconds'], 0.1)):.0f}"

	def counted(count, name, page, last):
		"""A row of what `count` says of a page, in all and by each way."""
		return row(name, per_second(count, page, last), [count(page), *(count(page, way) for way in ways)])

	yield row(f"{'PID':>7}  {'program':<16}{'mode':<5}profile", "calls/s", ["calls", *ways])
	old = {page["pid"]: page for page in before}
	for page in found:
		last = old.get(page["pid"])
		yield counted(sum_of, f"{page['pid']:>7}  {page['prog'][:15]:<16}{page['mode']:<5}{page['profile'][:12]}", page, last)
		if not pid:
			continue
		yield ""
		for name in sorted(page["calls"], key=lambda name: -sum(page["calls"][name].values())):
			yield counted(lambda page, way=None, name=name: calls_of(page, name, way), f"{'':>9}{name}", page, last)
		yield ""
		for name, n in (("entries into the kernel saved", saved(page)), *engine_figures(page)):
			yield row(f"{'':>9}{name}", "", [n])


def watch(pid, found, interval):
	"""The screen, again and again."""
	before, at = [], time.monotonic()
	while True:
		width, height = shutil.get_terminal_size()
		lines = list(table(found, before, max(time.monotonic() - at, 0.01), pid, width))
		room = max(height - 3, 5)
		if len(lines) > room:
			lines[room - 1:] = [f"{'':>9}... {len(lines) - room + 1} lines more: xuring top --once"]
		print(f"\033[H\033[2Jxuring top: {several(len(found), 'process', 'processes')}; Ctrl-C ends\n")
		print("\n".join(lines), flush=True)
		before, at = found, time.monotonic()
		time.sleep(interval)
		found = look(pid)


def nobody(pid, how="xuring run --live PROG"):
	"""There is nothing to be watched: why, and what to do."""
	who = f"process {pid} does not run, or can not be watched" if pid else "no program that can be watched is running"
	return f"{who}: start it by {how}, or with XURING_LIVE=on in its environment"


def command(_, args):
	parser = argparse.ArgumentParser(prog="xuring top", description="Watch the counts of running programs.")
	parser.add_argument("--once", action="store_true", help="print them once")
	parser.add_argument("--json", action="store_true", help="likewise, as JSON")
	parser.add_argument("--openmetrics", action="store_true", help="likewise, for a node exporter's textfile directory")
	parser.add_argument("--interval", type=duration, default=1, metavar="SECONDS", help="seconds between two looks (1)")
	parser.add_argument("pid", nargs="?", type=process_id, metavar="PID", help="one process, call by call")
	args = parser.parse_args(args)
	found = look(args.pid)
	if args.json:
		print(json.dumps(found))
	elif args.openmetrics:
		openmetrics(found)
	if args.json or args.openmetrics:
		return 0
	if not found:
		fail(nobody(args.pid))
	if args.once:
		print("\n".join(table(found, [], 1, args.pid, NARROW)))
		return 0
	watch(args.pid, found, args.interval)
	return 0
