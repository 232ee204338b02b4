#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Servers that send back what they get, in the ways of Python.

usage: server.py asyncio|selectors|poll|select|tls|mirror PORT [CERTIFICATE]

The mirror speaks HTTP/1.1: the body of an answer is that of the request.
"""

import asyncio
import selectors
import signal
import socket
import ssl
import sys


async def answer(reader, writer):
	try:
		while data := await reader.read(4000):
			writer.write(data)
			await writer.drain()
	except OSError:
		pass
	writer.close()


async def serve(port, tls, answer):
	server = await asyncio.start_server(answer, "127.0.0.1", port, ssl=tls)
	async with server:
		await server.serve_forever()


async def mirror(reader, writer):
	try:
		while head := await reader.readuntil(b"\r\n\r\n"):
			fields = dict(line.lower().split(b": ", 1) for line in head[:-4].split(b"\r\n")[1:])
			left = int(fields.get(b"content-length", 0))
			chunked = fields.get(b"transfer-encoding") == b"chunked"
			writer.write(b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked
				else b"Content-Length: %d\r\n\r\n" % left))
			while left > 0:
				part = await reader.read(min(left, 50000))
				if not part:
					raise EOFError
				left -= len(part)
				writer.write(part)
				await writer.drain()
			while chunked:
				size = await reader.readline()
				part = await reader.readexactly(int(size, 16) + 2)
				writer.write(size + part)
				await writer.drain()
				chunked = part != b"\r\n"
	except (OSError, EOFError):
		pass
	writer.close()


class Echo:
	"""A connection with what is still to be sent on it."""

	def __init__(self, sel, sock):
		self.sel, self.sock, self.out, self.over = sel, sock, b"", False
		sel.register(sock, selectors.EVENT_READ, self)

	def ready(self, mask):
		try:
			if mask & selectors.EVENT_READ:
				data = self.sock.recv(2048)
				self.over = self.over or not data
				self.out += data
			if self.out:
				self.out = self.out[self.sock.send(self.out):]
		except BlockingIOError:
			pass
		except OSError:
			self.out, self.over = b"", True
		if self.over and not self.out:
			self.sel.unregister(self.sock)
			self.sock.close()
			return
		reads = not self.over and len(self.out) < 100000
		self.sel.modify(self.sock, (selectors.EVENT_READ if reads else 0) |
				(selectors.EVENT_WRITE if self.out else 0), self)


# Loops of one's own, by what they wait with.
LOOPS = {"selectors": selectors.EpollSelector, "poll": selectors.PollSelector, "select": selectors.SelectSelector}


def loop(port, sel):
	door = socket.create_server(("127.0.0.1", port))
	door.setblocking(False)
	sel.register(door, selectors.EVENT_READ, None)
	while True:
		for key, mask in sel.select():
			if key.data:
				key.data.ready(mask)
				continue
			sock = door.accept()[0]
			sock.setblocking(False)
			Echo(sel, sock)


def main():
	kind, port = sys.argv[1], int(sys.argv[2])
	signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
	if kind in LOOPS:
		loop(port, LOOPS[kind]())
	context = None
	if kind == "tls":
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(sys.argv[3])
	asyncio.run(serve(port, context, mirror if kind == "mirror" else answer))


main()
