#!/usr/bin/env bats
# The table of symbols is complete, the shim exports what it says, and behind each entry point is the function that
# would have been called without the shim.
# shellcheck shell=bash disable=SC2030,SC2031,SC2119,SC2154,SC2164

bats_require_minimum_version 1.5.0
source "$BATS_TEST_DIRNAME/lib.bash"

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# compiled NAME [OPTION...]: compiles the C source on stdin.
compiled() {
	local name=$1
	shift
	gcc -w -O1 -x c -o "$name" - -x none "$@"
}

# in_modes PROG...: in every mode it ends with 0 and prints what the variable $expect says.
in_modes() {
	local mode
	for mode in bare off auto ring; do
		if [[ $mode == bare ]]; then
			run --separate-stderr "$tools/within" 30 "$@"
		else
			run --separate-stderr "$tools/within" 30 env "LD_PRELOAD=$(preload)" "XURING_MODE=$mode" "$@"
		fi
		[[ $status -eq 0 && $output == "$expect" ]] || {
			echo "mode $mode: status $status, printed: $output"
			echo "$stderr"
			return 1
		}
	done
}

# ---- The table ----

@test "imports: the table has every I/O symbol that anything installed uses" {
	"$root/scripts/imports"
}

@test "imports: the table has every I/O symbol that libc has" {
	"$root/scripts/imports" --all
}

@test "imports: a function that libc gets one day is noticed, and who uses it" {
	need gcc
	local machine
	machine=$(uname -m)
	mkdir -p "root/lib/$machine-linux-gnu" root/bin
	compiled "root/lib/$machine-linux-gnu/libc.so.6" -shared -fPIC -nostdlib -Wl,-soname,libc.so.6 <<-'END'
		int read(void) { return 0; }
		int teleport(void) { return 0; }
		int levitate(void) { return 0; }
		int strange(void) { return 0; }
	END
	compiled root/bin/traveller -nostdlib -nostartfiles "root/lib/$machine-linux-gnu/libc.so.6" <<-'END'
		extern int read(void), teleport(void), strange(void);
		int _start(void) { return read() + teleport() + strange(); }
	END
	run -1 --separate-stderr "$root/scripts/imports" --root root
	[[ $output =~ ^teleport\ +root/bin/traveller$ ]]
	run -1 --separate-stderr "$root/scripts/imports" --root root --all
	[[ ${#lines[@]} -eq 2 && ${lines[0]} == levitate* ]]
	# No libc is trouble, and not an empty list.
	run -2 "$root/scripts/imports" --root root/bin
}

@test "imports: the shim exports the names of the table, and no others" {
	need nm
	need_shim
	"$root/scripts/imports" --exports | LC_ALL=C sort >wanted
	nm -D --defined-only "$shim" | awk '{ print $3 }' | LC_ALL=C sort >exported
	diff wanted exported
}

# Programs look for functions by name, and must not find one that their libc has not, unless it does all that is to be
# done as a system call of its own. These are newer than some glibc that is served:
newer=' _Fork close_range closefrom epoll_pwait2 execveat fsmount fsopen fspick move_mount open_tree openat2 pidfd_getfd pidfd_open '
newer+='pidfd_send_signal '
# libaio's, which are system calls and no more:
newer+='io_destroy io_getevents io_pgetevents io_queue_release io_queue_run io_submit '

@test "imports: each exported name is one of libc's" {
	need nm
	need_shim
	local library libraries=() name
	for library in libc.so.6 libpthread.so.0 librt.so.1 libutil.so.1; do
		library=$(gcc -print-file-name=$library) || skip 'gcc is not installed'
		[[ ! -e $library ]] || libraries+=("$library")
	done
	nm -D --defined-only "${libraries[@]}" | awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort -u >libc
	nm -D --defined-only "$shim" | awk '{ print $3 }' | LC_ALL=C sort >exported
	for name in $(LC_ALL=C comm -13 libc exported); do
		[[ $newer == *" $name "* ]] || {
			echo "$name: libc has none"
			return 1
		}
	done
}

@test "imports: the shim needs nothing of a glibc newer than 2.17" {
	need readelf
	need_shim
	[[ -z ${SAN_PRELOAD:-} && $build != */cov ]] || skip 'a runtime of the compiler is in it'
	readelf -W --dyn-syms "$shim" | grep -oE '@GLIBC_[0-9.]+' | sort -uV | tail -n 1 | tee newest
	[[ $(printf '%s\n' @GLIBC_2.17 "$(<newest)" | sort -V | tail -n 1) == @GLIBC_2.17 ]]
	[[ $(readelf -d "$shim" | grep -c '(NEEDED)') -eq 1 ]]
}

# ---- Behind the entry points ----

@test "behind a symbol: what dlopen has left for dlerror stays" {
	need gcc
	need_shim
	compiled prog <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <sys/stat.h>
		#include <unistd.h>
		int main(void)
		{
			struct stat st;
			int fds[2];
			char *error;

			dlopen("no-such-library.so", RTLD_NOW);
			stat("/", &st);
			pipe(fds);
			write(fds[1], "x", 1);
			fsync(fds[0]);
			error = dlerror();
			puts(error ? error : "forgotten");
			return 0;
		}
	END
	expect=$(./prog)
	[[ $expect == no-such-library* ]]
	in_modes ./prog
}

@test "behind a symbol: a constructor may wait for a thread that does I/O" {
	need gcc
	need_shim
	compiled lib.so -shared -fPIC -pthread <<-'END'
		#include <pthread.h>
		#include <unistd.h>
		static void *thread(void *arg)
		{
			int fds[2];
			char c;
			return (void *)(long)(pipe(fds) || write(fds[1], "x", 1) != 1 || read(fds[0], &c, 1) != 1 || fsync(fds[0]) != -1);
		}
		__attribute__((constructor)) static void start(void)
		{
			void *result = (void *)1;
			pthread_t t;
			pthread_create(&t, 0, thread, 0);
			pthread_join(t, &result);
			write(1, result ? "bad\n" : "good\n", 5);
		}
	END
	compiled prog <<-'END'
		#include <dlfcn.h>
		int main(void) { return !dlopen("./lib.so", RTLD_NOW); }
	END
	expect=good
	in_modes ./prog
}

@test "behind a symbol: another preloaded library is called, before and after the shim" {
	need gcc
	need_shim
	compiled other.so -shared -fPIC <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <unistd.h>
		ssize_t pread(int fd, void *buf, size_t n, off_t off)
		{
			ssize_t (*next)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
			return next(fd, buf, n, off) - 1000;
		}
	END
	compiled prog <<-'END'
		#include <fcntl.h>
		#include <stdio.h>
		#include <unistd.h>
		int main(void) { char c[4]; printf("%zd\n", pread(open("/proc/self/exe", O_RDONLY), c, 4, 0)); return 0; }
	END
	expect=-996
	run env "LD_PRELOAD=$PWD/other.so" ./prog
	[[ $output == "$expect" ]]
	for mode in auto ring; do
		run env "LD_PRELOAD=$(preload):$PWD/other.so" XURING_MODE=$mode ./prog
		echo "after, mode $mode: $output"
		# In mode ring the op answers, and not the library behind.
		[[ $output == "$expect" || $mode == ring ]]
		run env "LD_PRELOAD=${SAN_PRELOAD:+$SAN_PRELOAD:}$PWD/other.so:$shim" XURING_MODE=$mode ./prog
		echo "before, mode $mode: $output"
		[[ $output == "$expect" ]]
	done
}
