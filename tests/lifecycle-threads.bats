#!/usr/bin/env bats
# Threads, many and in turn, and their cancellation, bare and in each mode.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

@test "threads: 1,000 at the same time" {
	same "$tools/life-threads" alive 1000
}

@test "threads: 100,000 in turn, and nothing grows" {
	limit=170
	same -m 'off auto denied' "$tools/life-threads" turn 5000
	same -m ring "$tools/life-threads" turn 100000
}

@test "threads: detached" {
	same "$tools/life-threads" detached
}

@test "threads: with the smallest stack" {
	same "$tools/life-threads" small-stack
}

@test "threads: the main one ends, others go on" {
	same "$tools/life-threads" main-ends
}

@test "threads: children while another thread is in the loader" {
	same "$tools/life-threads" loader-fork
}

@test "cancel: while blocked in each cancellation point" {
	same "$tools/life-cancel" blocked
}

@test "cancel: before calls that would not block" {
	same "$tools/life-cancel" pending
}

@test "cancel: in a loop, at any moment" {
	same "$tools/life-cancel" loop
}
