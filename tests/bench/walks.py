#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Programs that walk through cold trees and files, bare and read ahead by the scout.

usage: walks.py BUILD SECONDS scout|trees|lab

Prints records as the benchmark programs do (bench.h), one for each program. What both sides print and leave behind is
compared, but for the file of 256 MiB, whose sum would take longer than its reading.

  scout  a tree of 1,000 files, and a file of 256 MiB: here, and on sshfs with round trips of 1 ms
  trees  20,000 files in 400 directories, and a tree of the environment's TREE (say, a kernel's source), likewise, and with
         round trips of 5 ms
  lab    under other kernels in qemu (tests/lab/storage): NFS behind a line, ext4, xfs and btrfs on a device that waits, and on
         dm-delay; in time that goes by the guest's own work, so that one run says it all

The environment's ONLY is a regular expression: of the figures those that it fits.

The library is measured as it is installed, without what debuggers want, and some process has it in use, as libc is in use: what
it takes to read it from the disk is not part of a figure.

The other end of a line is this machine, behind a relay that delays each direction (tests/tools/far.c). Caches are dropped before
each run, which takes root; without what is needed nothing is printed and the status is 77.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time

BUILD = os.path.abspath(sys.argv[1])
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLACE = os.path.join(BUILD, "scout")
MOUNT, OUT = os.path.join(PLACE, "mnt"), os.path.join(PLACE, "out")
BARE = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("XURING_")}
LIBRARY = os.path.join(PLACE, "libxuring-shim.so")
SHIM = {**BARE, "LD_PRELOAD": LIBRARY}
REMOTE = {**SHIM, "XURING_PROFILE": "remote"}
UNCACHED = ["-o", "dir_cache=no"]

IMPORTS = """asyncio, concurrent.futures.process, csv, ctypes.util, decimal, doctest, email.mime.multipart, fractions, ftplib,
	http.server, imaplib, json.tool, lib2to3.main, logging.config, logging.handlers, multiprocessing.pool, pydoc, smtplib,
	sqlite3.dbapi2, statistics, tarfile, unittest.mock, urllib.request, wsgiref.simple_server, xml.dom.minidom, xml.sax,
	xmlrpc.server, zipfile"""
PYTHON = f"PYTHONPATH=. /usr/bin/python3 -Wignore -c 'import {' '.join(IMPORTS.split())}' >/dev/null"
NPM = "/usr/lib/node_modules/npm", "/usr/share/nodejs/npm"

# What is run: the name, the command, where, options of the mount behind the line (None: on the local disk).
SCOUT = [
	("grep -r, far", "grep -r needle .", "tree", []),
	("tar c, far", "tar cf - . | cat", "tree", []),
	("cp -r, far", "cp -r . ../out", "tree", []),
	("rsync -a, far", "rsync -a . ../out", "tree", []),
	("find | xargs md5sum, far", "find . -type f | xargs md5sum", "tree", []),
	("md5sum list, far", "md5sum */*/*", "tree", []),
	("du -s, far, uncached", "du -s .", "tree", UNCACHED),
	("ls -lR, far, uncached", "ls -lR .", "tree", UNCACHED),
	("find -size, far, uncached", "find . -type f -size +3k", "tree", UNCACHED),
	("git status, far, uncached", "git -c safe.directory='*' status --short", "git", UNCACHED),
	("cat, far", "cat file >/dev/null", "big", []),
	("dd bs=64k, far", "dd if=file bs=64k status=none >/dev/null", "big", []),
	("sha256sum, far", "sha256sum file", "big", []),
	("python3, 28 imports, far", PYTHON, "py", []),
	("node, npm --version, far", "node bin/npm-cli.js --version >/dev/null", "npm", []),
	("grep -r, local", "grep -r needle .", "tree", None),
	("tar c, local", "tar cf - . | cat", "tree", None),
	("cp -r, local", "cp -r . ../out", "tree", None),
	("md5sum list, local", "md5sum */*/*", "tree", None),
	("find | xargs md5sum, local", "find . -type f | xargs md5sum", "tree", None),
	("head -c1, local", "head -qc1 */*/*", "tree", None),
	("python3, 28 imports, local", PYTHON, "py", None),
	("node, npm --version, local", "node bin/npm-cli.js --version >/dev/null", "npm", None),
	# Where little is waited for, or nothing of what is read ahead would be of use.
	("tar c to /dev/null, local", "tar cf /dev/null .", "large", None),
	("du -s, local", "du -s .", "large", None),
	("ls -lR, local", "ls -lR .", "large", None),
	("find -size, local", "find . -type f -size +3k", "large", None),
	("find -name, local", "find . -name '*77.txt'", "large", None),
	("stat, local", "stat */*/*", "tree", None),
	("chmod -R, local", "chmod -R u+w .", "large", None),
	("rm -r, local", "rm -r part00", "doomed", None),
	("git status, local", "git -c safe.directory='*' status --short", "git", None),
	("cp, a large file, local", "mkdir ../out; cp file ../out", "big", None),
]
WARM = [
	("grep -r, warm", "grep -r needle . && grep -r needle . && grep -r needle .", "tree"),
	("du -s, warm", "du -s . && du -s . && du -s .", "tree"),
	("find -size, warm", "find . -size +3k && find . -size +3k && find . -size +3k", "tree"),
	("tar c, warm", "tar cf - . | cat; tar cf - . | cat", "tree"),
	("cat, warm", "cat */*/*; cat */*/*; cat */*/*", "tree"),
]
# Beside what a program does that was written to have many files under way, or many parts of one.
READER = f"{BUILD}/bench/reader"
BESIDE = [
	("grep -r, and a native reader", f"{READER} .", "grep -r needle .", "tree", None),
	("cp -r, and xu-cp -r", f"{BUILD}/examples/xu-cp -r . ../out", "cp -r . ../out", "tree", None),
	("grep -r, and a native reader, far", f"{READER} .", "grep -r needle .", "tree", []),
	("grep -r, and rg -j16, far", "rg -uuu -j16 needle .", "grep -r needle .", "tree", []),
	("cat, and a native reader, far", f"{READER} file >/dev/null", "cat file >/dev/null", "big", []),
]
TREES = [("grep -r", "grep -r needle ."), ("tar c", "tar cf - . | cat"), ("du -s", "du -s ."), ("rsync -a", "rsync -a . ../out")]


def wanted(name):
	return re.search(os.environ.get("ONLY", ""), name)


def skip(why):
	print(why, file=sys.stderr)
	sys.exit(77)


def forest(name, files, directories):
	where = os.path.join(PLACE, name)
	if not os.path.isdir(where):
		subprocess.run([f"{BUILD}/tools/forest", where, str(files), str(directories)], check=True)
	return where


def library():
	"""A copy as it is installed, and somebody who has it in use."""
	subprocess.run(["strip", "--strip-unneeded", "-o", LIBRARY, f"{BUILD}/libxuring-shim.so"], check=True)
	return subprocess.Popen(["sleep", "infinity"], env=SHIM)


def repository():
	"""The tree as a git repository; its index knows nothing of the inodes on the other side."""
	where = os.path.join(PLACE, "git")
	if not os.path.isdir(where):
		subprocess.run(["cp", "-r", forest("tree", 1000, 20), where + ".new"], check=True)
		git = ["git", "-C", where + ".new", "-c", "user.name=n", "-c", "user.email=e"]
		for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
			subprocess.run([*git, *words], check=True)
		os.rename(where + ".new", where)


def modules():
	"""What python and node read at their start, as it is installed: with its times, or what is compiled would be too old."""
	stdlib = sysconfig.get_paths()["stdlib"]
	npm = next((p for p in NPM if os.path.isdir(p)), None)
	for name, source in ("py", stdlib), ("npm", npm):
		where = os.path.join(PLACE, name)
		if source and not os.path.isdir(where):
			unused = shutil.ignore_patterns("test", "tests", "config-*", "dist-packages", "site-packages")
			shutil.copytree(source, where + ".new", symlinks=True, ignore_dangling_symlinks=True, ignore=unused)
			os.rename(where + ".new", where)


def large_file():
	os.makedirs(os.path.join(PLACE, "big"), exist_ok=True)
	name = os.path.join(PLACE, "big", "file")
	if not os.path.exists(name):
		with open(name, "wb") as f:
			for _ in range(256):
				f.write(os.urandom(1 << 20))


def cold():
	os.sync()
	try:
		with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
			f.write("3")
	except OSError as error:
		skip(f"caches cannot be dropped: {error.strerror}")


def mount(what, options, delay_us):
	try:
		subprocess.run(["sshfs", "-o", f"ssh_command={BUILD}/tools/far {delay_us}", *options, f"here:{what}", MOUNT], check=True,
			       stderr=subprocess.DEVNULL)
	except (OSError, subprocess.CalledProcessError):
		skip("sshfs cannot mount here")


def unmount():
	for _ in range(100):
		if not subprocess.run(["fusermount3", "-u", MOUNT], stderr=subprocess.DEVNULL, check=False).returncode:
			return
		time.sleep(0.1)


def timed(command, env, cwd):
	"""How long it takes, in ns, and a sum of what it printed and left behind."""
	start = time.monotonic_ns()
	if command.endswith("/dev/null"):
		subprocess.run(["sh", "-c", command], env=env, cwd=cwd, check=True)
		return time.monotonic_ns() - start, ""
	with subprocess.Popen(["sh", "-c", command], env=env, cwd=cwd, stdout=subprocess.PIPE) as child:
		pieces = []
		while piece := child.stdout.read(1 << 20):
			pieces.append(piece)
		if child.wait():
			sys.exit(f"walks.py: {command}: status {child.returncode}")
	took = time.monotonic_ns() - start
	whole = hashlib.md5(b"".join(pieces))
	left = subprocess.run(f"[ ! -d {OUT} ] || (cd {OUT} && find . -type f -exec md5sum {{}} + | sort)", shell=True, check=True,
			      stdout=subprocess.PIPE).stdout
	return took, whole.hexdigest() + hashlib.md5(left).hexdigest()


def run(command, where, options, delay_us, env):
	"""One cold run."""
	subprocess.run(["rm", "-rf", OUT], check=True)
	what = os.path.join(PLACE, where)
	if where == "doomed":
		subprocess.run(["cp", "-r", os.path.join(PLACE, "tree"), what], check=True)
	cold()
	if options is None:
		try:
			return timed(command, env, what)
		finally:
			if where == "doomed":
				subprocess.run(["rm", "-rf", what], check=True)
	mount(what, options, delay_us)
	try:
		return timed(command, env, MOUNT)
	finally:
		unmount()


def warm(command, where, env):
	return timed(command, env, os.path.join(PLACE, where))


def record(suite, name, bare, other, **more):
	ratio = other / bare
	print(json.dumps({"suite": suite, "figure": name, "base": "bare", "other": "shim", "unit": "ns", "pairs": 1, "base_ns": bare,
			  "other_ns": other, "diff_ns": other - bare, "ratio": ratio, "ratio_low": ratio, "ratio_high": ratio, **more}),
	      flush=True)


def compare(suite, name, turn, one_run):
	"""Both sides, the shim's first by turns; one_run(shim) is one of them."""
	sides = {}
	# From one run of this program to the next as well.
	turn += os.getpid()
	for shim in (False, True) if turn % 2 else (True, False):
		sides[shim] = one_run(shim)
	if sides[False][1] != sides[True][1]:
		sys.exit(f"walks.py: {name}: the results differ")
	record(suite, name, sides[False][0], sides[True][0])


def scout():
	forest("tree", 1000, 20)
	repository()
	large_file()
	modules()
	for turn, (name, command, where, options) in enumerate(SCOUT):
		if not wanted(name):
			continue
		if where == "large":
			forest("large", 20000, 400)
		elif where != "doomed" and not os.path.isdir(os.path.join(PLACE, where)):
			continue
		shim = SHIM if options is None else REMOTE
		compare("scout", name, turn,
			lambda side, c=command, w=where, o=options, s=shim: run(c, w, o, 500, s if side else BARE))
	for name, native, command, where, options in BESIDE:
		if wanted(name) and shutil.which(native.split()[0]):
			base = run(native, where, options, 500, BARE)[0]
			record("scout", name, base, run(command, where, options, 500, SHIM if options is None else REMOTE)[0])
	for turn, (name, command, where) in enumerate(WARM):
		if not wanted(name):
			continue
		compare("scout", name, turn, lambda side, c=command, w=where: warm(c, w, SHIM if side else BARE))


def trees():
	fixtures = {"20,000 files": forest("large", 20000, 400)}
	if os.environ.get("TREE"):
		fixtures["TREE"] = os.path.abspath(os.environ["TREE"])
	turn = 0
	for title, where in fixtures.items():
		for name, command in TREES:
			for how, options, delay in (("local", None, 0), ("1 ms", [], 500), ("5 ms", [], 2500)):
				turn += 1
				shim = SHIM if options is None else REMOTE
				if not wanted(f"{name}, {title}, {how}"):
					continue
				compare("trees", f"{name}, {title}, {how}", turn,
					lambda side, c=command, w=where, o=options, d=delay, s=shim: run(c, w, o, d, s if side else BARE))


def in_lab(kernel, size, storages):
	"""What tests/lab/storage says, by storage, program and side: how long it took, and a sum of what came of it."""
	words = [f"{ROOT}/tests/lab/lab", "--steady", "--kernel", kernel, "--mem", "1536", "--timeout", "600", "--",
		 f"{ROOT}/tests/lab/storage", f"{BUILD}/libxuring-shim.so", f"{BUILD}/tools/forest", *size, "2", *storages]
	done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
	if done.returncode:
		skip(f"the lab: {(done.stderr.strip().splitlines() or ['no answer'])[-1]}")
	runs = {}
	for line in done.stdout.splitlines():
		if line.startswith("run "):
			_, storage, name, side, took, total = line.split()
			sides = runs.setdefault((storage, name.replace("_", " ")), {})
			# Now and then a run waits for this machine after all, which adds any time to it.
			sides[side] = min(sides.get(side, (int(took), total)), (int(took), total))
	return runs


def lab():
	"""Each storage at its times, and without any: that says how much of a figure is the processor's work."""
	size = os.environ.get("LAB", "400 40").split()
	for kernel, kind, times in (("sid", "nfs", (1, 5)), ("sid", "ext4", (1, 5)), ("sid", "xfs", (1, 5)), ("sid", "btrfs", (1, 5)),
				    ("6.1", "dm-ext4", (1,)), ("6.1", "dm-xfs", (1,)), ("6.1", "dm-btrfs", (1,))):
		runs = in_lab(kernel, size, [f"{kind}:{ms}" for ms in (0, *times)])
		for (storage, name), sides in runs.items():
			(bare, total), (shim, other) = sides["bare"], sides["shim"]
			if total != other:
				sys.exit(f"walks.py: {name}, {storage}: the results differ")
			if storage.endswith(":0"):
				continue
			work = runs[f"{kind}:0", name]["bare"][0]
			record("lab", f"{name}, {storage.replace(':', ' ')} ms", bare, shim, note=f"{work / 1e6:.0f} ms of it work")


os.makedirs(MOUNT, exist_ok=True)
USER = library()
try:
	{"scout": scout, "trees": trees, "lab": lab}[sys.argv[3]]()
finally:
	USER.kill()
