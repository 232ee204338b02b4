#!/usr/bin/env bats
# The kernel's polling thread (XURING_SQPOLL=1): one for a process, where it was asked to run, with the right credentials,
# and programs see what they see without it.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	local clean
	need jq
	need_shim
	need_ring
	cd "$BATS_TEST_TMPDIR"
	clean_env "HOME=$PWD" "LD_PRELOAD=$(preload)" XURING_SQPOLL=1 "XURING_STATS=json:$PWD/records"
	polled=("${clean[@]}")
	"${polled[@]}" XURING_MODE=ring python3 -c "$pollers"'
open("/etc/passwd").read()
raise SystemExit(not pollers())' 3>&- || skip 'the kernel gives no polling thread'
}

pollers='
import os, threading, time
def pollers():
	tasks = []
	for task in os.listdir("/proc/self/task"):
		try:
			if open(f"/proc/self/task/{task}/comm").read().startswith("iou-sqp"):
				tasks.append(task)
		except OSError:
			pass
	return tasks
'

@test "sqpoll: events and sockets are what they are bare" {
	local clean
	clean_env "HOME=$PWD"
	"$tools/within" 60 "${clean[@]}" "$tools/waits" >bare 2>&1 3>&-
	rm -f records
	"$tools/within" 60 "${polled[@]}" XURING_BATCH=on XURING_PROFILE=server "$tools/waits" >other 2>&1 3>&-
	show_difference waits bare other
	holds records 'all(.engines.loop.mistaken == 0) and (map(.engines.loop.taken // 0) | add > 0)'
}

@test "sqpoll: all threads share one, on the processor that was asked for" {
	local cpu
	cpu=$(taskset -cp $$ | sed 's/.*[:, -]//')
	"$tools/within" 30 "${polled[@]}" XURING_MODE=ring XURING_SQPOLL_CPU="$cpu" python3 -c "$pollers"'
def reads():
	for i in range(50):
		assert open("/etc/passwd").read()
threads = [threading.Thread(target=reads) for i in range(4)]
for t in threads: t.start()
for t in threads: t.join()
[one] = pollers()
print(open(f"/proc/self/task/{one}/status").read())' 3>&- >status
	[[ $(sed -n 's/^Cpus_allowed_list:\s*//p' status) == "$cpu" ]]
}

@test "sqpoll: a child has its own, and one of another identity has another" {
	"$tools/within" 30 "${polled[@]}" XURING_MODE=ring python3 -c "$pollers"'
open("/etc/passwd").read()
[old] = pollers()
if not os.fork():
	open("/etc/passwd").read()
	os._exit(len(pollers()) != 1 or pollers() == [old])
assert os.wait()[1] == 0
if os.getuid() == 0:
	os.umask(0o077)
	open("secret", "w").write("for root")
	os.setuid(65534)
	# The kernel takes the old one apart a little later.
	for i in range(200):
		if old not in pollers():
			break
		time.sleep(0.02)
	assert old not in pollers()
	open("/etc/passwd").read()
	assert len(pollers()) == 1
	try:
		open("secret").read()
		raise SystemExit("read by who may not")
	except PermissionError:
		pass' 3>&-
}

@test "sqpoll: a program that closes all that it does not know goes on" {
	"$tools/within" 30 "${polled[@]}" XURING_MODE=ring python3 -c "$pollers"'
open("/etc/passwd").read()
os.closerange(3, 10000)
def reads():
	assert open("/etc/passwd").read()
t = threading.Thread(target=reads)
t.start()
t.join()
reads()
assert 1 <= len(pollers()) <= 2' 3>&-
}
