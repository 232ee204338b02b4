#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes a file in small pieces, and between them does, one after another, all that others could see something by.

usage: observed.py        in an empty directory; what it sees itself is printed
       observed.py TRACE  the same run's system calls (strace -f -y): had each of these come after what was written before it?
"""

import ctypes
import fcntl
import mmap
import os
import pty
import re
import select
import signal
import socket
import sys
import threading
import time

LINE = b"written\n"
# Before each act: some until it is a habit, and the others.
LINES = 12
libc = ctypes.CDLL(None)


class Scene:
	"""What the acts need. Made before anything is written."""

	def __init__(self):
		for name in "renamed", "unlinked", "cut", "linked", "other", "closed", "locked", "changed":
			with open(name, "wb") as file:
				file.write(b"0123456789")
		self.out = os.open("pieces", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
		self.end = os.open("pieces", os.O_WRONLY | os.O_APPEND)
		self.look = os.open("pieces", os.O_RDONLY)
		self.other, self.locked = os.open("other", os.O_RDWR), os.open("locked", os.O_RDWR)
		self.closed = os.open("closed", os.O_RDWR)
		self.pipe, self.pair = os.pipe(), socket.socketpair()
		self.terminal = pty.openpty()
		self.event = os.eventfd(0)
		self.queue = libc.msgget(0, 0o1600)
		self.sem = libc.semget(0, 1, 0o1600)
		self.poll, self.epoll = select.poll(), select.epoll()
		self.poll.register(self.pipe[0])
		signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

	def child(self):
		pid = os.fork()
		if not pid:
			os._exit(0)
		self.pid = pid

	def message(self):
		return libc.msgsnd(self.queue, ctypes.create_string_buffer(b"\1" + b"\0" * 7 + b"m"), ctypes.c_size_t(1), 0)

	def sem_up(self):
		return libc.semop(self.sem, ctypes.create_string_buffer(b"\0\0\1\0\0\0"), ctypes.c_size_t(1))

	def thread(self):
		t = threading.Thread(target=lambda: None)
		t.start()
		t.join()

	def acts(self):
		"""A pattern of its system call, what to do, and how much that writes to the file itself."""
		us = os.getpid()
		return [
			('rename[a-z0-9]*\\(.*"renamed"', lambda: os.rename("renamed", "r"), 0),
			('unlink[a-z]*\\(.*"unlinked"', lambda: os.unlink("unlinked"), 0),
			('truncate\\("cut"', lambda: os.truncate("cut", 3), 0),
			('link[a-z]*\\(.*"linked"', lambda: os.link("linked", "l"), 0),
			('symlink[a-z]*\\("x"', lambda: os.symlink("x", "s"), 0),
			('mkdir[a-z]*\\(.*"made"', lambda: os.mkdir("made"), 0),
			('mkn?odn?a?t?\\(.*"changed"|chmod[a-z]*\\(.*"changed"', lambda: os.chmod("changed", 0o600), 0),
			('utimens[a-z]*\\(.*"changed"', lambda: os.utime("changed"), 0),
			('openat\\(.*"other"', lambda: os.close(os.open("other", os.O_RDONLY)), 0),
			('close\\(\\d+<.*/closed>', lambda: os.close(self.closed), 0),
			('write\\(\\d+<pipe', lambda: os.write(self.pipe[1], b"12345"), 0),
			('read\\(\\d+<pipe', lambda: os.read(self.pipe[0], 1), 0),
			('sendto\\(', lambda: self.pair[0].send(b"1"), 0),
			('sendmsg\\(', lambda: self.pair[0].sendmsg([b"1"]), 0),
			('recvfrom\\(', lambda: self.pair[1].recv(1), 0),
			('write\\(\\d+</dev/pts', lambda: os.write(self.terminal[1], b"1"), 0),
			('write\\(\\d+<anon_inode:\\[eventfd', lambda: os.eventfd_write(self.event, 1), 0),
			('pwrite64\\(\\d+<.*/other>', lambda: os.pwrite(self.other, b"1", 0), 0),
			('fsync\\(\\d+<.*/other>', lambda: os.fsync(self.other), 0),
			('clone|fork', self.child, 0),
			('wait4|waitid', lambda: os.waitpid(self.pid, 0)[1], 0),
			('clone|fork', lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1], 0),
			('kill\\(\\d+, 0\\b', lambda: os.kill(us, 0), 0),
			('kill\\(-\\d+, 0\\b', lambda: os.killpg(os.getpgrp(), 0), 0),
			('rt_sigqueueinfo\\(', lambda: libc.sigqueue(us, signal.SIGUSR1, None), 0),
			('rt_sigtimedwait\\(', lambda: signal.sigtimedwait([signal.SIGUSR1], 1).si_signo, 0),
			('fcntl\\(.*F_SETLKW?, \\{l_type=F_WRLCK', lambda: fcntl.lockf(self.locked, fcntl.LOCK_EX), 0),
			('fcntl\\(.*F_SETLKW?, \\{l_type=F_UNLCK', lambda: fcntl.lockf(self.locked, fcntl.LOCK_UN), 0),
			('flock\\(.*LOCK_EX', lambda: fcntl.flock(self.locked, fcntl.LOCK_EX), 0),
			('flock\\(.*LOCK_UN', lambda: fcntl.flock(self.locked, fcntl.LOCK_UN), 0),
			('msgsnd\\(', self.message, 0),
			('msgrcv\\(', lambda: libc.msgrcv(self.queue, ctypes.create_string_buffer(16), ctypes.c_size_t(1), ctypes.c_long(0), 0), 0),
			('sem(timed)?op\\(', self.sem_up, 0),
			('(clock_)?nanosleep\\(', lambda: time.sleep(0.0001), 0),
			('(clock_)?nanosleep\\(', lambda: libc.usleep(100), 0),
			('poll\\(', lambda: len(self.poll.poll(0)), 0),
			('p?select6?\\(', lambda: len(select.select([self.pipe[0]], [], [], 0)[0]), 0),
			('epoll_p?wait', lambda: len(self.epoll.poll(0)), 0),
			('newfstatat\\(\\d+<.*/pieces>|fstat\\(\\d+<.*/pieces>', lambda: os.fstat(self.out).st_size, 0),
			('newfstatat\\(.*"pieces"|statx?\\(.*"pieces"', lambda: os.stat("pieces").st_size, 0),
			('lseek\\(\\d+<.*/pieces>', lambda: os.lseek(self.out, 0, os.SEEK_CUR), 0),
			('lseek\\(\\d+<.*/pieces>', lambda: os.lseek(self.look, 0, os.SEEK_END), 0),
			('openat\\(.*fdinfo', lambda: open(f"/proc/self/fdinfo/{self.out}", "rb").readline(), 0),
			('openat\\(.*"pieces"', lambda: len(open("pieces", "rb").read()), 0),
			('pread64\\(\\d+<.*/pieces>', lambda: len(os.pread(self.look, 1 << 16, 0)), 0),
			('mmap\\(.*/pieces>', lambda: len(mmap.mmap(self.look, 0, prot=mmap.PROT_READ)), 0),
			('sendfile\\(', lambda: os.sendfile(self.pair[0].fileno(), self.look, 0, 1 << 16), 0),
			('copy_file_range\\(', lambda: os.copy_file_range(self.look, self.other, 1 << 16, 0, 0), 0),
			('splice\\(', lambda: os.splice(self.look, self.pipe[1], 1 << 16, 0), 0),
			('write\\(\\d+<.*/pieces>, "end', lambda: os.write(self.end, b"end\n"), 4),
			('clone', self.thread, 0),
			('execve\\("/bin/cksum"', lambda: os.execv("/bin/cksum", ["cksum", "pieces"]), 0),
		]


def act():
	scene, seen = Scene(), []
	for pattern, do, _ in scene.acts():
		# One that was there before a fork would be left to the kernel.
		os.close(scene.out)
		scene.out = os.open("pieces", os.O_WRONLY)
		os.lseek(scene.out, 0, os.SEEK_END)
		if "execve" in pattern:
			libc.msgctl(scene.queue, 0, None)
			libc.semctl(scene.sem, 0, 0)
			print(*seen, sep="\n", flush=True)
		for _ in range(LINES):
			os.write(scene.out, LINE)
		seen.append((pattern, do()))


def calls(trace):
	"""The calls of all threads: where each begins, and None; where it ends, and its result."""
	begun, main = {}, None
	for line in trace:
		pid, call = line.split(maxsplit=1)
		main = main or pid
		if call.startswith("<... "):
			yield None, begun.pop(pid, "") + call
		elif call.endswith("<unfinished ...>\n"):
			begun[pid] = call
			yield call if pid == main else None, ""
		else:
			yield call if pid == main else None, call


def judge(trace):
	"""Says which act came too early. How many did."""
	acts = [(pattern, more) for pattern, _, more in Scene.__new__(Scene).acts()]
	written, want, wrong = 0, LINES * len(LINE), 0
	for call, ended in calls(trace):
		# Not before there is anything that could be missing.
		if call and acts and written > want - LINES * len(LINE) and re.match(acts[0][0], call):
			if written != want:
				print(f"{want - written} bytes were missing: {call.strip()}")
				wrong += 1
			want += acts.pop(0)[1] + LINES * len(LINE)
		done = re.match(r"write\(\d+<[^>]*/pieces>.* = (\d+)$", ended.replace("\n", ""))
		written += int(done[1]) if done else 0
	for pattern, _ in acts[:1]:
		print(f"not seen, or nothing was written before: {pattern}")
	return wrong + len(acts)


if len(sys.argv) > 1:
	with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
		sys.exit(min(judge(file), 1))
act()
