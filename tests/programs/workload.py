"""Python's own ways to files, processes and sockets: what it prints must be the same bare and under the shim."""

import asyncio
import errno
import hashlib
import mmap
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time


def files():
    """Text and binary files, buffered and not, vectors, offsets, appending, sparse, directories."""
    with open("in/blob", "rb") as f:
        print(hashlib.sha256(f.read()).hexdigest(), f.tell())
        f.seek(-10, os.SEEK_END)
        print(f.read(100))
    with open("in/quarter", "rb", buffering=0) as f:
        print(len(f.read(7)), f.tell(), len(f.readall()), f.read(1))
    with open("text", "w+", encoding="utf-8") as f:
        for i in range(3000):
            print(i, "ä" * (i % 50), file=f)
        f.flush()
        os.fsync(f.fileno())
        f.seek(0)
        print(sum(len(line) for line in f))
    with open("text", "a") as f:
        print(f.write("appended\n"), f.tell())
    fd = os.open("vectors", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
    print(os.writev(fd, [b"one", b"", b"three"]), os.pwrite(fd, b"at 4096", 4096), os.lseek(fd, 0, os.SEEK_CUR))
    buffers = [bytearray(2), bytearray(5), bytearray(3)]
    print(os.preadv(fd, buffers, 0), buffers, os.pread(fd, 100, 4090), os.pread(fd, 1, 99999))
    print(os.pwritev(fd, [b"x" * 10, b"y"], 4000), os.lseek(fd, 0, os.SEEK_CUR))
    os.fdatasync(fd)
    twin = os.dup(fd)
    print(os.read(twin, 3), os.lseek(fd, 0, os.SEEK_CUR), os.read(fd, 10))
    os.ftruncate(fd, 5)
    with mmap.mmap(fd, 5) as m:
        print(bytes(m))
    os.close(twin)
    os.close(fd)
    for bad in (lambda: os.read(fd, 1), lambda: os.open("in", os.O_WRONLY), lambda: os.open("missing", 0),
                lambda: os.read(os.open("in", os.O_RDONLY), 1), lambda: os.open("text", os.O_CREAT | os.O_EXCL),
                lambda: os.pread(0, 1, -1), lambda: os.write(os.open("text", os.O_RDONLY), b"x")):
        try:
            print(bad())
        except OSError as e:
            print(errno.errorcode[e.errno], e.filename)
    with tempfile.TemporaryDirectory(dir=".") as d:
        for i in range(50):
            with open(os.path.join(d, str(i)), "wb") as f:
                f.write(os.urandom(i))
        print(sum(e.stat().st_size for e in os.scandir(d)))
    s = os.stat("in/odd/link", follow_symlinks=False)
    print(oct(s.st_mode), s.st_size, os.stat("in/odd/hard").st_nlink, os.path.exists("in/odd/dangling"))


def processes():
    """subprocess, pipes both ways, exit by code and signal, fork with buffered data, timeouts."""
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 5"], capture_output=True, text=True))
    p = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    data = bytes(range(256)) * 2000
    print(p.communicate(data)[0] == data, p.returncode)
    p = subprocess.Popen(["sleep", "30"])
    p.send_signal(signal.SIGTERM)
    print(p.wait())
    try:
        subprocess.run(["sleep", "30"], timeout=0.1)
    except subprocess.TimeoutExpired as e:
        print("timeout", e.cmd)
    try:
        subprocess.run(["no-such-program"])
    except FileNotFoundError as e:
        print(e)
    sys.stdout.flush()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(r)
        for i in range(100):
            os.write(w, struct.pack("I", i) * 100)
        os._exit(3)
    os.close(w)
    with os.fdopen(r, "rb") as f:
        print(hashlib.md5(f.read()).hexdigest(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def pipes():
    """O_NONBLOCK pipes, EAGAIN, a full pipe, a closed end, a signal that interrupts a read, select."""
    r, w = os.pipe2(os.O_NONBLOCK)
    try:
        os.read(r, 1)
    except BlockingIOError as e:
        print(errno.errorcode[e.errno])
    total = 0
    try:
        while True:
            total += os.write(w, b"z" * 5000)
    except BlockingIOError:
        print("full after", total)
    print(select.select([r], [w], [], 0) == ([r], [], []))
    print(len(os.read(r, 1 << 20)))
    os.close(r)
    try:
        os.write(w, b"nobody reads")
    except BrokenPipeError as e:
        print(errno.errorcode[e.errno])
    os.close(w)
    r, w = os.pipe()

    def ring_bell(signum, frame):
        print("signal", signum)
        os.write(w, b"woken")

    signal.signal(signal.SIGALRM, ring_bell)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    print(os.read(r, 10))
    os.close(r)
    os.close(w)


def serve(listener, handle, count):
    """Accepts that many connections, each handled in a thread of its own."""
    def loop():
        threads = []
        for _ in range(count):
            conn, _ = listener.accept()
            t = threading.Thread(target=handle, args=(conn,))
            t.start()
            threads.append(t)
        for t in threads:
            t.join()
    t = threading.Thread(target=loop)
    t.start()
    return t


def sockets():
    """TCP with threads, timeouts, half-closed connections, UDP, UNIX sockets with descriptors in messages."""
    def echo(conn):
        with conn:
            while data := conn.recv(10000):
                conn.sendall(data.upper())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = serve(listener, echo, 8)
        address = listener.getsockname()
        answers = []

        def client(n):
            with socket.create_connection(address) as s:
                got = b""
                for i in range(20):
                    s.sendall(b"client %d line %d\n" % (n, i) * 100)
                s.shutdown(socket.SHUT_WR)
                while data := s.recv(4096):
                    got += data
                answers.append((n, len(got), hashlib.md5(got).hexdigest()))

        clients = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        for c in clients:
            c.start()
        for c in clients:
            c.join()
        server.join()
        for answer in sorted(answers):
            print(answer)
        listener.settimeout(0.1)
        try:
            listener.accept()
        except socket.timeout as e:  # since Python 3.10 the same as TimeoutError
            print("accept:", e)
        listener.setblocking(False)
        try:
            listener.accept()
        except BlockingIOError as e:
            print("accept:", errno.errorcode[e.errno])
    try:
        socket.create_connection(address)
    except ConnectionRefusedError as e:
        print(errno.errorcode[e.errno])

    a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 100000))
    start = time.monotonic()
    try:
        os.read(a.fileno(), 1)
    except BlockingIOError as e:
        print("SO_RCVTIMEO:", errno.errorcode[e.errno], 0.05 < time.monotonic() - start < 5)
    with open("in/nul", "rb") as f:
        socket.send_fds(a, [b"here"], [f.fileno()])
    message, fds, _, _ = socket.recv_fds(b, 100, 1)
    print(message, os.pread(fds[0], 100, 0))
    print(a.send(b"abcdef"), b.recv(3, socket.MSG_PEEK), b.recv(2), b.recv(10))
    b.close()
    try:
        print(a.recv(10), a.send(b"x"))
    except OSError as e:
        print(errno.errorcode[e.errno])
    a.close()

    u, v = socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    v.bind(("127.0.0.1", 0))
    print(u.sendto(b"datagram", v.getsockname()), u.sendmsg([b"two ", b"parts"], [], 0, v.getsockname()))
    data, sender = v.recvfrom(4)
    print(data, sender == u.getsockname())
    buffer = bytearray(20)
    print(v.recvmsg_into([buffer])[0], buffer)
    try:
        v.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError as e:
        print(errno.errorcode[e.errno])
    u.close()
    v.close()


async def tasks():
    """asyncio: streams with many clients, a subprocess, a timeout, work in threads."""
    async def handle(reader, writer):
        while line := await reader.readline():
            writer.write(line[::-1])
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def client(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        total = 0
        for i in range(50):
            writer.write(b"%d %d\n" % (n, i))
            await writer.drain()
            if i % 10 == 9:
                total += len(await reader.read(10000))
        writer.write_eof()
        total += len(await reader.read())
        writer.close()
        await writer.wait_closed()
        return total

    print(await asyncio.gather(*(client(n) for n in range(20))))
    server.close()
    await server.wait_closed()
    p = await asyncio.create_subprocess_exec("tr", "a-z", "A-Z", stdin=asyncio.subprocess.PIPE,
                                             stdout=asyncio.subprocess.PIPE)
    out, _ = await p.communicate(b"from a child of asyncio\n" * 5000)
    print(len(out), out[:24], p.returncode)
    try:
        await asyncio.wait_for(asyncio.Event().wait(), 0.05)
    except asyncio.TimeoutError:
        print("timeout")

    def slow(n):
        with open(f"in/text/d01/file{n:02}.txt", "rb") as f:
            return len(f.read())

    print(await asyncio.gather(*(asyncio.to_thread(slow, n) for n in (1, 2, 3, 5))))


if __name__ == "__main__":
    files()
    processes()
    pipes()
    sockets()
    asyncio.run(tasks())
