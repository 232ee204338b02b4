#!/usr/bin/env bats
# The core library from outside: its header for C and C++, what it links, and the example programs on it.
# shellcheck shell=bash disable=SC2030,SC2031,SC2002,SC2154,SC2164

# shellcheck source-path=SCRIPTDIR source=lib.bash
source "$BATS_TEST_DIRNAME/lib.bash"
bats_require_minimum_version 1.5.0

setup() {
	examples=$build/examples
	cd "$BATS_TEST_TMPDIR"
}

teardown() {
	[[ -z ${server:-} ]] || kill "$server" 2>/dev/null || :
}

# ---- The header ----

# A use of the header that is the same in C and C++.
write_use() {
	cat <<-'EOF'
		int main(void)
		{
			struct xu_ring ring;
			struct io_uring_cqe *cqe;
			unsigned head, n = 0;
			char byte;

			if (xu_queue_init_best(8, &ring, XU_WANT_HIDDEN | XU_WANT_SINGLE, 0))
				return 0;
			xu_prep_read(xu_get_sqe(&ring), 0, &byte, 1, (uint64_t)-1);
			xu_prep_timeout_remove(xu_get_sqe(&ring), xu_ticket(1, 2), 0);
			xu_submit_and_wait(&ring, 2);
			xu_for_each_cqe (&ring, head, cqe)
				n++;
			xu_cq_advance(&ring, n);
			if (!xu_peek_cqe(&ring, &cqe))
				xu_cqe_seen(&ring, cqe);
			xu_queue_exit(&ring);
			return 0;
		}
	EOF
}

# compile COMPILER OPTIONS... : compiles standard input against the headers, with all warnings as errors.
compile() {
	local compiler=$1
	shift
	need "$compiler"
	"$compiler" -fsyntax-only -Wall -Wextra -Werror -I "$root/include" "$@" -
}

# in_all_orders COMPILER OPTIONS...: the header alone, and with the kernel's own before and after.
in_all_orders() {
	need "$1"
	{ echo '#include <xuring.h>'; write_use; } | compile "$@"
	{ echo '#include <xuring.h>'; echo '#include <linux/io_uring.h>'; write_use; } | compile "$@"
	{ echo '#include <linux/time_types.h>'; echo '#include <xuring.h>'; write_use; } | compile "$@"
	{ echo '#include <xuring/uapi.h>'; echo '#include <xuring.h>'; echo '#include <xuring.h>'; write_use; } | compile "$@"
}

@test "core: the header is C11" {
	in_all_orders cc -x c -std=c11 -Wstrict-prototypes
}

@test "core: the header is C++11 and C++20" {
	in_all_orders g++ -x c++ -std=c++11
	in_all_orders g++ -x c++ -std=c++20
}

@test "core: the header is C and C++ for clang" {
	in_all_orders clang -x c -std=c11
	need clang++
	in_all_orders clang++ -x c++ -std=c++17
}

@test "core: the header is C for aarch64" {
	in_all_orders aarch64-linux-gnu-gcc -x c -std=c11
}

@test "core: the header is C++ for aarch64" {
	in_all_orders aarch64-linux-gnu-g++ -x c++ -std=c++17
}

@test "core: prep.h says that it wants xuring.h" {
	need cc
	run ! compile cc -x c <<<'#include <xuring/prep.h>'
	[[ $output == *'include xuring.h'* ]]
}

@test "core: the library allocates nothing, prints nothing, leaves errno alone" {
	need nm
	nm -u "$build/libxuring.a" | awk '$1 == "U" { print $2 }' | sort -u >wanted
	[[ -s wanted ]]
	run ! grep -E '^(malloc|calloc|realloc|free|mmap|.*printf|write|abort|exit|__assert_fail|__errno_location)$' wanted
}

@test "core: the library's global names all begin with xu_" {
	need nm
	nm -g --defined-only "$build/libxuring.a" | awk 'NF == 3 { print $3 }' | sort -u >names
	[[ $(wc -l <names) -ge 20 ]]
	run ! grep -v -E '^(xu_|__(asan|odr_asan|tsan|ubsan|gcov|sanitizer))' names
}

# ---- Installed ----

# install_to DIR: what `make install` puts there, by what is built already; -o leaves that alone.
install_to() {
	case $build in */san-* | */cov*) skip 'not with instrumented builds' ;; esac
	need make
	make -s -C "$root" -o build -o "$build/.flags" BUILD="$build" PREFIX="$1" "${@:2}"
}

@test "core: installed, a program outside the tree compiles and links in one command" {
	need pkg-config
	need cc
	install_to "$PWD/dest" install
	cat >program.c <<-'EOF'
		#include <stdio.h>
		#include <xuring.h>

		int main(void)
		{
			struct xu_ring ring;
			int ret = xu_queue_init_best(8, &ring, XU_WANT_SINGLE, 0);

			if (!ret) {
				xu_prep_nop(xu_get_sqe(&ring));
				ret = xu_submit_and_wait(&ring, 1) - 1;
				xu_queue_exit(&ring);
			}
			printf("%d\n", ret);
			return 0;
		}
	EOF
	export PKG_CONFIG_PATH=$PWD/dest/lib/pkgconfig
	# shellcheck disable=SC2046 # flags are words
	cc -Wall -Werror -o program program.c $(pkg-config --cflags --libs xuring)
	need_ring
	[[ $(./program) == 0 ]]
	# Nothing of it but the archive's code is needed to run.
	run ! grep xuring <(ldd program)
	[[ $(pkg-config --modversion xuring) == "$(sed -n 's/^VERSION := //p' "$root/Makefile")" ]]
	if command -v g++ >/dev/null; then
		# shellcheck disable=SC2046
		g++ -Wall -Werror -x c++ -o program program.c -x none $(pkg-config --cflags --libs xuring)
		[[ $(./program) == 0 ]]
	fi
	# shellcheck disable=SC2046
	cc -static -o program program.c $(pkg-config --cflags --libs --static xuring)
	[[ $(./program) == 0 ]]
}

@test "core: installing below DESTDIR, and taking it away again" {
	install_to /usr install DESTDIR="$PWD/root"
	[[ -f root/usr/lib/libxuring.a && -f root/usr/include/xuring.h && -f root/usr/include/xuring/uapi.h ]]
	grep -x 'prefix=/usr' root/usr/lib/pkgconfig/xuring.pc
	install_to /usr uninstall DESTDIR="$PWD/root"
	[[ -z $(find root -type f) ]]
}

# ---- xu-cat ----

# Files of many kinds and sizes, about the size of the buffer too.
make_files() {
	local size
	mkdir -p files
	for size in 0 1 4095 131071 131072 131073 262144 1000000; do
		head -c $size /dev/urandom >files/$size
	done
	printf 'no end of line' >files/unended
	truncate -s 300000 files/sparse
}

# same_as PROG MY ARGS...: MY does with ARGS what PROG does, in output and exit status, and complains as often.
same_as() {
	local prog=$1 mine=$2 status=0 my_status=0
	shift 2
	"$prog" "$@" >out 2>err <in || status=$?
	"$mine" "$@" >my_out 2>my_err <in || my_status=$?
	[[ $status -eq $my_status ]] || { echo "$* status $status, but $my_status"; cat my_err; return 1; }
	cmp out my_out
	# The same errors, up to the words before them.
	sed 's/.*: //' err >e1
	sed 's/.*: //' my_err >e2
	diff e1 e2
}

@test "xu-cat: as cat does" {
	need_ring
	make_files
	echo 'standard input' >in
	for file in files/*; do
		same_as cat "$examples/xu-cat" "$file"
	done
	same_as cat "$examples/xu-cat" files/*
	same_as cat "$examples/xu-cat"
	same_as cat "$examples/xu-cat" files/1 - files/unended
	same_as cat "$examples/xu-cat" files/1 missing files/unended files files/1
	same_as cat "$examples/xu-cat" /proc/filesystems
}

@test "xu-cat: pipes, in and out" {
	need_ring
	head -c 5000000 /dev/urandom >data
	cat data | "$examples/xu-cat" | cmp - data
	(head -c 10 data; sleep 0.1; tail -c +11 data) | "$examples/xu-cat" - | cat | cmp - data
	# A reader in no hurry, and writes that fall short.
	"$examples/xu-cat" data | (sleep 0.1; dd bs=1000 status=none) | cmp - data
	# What comes slowly goes on at once.
	(echo early; sleep 5) | timeout 3 "$examples/xu-cat" | head -n 1 | grep -q early
}

@test "xu-cat: a reader that goes away, a full disk, itself" {
	need_ring
	head -c 1000000 /dev/urandom >data
	run bash -c "'$examples/xu-cat' data data data | head -c 10 >/dev/null; exit \${PIPESTATUS[0]}"
	[[ $status -eq 141 && -z $output ]]
	run -1 --separate-stderr bash -c "'$examples/xu-cat' data >/dev/full"
	[[ $stderr == 'xu-cat: write error: No space left on device' ]]
	echo one >self
	run -1 --separate-stderr timeout 10 bash -c "'$examples/xu-cat' self >>self"
	[[ $stderr == 'xu-cat: self: input file is output file' ]]
	[[ $(cat self) == one ]]
	# Appending another file, and to the end of what is there.
	"$examples/xu-cat" data >>self
	(echo one; cat data) | cmp - self
}

# ---- xu-echo ----

# start_echo OPTION...: starts the server; $server is its process, $port where it listens.
start_echo() {
	need_ring
	need python3
	rm -f address
	"$examples/xu-echo" "$@" >address 2>err 3>&- &
	server=$!
	for _ in {1..200}; do
		[[ -s address ]] && break
		sleep 0.05
	done
	port=$(cut -d: -f2 address)
	[[ $port -gt 0 ]]
}

# stop_echo: asks it to end, which it does at once and well.
stop_echo() {
	kill -TERM "$server"
	wait "$server"
	server=
	cat err
	[[ ! -s err ]]
}

# client COUNT SIZE [together|lazy]: COUNT connections at once, each sends SIZE bytes and gets them back, then the end.
# together: none ends before all have their bytes back. lazy: nobody reads before nothing more can be sent.
client() {
	python3 - "$port" "$1" "$2" "${3:-}" <<-'EOF'
		import os, selectors, socket, sys, time
		port, count, size = map(int, sys.argv[1:4])
		together, lazy = sys.argv[4] == "together", sys.argv[4] == "lazy"
		sel = selectors.DefaultSelector()
		todo = waiting = count
		for i in range(count):
		    s = socket.create_connection(("127.0.0.1", port), timeout=20)
		    s.setblocking(False)
		    data, sent = os.urandom(size), 0
		    while lazy and sent < size:
		        try:
		            sent += s.send(data[sent:])
		        except BlockingIOError:
		            time.sleep(0.2)
		            lazy = False
		    sel.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE, [data, sent, bytearray()])
		def end(s, own):
		    s.shutdown(socket.SHUT_WR)
		    sel.modify(s, selectors.EVENT_READ, own)
		while todo:
		    ready = sel.select(20)
		    assert ready, "the server stands still"
		    for key, mask in ready:
		        s, own = key.fileobj, key.data
		        if mask & selectors.EVENT_WRITE:
		            if own[1] < size:
		                own[1] += s.send(own[0][own[1]:own[1] + 5000])
		            elif together:
		                sel.modify(s, selectors.EVENT_READ, own)
		            else:
		                end(s, own)
		        if mask & selectors.EVENT_READ:
		            part = s.recv(65536)
		            own[2] += part
		            if part and len(own[2]) == size:
		                waiting -= 1
		                if together and not waiting:
		                    for k in list(sel.get_map().values()):
		                        end(k.fileobj, k.data)
		            if not part:
		                assert bytes(own[2]) == own[0], "%d of %d bytes, or others" % (len(own[2]), size)
		                sel.unregister(s)
		                s.close()
		                todo -= 1
	EOF
}

@test "xu-echo: one connection, then many, again and again" {
	start_echo
	client 1 10
	client 1 1000000
	client 2 20000000 lazy
	for _ in 1 2 3; do
		client 200 20000 together
	done
	stop_echo
}

@test "xu-echo: one op a receive, as on old kernels" {
	start_echo -1
	client 1 1000000
	client 2 5000000 lazy
	client 200 20000 together
	stop_echo
}

@test "xu-echo: many receives for one call" {
	start_echo -s
	client 100 50000 together
	kill -TERM "$server"
	wait "$server"
	server=
	read -r _ connections _ receives _ bytes _ enters _ <err
	[[ $connections -eq 100 && $bytes -eq 5000000 ]]
	[[ $enters -lt $((receives + receives)) ]]
}

@test "xu-echo: connections that break off" {
	start_echo
	python3 - "$port" <<-'EOF'
		import socket, struct, sys
		for i in range(100):
		    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
		    s.sendall(b"x" * 1000)
		    if i % 2: # a reset, with the answer unread
		        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		    s.close()
	EOF
	client 50 10000
	# The last ones are closed in a moment; the one that listens stays.
	for _ in {1..100}; do
		[[ $(find "/proc/$server/fd" -lname 'socket:*' | wc -l) -gt 1 ]] || break
		sleep 0.05
	done
	[[ $(find "/proc/$server/fd" -lname 'socket:*' | wc -l) -eq 1 ]]
	stop_echo
}

@test "xu-echo: out of fds, the others wait their turn" {
	ulimit -S -n 20
	start_echo
	ulimit -S -n 1024
	client 100 5000
	stop_echo
}

@test "xu-echo: ends at once when asked, also with open connections; a taken port is an error" {
	start_echo
	exec {held}<>"/dev/tcp/127.0.0.1/$port"
	echo hello >&"$held"
	read -r -t 10 answer <&"$held"
	[[ $answer == hello ]]
	run -1 --separate-stderr "$examples/xu-echo" -p "$port"
	[[ $stderr == 'xu-echo: listen: Address already in use' ]]
	stop_echo
	exec {held}>&-
}

# ---- All of them ----

@test "examples: help, bad options" {
	for name in xu-cat xu-cp xu-echo; do
		run -0 --separate-stderr "$examples/$name" -h
		[[ $output == "usage: $name "* && -z $stderr ]]
		run -1 --separate-stderr "$examples/$name" -Z
		[[ -z $output && $stderr == *"usage: $name "* ]]
	done
	run -1 "$examples/xu-echo" -p 65536
	run -1 "$examples/xu-echo" -p x
	run -1 "$examples/xu-echo" -p ''
}

@test "examples: without io_uring they say so" {
	[[ -x $tools/deny ]] || skip 'the tool deny is not built'
	echo one >one
	for command in 'xu-cat one' 'xu-cp one two' 'xu-echo'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr timeout 10 "$tools/deny" EPERM "$examples"/$command
		[[ $stderr == *': no io_uring: Operation not permitted' ]]
	done
}

# counted COMMAND...: runs it; `allocations` is how many blocks it asked malloc and kin for.
counted() {
	need cc
	case $build in */san-* | */cov*) skip 'not with instrumented builds' ;; esac
	[[ -e count.so ]] || cc -shared -fPIC -O -o count.so -x c - <<-'EOF'
		#include <errno.h>
		#include <fcntl.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>

		void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
		void *__libc_memalign(size_t, size_t);
		static unsigned long count;

		#define COUNT(call) (__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED), call)
		void *malloc(size_t n) { return COUNT(__libc_malloc(n)); }
		void *calloc(size_t n, size_t size) { return COUNT(__libc_calloc(n, size)); }
		void *realloc(void *p, size_t n) { return COUNT(__libc_realloc(p, n)); }
		void *memalign(size_t to, size_t n) { return COUNT(__libc_memalign(to, n)); }
		void *aligned_alloc(size_t to, size_t n) { return COUNT(__libc_memalign(to, n)); }
		int posix_memalign(void **p, size_t to, size_t n) { return (*p = COUNT(__libc_memalign(to, n))) ? 0 : ENOMEM; }

		__attribute__((destructor)) static void tell(void)
		{
			char text[32];
			int fd = open(getenv("COUNT"), O_WRONLY | O_CREAT | O_TRUNC, 0666);

			if (write(fd, text, snprintf(text, sizeof(text), "%lu\n", count)) < 0)
				_exit(9);
		}
	EOF
	COUNT=$PWD/count LD_PRELOAD=$PWD/count.so "$@" && allocations=$(<count)
}

@test "examples: they ask for no memory, whatever there is to do" {
	need_ring
	[[ $(ldd "$examples/xu-cp") == *libc.so.6* ]] || skip 'needs glibc'
	make_files
	mkdir -p tree/{1..50} to
	for i in {1..50}; do
		seq 1000 >"tree/$i/file"
		ln "tree/$i/file" "tree/$i/link"
		ln -s file "tree/$i/symbolic"
	done
	counted "$examples/xu-cat" files/1000000 files/sparse files/131073 >/dev/null
	echo "xu-cat: $allocations"
	[[ $allocations -eq 0 ]]
	counted "$examples/xu-cp" -r tree files/1000000 files/sparse to
	echo "xu-cp -r: $allocations"
	[[ $allocations -eq 0 ]]
	counted "$examples/xu-cp" -av tree copy >/dev/null
	echo "xu-cp -av: $allocations"
	[[ $allocations -eq 0 ]]
	# The counter does count.
	counted cp -r tree copy2
	echo "cp -r: $allocations"
	[[ $allocations -gt 50 ]]
}

@test "xu-echo: asks for no memory while it serves" {
	counted /bin/true
	for connections in 1 200; do
		COUNT=$PWD/count LD_PRELOAD=$PWD/count.so start_echo
		client "$connections" 20000 together
		client 2 1000000
		stop_echo
		echo "$connections connections: $(<count)"
		# Its one line on standard output is what is left.
		[[ $(<count) -le 1 ]]
	done
}

@test "benchmarks: the library asks for no memory, however many operations there are" {
	need_ring
	[[ -x $build/bench/nop-liburing ]] || skip 'without liburing'
	local side first
	for side in core-one core-batch core-read; do
		counted "$build/bench/nop-liburing" run $side 10
		first=$allocations
		counted "$build/bench/nop-liburing" run $side 1000
		echo "$side: $first, $allocations"
		[[ $allocations -eq $first ]]
	done
}

@test "examples: no fd of theirs is left to see" {
	need_ring
	kernel=$(uname -r)
	[[ ${kernel%%.*} -gt 6 || ($kernel == 6.* && $(cut -d. -f2 <<<"$kernel") -ge 5) ]] || skip 'needs Linux 6.5'
	mkfifo fifo
	"$examples/xu-cat" fifo >out 3>&- &
	server=$!
	exec {feed}>fifo
	echo x >&"$feed"
	while [[ ! -s out ]]; do
		sleep 0.05
	done
	run ! grep -r io_uring <(ls -l "/proc/$server/fd")
	exec {feed}>&-
	wait "$server"
	server=
}
