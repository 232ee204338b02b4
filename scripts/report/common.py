# SPDX-License-Identifier: MIT
"""What several commands need: ending with a message, and running a program bare and with the library."""

import argparse
import os
import subprocess
import sys

# Who answered a call, in the order of the tables.
WAYS = ("kernel", "ring", "memory", "queued", "fallback")


def fail(text, status=1):
	print(f"xuring: {text}", file=sys.stderr)
	sys.exit(status)


def at_least_one(text):
	"""A number of runs."""
	if not text.isdecimal() or int(text) < 1:
		raise argparse.ArgumentTypeError(f"{text}: not a whole number from 1 on")
	return int(text)


def duration(text):
	"""A number of seconds."""
	try:
		seconds = float(text)
	except ValueError:
		seconds = 0
	if not 0 < seconds < 1e9:
		raise argparse.ArgumentTypeError(f"{text}: not a number of seconds")
	return seconds


def process_id(text):
	if not text.isdecimal() or not 0 < int(text) < 1 << 31:
		raise argparse.ArgumentTypeError(f"{text}: not a process id")
	return int(text)


def settings(parser):
	"""What is common to commands that run a program."""
	parser.add_argument("-p", "--profile", metavar="NAMES", help="profiles, as of xuring run")
	parser.add_argument("-o", "--option", action="append", default=[], metavar="KEY=VALUE", help="an option, likewise")
	program(parser)


def program(parser):
	parser.add_argument("--prepare", metavar="COMMAND", help="what a shell does before each run, untimed")
	parser.add_argument("command", nargs=argparse.REMAINDER, metavar="PROG [ARG...]")


def command_of(parser, args):
	words = args.command[1:] if args.command[:1] == ["--"] else args.command
	if not words:
		parser.error("which program?")
	return words


def prepare(args):
	"""Do what was asked for before each run."""
	if args.prepare:
		status = subprocess.run(["sh", "-c", args.prepare], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
					check=False).returncode
		if status:
			fail(f"--prepare: {args.prepare}: status {status}")


def judge(library, args, words):
	"""Ask the library whether the program can be served with these settings; end if not."""
	questions = [*(["-p", args.profile] if args.profile else []), *(x for o in args.option for x in ("-o", o))]
	env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
	status = subprocess.run([library, "judge", *questions, "--", words[0]], env=env, check=False).returncode
	if status:
		sys.exit(status)


def environments(library, args):
	"""The environment as it is, bare, and with the library and its settings."""
	bare = {k: v for k, v in os.environ.items() if not k.startswith("XURING_")}
	before = [p for p in bare.get("LD_PRELOAD", "").split(":") if p and p != library]
	bare["LD_PRELOAD"] = ":".join(before)
	if not before:
		del bare["LD_PRELOAD"]
	shim = dict(bare, LD_PRELOAD=":".join([*before, library]))
	shim.update({k: v for k, v in os.environ.items() if k.startswith("XURING_")})
	if args.profile:
		shim["XURING_PROFILE"] = args.profile
	for option in args.option:
		key, value = option.removeprefix("XURING_").split("=", 1)
		shim[f"XURING_{key}"] = value
	return bare, shim


def show_seconds(s):
	return f"{s:.3f} s" if s >= 1 else f"{s * 1000:.1f} ms"


def several(n, word, plural=None):
	"""'1 run', '2 runs'"""
	return f"{n} {word if n == 1 else plural or word + 's'}"


def some(counter, most=4):
	"""'grep 3, sh 2'"""
	names = [f"{name} {n}" for name, n in counter.most_common(most)]
	return ", ".join(names) + (", ..." if len(counter) > most else "")
