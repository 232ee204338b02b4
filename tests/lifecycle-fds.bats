#!/usr/bin/env bats
# File descriptors: numbers, limits, and programs that close or replace all, bare and in each mode.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

@test "fds: the numbers that are given, and what is listed" {
	same -m "$(unseen_modes)" "$tools/life-fds" numbers
}

@test "fds: a table that is full before the first call" {
	same -m "$(unseen_modes)" "$tools/life-fds" full
}

@test "fds: a low limit" {
	same -m "$(unseen_modes)" "$tools/life-fds" limit
}

@test "fds: closefrom, close_range, loops, dup2 over everything" {
	same -m "$(unseen_modes)" "$tools/life-fds" closers
}

@test "fds: a daemon closes all" {
	same "$tools/life-fds" daemon
}
