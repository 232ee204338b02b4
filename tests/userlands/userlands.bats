#!/usr/bin/env bats
# One build of the shim, made here, serves other userlands: programs of older and newer glibc do under it what they do
# bare. So does one for musl. The small systems are made once, below build/ (make, make-musl); XURING_USERLANDS names
# those that are wanted, as in XURING_USERLANDS='bullseye sid'.
# shellcheck shell=bash disable=SC2030,SC2031,SC2154,SC2164

source "$BATS_TEST_DIRNAME/harness.bash"

setup_file() {
	programs_setup
	make_userlands
}

teardown_file() { programs_teardown; }

@test "bullseye (glibc 2.31): programs in mode auto" { check_programs bullseye auto; }
@test "bullseye (glibc 2.31): programs in mode ring" { check_programs bullseye ring; }
@test "bullseye (glibc 2.31): programs where rings are refused" { check_programs bullseye eperm; }
@test "bullseye (glibc 2.31): a whole system with the shim in /etc/ld.so.preload" { check_session bullseye auto; }
@test "bullseye (glibc 2.31): the same in mode ring" { check_session bullseye ring; }
@test "bullseye (glibc 2.31): the same where rings are refused" { check_session bullseye eperm; }
@test "bullseye (glibc 2.31): a setuid program heeds no setting of its caller" { check_setuid bullseye; }
@test "bullseye (glibc 2.31): the table of symbols has all that is there" { check_imports bullseye; }
@test "bullseye (glibc 2.31): the shim as a program" { check_tables bullseye; }

@test "trixie (glibc 2.41): programs in mode ring" { check_programs trixie ring; }
@test "trixie (glibc 2.41): a whole system in mode ring" { check_session trixie ring; }
@test "trixie (glibc 2.41): the table of symbols has all that is there" { check_imports trixie; }

@test "sid (the newest glibc): programs in mode auto" { check_programs sid auto; }
@test "sid (the newest glibc): programs in mode ring" { check_programs sid ring; }
@test "sid (the newest glibc): programs where rings are refused" { check_programs sid eperm; }
@test "sid (the newest glibc): a whole system with the shim in /etc/ld.so.preload" { check_session sid auto; }
@test "sid (the newest glibc): the same in mode ring" { check_session sid ring; }
@test "sid (the newest glibc): the same where rings are refused" { check_session sid eperm; }
@test "sid (the newest glibc): a setuid program heeds no setting of its caller" { check_setuid sid; }
@test "sid (the newest glibc): the shim as a program" { check_tables sid; }

@test "musl: busybox's own tests in mode auto" { check_busybox auto; }
@test "musl: busybox's own tests in mode ring" { check_busybox ring; }
@test "musl: busybox's own tests where rings are refused" { check_busybox eperm; }
