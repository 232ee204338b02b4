#!/usr/bin/env bats
# Signals: handlers, interruption, jumps, the signals of calls, stopping, terminals, bare and in each mode.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

@test "signals: handlers that do I/O" {
	same "$tools/life-signals" handler
}

@test "signals: first calls on a handler's small stack" {
	same "$tools/life-signals" stack
}

@test "signals: EINTR and SA_RESTART, call by call" {
	same "$tools/life-signals" eintr
}

@test "signals: siglongjmp out of each blocked call" {
	same "$tools/life-signals" jump-blocked
}

@test "signals: siglongjmp out of a fast loop, 20,000 rounds" {
	same "$tools/life-signals" jump-loop
}

@test "signals: siglongjmp out of a program's first calls" {
	same "$tools/life-signals" jump-first
}

@test "signals: SIGPIPE by default, ignored, handled" {
	same "$tools/life-raised" sigpipe
}

@test "signals: SIGXFSZ by default, ignored, handled" {
	same "$tools/life-raised" sigxfsz
}

@test "signals: SIGSTOP and SIGCONT while blocked" {
	same "$tools/life-signals" stop
}

@test "signals: SIGTTIN and SIGTTOU at a terminal" {
	same "$tools/life-raised" terminal
}
