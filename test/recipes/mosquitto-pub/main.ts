// A program of the tests in the place of mosquitto_pub, which is in another package than mosquitto: the same arguments -p,
// -t, -m and -q 1, one message, then it ends. Written on a socket, because loading a client would take a second each time.
import { once } from 'node:events';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: Object.fromEntries(Array.from('pqtm', (short) => [short, { type: 'string' as const, short }])),
});
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};
/** A packet of MQTT 3.1.1 (2.2), with its length in two bytes. */
const packet = (kind: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([kind, (body.length & 0x7f) | 0x80, body.length >> 7]), body]);

const socket = connect(Number(values['p']), '127.0.0.1');
const login = Buffer.from([4, 2, 0, 60]);
socket.write(packet(0x10, Buffer.concat([text('MQTT'), login, text(`recipe-${process.pid}`)])));
await once(socket, 'data');
const message = Buffer.concat([
  text(String(values['t'])),
  Buffer.from([0, 1]),
  Buffer.from(String(values['m'])),
]);
socket.write(packet(0x32, message));
await once(socket, 'data');
socket.end(Buffer.from([0xe0, 0]));
