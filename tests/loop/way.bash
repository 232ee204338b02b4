# The ways in which programs with event loops are run: bare, and always in company in two profiles.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2119 # `clean` is for those who load this, and lib.bash

# way bare|safe|server: sets `clean` to what runs a program in that way.
way() {
	clean_env "HOME=$PWD"
	[[ $1 == bare ]] || clean+=("LD_PRELOAD=$(preload)" XURING_BATCH=on "XURING_PROFILE=$1"
		"XURING_STATS=json:$PWD/records.$1")
}
