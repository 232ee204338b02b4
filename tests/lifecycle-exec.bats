#!/usr/bin/env bats
# Exec by every door, and the end by every door, bare and in each mode.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

@test "exec: by every door" {
	same "$tools/life-exec" doors
}

@test "exec: without an environment, and with LD_PRELOAD alone" {
	same "$tools/life-exec" environment
}

@test "exec: that fails, and the program goes on" {
	same -s 5 "$tools/life-exec" failed
}

@test "exec: of what was written just now" {
	same "$tools/life-exec" fresh
}

@test "exec: while threads do I/O, from main and from another" {
	same "$tools/life-exec" threads
}

@test "exec: which descriptors go on" {
	same "$tools/life-exec" cloexec
}

@test "exit: by every door" {
	same "$tools/life-exit" doors
}
