// A program of the tests in the place of mosquitto_sub: the same arguments -p, -t and -v; a line for each message. Beside
// that it says on standard error when it is subscribed, since a test must not ask before.
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { firstPacket, mqttConnect, mqttPacket, mqttText } from '../mqtt-packets.ts';

const { values } = parseArgs({
  options: {
    p: { type: 'string', short: 'p' },
    t: { type: 'string', short: 't', multiple: true },
    v: { type: 'boolean', short: 'v' },
  },
});

const [CONNACK, SUBACK, PUBLISH] = [2, 9, 3];
const socket = connect(Number(values.p), '127.0.0.1');
const filters = (values.t ?? []).map((filter) => Buffer.concat([mqttText(filter), Buffer.from([0])]));

const take = (kind: number, body: Buffer): void => {
  if (kind === CONNACK) socket.write(mqttPacket(0x82, Buffer.concat([Buffer.from([0, 1]), ...filters])));
  if (kind === SUBACK) process.stderr.write('listening\n');
  if (kind !== PUBLISH) return;
  const end = 2 + body.readUInt16BE(0);
  const topic = values.v === true ? `${body.subarray(2, end).toString()} ` : '';
  process.stdout.write(`${topic}${body.subarray(end).toString()}\n`);
};

socket.write(mqttConnect(`recipe-${process.pid}`));
let bytes: Buffer = Buffer.alloc(0);
socket.on('data', (piece: Buffer) => {
  bytes = Buffer.concat([bytes, piece]);
  for (let next = firstPacket(bytes); next !== null; next = firstPacket(bytes)) {
    take(next.kind >> 4, next.body);
    bytes = next.rest;
  }
});
