#!/usr/bin/python3
"""Cases that were different once, each by name: prints what a program sees, the same bare and under the shim."""
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
LONG, POINTER = ctypes.c_long, ctypes.c_void_p


def call(name, *args):
    """A function of libc with plain numbers and bytes: its result, and errno if that is -1."""
    ctypes.set_errno(0)
    fn = libc[name]
    fn.restype = LONG if name in ("read", "pread", "write", "syscall") else ctypes.c_int
    result = fn(*[LONG(a) if isinstance(a, int) else a for a in args])
    return result, ctypes.get_errno() if result == -1 else 0


def watched(path):
    """A function that prints what happened to `path` since it was last called."""
    fd = libc.inotify_init1(os.O_NONBLOCK)
    libc.inotify_add_watch(fd, path.encode(), 0xfff)

    def events():
        seen, at = [], 0
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            data = b""
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            seen.append((hex(mask), data[at + 16:at + 16 + length].rstrip(b"\0").decode()))
            at += 16 + length
        return seen

    return events


def edge_of_memory():
    """An address with a page of memory before it, and none behind it."""
    libc.mmap.restype = LONG
    start = libc.mmap(None, LONG(8192), 3, 0x22, -1, LONG(0))
    libc.mprotect(LONG(start + 4096), LONG(4096), 0)
    return start + 4096


def events():
    """inotify hears of reads and writes that moved something, and of no others; of fallocate once."""
    with open("file", "wb") as file:
        file.write(b"x" * 100000)
    watch, second = watched("."), watched(".")
    end = edge_of_memory()
    fd = os.open("file", os.O_RDWR)
    for name, *args in (("pread", end - 100, 100, 0), ("pread", end - 100, 65536, 0), ("pread", end - 100, 100, 100000),
                        ("pread", 8, 100, 0), ("write", end - 100, 200), ("write", 8, 100), ("read", 8, 100),
                        ("fallocate", 0, 0, 200000), ("fallocate", 99, 0, 1)):
        print(name, args[1:], call(name, fd, *args), watch(), second())
    bound = socket.socket(socket.AF_UNIX)
    for _ in range(2):
        try:
            bound.bind("socket")
        except OSError as error:
            print(error)
        print(watch())


def devices():
    """A command of sockets means something else to /dev/null, which agrees to anything."""
    fd = os.open("/dev/null", os.O_RDWR)
    print(call("setsockopt", fd, 1, 8, ctypes.byref(ctypes.c_int(1)), 4))


def lengths():
    """A buffer that is longer than a call transfers is judged as a whole."""
    with open("file", "wb") as file:
        file.write(b"x" * 100)
    fd = os.open("file", os.O_RDONLY)
    page = ctypes.create_string_buffer(4096)
    for n in (100, 1 << 31, 1 << 62, (1 << 63) - 1):
        print(n, call("pread", fd, ctypes.addressof(page), n, 0), call("read", fd, ctypes.addressof(page), n))


def identity():
    """A ring that goes away does not interrupt what waits next."""
    reader, writer = os.pipe()
    epoll = libc.epoll_create1(0)
    room = ctypes.create_string_buffer(64)
    for _ in range(10):
        os.write(writer, b"x")
        os.read(reader, 1)
        os.setegid(os.getegid())
        print(call("epoll_wait", epoll, ctypes.addressof(room), 4, 60))


def addresses():
    """recvfrom tells who has sent; a local stream connects; openat2 opens."""
    one, two = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.bind("one")
    two.bind("two")
    for text in (b"hello", b""):
        two.sendto(text, "one")
        print(one.recvfrom(100))
    one.setblocking(False)
    try:
        one.recvfrom(100)
    except OSError as error:
        print(error)
    place, length = ctypes.create_string_buffer(110), ctypes.c_uint(4)
    buffer = ctypes.create_string_buffer(100)
    for size in (110, 4, 0, 0xffffffff):
        two.sendto(b"again", "one")
        length.value = size
        print(call("recvfrom", one.fileno(), buffer, 100, 0, place, ctypes.byref(length)), length.value, place.raw[:8])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("listener")
    listener.listen(1)
    clients = []
    for _ in range(4):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        clients.append(client)
        print(client.connect_ex("listener"))
    late = socket.socket(socket.AF_UNIX)
    thread = threading.Thread(target=lambda: (time.sleep(0.2), [listener.accept() for _ in range(3)]))
    thread.start()
    print(late.connect_ex("listener"))
    thread.join()
    for how in (struct.pack("QQQ", os.O_RDWR | os.O_CREAT, 0o600, 0), struct.pack("QQQ", 0, 0o600, 0),
                struct.pack("QQQ", 0, 0, 8), struct.pack("QQQ", os.O_RDONLY, 0, 0)):
        for name in (b"new", b"missing/x", b""):
            print(call("syscall", 437, -100, name, how, 24))


def touch_all(path):
    """Open and read all the files of a directory, which is what wakes the scout."""
    for name in sorted(os.listdir(path)):
        with open(os.path.join(path, name), "rb", 0) as file:
            file.read(10)


def tree(files):
    os.mkdir("tree")
    for i in range(files):
        with open("tree/%03d" % i, "wb") as file:
            file.write(b"x" * 100)


def ends():
    """What is closed is closed at once, whatever helps the program: a pipe has no reader, a lock is gone."""
    tree(4)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    seen = {}
    for _ in range(60):
        pid = os.fork()
        if not pid:
            broken = 0
            for _ in range(3):
                ends = [os.pipe() for _ in range(20)]
                touch_all("tree")
                for reader, _ in ends:
                    os.close(reader)
                for _, writer in ends:
                    try:
                        os.write(writer, b"x")
                    except BrokenPipeError:
                        broken += 1
                    os.close(writer)
                time.sleep(0.001)
            os._exit(broken)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        seen[status] = seen.get(status, 0) + 1
    print(seen)


def ahead():
    """A program that watches hears of what it does, and of nothing that was done ahead of it."""
    tree(600)
    if os.fork():
        os.wait()
        return
    names = sorted(os.listdir("tree"))
    for name in names[:10]:
        os.close(os.open("tree/" + name, os.O_RDONLY))
    watch = watched("tree")
    for name in names[10:400]:
        os.close(os.open("tree/" + name, os.O_RDONLY))
    time.sleep(0.05)
    print(watch(), flush=True)


def messages():
    """What a message carries beside its bytes is the kernel's to look at: pointers to nowhere, lengths that are none."""
    epoll = select.epoll()
    ends = socket.socketpair()
    epoll.register(ends[0], select.EPOLLIN)
    iov = struct.pack("PP", ctypes.addressof(ctypes.create_string_buffer(b"x" * 8)), 8)
    place = ctypes.create_string_buffer(iov)
    rights = ctypes.create_string_buffer(struct.pack("QiiiI", 20, 1, 1, ends[1].fileno(), 0))
    wrong = ctypes.create_string_buffer(struct.pack("QiiiI", 3, 1, 1, 0, 0))
    control = ctypes.addressof(rights)
    for fd in (ends[0].fileno(), 0, 99):
        for where, size in ((control, 24), (edge_of_memory(), 24), (ctypes.addressof(wrong), 24), (1 << 40, 24), (0, 24), (8, 0)):
            head = struct.pack("PIIPQPQiI", 0, 0, 0, ctypes.addressof(place), 1, where, size, 0, 0)
            print(call("sendmsg", fd, head, 0), call("syscall", 46, fd, head, 0))
            print(call("sendmmsg", fd, head + b"\0" * 8, 1, 0), call("syscall", 307, fd, head + b"\0" * 8, 1, 0))
        for message in (0, 8, 1 << 40, edge_of_memory() - 8):
            print(call("sendmsg", fd, message, 0), call("sendmmsg", fd, message, 2, 0), call("syscall", 307, fd, message, 2, 0))


def splices():
    """Between files and pipes: how much, from where, and what is refused; who waits is woken."""
    fd = os.open("file", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 10000)
    os.lseek(fd, 0, 0)
    pipes = os.pipe(), os.pipe()
    (reader, writer), (other, end) = pipes

    def splice(source, target, n, flags=0, at=None, to=None):
        places = [None if p is None else ctypes.c_int64(p) for p in (at, to)]
        given = [p and ctypes.byref(p) for p in places]
        print(call("splice", source, given[0], target, given[1], n, flags), [p and p.value for p in places],
              os.lseek(fd, 0, 1), os.fstat(fd).st_size)

    for args in ((fd, writer, 4000), (fd, writer, 4000, 0, 9000), (reader, fd, 100), (reader, fd, 50, 0, None, 20000),
                 (reader, end, 10), (other, fd, 100, 2), (other, fd, 100, 2), (reader, fd, 100000, 2), (reader, fd, 1, 2),
                 (fd, writer, 0), (fd, writer, 10, 99), (fd, writer, 10, 0, -1), (fd, fd, 10), (fd, 99, 10), (99, fd, 10),
                 (fd, writer, 10, 0, None, 0), (reader, fd, 10, 2, 0)):
        splice(*args)
    os.write(writer, b"y" * 100)
    print(call("tee", reader, end, 1000, 0), call("tee", reader, end, 0, 0), call("tee", reader, fd, 10, 0),
          os.read(other, 1000), len(os.read(reader, 1000)), call("tee", reader, end, 10, 2))
    threading.Thread(target=lambda: (time.sleep(0.1), os.write(writer, b"late"))).start()
    splice(reader, fd, 100)
    signal.signal(signal.SIGPIPE, lambda *_: print("SIGPIPE"))
    os.close(other)
    os.write(writer, b"z")
    splice(reader, end, 1)
    print(os.read(reader, 10))


def connects():
    """Connecting by TCP: at once, refused, a second time, under way."""
    seen = []
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(100)
    address = server.getsockname()
    for _ in range(20):
        client = socket.socket()
        seen += [client.connect_ex(address), client.connect_ex(address)]
        client.close()
    for _ in range(5):
        client = socket.socket()
        client.setblocking(False)
        seen.append(client.connect_ex(address))
        client.setblocking(True)
        seen += [client.connect_ex(address), client.connect_ex(address)]
        client.close()
    server.close()
    for _ in range(5):
        client = socket.socket()
        seen += [client.connect_ex(address), client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)]
        client.close()
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(0)
    signal.signal(signal.SIGALRM, lambda *_: [server.accept() for _ in range(2)])
    clients = [socket.socket() for _ in range(3)]
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    seen += [client.connect_ex(server.getsockname()) for client in clients]
    print(seen)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
