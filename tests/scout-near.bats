#!/usr/bin/env bats
# The scout on the local disk, by counts: it fetches what a program is seen to want and no more, it notices what is read through
# stdio, and where everything is cached it does not wake.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2086,SC2119,SC2154,SC2164,SC2317

load lib

setup_file() {
	need_shim
	cd "$BATS_FILE_TMPDIR"
	"$tools/forest" "$BATS_FILE_TMPDIR/tree" 400 16
	cat tree/*/*/* >/dev/null
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	stats=$BATS_TEST_TMPDIR/stats
}

bare() {
	local clean
	clean_env "HOME=$PWD"
	"$tools/within" 30 "${clean[@]}" "$@" 3>&-
}

# scouted COMMAND...: by default, but at work from the first call on.
scouted() {
	rm -f "$stats"
	shimmed XURING_SCOUT=on "XURING_STATS=json:$stats" "$@"
}

@test 'who only asks about files has none opened or read' {
	local command
	# tar does not read what goes to /dev/null, and opens directories as if they were files.
	for command in 'tar cf /dev/null tree' 'du -s tree' 'ls -lR tree' 'find tree -size +3k' 'chmod -R u+w tree'; do
		bare $command >bare.out
		scouted $command >scout.out
		show_difference "$command" bare.out scout.out
		holds "$stats" '.[0].engines.scout | .starts == 1 and .predicted == 0' || {
			echo "$command: $(jq -c .engines.scout "$stats")"
			return 1
		}
	done
	# One who takes its time.
	scouted find tree -size +0 -name '*7.txt' -exec sleep 0.01 ';'
	holds "$stats" 'map(select(.prog == "find") | .engines.scout) | (map(.predicted) | add == 0) and (map(.looked_up) | add > 25)'
}

@test 'who only goes through directories has no files looked up' {
	scouted find tree -name '*7.txt' >scout.out
	bare find tree -name '*7.txt' | diff - scout.out
	holds "$stats" '.[0].engines.scout | .looked_up == 0 and .predicted == 0'
}

@test 'who opens files has them read' {
	scouted tar cf - tree | md5sum >scout.out
	bare tar cf - tree | md5sum | diff - scout.out
	holds "$stats" '.[0].engines.scout.used > 100'
}

# Out of the page cache; what is known of the files stays.
uncache() {
	local name
	sync -f .
	for name in tree/*/*/*; do
		dd of="$name" oflag=nocache conv=notrunc,fdatasync count=0 status=none
	done
}

# What a command has had read from devices, in blocks.
blocks_read() {
	/usr/bin/python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock)' "$@"
}

@test 'waits for what is read through stdio are noticed' {
	need /usr/bin/python3
	local _
	uncache
	[[ $(blocks_read md5sum tree/*/*/*) -gt 100 ]] || skip 'files here are not read from a device, or that is not counted'
	bare md5sum tree/*/*/* >bare.out
	# Who shares the machine may have read them all just before.
	for _ in 1 2 3; do
		uncache
		rm -f "$stats"
		shimmed "XURING_STATS=json:$stats" md5sum tree/*/*/* >scout.out
		cmp bare.out scout.out
		! holds "$stats" '.[0].engines.scout | .starts > 0 and .used > 50' || return 0
	done
	return 1
}

@test 'where everything is cached, it does not wake' {
	local command _
	for command in 'grep -r needle tree' 'tar cf out.tar tree' 'du -s tree' 'ls -lR tree' 'find tree -size +3k' \
		'find tree -type f -exec md5sum {} +' 'cp -r tree copy' 'rm -r copy' 'cat tree/part00/dir001/*'; do
		for _ in 1 2 3; do
			cat tree/*/*/* >/dev/null
			[[ $command != rm* ]] || bare cp -r tree copy
			rm -f "$stats"
			shimmed "XURING_STATS=json:$stats" bash -c "exec $command" >scout.out
			[[ $command = rm* ]] || rm -rf copy
			! holds "$stats" 'all(.engines.scout | .starts == 0 and .predicted == 0)' || continue 2
		done
		echo "$command: $(jq -c .engines.scout "$stats")"
		return 1
	done
}
