#!/usr/bin/env bats
# Identity and sandboxes: users, capabilities, roots, namespaces, filters, bare and in each mode.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

teardown() {
	[[ -z ${place:-} ]] || rm -rf "$place"
}

# for_all: the shim where any user can read it, as programs that nobody starts need it.
for_all() {
	need_root
	place=$(mktemp -d "${TMPDIR:-/tmp}/xuring-lifecycle.XXXXXX")
	chmod 711 "$place"
	install -m 644 "$shim" "$place/shim.so"
	preloaded=$(preload "$place/shim.so")
}

# changes NAME...: each is made, and judged.
changes() {
	need_root
	same "$tools/life-identity" change "$@"
}

@test "identity: users and groups, by libc's functions" {
	changes setuid seteuid setreuid setresuid setfsuid setgroups
}

@test "identity: users and groups, by syscall()" {
	changes syscall syscall-fsuid
}

@test "identity: users of a process with threads" {
	changes setuid-threads syscall-threads
}

@test "identity: capabilities and no_new_privs" {
	changes capset capset-syscall keepcaps
}

@test "identity: chroot, in one thread and in all" {
	changes chroot chroot-syscall chroot-threads unshare-directory
}

@test "identity: a mount namespace" {
	changes mount-namespace
}

@test "identity: a user namespace, by name, by syscall(), after setuid" {
	changes user-namespace user-namespace-syscall user-namespace-after-setuid
}

@test "identity: into the namespaces of a child" {
	changes setns
}

@test "identity: an fd table of a thread's own" {
	changes fd-table
}

@test "identity: a network of its own" {
	changes network
}

@test "identity: unshare(1), and programs in its namespaces" {
	need unshare mount
	unshare -Urm true 2>/dev/null || skip "no user namespaces here"
	same unshare -Ur sh -c 'id -u; id -g; cat /proc/self/uid_map; echo x >f; cat f'
	same unshare -Urm sh -c 'mkdir m; echo under >m/f; mount -t tmpfs none m && cat m/f; echo over >m/g; cat m/g; umount m && ls m; cat m/f'
	same unshare -Urpf sh -c 'echo $$; cat /proc/self/status | grep ^Uid'
}

@test "identity: setpriv(1) gives up rights, and what it starts has none" {
	need setpriv
	for_all
	same sh -c 'umask 077; echo s >secret; mkdir all; chmod 777 all
		cat secret
		setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "cat secret; echo x >all/f; stat -c %u:%g all/f; id -u"
		setpriv --bounding-set=-all --inh-caps=-all --no-new-privs sh -c "cat secret; grep NoNewPrivs /proc/self/status"'
}

@test "identity: a setuid program neither loads the shim nor complains" {
	need setpriv
	for_all
	install -m 4755 "$(command -v cat)" "$place/cat"
	# Nobody can write statistics.
	same -n setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "cat \"\$0\" >/dev/null && '$place/cat' /proc/self/status | grep ^Uid" /etc/passwd
}

@test "sandbox: filters, by each door: what they forbid stays forbidden" {
	same "$tools/life-sandbox" filter
}

@test "sandbox: filters against rings, also when nobody hears of them" {
	same "$tools/life-sandbox" rings
}

@test "sandbox: the strict one" {
	same "$tools/life-sandbox" strict
}

@test "sandbox: Landlock" {
	# Nobody can write statistics from in there.
	same -n "$tools/life-sandbox" landlock
}

@test "sandbox: from outside, refusing rings or killing for them" {
	same -m 'ring denied' "$tools/life-sandbox" plain
	for answer in EPERM ENOSYS EACCES ENOMEM kill; do
		same -n "$tools/deny" "$answer" "$tools/life-sandbox" plain
		same -n "$tools/deny" -s enter "$answer" "$tools/life-sandbox" plain
		same -n "$tools/deny" -s register "$answer" "$tools/life-sandbox" plain
	done
}
