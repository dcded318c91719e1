import { connect, type Socket } from 'node:net';
import { type Decision, NanofleetError, WYOMING_DATA_BYTES_MAX } from '@nanofleet/protocol';
import { silentLog } from '@nanofleet/runtime/ports';
import { eventually } from '@nanofleet/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { Listener } from '../intake/listeners.ts';
import type { LineShape } from '../sinks/home-assistant-discovery.ts';
import { decision, TEXT } from '../sinks/test-sinks.ts';
import { type WyomingConfig, wyomingSchema } from './wyoming-config.ts';
import { listenForWyoming } from './wyoming-listener.ts';

const opened: (Listener | Socket)[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await ('close' in one ? one.close() : one.destroy());
});

type Answer = { type: string; data: Record<string, unknown> };

/** A client as the protocol's README has it: the header's data, with what is behind it on top. */
const makeClient = async (port: number) => {
  const socket = connect(port, '127.0.0.1');
  opened.push(socket);
  const answers: Answer[] = [];
  let bytes: Buffer = Buffer.alloc(0);
  let isEnded = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    isEnded = true;
  });
  const cut = (): boolean => {
    const end = bytes.indexOf('\n');
    if (end === -1) return false;
    const header = JSON.parse(bytes.subarray(0, end).toString()) as Answer & { data_length?: number };
    const from = end + 1;
    const to = from + (header.data_length ?? 0);
    if (bytes.length < to) return false;
    const more = to === from ? {} : (JSON.parse(bytes.subarray(from, to).toString()) as Answer['data']);
    answers.push({ type: header.type, data: { ...header.data, ...more } });
    bytes = bytes.subarray(to);
    return true;
  };
  socket.on('data', (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    while (cut());
  });
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  const ask = async (bytesToSend: string | Buffer): Promise<Answer> => {
    const before = answers.length;
    socket.write(bytesToSend);
    await eventually(() => Promise.resolve(expect(answers.length).toBeGreaterThan(before)));
    return answers.at(-1) ?? { type: '', data: {} };
  };
  return { ask, socket, answers, isEnded: () => isEnded };
};

const shapes: LineShape[] = [
  { line: 'intent' as LineShape['line'], task: 'text-intent', version: '2.0.0', labels: ['HassTurnOn'] },
  { line: 'vibration' as LineShape['line'], task: 'sensor-event', version: '1.0.0', labels: ['imbalance'] },
];

const start = async (
  decide: (text: string, ask: object) => Promise<Decision> = () => Promise.resolve(decision()),
  config: Partial<WyomingConfig> = {},
) => {
  const listener = await listenForWyoming(
    {
      config: { ...wyomingSchema.parse({ port: 0 }), ...config },
      agentVersion: '0.1.0',
      lines: () => shapes,
      decide,
    },
    silentLog,
  );
  opened.push(listener);
  return { port: listener.port, ...(await makeClient(listener.port)) };
};

const line = (value: unknown): string => `${JSON.stringify(value)}\n`;

describe('a client of the Wyoming protocol', () => {
  it('is told of one intent service with the text lines', async () => {
    const { ask } = await start();
    const { type, data } = await ask(line({ type: 'describe' }));
    expect(type).toBe('info');
    expect(data).toMatchObject({ asr: [], tts: [], handle: [], wake: [] });
    const attribution = { name: 'nanofleet', url: '' };
    expect(data['intent']).toEqual([
      {
        name: 'nanofleet',
        version: '0.1.0',
        attribution,
        installed: true,
        description: 'intents of a model on this device',
        models: [
          {
            ...{ name: 'intent', version: '2.0.0', attribution, installed: true },
            ...{ description: 'line intent', languages: ['en'] },
          },
        ],
      },
    ]);
  });

  it.each(['recognize', 'transcript'])(
    'gets an intent with entities under the names of Home Assistant for %s, in the context it gave',
    async (type) => {
      const { ask } = await start();
      const context = { conversation_id: 'c1' };
      expect(await ask(line({ type, data: { text: TEXT, context } }))).toEqual({
        type: 'intent',
        data: {
          name: 'HassTurnOn',
          entities: [
            { name: 'name', value: 'lamp' },
            { name: 'area', value: 'Kitchen' },
          ],
          context,
        },
      });
    },
  );

  it('may send data behind the header, a payload, and all of it in pieces', async () => {
    const asked: string[] = [];
    const { ask, socket, answers } = await start((text) => {
      asked.push(text);
      return Promise.resolve(decision());
    });
    const data = Buffer.from(JSON.stringify({ text: 'ein Stück Käse' }));
    const event = Buffer.concat([
      Buffer.from(
        line({ type: 'recognize', data: { text: 'not this' }, data_length: data.length, payload_length: 3 }),
      ),
      data,
      Buffer.from([1, 0x0a, 3]),
    ]);
    for (const byte of event) socket.write(Buffer.from([byte]));
    expect(await ask(line({ type: 'ping', data: { text: 'x' } }))).toMatchObject({ type: 'pong' });
    await eventually(() =>
      Promise.resolve(expect(answers.map(({ type }) => type)).toEqual(['intent', 'pong'])),
    );
    expect(asked).toEqual(['ein Stück Käse']);
  });

  it('is told that nothing was recognized when the device is not sure, or the label is no intent here', async () => {
    const unsure = await start(() => Promise.resolve(decision({ verdict: 'unsure' })));
    expect(await unsure.ask(line({ type: 'recognize', data: { text: 'hm' } }))).toMatchObject({
      type: 'not-recognized',
    });
    const other = await start(() => Promise.resolve(decision({ label: 'weather' })), {
      labels: ['HassTurnOn'],
    });
    expect(await other.ask(line({ type: 'recognize', data: { text: 'hm' } }))).toMatchObject({
      type: 'not-recognized',
    });
    const empty = await start(() => Promise.reject(new NanofleetError('TEXT_EMPTY', 'the text is empty')));
    expect(await empty.ask(line({ type: 'recognize', data: { text: '' } }))).toMatchObject({
      type: 'not-recognized',
    });
  });

  it('gets what a bigger tier was sure of, when it may be waited for', async () => {
    const asks: object[] = [];
    const answer = {
      tier: 'mini',
      label: 'HassTurnOff',
      confidence: 1,
      outOfScope: 0,
      verdict: 'sure',
      version: null,
      milliseconds: 5,
    } as const;
    const entities = [{ name: 'area', value: 'attic' }];
    const offload = { status: 'answered', answer: { ...answer, entities } } as const;
    const { ask } = await start(
      (_text, given) => {
        asks.push(given);
        return Promise.resolve(decision({ verdict: 'unsure', offload }));
      },
      { waitMs: 1_500 },
    );
    const { data } = await ask(line({ type: 'transcript', data: { text: 'hm' } }));
    expect(data).toEqual({ name: 'HassTurnOff', entities: [{ name: 'area', value: 'attic' }] });
    expect(asks).toEqual([{ waitMs: 1_500 }]);
  });

  it('is told what is wrong, and goes on', async () => {
    const { ask } = await start(() => Promise.reject(new NanofleetError('LINE_UNKNOWN', 'no line runs')));
    expect(await ask(line({ type: 'recognize', data: { text: 'hm' } }))).toEqual({
      type: 'error',
      data: { text: 'no line runs', code: 'LINE_UNKNOWN' },
    });
    expect(await ask(line({ type: 'recognize' }))).toMatchObject({ data: { code: 'INPUT_INVALID' } });
    expect(await ask(line({ type: 'ping' }))).toEqual({ type: 'pong', data: {} });
  });

  it.each([
    ['a page of a browser', 'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
    ['data that is too long', line({ type: 'recognize', data_length: WYOMING_DATA_BYTES_MAX + 1 })],
    ['a negative length', line({ type: 'recognize', payload_length: -1 })],
    ['a header without an end', 'x'.repeat(20_000)],
    ['data that is no object', `${line({ type: 'recognize', data_length: 2 })}[]`],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('is cut off for %s, and nobody else is', async (_what, bytes) => {
    const { socket, isEnded, port } = await start();
    socket.write(bytes);
    await eventually(() => Promise.resolve(expect(isEnded()).toBe(true)));
    const other = await makeClient(port);
    expect(await other.ask(line({ type: 'ping' }))).toMatchObject({ type: 'pong' });
  });
});
