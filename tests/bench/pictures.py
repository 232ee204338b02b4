#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Draw the README's pictures from records of scripts/bench, by gnuplot.

usage: tests/bench/pictures.py RECORDS.jsonl...

Writes tests/bench/pictures/NAME.svg for each picture of which the records have the figures:

  distance  time of cold walks over the round-trip time                     scripts/bench distance
  times     how many times as fast programs are                             scripts/bench scout aio sync
  curve     what an echo server does over the price of a system call        scripts/bench curve
  latency   how long its requests take, at half load                        scripts/bench latency
"""

import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "pictures")

# The same look for all: no colours that need a key to be told apart in grey, and text that is text.
LOOK = """set terminal svg size 720,400 font 'sans-serif,13' background rgb 'white'
set border 3 lc rgb '#666666'
set tics nomirror textcolor rgb '#333333'
set grid ytics lc rgb '#dddddd'
set key top left reverse Left
"""


def read(paths):
	"""Median records by suite and figure, and the machine they are from."""
	found, machine = {}, {}
	for path in paths:
		with open(path, encoding="utf-8") as lines:
			for line in lines:
				record = json.loads(line)
				if "machine" in record:
					machine = record["machine"]
				else:
					found.setdefault(record["suite"], {}).setdefault(record["figure"], []).append(record)
	suites = {}
	for suite, figures in found.items():
		for records in figures.values():
			whole = dict(records[-1])
			for key in ("base_ns", "other_ns", "ratio"):
				whole[key] = statistics.median(r[key] for r in records)
			suites.setdefault(suite, []).append(whole)
	return suites, machine


def block(name, rows):
	"""A named data block of gnuplot."""
	return f"${name} << END\n" + "\n".join(" ".join(map(str, row)) for row in rows) + "\nEND\n"


def plot(name, machine, script):
	os.makedirs(OUT, exist_ok=True)
	path = os.path.join(OUT, f"{name}.svg")
	kernel = ".".join(machine.get("kernel", "?").split()[1].split(".")[:2]) if "kernel" in machine else "?"
	note = f"Linux {kernel}, {machine.get('cores', '?')} cores, {machine.get('time', '')[:10]}"
	subprocess.run(["gnuplot"], input=f"{LOOK}set output '{path}'\nset label '{note}' at screen 0.99,0.02 right noenhanced "
		       f"font ',9' tc rgb '#777777'\n{script}", text=True, check=True)
	print(os.path.relpath(path))


def distance(suites, machine):
	rows = suites.get("distance", [])
	data, lines = "", []
	for i, program in enumerate(dict.fromkeys(r["program"] for r in rows)):
		mine = sorted((r["round_trip_ms"], r["base_ns"] / 1e9, r["other_ns"] / 1e9) for r in rows if r["program"] == program)
		data += block(f"p{i}", mine)
		dash = i + 1
		lines += [f"$p{i} using 1:2 with linespoints lw 2 pt 7 ps 0.6 dt {dash} lc rgb '#999999' title '{program}, bare'",
			  f"$p{i} using 1:3 with linespoints lw 2 pt 7 ps 0.6 dt {dash} lc rgb '#0057b8' title '{program}, read ahead'"]
	if lines:
		plot("distance", machine, f"{data}set title 'A cold tree of 300 files on sshfs'\nset xlabel 'round-trip time, ms'\n"
		     f"set ylabel 'seconds'\nset yrange [0:*]\nplot {', '.join(lines)}\n")


def times(suites, machine):
	rows = [(f'"{r["figure"]}"', 1 / r["ratio"]) for suite in ("scout", "aio", "sync") for r in suites.get(suite, [])
		if not r["figure"].startswith("to ")]
	if rows:
		rows = [(i, *row) for i, row in enumerate(sorted(rows, key=lambda row: row[1]))]
		plot("times", machine, block("t", rows) + "set title 'Times as fast as bare'\nunset key\nset grid noytics xtics\n"
		     f"set terminal svg size 720,{90 + 19 * len(rows)} font 'sans-serif,12' background rgb 'white'\n"
		     f"set output '{OUT}/times.svg'\nset style fill solid\nset yrange [-0.7:{len(rows) - 0.3}]\nset xrange [0:*]\n"
		     "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb '#666666'\n"
		     "plot $t using (0):1:(0):3:($1-0.35):($1+0.35):ytic(2) with boxxyerror lc rgb '#0057b8'\n")


def curve(suites, machine):
	prefix = "a call of "
	rows = sorted((int(r["figure"][len(prefix):].split()[0]), *(1e6 / r[key] for key in ("base_ns", "other_ns", "auto_ns")))
		      for r in suites.get("curve", []) if r["figure"].startswith(prefix))
	if rows:
		plot("curve", machine, block("c", rows) + "set title 'An echo server with 64 connections'\nset logscale x\n"
		     "set xlabel 'price of a system call, ns'\nset ylabel 'thousand requests in a second of processor time'\n"
		     "set key top right\nset yrange [0:*]\n"
		     "plot $c using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb '#999999' title 'bare', "
		     "$c using 1:3 with linespoints lw 2 pt 7 ps 0.6 lc rgb '#0057b8' title 'always in company', "
		     "$c using 1:4 with linespoints lw 2 pt 9 ps 0.6 dt 2 lc rgb '#d06000' title 'profile server'\n")


def latency(suites, machine):
	"""Percentiles, drawn such that each further nine takes as much room as the one before it."""
	rows, data, lines = suites.get("latency", []), "", []
	for price, dash in (("cheap", 1), ("dear", 2)):
		mine = sorted((1 / (1 - r["percentile"] / 100), r["base_ns"] / 1000, r["other_ns"] / 1000)
			      for r in rows if r["price"] == price)
		if mine:
			data += block(price, mine)
			lines += [f"${price} using 1:{column} with linespoints lw 2 pt 7 ps 0.6 dt {dash} lc rgb '{colour}' "
				  f"title '{price} calls, {side}'"
				  for column, colour, side in ((2, "#999999", "bare"), (3, "#0057b8", "under the shim"))]
	if lines:
		plot("latency", machine, f"{data}set title 'An echo server at half load, 64 connections'\nset logscale xy\nset xrange [1.8:1200]\n"
		     "set xtics ('50' 2, '75' 4, '90' 10, '95' 20, '99' 100, '99.5' 200, '99.9' 1000)\nset xlabel 'percentile'\n"
		     f"set ylabel 'time of a request, us'\nplot {', '.join(lines)}\n")


def main():
	if len(sys.argv) < 2:
		print(__doc__.strip(), file=sys.stderr)
		return 2
	suites, machine = read(sys.argv[1:])
	for picture in (distance, times, curve, latency):
		picture(suites, machine)
	return 0


if __name__ == "__main__":
	sys.exit(main())
