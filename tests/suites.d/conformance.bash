# Suites that ask whether calls behave as a standard says: see tests/suites.
# shellcheck shell=bash
# shellcheck disable=SC2016,SC2154 # text for other shells; variables of those who load this

# The Open POSIX Test Suite: what has to do with I/O, processes, signals, threads, timers and messages. Its numbers are its own:
# 0 passed, 1 failed, 2 unresolved, 4 not supported, 5 not tested; 124 is a time-out. Each case has message queues and shared memory of
# its own, since cases share their names.
source_posix() { echo posixtestsuite; }
build_posix() {
	# What cases leave to the headers of their time to include.
	local headers=(-include{signal,string,stdlib,errno,unistd,fcntl,sys/stat}.h)

	grep -rlE 'main *\(' conformance/interfaces --include='*.c' |
		grep -E '/(aio_|clock|fork|fsync|kill|lio_|mmap|munmap|mq_|nanosleep|pthread_(atfork|cancel|cleanup|create|detach|exit|join|kill|mutex_|setcancel|sigmask)|raise|sem_|shm_|sig|timer_)' |
		grep -vE '/sig(add|del|empty|fill|ismember)' | xargs -P "$jobs" -I{} sh -c 'f={}
			gcc -w -fcommon -O1 -std=gnu99 -D_GNU_SOURCE "$@" -Iinclude "$f" -o "${f%.c}.test" -lpthread -lrt -lm' \
		sh "${headers[@]}"
	find . -name '*.test' | grep -q .
}
run_posix() {
	find conformance -name '*.test' | sort | xargs -P "$jobs" -I{} unshare -m -i bash -c '
		mount -t tmpfs none /dev/shm && under timeout -k 5 60 {} >/dev/null 2>&1 </dev/null
		echo "{} $?"'
}
