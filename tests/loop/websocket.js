// SPDX-License-Identifier: MIT
// A WebSocket server that sends back what it gets: node websocket.js PORT
'use strict';
const crypto = require('crypto');

const server = require('http').createServer((_, answer) => answer.end('no socket'));

// Answer the frames that are whole; returns the rest.
function frames(data, socket) {
	while (data.length >= 6) {
		let size = data[1] & 127;
		let at = 2;
		if (size === 126) {
			size = data.readUInt16BE(2);
			at = 4;
		}
		if (data.length < at + 4 + size)
			break;
		const payload = Buffer.from(data.subarray(at + 4, at + 4 + size));
		for (let i = 0; i < size; i++)
			payload[i] ^= data[at + i % 4];
		const head = Buffer.from(data.subarray(0, at));
		head[1] &= 127;
		socket.write(head);
		socket.write(payload);
		if ((data[0] & 15) === 8)
			socket.end();
		data = data.subarray(at + 4 + size);
	}
	return data;
}

server.on('upgrade', (request, socket, early) => {
	const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
	const accept = crypto.createHash('sha1').update(key).digest('base64');
	let rest = early;

	socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
		`Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
	rest = frames(rest, socket);
	socket.on('error', () => socket.destroy());
	socket.on('data', data => { rest = frames(Buffer.concat([rest, data]), socket); });
});

server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
