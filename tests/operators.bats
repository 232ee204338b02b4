#!/usr/bin/env bats
# What scripts/examples promises operators, done as it is written there: a container, a service, rotated records.
# shellcheck shell=bash disable=SC2016,SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
load lib

setup() {
	need_xuring
	examples=$root/scripts/examples
	cd "$BATS_TEST_TMPDIR"
}

# The profile that podman gives its containers, from golang-github-containers-common.
default_profile=/usr/share/containers/seccomp.json

# contained PROFILE PROG...: runs a program in a container under this seccomp profile. What the profile gives to
# holders of capabilities alone is left out, for there are none.
contained() {
	mkdir -p rootfs
	jq -n --arg root "$root" --arg build "$build" --slurpfile profile "$1" --args '
		{ociVersion: "1.0.2", root: {path: "rootfs"},
		process: {terminal: false, user: {uid: 0, gid: 0}, cwd: "/", args: $ARGS.positional, noNewPrivileges: true,
			env: ["PATH=/usr/bin:/bin", "LC_ALL=C", "BUILD=\($build)"]},
		mounts: ([{destination: "/proc", type: "proc", source: "proc"},
			{destination: "/dev", type: "tmpfs", source: "tmpfs"},
			{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]
			+ [("/usr", "/bin", "/lib", "/lib64", "/etc", $root, $build)
				| {destination: ., type: "bind", source: ., options: ["rbind", "ro"]}]),
		linux: {namespaces: [("pid", "mount", "ipc", "uts") | {type: .}],
			seccomp: {defaultAction: $profile[0].defaultAction, defaultErrnoRet: ($profile[0].defaultErrnoRet // 1),
				syscalls: [$profile[0].syscalls[] | select((.includes.caps // []) == [])
					| {names, action} + if (.args // []) == [] then {} else {args} end
						+ if .errnoRet then {errnoRet} else {} end]}}}' "${@:2}" >config.json
	# A hierarchy of both versions is more than crun knows how to take.
	unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null
		exec timeout 20 crun --cgroup-manager=disabled run "$1"' sh "xuring-test-$$"
}

@test "operators: a container with its engine's profile runs bare; with ours added it has a ring" {
	need crun jq unshare
	[[ $EUID -eq 0 ]] || skip 'only root makes a container here'
	[[ -r $default_profile ]] || skip "no $default_profile"
	contained "$default_profile" true 2>refused || skip "no container here: $(tail -n 1 refused)"
	run contained "$default_profile" "$root/scripts/xuring" check
	echo "$output"
	[[ $output == *'no       ring'* && $output == *scripts/examples/seccomp.json* ]]
	ring_of_cat=(env "LD_PRELOAD=$shim" XURING_MODE=ring XURING_STATS=1 cat /etc/hostname)
	run contained "$default_profile" "${ring_of_cat[@]}"
	[[ $status -eq 0 && ${lines[0]} == "$(</etc/hostname)" && $output == *'ring none'* ]]

	# As README.md there has it.
	jq --slurpfile add "$examples/seccomp.json" '.syscalls += $add[0].syscalls' $default_profile >with-io_uring.json
	run contained with-io_uring.json "${ring_of_cat[@]}"
	echo "$output"
	[[ $status -eq 0 && ${lines[0]} == "$(</etc/hostname)" && $output != *'ring none'* ]]
	run contained with-io_uring.json "$root/scripts/xuring" check
	[[ $output == *'good     ring'* ]]
	# Nothing else came with it: what the engine forbids stays forbidden.
	run contained with-io_uring.json mount -t tmpfs none /tmp
	[[ $status -ne 0 ]]
}

# service UNIT_LINES: starts a manager of services in a mount namespace, with a redis that has our drop-in, and prints
# what `talk` gives; the manager sees a machine that systemd has started, whoever did.
service() {
	mkdir -p home run/systemd/user/redis-server.service.d
	chmod 700 run
	printf '%s\n' '[Service]' "ExecStart=$(type -P redis-server) --port 0 --unixsocket $PWD/socket --save ''" "$@" \
		>run/systemd/user/redis-server.service
	sed "s,^Environment=LD_PRELOAD=.*,Environment=LD_PRELOAD=$shim,
		s,^#Environment=XURING_STATS=.*,Environment=XURING_STATS=json:$PWD/records," \
		"$examples/redis-server-xuring.conf" >run/systemd/user/redis-server.service.d/xuring.conf
	unshare -m timeout 60 bash -c '
		mount --make-rprivate / && mkdir -p /run/systemd && mount -t tmpfs none /run/systemd && mkdir /run/systemd/system
		export XDG_RUNTIME_DIR=$PWD/run HOME=$PWD/home
		/lib/systemd/systemd --user --log-target=console --show-status=no >manager.log 2>&1 3>&- &
		await() {
			for ((i = 0; i < 200; i++)); do
				"$@" >/dev/null 2>&1 && return
				sleep 0.05
			done
			return 1
		}
		await systemctl --user show -p Version || { echo no manager; exit 1; }
		for turn in start restart; do
			systemctl --user $turn redis-server.service
			await redis-cli -s socket ping && redis-cli -s socket incr turns
			systemctl --user show -p ActiveState --value redis-server.service
		done
		systemctl --user stop redis-server.service
		kill %1
		wait' 3>&-
}

@test "operators: a service with the drop-in is served, through a restart, and runs bare where its unit forbids rings" {
	need redis-server redis-cli systemctl unshare jq
	[[ $EUID -eq 0 && -x /lib/systemd/systemd ]] || skip 'needs root and systemd'
	run service
	echo "$output"
	[[ $output != *'no manager'* ]] || skip "no manager of services here: $(tail -n 1 manager.log)"
	[[ $output == $'1\nactive\n1\nactive' ]]
	# One record a run of the server, in the profile that the drop-in names.
	holds records '[.[] | select(.prog == "redis-server" and .profile == "redis" and .mode == "auto")] | length == 2'
	holds records 'all(.[]; .why_no_ring == "")'
	rm records
	run service 'SystemCallFilter=~io_uring_setup' 'SystemCallErrorNumber=EPERM' Environment=XURING_MODE=ring
	echo "$output"
	[[ $output == $'1\nactive\n1\nactive' ]]
	holds records '[.[] | select(.ring == "none" and (.why_no_ring | length) > 0)] | length == 2'
}

@test "operators: records and logs may be moved away while the program runs" {
	need jq
	cat >work <<-'END'
		for turn in 1 2; do
			/bin/true
			mv records records.$turn
			mv log log.$turn
		done
	END
	# A name that is none is told by every program, in the log.
	shimmed XURING_STATS="json:$PWD/records" XURING_NONE=1 XURING_LOG_FILE="$PWD/log" bash work
	# Each has what came after the move before it; a shell about to become one of these has a record, too.
	holds records.1 '[.[].prog | select(. != "bash")] == ["true"]'
	holds records.2 '[.[].prog | select(. != "bash")] == ["mv", "mv", "true"]'
	holds records '[.[].prog | select(. != "bash")] == ["mv", "mv"] and .[-1].prog == "bash"'
	grep -c XURING_NONE log.1 log.2 | paste -sd' ' | grep -x 'log.1:4 log.2:3'
}
