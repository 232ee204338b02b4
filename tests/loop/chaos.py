#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A rude crowd of clients, who always say the same, and what each of them was answered.

usage: chaos.py redis|memcached|http|websocket|echo|tls PORT [ROUNDS]

Many connections at a time send the same bytes in many ways: at once, byte by byte, in odd pieces, without reading for a
while. In between come some that reset, that half-close, that go in the middle. Printed is, for each of the polite ones,
how much came back and its checksum; a server that behaves gives the same each time.
"""

import hashlib
import random
import re
import socket
import ssl
import struct
import sys
import threading
import time

CROWD = 24

# Who the server is does not matter here.
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname = False
TLS.verify_mode = ssl.CERT_NONE


def resp(*words):
	parts = [w if isinstance(w, bytes) else str(w).encode() for w in words]
	return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


def talk_redis(who, rng):
	"""Commands on keys of one's own, small and large, pipelined."""
	out = []
	for i in range(30):
		key = f"{who}:{i % 5}"
		size = rng.choice([1, 10, 100, 1000, 5000, 20000])
		out.append(resp("SET", key, bytes([97 + i % 26]) * size))
		out.append(resp("GET", key))
		out.append(resp("APPEND", key, "tail"))
		out.append(resp("STRLEN", key))
	return b"".join(out) + resp("QUIT")


def talk_memcached(who, rng):
	out = []
	for i in range(30):
		key = b"%d_%d" % (who, i % 5)
		size = rng.choice([1, 10, 100, 1000, 5000, 20000])
		out.append(b"set %s 0 0 %d\r\n%s\r\n" % (key, size, bytes([97 + i % 26]) * size))
		out.append(b"get %s\r\n" % key)
		out.append(b"append %s 0 0 4\r\ntail\r\n" % key)
	return b"".join(out) + b"quit\r\n"


def talk_http(who, rng):
	out = []
	for i in range(20):
		path = rng.choice(["/small", "/", "/large", f"/none{who % 3}"])
		out.append(f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Pad: {'p' * rng.choice([1, 50, 700])}\r\n\r\n".encode())
	return b"".join(out) + b"GET /small HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def talk_echo(who, rng):
	return b"".join(bytes([(who + i) % 251]) * rng.choice([1, 7, 100, 3000, 9000]) for i in range(40))


def frame(kind, payload, rng):
	"""A WebSocket frame of a client: masked."""
	mask = rng.randbytes(4)
	size = len(payload)
	head = bytes([0x80 | kind]) + (bytes([0x80 | size]) if size < 126 else struct.pack(">BH", 0xfe, size))
	return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def talk_websocket(who, rng):
	hello = b"GET /%d HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
		b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" % who
	sizes = [rng.choice([0, 1, 100, 125, 126, 5000, 20000]) for _ in range(20)]
	return hello + b"".join(frame(2, rng.randbytes(size), rng) for size in sizes) + frame(8, b"\x03\xe8", rng)


def talk_tls(_, rng):
	return rng.randbytes(rng.choice([1, 700, 5000, 30000]))


def pieces(data, manner, rng):
	"""The bytes cut up."""
	if manner == "bytes":
		head, data = data[:300], data[300:]
		for i in range(len(head)):
			yield head[i:i + 1]
	if manner == "whole":
		yield data
		return
	while data:
		n = rng.choice([1, 2, 17, 300, 4096, 4097, 20000])
		yield data[:n]
		data = data[n:]


def polite(port, data, manner, rng, half_close):
	s = socket.create_connection(("127.0.0.1", port), timeout=20)
	s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
	got = []

	def read():
		if manner == "late":
			time.sleep(0.2)
		while True:
			part = s.recv(65536)
			if not part:
				return
			got.append(part)

	reader = threading.Thread(target=read)
	reader.start()
	try:
		for piece in pieces(data, manner, rng):
			s.sendall(piece)
			if manner == "slow":
				time.sleep(0.001)
		if half_close:
			s.shutdown(socket.SHUT_WR)
	except OSError as error:
		got.append(str(error).encode())
	reader.join()
	s.close()
	return b"".join(got)


def rude(port, data, rng):
	s = socket.create_connection(("127.0.0.1", port), timeout=20)
	try:
		s.sendall(data[:rng.randrange(1, len(data))])
		how = rng.randrange(3)
		if how == 0:
			s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		elif how == 1:
			s.shutdown(socket.SHUT_WR)
			s.settimeout(0.3)
			s.recv(1)
	except OSError:
		pass
	s.close()


def polite_tls(port, data, manner, rng):
	"""By TLS. Nothing is read before all is said, since a TLS connection is not for two threads: for what fits into buffers."""
	s = TLS.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20))
	got = b""
	for piece in pieces(data, manner, rng):
		s.sendall(piece)
		if manner == "slow":
			time.sleep(0.001)
	if manner == "late":
		time.sleep(0.2)
	while len(got) < len(data):
		part = s.recv(65536)
		if not part:
			break
		got += part
	s.close()
	return got


def main():
	kind, port = sys.argv[1], int(sys.argv[2])
	rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
	talk = globals()[f"talk_{kind}"]
	answers = {}
	for turn in range(rounds):
		threads = []
		for who in range(CROWD):
			rng = random.Random(turn * 1000 + who)
			data = talk(who, rng)
			manner = ["whole", "bytes", "odd", "slow", "late"][who % 5]

			def work(who=who, data=data, manner=manner, rng=rng):
				if who % 6 == 5:
					rude(port, data, rng)
				elif kind == "tls":
					answers[turn, who] = polite_tls(port, data, manner, rng)
				else:
					answers[turn, who] = polite(port, data, manner, rng, kind == "echo")

			threads.append(threading.Thread(target=work))
		for t in threads:
			t.start()
		for t in threads:
			t.join()
	for (turn, who), answer in sorted(answers.items()):
		if kind == "http":
			answer = re.sub(rb"(Date|Last-Modified|ETag|ETag): [^\r]*", b"", answer)
		print(turn, who, len(answer), hashlib.sha1(answer).hexdigest())


main()
