#!/usr/bin/env bats
# Children: each way to make one, with I/O before, in and after it, bare and in each mode.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

@test "fork: a child and a grandchild use what they inherited" {
	same "$tools/life-fork" fork
}

@test "fork: twice, and the middle one ends first" {
	same "$tools/life-fork" double-fork
}

@test "fork: vfork, the child does I/O in our memory" {
	same "$tools/life-fork" vfork
}

@test "fork: vfork and exec, as shells do" {
	same "$tools/life-fork" vfork-exec
}

@test "fork: posix_spawn with its actions" {
	same "$tools/life-fork" spawn
}

@test "fork: system and popen" {
	same "$tools/life-fork" system
}

@test "fork: daemon" {
	same "$tools/life-fork" daemon
}

@test "fork: between four threads that do I/O" {
	same "$tools/life-fork" thread-fork
}

@test "fork: in a signal handler" {
	same "$tools/life-fork" handler-fork
}

@test "fork: 10,000 children in a row" {
	limit=100
	same -n -m 'off auto denied' "$tools/life-fork" many 2000
	same -n -m ring "$tools/life-fork" many 10000
}

@test "fork: clone and fork by syscall()" {
	same "$tools/life-fork" raw-clone
}

@test "fork: clone into our memory, one waits for the other" {
	same "$tools/life-fork" clone-vfork
}

@test "fork: clone into our memory, both at once" {
	same "$tools/life-fork" clone-vm
}

@test "fork: clone into our memory, the child calls first" {
	same "$tools/life-fork" clone-first
}

@test "fork: clone into our memory, the child has no thread-local memory" {
	[[ $EUID -eq 0 ]] || skip 'only root may change its root'
	same "$tools/life-fork" clone-no-tls
}

@test "fork: many writers to one file, through one description" {
	same "$tools/life-shared" writers
}

@test "fork: many readers of one file or pipe, through one description" {
	same "$tools/life-shared" readers
}

@test "fork: descriptors that travel through a socket" {
	same "$tools/life-shared" scm
}
