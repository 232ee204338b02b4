#!/usr/bin/env bats
# What surrounds measuring: comparing two records, and drawing pictures of them. What is measured is not tested here.
# shellcheck shell=bash disable=SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
load lib

setup() {
	need python3
	cd "$BATS_TEST_TMPDIR"
}

# record SUITE FIGURE RATIO [MORE]: one run of a figure.
record() {
	printf '{"suite":"%s","figure":"%s","base":"bare","other":"shim","unit":"ns","pairs":3,"base_ns":1000,"other_ns":%s,' \
		"$1" "$2" "$(awk "BEGIN { print 1000 * $3 }")"
	printf '"diff_ns":1,"ratio":%s,"ratio_low":%s,"ratio_high":%s%s}\n' "$3" "$3" "$3" "${4:+,$4}"
}

@test "bench-compare: what became worse, better, or only differs by chance" {
	machine='{"machine":{"kernel":"Linux 6.1","cores":2,"time":"a","load":1}}'
	{
		echo "$machine"
		record a same 1.00; record a same 1.04
		record a slower 1.00; record a slower 1.01
		record a faster 0.50; record a faster 0.52
		record b gone 1
	} >before
	{
		echo "${machine/6.1/6.18}"
		record a same 1.03; record a same 1.07
		record a slower 1.20; record a slower 1.21
		record a faster 0.40; record a faster 0.41
		record b new 1
	} >after
	run -1 "$root/scripts/bench-compare" before after
	[[ ${lines[0]} == 'kernel: Linux 6.1 before, Linux 6.18 after' ]]
	[[ $output =~ a:\ slower\ +1.005\ +1.205\ +\+19.9%\ +worse ]]
	[[ $output =~ a:\ faster\ +0.510\ +0.405\ +-20.6%\ +better ]]
	[[ $output =~ a:\ same\ +1.020\ +1.050\ +\+2.9%$'\n' ]]
	[[ $output == *'only before: b: gone'*'only after: b: new'* ]]
	run -0 "$root/scripts/bench-compare" after after
	run -1 "$root/scripts/bench-compare" before nowhere
	[[ $output == 'bench-compare: nowhere: No such file or directory' ]]
	echo 'no record' >bad
	run -1 "$root/scripts/bench-compare" before bad
	[[ $output == *'bad: not a record'* ]]
	run -2 "$root/scripts/bench-compare" before
}

@test "bench: an unknown suite, a silly count" {
	run -2 "$root/scripts/bench" nosuch
	[[ $output == *'no suite is called nosuch; there are pass,'* ]]
	run -2 "$root/scripts/bench" -n 0 pass
}

@test "bench: pictures are drawn from records" {
	need gnuplot
	mkdir -p tests/bench
	cp "$root/tests/bench/pictures.py" tests/bench
	{
		echo '{"machine":{"kernel":"Linux 6.18","cores":2,"time":"2026-01-01T00:00:00Z"}}'
		for ms in 0 1 5; do
			record distance "grep -r, $ms ms" 0.2 "\"round_trip_ms\":$ms,\"program\":\"grep -r\""
		done
		record scout 'grep -r, far' 0.2
		record aio 'posixaio direct read' 0.5
		record curve 'a call of 50 ns' 1 '"auto_ns":1000'
		record curve 'a call of 800 ns' 0.5 '"auto_ns":600'
	} >records
	run -0 python3 -B tests/bench/pictures.py records
	for picture in distance times curve; do
		grep -q '</svg>' tests/bench/pictures/$picture.svg
	done
	grep -q 'grep -r, read ahead' tests/bench/pictures/distance.svg
	grep -q 'posixaio direct read' tests/bench/pictures/times.svg
	run -2 python3 -B tests/bench/pictures.py
}
