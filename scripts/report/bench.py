# SPDX-License-Identifier: MIT
"""The command bench: a program bare and with the library, in turns."""

import argparse
import hashlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time

from common import (at_least_one, command_of, duration, environments, fail, judge, prepare, settings, several,
		    show_seconds)


def timed(words, env):
	"""One run: seconds, and what came out of it (status, hash of the output)."""
	with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
		start = time.perf_counter()
		try:
			process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
		except OSError as e:
			fail(f"{words[0]}: {e.strerror}", 126)
		status = process.wait()
		seconds = time.perf_counter() - start
		answer = [status]
		for stream in (out, err):
			stream.seek(0)
			digest = hashlib.sha256()
			while block := stream.read(1 << 20):
				digest.update(block)
			answer.append(digest.hexdigest())
	return seconds, tuple(answer)


def turns(words, bare, shim, args):
	"""args.n pairs of runs, or fewer when time is up; sides in turns, the first pair only warms up."""
	times, answers = ([], []), (set(), set())
	begin = time.monotonic()
	for i in range(args.n + 1):
		for side in (0, 1) if i % 2 else (1, 0):
			prepare(args)
			seconds, answer = timed(words, (bare, shim)[side])
			answers[side].add(answer)
			if i:
				times[side].append(seconds)
			if sys.stderr.isatty():
				print(f"\r\033[Kpair {i} of {args.n}", end="", file=sys.stderr, flush=True)
		if i and time.monotonic() - begin > args.seconds:
			break
	if sys.stderr.isatty():
		print("\r\033[K", end="", file=sys.stderr, flush=True)
	return times, answers


def outcome(answers):
	"""Did the program do the same?"""
	if answers[0] == answers[1] and len(answers[0]) == 1:
		status = next(iter(answers[0]))[0]
		return "same", f"the same output and status ({status}) in all runs"
	if len(answers[0]) > 1:
		return "unsteady", "the output differs from run to run even when bare, so it can not be compared"
	return "differs", "THE OUTPUT OR STATUS DIFFERS between bare and xuring: please report this"


def arguments(args):
	parser = argparse.ArgumentParser(prog="xuring bench", usage="xuring bench [OPTION]... [--] PROG [ARG...]", description="Run a program bare and with the library, in "
					 "turns, its input being empty, and compare times and outputs.")
	parser.add_argument("-n", type=at_least_one, default=9, metavar="PAIRS", help="pairs of runs (9)")
	parser.add_argument("--seconds", type=duration, default=60, metavar="LIMIT", help="no new pair after so long (60)")
	parser.add_argument("--json", action="store_true", help="as one JSON object")
	settings(parser)
	args = parser.parse_args(args)
	args.words = command_of(parser, args)
	return args


def compare(library, args):
	"""The figures of all runs."""
	judge(library, args, args.words)
	(bare, shim), answers = turns(args.words, *environments(library, args), args)
	same, in_words = outcome(answers)
	return {"command": args.words, "profile": args.profile or "safe", "pairs": len(bare),
		"bare_s": statistics.median(bare), "xuring_s": statistics.median(shim),
		"ratio": statistics.median(shim) / statistics.median(bare),
		"ratios": [y / x for x, y in zip(bare, shim)], "ranges": {"bare": [min(bare), max(bare)], "xuring": [min(shim), max(shim)]},
		"output": same, "same": in_words}


def sure_range(ratios):
	"""Where nine times in ten the median lies of all the pairs that could be run: the sign test's interval. Of fewer
	than five pairs, their whole range."""
	ordered, n, out = sorted(ratios), len(ratios), 0
	while sum(math.comb(n, i) for i in range(out + 1)) / 2 ** n <= 0.05:
		out += 1
	return ordered[max(out - 1, 0)], ordered[-max(out, 1)]


def verdict(ratio, ratios):
	"""In words, against the noise."""
	low, high = sure_range(ratios)
	if len(ratios) < 3 or low <= 1 <= high or (ratio < 1) != (high < 1) or f"{ratio:.2f}" == "1.00":
		return "no difference that these runs can tell"
	return f"xuring is faster: {1 / ratio:.2f} times" if ratio < 1 else f"xuring is slower: {ratio:.2f} times the time"


def command(library, args):
	args = arguments(args)
	found = compare(library, args)
	ratio, ratios, same = found["ratio"], found.pop("ratios"), found.pop("same")
	ranges = found.pop("ranges")
	if args.json:
		print(json.dumps({**found, "ratio_low": min(ratios), "ratio_high": max(ratios)}))
		return 1 if found["output"] == "differs" else 0
	print(f"{' '.join(args.words)[:70]}: {several(len(ratios), 'pair')}")
	for name, (low, high) in ranges.items():
		print(f"  {name:<8}{show_seconds(found[f'{name}_s']):>12}   ({show_seconds(low)} to {show_seconds(high)})")
	print(f"  {'ratio':<8}{ratio:>12.3f}   (single pairs: {min(ratios):.3f} to {max(ratios):.3f})")
	print(f"  {verdict(ratio, ratios)}; {same}")
	return 1 if found["output"] == "differs" else 0
