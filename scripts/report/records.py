# SPDX-License-Identifier: MIT
"""Statistics records (XURING_STATS=json:FILE): reading, summing, comparing them; the command stats."""

import argparse
import collections
import json
import sys

from common import WAYS, fail, several, some


class Sum:
	"""The sum of many records."""

	def __init__(self, name):
		self.name = name
		self.programs, self.modes, self.profiles, self.why = (collections.Counter() for _ in range(4))
		self.calls = collections.defaultdict(collections.Counter)
		self.reasons, self.figures = collections.Counter(), collections.Counter()
		self.spent = collections.defaultdict(collections.Counter)
		self.enters = self.rings = self.threads = 0

	def add(self, r):
		"""Add one record. KeyError, TypeError or AttributeError where it is none."""
		calls = {symbol: {way: int(parts[way]) for way in WAYS} for symbol, parts in r["calls"].items()}
		self.programs[r["prog"]] += 1
		self.modes[r["mode"]] += 1
		self.profiles[r["profile"]] += 1
		if r["why_no_ring"]:
			self.why[r["why_no_ring"]] += 1
		self.enters += r["enters"]
		self.rings += r["rings"]
		for symbol, parts in calls.items():
			self.calls[symbol].update(parts)
		self.reasons.update(r.get("reasons", {}))
		self.threads = max(self.threads, r.get("threads", 1))
		for symbol, parts in r.get("spent", {}).items():
			self.spent[symbol].update(parts)
		for engine, figures in r["engines"].items():
			for key, value in figures.items():
				if isinstance(value, (int, float)) and not isinstance(value, bool):
					self.figures[f"{engine}: {key.replace('_', ' ')}"] += value

	def total(self, way=None):
		"""How many calls; by one way, or by all."""
		return sum(n for parts in self.calls.values() for w, n in parts.items() if way in (None, w))

	def entries(self):
		"""How often the kernel was entered: plain calls, and entries for the ring."""
		return self.total("kernel") + self.total("fallback") + self.enters


def read_records(path):
	"""The sum of a file's records. Lines that are none are told, and counted as none."""
	found = Sum(path)
	bad = 0
	try:
		with open(path, encoding="utf-8", errors="replace") as lines:
			for number, line in enumerate(lines, 1):
				if not line.strip():
					continue
				try:
					found.add(json.loads(line))
				except (ValueError, KeyError, TypeError, AttributeError):
					bad += 1
					if bad == 1:
						print(f"xuring: {path}:{number}: not a statistics record (XURING_STATS=json:PATH)",
						      file=sys.stderr)
	except OSError as e:
		fail(f"{path}: {e.strerror}")
	if bad > 1:
		print(f"xuring: {path}: {bad - 1} more like it", file=sys.stderr)
	if not found.programs:
		fail(f"{path}: no record in it")
	return found


def show_sum(s):
	print(f"{s.name}: {several(sum(s.programs.values()), 'process', 'processes')} ({some(s.programs)})")
	print(f"mode {some(s.modes)}; profile {some(s.profiles)}; {several(s.rings, 'ring')}")
	if s.why:
		print(f"no ring: {some(s.why)}")
	print(f"{s.total()} calls, {s.entries()} entries into the kernel\n")
	print(f"  {'call':<18}{'total':>10}" + "".join(f"{way:>10}" for way in WAYS))
	for symbol, parts in sorted(s.calls.items(), key=lambda item: (-sum(item[1].values()), item[0])):
		print(f"  {symbol:<18}{sum(parts.values()):>10}" + "".join(f"{parts[way]:>10}" for way in WAYS))
	if s.spent:
		print(f"\n  {'plain calls of':<18}{'us in all':>12}{'us each':>10}{'bytes each':>12}")
	for symbol, parts in sorted(s.spent.items(), key=lambda item: -item[1]["ns"]):
		n = max(s.calls[symbol]["kernel"] + s.calls[symbol]["fallback"], 1)
		print(f"  {symbol:<18}{parts['ns'] / 1000:>12.0f}{parts['ns'] / 1000 / n:>10.1f}{parts['bytes'] / n:>12.0f}")
	for title, figures in (("why not by the ring", s.reasons), ("engines", s.figures)):
		if figures:
			print(f"\n  {title}")
		for name, n in figures.most_common():
			print(f"    {name:<24}{n:>10}")


def compare(a, b):
	"""Two sums beside each other; only what differs."""
	print(f"  {'':<30}{a.name[-18:]:>20}{b.name[-18:]:>20}{'difference':>12}{'ratio':>8}")

	def row(name, x, y):
		ratio = f"{y / x:8.2f}" if x else f"{'-':>8}"
		print(f"  {name:<30}{x:>20}{y:>20}{y - x:>+12}{ratio}")

	row("processes", sum(a.programs.values()), sum(b.programs.values()))
	row("calls", a.total(), b.total())
	row("entries into the kernel", a.entries(), b.entries())
	for way in WAYS:
		if a.total(way) or b.total(way):
			row(f"by {way}", a.total(way), b.total(way))
	for symbol in sorted(set(a.calls) | set(b.calls)):
		x, y = (sum(s.calls[symbol].values()) for s in (a, b))
		if x != y:
			row(f"{symbol}", x, y)
	for key in sorted(set(a.figures) | set(b.figures)):
		row(key, a.figures[key], b.figures[key])


def command(_, args):
	parser = argparse.ArgumentParser(prog="xuring stats", description="Sum statistics records; compare two files.")
	parser.add_argument("files", nargs="+", metavar="FILE", help="what XURING_STATS=json:FILE has written")
	args = parser.parse_args(args)
	sums = [read_records(path) for path in args.files]
	if len(sums) == 2:
		compare(*sums)
		return 0
	for i, s in enumerate(sums):
		print(end="\n" if i else "")
		show_sum(s)
	return 0
