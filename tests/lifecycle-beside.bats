#!/usr/bin/env bats
# Beside others: other preloaded libraries, before and after the shim; programs that are built otherwise, or use rings
# themselves; the dynamic loader at work.
# shellcheck shell=bash disable=SC2016,SC2030,SC2031,SC2154

source "$BATS_TEST_DIRNAME/lib.bash"
source "$BATS_TEST_DIRNAME/lifecycle.bash"

setup() {
	lifecycle_setup
}

# library NAME: fills `library` with the path of an installed library, or skips.
library() {
	local path
	for path in /usr/lib/*/"$1" /usr/lib/*/*/"$1" /usr/lib/"$1" /usr/lib64/"$1"; do
		if [[ -e $path ]]; then
			library=$path
			return
		fi
	done
	skip "$1 is not installed"
}

# What the others are tried with.
programs() {
	same "$tools/life-once" all
	same "$tools/life-fork" fork
	same "$tools/life-threads" alive 50
	same sh -c 'seq 20000 >a; sort -n a | tail -n 1; cp a b; cmp a b && wc -l b; stat -c "%s %A" b'
}

# beside NAME: the library preloaded before the shim, and after it; bare means with the library alone.
beside() {
	local library order
	library "$1"
	[[ -z ${SAN_PRELOAD:-} ]] || skip "not together with a sanitizer"
	alone=("LD_PRELOAD=$library")
	for order in "$library:$shim" "$shim:$library"; do
		preloaded=$order
		"${2:-programs}"
	done
}

@test "beside: jemalloc" {
	beside libjemalloc.so.2
}

@test "beside: tcmalloc" {
	beside libtcmalloc_minimal.so.4
}

@test "beside: mimalloc" {
	beside libmimalloc.so.2
}

@test "beside: eatmydata" {
	beside libeatmydata.so.1
}

# Times of files are shifted by it, in stat too: it must be asked, not passed by.
faked() {
	same -n date '+%F %R'
	same sh -c 'touch -d "2001-02-03 04:05:06" f; stat -c %y f; cat f; ls -l --time-style=full-iso f | cut -d" " -f5-'
	programs
}

@test "beside: libfaketime" {
	# Its shared memory is named by process number: what one that has ended left behind would change the numbers of fds.
	local left
	for left in /dev/shm/{,sem.}faketime_*_*; do
		[[ -e /proc/${left##*_} ]] || rm -f "$left"
	done
	with=('FAKETIME=2010-11-12 13:14:15' FAKETIME_DISABLE_SHM=1)
	beside libfaketime.so.1 faked
}

# A library that has a read and a stat of its own: they are called, whatever the mode.
other_library() {
	need cc
	cc -shared -fPIC -O1 -x c -o "$PWD/$1" - <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <string.h>
		#include <sys/stat.h>
		#include <unistd.h>

		/* Turns what is read around, and adds 1,000 to sizes. */
		ssize_t read(int fd, void *buf, size_t n)
		{
			ssize_t got = ((ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(fd, buf, n);
			char *p = buf;

			for (ssize_t i = 0; i < got / 2; i++) {
				char c = p[i];

				p[i] = p[got - 1 - i];
				p[got - 1 - i] = c;
			}
			return got;
		}

		int stat(const char *path, struct stat *st)
		{
			int ret = ((int (*)(const char *, struct stat *))dlsym(RTLD_NEXT, "stat"))(path, st);

			if (!ret)
				st->st_size += 1000;
			return ret;
		}
	END
	# What calls them.
	cc -O1 -x c -o "$PWD/caller" - <<-'END'
		#include <fcntl.h>
		#include <stdio.h>
		#include <sys/stat.h>
		#include <unistd.h>

		int main(void)
		{
			char buf[32] = "";
			struct stat st;
			int fd = open("f", O_RDWR | O_CREAT, 0644);

			if (write(fd, "abcdef", 6) != 6 || lseek(fd, 0, SEEK_SET) || read(fd, buf, 31) != 6 || stat("f", &st))
				return 1;
			printf("%s %d\n", buf, (int)st.st_size);
			return close(fd);
		}
	END
}

@test "beside: a library with calls of its own, before and after" {
	[[ -z ${SAN_PRELOAD:-} ]] || skip "not together with a sanitizer"
	other_library other.so
	alone=("LD_PRELOAD=$PWD/other.so")
	for preloaded in "$PWD/other.so:$shim" "$shim:$PWD/other.so"; do
		same "$PWD/caller"
		[[ $(<"$results/ring/out") == 'fedcba 1006' ]]
	done
}

@test "beside: a program that preloads its own child" {
	[[ -z ${SAN_PRELOAD:-} ]] || skip "not together with a sanitizer"
	other_library other.so
	with=("OTHER=$PWD/other.so" "CALLER=$PWD/caller")
	same sh -c '"$CALLER"; LD_PRELOAD=$OTHER${LD_PRELOAD:+:$LD_PRELOAD} "$CALLER"; LD_PRELOAD=${LD_PRELOAD:+$LD_PRELOAD:}$OTHER "$CALLER"
		LD_PRELOAD=$OTHER "$CALLER"; LD_PRELOAD= "$CALLER"; (unset LD_PRELOAD; "$CALLER")'
	[[ $(<"$results/bare/out") == $'abcdef 6\nfedcba 1006\nfedcba 1006\nfedcba 1006\nabcdef 6\nabcdef 6' ]]
}

@test "beside: the loader: a constructor that waits for a thread, and dlerror" {
	need cc
	cc -shared -fPIC -O1 -pthread -x c -o "$PWD/constructor.so" - <<-'END'
		#include <pthread.h>
		#include <sys/stat.h>
		#include <unistd.h>

		/* The first calls of their kind, while the loader is busy with us. */
		static void *calls(void *arg)
		{
			umask(022);
			return chdir(".") || mkdir("of-constructor", 0755) || access(".", R_OK) ? 0 : arg;
		}

		__attribute__((constructor)) static void waits(void)
		{
			pthread_t t;

			if (!pthread_create(&t, 0, calls, &t))
				pthread_join(t, 0);
		}
	END
	same "$tools/life-threads" dlopen "$PWD/constructor.so"
	same "$tools/life-threads" dlopen ./missing.so
}

# built FLAG...: life-once, life-fork and life-threads built in another way, as built-*; or skips.
built() {
	local name
	need cc
	for name in once fork threads; do
		cc "$@" -O1 -g -pthread -D_GNU_SOURCE= -I "$root" -w -o "$PWD/built-$name" "$root/tests/tools/life-$name.c" \
			2>built.log || skip "cc $* does not work here"
	done
}

@test "beside: static programs: nothing is there, and nothing is said" {
	built -static
	for program in 'once all' 'fork fork' 'threads alive 50'; do
		read -ra arguments <<<"$program"
		same -n "$PWD/built-${arguments[0]}" "${arguments[@]:1}"
	done
	[[ ! -s $records ]]
}

@test "beside: programs built with the address sanitizer" {
	[[ -z ${SAN_PRELOAD:-} ]] || skip "once is enough"
	built -fsanitize=address
	with=(ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0)
	for program in 'once all' 'fork fork' 'fork system' 'threads alive 50' 'threads main-ends'; do
		read -ra arguments <<<"$program"
		same "$PWD/built-${arguments[0]}" "${arguments[@]:1}"
	done
}

@test "beside: fio with rings of its own" {
	need fio
	fio --enghelp 2>/dev/null | grep -qw io_uring || skip "fio has no io_uring here"
	for engine in io_uring psync; do
		same -n fio --name=job --ioengine=$engine --rw=randrw --bs=4k --size=2m --iodepth=16 --verify=crc32c \
			--verify_fatal=1 --randseed=7 --output=/dev/null --fallocate=none --thread
		same -n fio --name=job --ioengine=$engine --rw=write --bs=16k --size=2m --iodepth=8 --fsync=16 --verify=md5 \
			--do_verify=1 --output=/dev/null --numjobs=2
	done
}
