// A program of the tests in the place of mosquitto_pub, which is in another package than mosquitto: the same arguments -p,
// -t, -m and -q 1, one message, then it ends.
import { once } from 'node:events';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { mqttConnect, mqttPacket, mqttText } from '../mqtt-packets.ts';

const { values } = parseArgs({
  options: Object.fromEntries(Array.from('pqtm', (short) => [short, { type: 'string' as const, short }])),
});

const socket = connect(Number(values['p']), '127.0.0.1');
socket.write(mqttConnect(`recipe-${process.pid}`));
await once(socket, 'data');
const message = Buffer.concat([
  mqttText(String(values['t'])),
  Buffer.from([0, 1]),
  Buffer.from(String(values['m'])),
]);
socket.write(mqttPacket(0x32, message));
await once(socket, 'data');
socket.end(Buffer.from([0xe0, 0]));
