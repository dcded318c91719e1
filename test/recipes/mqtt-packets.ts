// Packets of MQTT 3.1.1 as bytes, for the programs of the tests that stand for mosquitto's: written on a socket, because
// loading a client would take a second each time.

/** A string with its length (1.5.3). */
export const mqttText = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
};

/** A packet (2.2), with its length in two bytes. */
export const mqttPacket = (kind: number, body: Buffer): Buffer =>
  Buffer.concat([Buffer.from([kind, (body.length & 0x7f) | 0x80, body.length >> 7]), body]);

/** Asks to be let in without a name, for a clean session and no keep-alive. */
export const mqttConnect = (clientId: string): Buffer =>
  mqttPacket(0x10, Buffer.concat([mqttText('MQTT'), Buffer.from([4, 2, 0, 0]), mqttText(clientId)]));

interface Packet {
  readonly kind: number;
  readonly body: Buffer;
  readonly rest: Buffer;
}

/** The first packet of some bytes; null when it is not whole. */
export const firstPacket = (bytes: Buffer): Packet | null => {
  let [length, at] = [0, 1];
  for (let shift = 0; ; shift += 7, at += 1) {
    const digit = bytes[at];
    if (digit === undefined) return null;
    length += (digit & 0x7f) << shift;
    if (digit < 0x80) break;
  }
  const end = at + 1 + length;
  if (bytes.length < end) return null;
  return { kind: bytes[0] ?? 0, body: bytes.subarray(at + 1, end), rest: bytes.subarray(end) };
};
