# SPDX-License-Identifier: MIT
"""The command advise: which engine would pay for a program, and by how much.

The program is run bare a few times, for its time and how much of that is computing, and once in mode off with every call
counted and timed. With --seconds it is watched for so long and then ended; one that runs already (-p) is watched by the page
that it shares. From both, for each engine:

    scout   the time inside calls on files, as far as the program was waiting meanwhile, shrinks by a factor that depends on
            where the files are and what is waited for (AHEAD, below)
    loop    transfers that are ready together cost one entry for all: but for one a wait, the price of a call each is saved,
            where calls are dear enough for company to pay
    sync    threads that wait for syncs of one file share the wait (COMPANY); a process that syncs many files one after
            another waits for few of them (TOGETHER)
    aio     reads by POSIX AIO overlap; io_submit no longer blocks
    stream  small reads and writes cost what their calls cost, all but one in 64 KiB

The factors were measured (`scripts/bench advise` prints estimates beside what came true). Programs of several processes
wait in one while they compute in another: that is not seen.
"""

import argparse
import collections
import glob
import json
import os
import resource
import signal
import statistics
import subprocess
import tempfile
import time

import bench
import top
from common import (at_least_one, command_of, duration, environments, fail, judge, prepare, process_id, program, several,
		    show_seconds, some)
from records import Sum, read_records

# Calls on files, by what is waited for in them.
OPENS = ("open", "openat", "openat2", "creat", "fopen")
READS = ("read", "pread", "readv", "preadv", "preadv2")
NAMES = ("stat", "lstat", "fstatat", "statx", "access", "faccessat", "readlink", "readlinkat")
DIRECTORIES = ("opendir", "fdopendir", "readdir", "readdir_r", "scandir")
WRITES = ("write", "pwrite", "writev", "pwritev")
WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect")
TRANSFERS = ("recv", "recvfrom", "recvmsg", "send", "sendto", "sendmsg", "recvmmsg", "sendmmsg")
SYNCS = ("fsync", "fdatasync")
AIO_READS, AIO_WAITS = ("aio_read", "lio_listio"), ("aio_suspend", "aio_error")

# By how much a wait shrinks when it is read ahead: files that are opened and read, large ones read through, names that are
# looked up, directories. Far: on a file system of a network or of the FUSE kind.
AHEAD = {
	"far": {"files": 9, "stream": 2, "names": 4, "directories": 1},
	"near": {"files": 1.3, "stream": 1, "names": 1.2, "directories": 1},
}
FAR = ("fuse", "nfs", "cifs", "smb3", "ceph", "9p", "virtiofs", "afs")
LARGE = 512 * 1024 # bytes read for each open: then it is a stream
LONG = 128 << 20 # bytes in all: less of a stream is over before much is ahead

COMPANY = 0.4	# what several threads save of a sync's wait
TOGETHER = 0.85	# what one that syncs many files saves of it (profile bulk)
CHEAP = 200e-9	# a call that costs less: company does not pay (shim/engine/loop_cost.c)
OVERLAP = 3	# how much faster POSIX AIO's reads become
SMALL = 4096	# bytes: less is small

# Engine, the settings to try it with.
TRIED_BY = {"scout": ["-p", "remote"], "loop": ["-p", "server"], "sync": ["-p", "bulk"], "aio": [], "stream": ["-p", "bulk"]}

# Less than this is not promised.
WORTH_IT = 1.05

# What was seen: seconds in all, processor seconds, a records.Sum, what a system call costs here, "far" or "near".
Seen = collections.namedtuple("Seen", "seconds cpu counted price place")


# ---- Watching ----


def start(words, env, out, **more):
	"""The program, its output in a file: some do less where that is /dev/null."""
	try:
		return subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)
	except OSError as e:
		return fail(f"{words[0]}: {e.strerror}", 126)


def queued(pid):
	"""Seconds that a process was ready, but had no processor."""
	try:
		with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
			return int(f.read().split()[1]) / 1e9
	except (OSError, ValueError, IndexError):
		return 0


def processor_time_of_children():
	"""Processor seconds of our children that have ended."""
	used = resource.getrusage(resource.RUSAGE_CHILDREN)
	return used.ru_utime + used.ru_stime


def watched(words, env):
	"""One run: seconds, less those for which others had the processors, and processor seconds."""
	before, began = processor_time_of_children(), time.perf_counter()
	with tempfile.TemporaryFile() as out:
		process = start(words, env, out)
		os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
		seconds = time.perf_counter() - began - queued(process.pid)
		process.wait()
	return seconds, processor_time_of_children() - before


def price_of_a_call():
	"""What a system call costs here that does next to nothing, in seconds; Python's own part is taken off."""

	def loop(function, n=20000):
		start = time.perf_counter()
		for _ in range(n):
			function()
		return (time.perf_counter() - start) / n

	return max(min(loop(os.getppid) for _ in range(5)) - min(loop(float) for _ in range(5)), 20e-9)


def place_of(paths):
	"""Is one of these on a file system that is far away?"""
	mounts = []
	with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as lines:
		for line in lines:
			before, after = line.split(" - ", 1)
			mounts.append((before.split()[4].encode().decode("unicode_escape"), after.split()[0]))
	for path in paths:
		try:
			real = os.path.realpath(path)
		except OSError: # a file that was just closed
			continue
		kinds = [(len(at), kind) for at, kind in mounts if real == at or real.startswith(at.rstrip("/") + "/")]
		if kinds and max(kinds)[1].startswith(FAR):
			return "far"
	return "near"


def paths_of(words):
	"""The paths among the words, or in scripts among them, or where we are."""
	return [w for word in words[1:] for w in {word, *word.split()} if os.path.exists(w)] or ["."]


def counted(shim, words, args):
	"""One run with every call counted, to its end."""
	with tempfile.TemporaryDirectory() as scratch:
		file = os.path.join(scratch, "records")
		prepare(args)
		watched(words, dict(shim, XURING_STATS=f"json:{file}"))
		if not os.path.exists(file):
			fail("nothing was counted: the program ended without its usual way out, or is not served (xuring check)")
		return read_records(file)


def processor_time(pid):
	"""Processor seconds of a process and its children that have ended."""
	try:
		with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
			fields = f.read().rsplit(")", 1)[1].split()
	except OSError:
		return 0
	return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def sum_of_pages(pages):
	"""The pages of running programs as one sum, and their processor time."""
	total = Sum("now")
	for page in pages:
		total.add({"profile": "", "why_no_ring": "", "enters": 0, "rings": 0, "engines": {}, **page})
	return total, sum(processor_time(page["pid"]) for page in pages)


def less(now, before):
	"""What was added to a sum since then."""
	for symbol, parts in before.calls.items():
		now.calls[symbol].subtract(parts)
	for symbol, parts in before.spent.items():
		now.spent[symbol].subtract(parts)
	return now


def watch_pid(pid, seconds):
	"""A program that is running under the library with its counts shared."""
	before = top.look(pid)
	if not before:
		fail(top.nobody(pid, "xuring run --live -o TIMES=on PROG"))
	began, (old, cpu_before) = time.monotonic(), sum_of_pages(before)
	time.sleep(seconds)
	after = top.look(pid)
	if not after:
		fail(f"{pid}: it has ended")
	new, cpu = sum_of_pages(after)
	if not new.spent:
		print("It counts without taking times; started by xuring run --live -o TIMES=on it could be judged better.\n")
	return Seen(time.monotonic() - began, cpu - cpu_before, less(new, old), price_of_a_call(),
		    place_of([f"/proc/{pid}/cwd", *glob.glob(f"/proc/{pid}/fd/*")]))


def watch_for_a_while(shim, words, seconds):
	"""A program that is started, watched, and ended when the time is over. Its children are watched, too."""
	with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as out:
		file = os.path.join(scratch, "records")
		before, began = processor_time_of_children(), time.monotonic()
		process = start(words, dict(shim, XURING_LIVE="on", XURING_STATS=f"json:{file}"), out, start_new_session=True)
		try:
			process.wait(seconds)
		except subprocess.TimeoutExpired:
			pass
		took = time.monotonic() - began
		pages = []
		for page in top.look(None):
			try:
				if os.getsid(page["pid"]) == process.pid:
					pages.append(page)
			except OSError:
				pass
		total, cpu = sum_of_pages(pages)
		for sign in (signal.SIGTERM, signal.SIGKILL):
			try:
				os.killpg(process.pid, sign)
				process.wait(5)
			except (OSError, subprocess.TimeoutExpired):
				pass
		if not pages:
			if not os.path.exists(file):
				fail("nothing was counted: the program is not served (xuring check)")
			total = read_records(file)
			cpu = processor_time_of_children() - before
		return Seen(took, cpu, total, price_of_a_call(), place_of(paths_of(words)))


def watch(library, words, args):
	"""What there is to be seen of a program that ends by itself, or is ended."""
	bare, shim = environments(library, argparse.Namespace(profile=None, option=[]))
	shim.update(XURING_MODE="off", XURING_TIMES="on", XURING_CONFIG="")
	if args.seconds:
		prepare(args)
		return watch_for_a_while(shim, words, args.seconds)
	runs = []
	for _ in range(args.n):
		prepare(args)
		runs.append(watched(words, bare))
	return Seen(statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs), counted(shim, words, args),
		    price_of_a_call(), place_of(paths_of(words)))


# ---- Estimating: each says how many times as fast, and why ----


def number(m, names):
	return sum(sum(m.counted.calls[name].values()) for name in names if name in m.counted.calls)


def spent(m, names, what="ns"):
	"""Seconds, or bytes, in these calls."""
	n = sum(m.counted.spent[name][what] for name in names if name in m.counted.spent)
	return n / 1e9 if what == "ns" else n


def waiting(m):
	return max(m.seconds - m.cpu, 0)


def gain(m, saved):
	"""Nothing becomes more than 20 times as fast, and no estimate is that good."""
	return m.seconds / max(m.seconds - saved, m.seconds / 20)


def scout(m):
	opens, files = number(m, OPENS), number(m, OPENS + READS + NAMES)
	if files < 50:
		return 1, f"{files} calls on files: too few to learn from"
	read = spent(m, READS, "bytes")
	if read / max(opens, 1) > LARGE and read < LONG:
		return 1, f"{read / 1e6:.0f} MB of large files: too little to get ahead of"
	spans = {"names": spent(m, NAMES), "directories": spent(m, DIRECTORIES),
		 "stream" if read / max(opens, 1) > LARGE else "files": spent(m, OPENS + READS)}
	if number(m, ("fopen",)) >= 10: # what libc reads for the program is not seen: the rest of the waiting is for that
		spans["files"] = spans.get("files", 0) + max(waiting(m) - sum(spans.values()), 0)
	scale = min(1, waiting(m) / max(sum(spans.values()), 1e-9))
	if waiting(m) < 0.2 * m.seconds:
		return 1, f"only {waiting(m) / m.seconds:.0%} of its time is waiting: its files are in memory"
	saved = sum(scale * t * (1 - 1 / AHEAD[m.place][kind]) for kind, t in spans.items())
	most = max(spans, key=spans.get)
	return gain(m, saved), (f"{waiting(m) / m.seconds:.0%} of its time is waiting, {scale * spans[most] / m.seconds:.0%} for "
				f"{most}, which are {m.place}")


def loop(m):
	waits, transfers = number(m, WAITS), number(m, TRANSFERS + READS + WRITES)
	if waits < 20 or transfers < 20:
		return 1, "it does not wait for many events" if waits < 20 else "it transfers little"
	if transfers < 4 * waits:
		return 1, f"{transfers / waits:.1f} transfers for each wait: too few to go together"
	if m.price < CHEAP:
		return 1, f"a call costs {m.price * 1e9:.0f} ns here: company pays from {CHEAP * 1e9:.0f} on"
	busy = max(m.cpu, 1e-6)
	after = max(busy - (transfers - 2 * waits) * m.price, busy / 4)
	return busy / after, f"{transfers / waits:.1f} transfers for each wait; a call costs {m.price * 1e9:.0f} ns here"


def sync(m):
	syncs, threads = number(m, SYNCS), m.counted.threads
	if syncs < 10:
		return 1, f"it syncs {syncs} times" if syncs else "it never syncs"
	processes = max(sum(m.counted.programs.values()), 1)
	if threads < 2 and (syncs < 10 * processes or number(m, OPENS) < syncs):
		return 1, f"{syncs} syncs, few files for each process" if syncs < 10 * processes else f"{syncs} syncs of few files"
	if threads < 2:
		return gain(m, TOGETHER * min(spent(m, SYNCS), waiting(m))), f"{syncs} syncs of many files, one after another"
	wait = min(spent(m, SYNCS) / threads, waiting(m))
	return gain(m, COMPANY * wait), f"{syncs} syncs, {wait / m.seconds:.0%} of its time, by {threads} threads"


def aio(m):
	reads, submits = number(m, AIO_READS), number(m, ("io_submit",))
	if reads + submits < 20:
		return 1, "it asks for no asynchronous I/O"
	if reads:
		return gain(m, min(waiting(m), m.seconds) * (1 - 1 / OVERLAP)), f"{reads} reads by POSIX AIO"
	blocked = spent(m, ("io_submit",)) - submits * 10e-6
	return gain(m, max(0.8 * blocked, 0)), f"{submits} calls of io_submit, {spent(m, ('io_submit',)) / submits * 1e6:.0f} us each"


def stream(m):
	calls = number(m, ("read", "write"))
	size = spent(m, ("read", "write"), "bytes") / max(calls, 1)
	if calls < 1000 or size > SMALL:
		return 1, f"{calls} reads and writes of {size:.0f} bytes: nothing to gather"
	# What it took to take the times is in them.
	took = max(spent(m, ("read", "write")) - calls * 2 * m.price, calls * m.price)
	return gain(m, min(0.9 * took, m.seconds)), f"{calls} reads and writes of {size:.0f} bytes"


ENGINES = {"scout": scout, "loop": loop, "sync": sync, "aio": aio, "stream": stream}


# ---- Saying it ----


def show_calls(m):
	"""The calls that took longest, or were made most."""
	calls = {name: sum(parts.values()) for name, parts in m.counted.calls.items() if sum(parts.values())}
	print(f"{sum(calls.values())} calls in {several(max(sum(m.counted.programs.values()), 1), 'process', 'processes')}: "
	      f"{some(collections.Counter(calls), 6)}\n")
	longest = sorted((n for n in m.counted.spent if calls.get(n)), key=lambda n: -m.counted.spent[n]["ns"])[:6]
	if longest:
		print(f"  {'most time in':<16}{'calls':>10}{'in all':>12}{'each':>12}{'bytes each':>12}")
	for name in longest:
		s = m.counted.spent[name]
		print(f"  {name:<16}{calls[name]:>10}{show_seconds(s['ns'] / 1e9):>12}{s['ns'] / 1000 / calls[name]:>9.1f} us"
		      f"{s['bytes'] / calls[name]:>12.0f}")
	print(end="\n" if longest else "")


def arguments(args):
	parser = argparse.ArgumentParser(prog="xuring advise", usage="xuring advise [OPTION]... [--] PROG [ARG...]\n       "
					 "xuring advise -p PID [OPTION]...", description="Run a program bare and with its calls counted, its "
					 "input being empty, or watch one that runs, and say which engine may pay.")
	parser.add_argument("-n", type=at_least_one, default=3, metavar="RUNS", help="bare runs to take the median of (3); --try: two pairs more")
	parser.add_argument("-p", "--pid", type=process_id, metavar="PID", help="watch this program, which was started by xuring run --live")
	parser.add_argument("--seconds", type=duration, metavar="N", help="watch for so long (-p: 5), then end the program if we have started it")
	parser.add_argument("--json", action="store_true", help="as one JSON object")
	parser.add_argument("--try", dest="attempt", action="store_true", help="then compare bare with what is advised")
	program(parser)
	args = parser.parse_args(args)
	if args.pid and (args.command or args.attempt):
		parser.error("-p: the program is running already: no other, and no --try")
	if args.attempt and args.seconds:
		parser.error("--try: only programs that end by themselves can be compared")
	return args, None if args.pid else command_of(parser, args)


def attempt(library, words, args, best):
	"""Bare and as advised, in turns: how many times as fast it really is."""
	settings = [*TRIED_BY[best], "-n", str(args.n + 2), *(["--prepare", args.prepare] if args.prepare else [])]
	if not args.json:
		return bench.command(library, [*settings, "--", *words]), None
	tried = bench.compare(library, bench.arguments([*settings, "--", *words]))
	return 0, {"gain": round(1 / tried["ratio"], 3), "pairs": tried["pairs"], "output": tried["output"]}


def command(library, args):
	args, words = arguments(args)
	if words:
		judge(library, argparse.Namespace(profile=None, option=[]), words)
	m = watch(library, words, args) if words else watch_pid(args.pid, args.seconds or 5)
	built = subprocess.run([library, "engines"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
	found = {name: (round(g, 3), why) for name, (g, why) in ((name, e(m)) for name, e in ENGINES.items())}
	best = max((name for name in found if name in built), key=lambda name: found[name][0])
	if args.json:
		tried = attempt(library, words, args, best)[1] if args.attempt else None
		print(json.dumps({"command": words, "seconds": m.seconds, "cpu": m.cpu, "calls": m.counted.total(), "best": best,
				  "gain": found[best][0], **({"tried": tried} if tried else {}), "engines": {
					  name: {"gain": g, "built": name in built, "why": why, "try": TRIED_BY[name]}
					  for name, (g, why) in found.items()}}))
		return 0
	print(f"{' '.join(words)[:70] if words else f'process {args.pid}'}: {show_seconds(m.seconds)} {'watched' if args.pid or args.seconds else 'bare'}, "
	      f"{show_seconds(m.cpu)} of it computing, {show_seconds(waiting(m))} waiting")
	show_calls(m)
	print(f"  {'engine':<8} {'would it pay?':<18} why")
	for name, (g, why) in found.items():
		pays = f"about {g:.1f} times" if g >= WORTH_IT else "no"
		print(f"  {name:<8} {pays:<18} {why}{'' if name in built else ' (not in this version)'}")
	print("\nThese are estimates, from the counts and times above; what is waited for may also be something else.")
	if found[best][0] < WORTH_IT:
		print("Nothing is to be gained here: run it bare.")
		return 0
	settings = "".join(f" {word}" for word in TRIED_BY[best])
	print(f"To try: xuring bench{settings} -- {' '.join(words or ['PROG', 'ARG...'])}")
	return attempt(library, words, args, best)[0] if args.attempt else 0
