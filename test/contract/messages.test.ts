// The envelope against arbitrary messages and arbitrary bytes.
import {
  BODIES,
  decodeFor,
  decodeMessage,
  encodeMessage,
  type Kind,
  type Message,
  NanofleetError,
} from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { arbitraryOf } from './arbitrary.ts';

const SEED = 20261123;
const kinds = Object.keys(BODIES) as Kind[];
const uuid = '01933b6c-0000-7000-8000-000000000001';

const headers = fc.record(
  {
    device: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/),
    at: fc.integer({ min: 0, max: 4e12 }),
    record: fc.record({ epoch: fc.stringMatching(/^[0-9a-f]{16}$/), sequence: fc.nat() }),
    correlation: fc.constant(uuid),
    remainingMs: fc.integer({ min: 0, max: 86_400_000 }),
  },
  { requiredKeys: ['device', 'at'] },
);

const messageOf = (kind: Kind) =>
  fc
    .tuple(headers, arbitraryOf(BODIES[kind]))
    .map(([header, body]) => ({ ...header, kind, body }) as Message);

const outcomeOf = (bytes: Uint8Array): Message | NanofleetError => {
  try {
    return decodeMessage(bytes);
  } catch (thrown) {
    if (thrown instanceof NanofleetError) return thrown;
    throw thrown;
  }
};

describe('every kind of message', () => {
  it.each(kinds)('%s comes back from its bytes as it was', (kind) => {
    fc.assert(
      fc.property(messageOf(kind), (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it.each(kinds)('%s with an unknown field at any level decodes as without it', (kind) => {
    fc.assert(
      fc.property(messageOf(kind), (message) => {
        const raw = JSON.parse(new TextDecoder().decode(encodeMessage(message))) as { body: object };
        const grown = { ...raw, laterField: 1, body: { ...raw.body, laterField: { deep: true } } };
        expect(decodeMessage(new TextEncoder().encode(JSON.stringify(grown)))).toEqual(message);
      }),
      { seed: SEED, numRuns: 50 },
    );
  });

  it.each(kinds)('%s with one byte changed is a message or a typed error', (kind) => {
    fc.assert(
      fc.property(messageOf(kind), fc.nat(), fc.integer({ min: 1, max: 255 }), (message, place, flip) => {
        const bytes = encodeMessage(message);
        const at = place % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ flip;
        expect(outcomeOf(bytes)).toBeDefined();
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

describe('decodeMessage', () => {
  it('gives a typed error for any bytes that are no message', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(outcomeOf(bytes)).toBeInstanceOf(NanofleetError);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });

  it('gives a typed error for any JSON that is no message', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(outcomeOf(new TextEncoder().encode(json))).toBeInstanceOf(NanofleetError);
      }),
      { seed: SEED, numRuns: 1_000 },
    );
  });

  it('refuses a later version with a code of its own', () => {
    const bytes = new TextEncoder().encode(
      JSON.stringify({ v: 2, kind: 'death', device: 'home-1', at: 0, body: {} }),
    );
    expect(outcomeOf(bytes)).toMatchObject({ code: 'MESSAGE_VERSION_UNKNOWN' });
  });

  it('refuses names that objects inherit as kinds', () => {
    for (const kind of ['constructor', '__proto__', 'toString']) {
      const bytes = new TextEncoder().encode(`{"v":1,"kind":"${kind}","device":"home-1","at":0,"body":{}}`);
      expect(outcomeOf(bytes)).toMatchObject({ code: 'MESSAGE_MALFORMED' });
    }
  });

  it('refuses bytes over the limit before it parses them', () => {
    expect(outcomeOf(new Uint8Array(70_000).fill(0x20))).toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  });
});

describe('decodeFor', () => {
  const bytes = encodeMessage({
    device: 'home-1',
    at: 0,
    kind: 'death',
    body: { session: 1, instance: '0123456789abcdef', reason: 'lost' },
  } as Message);

  it('refuses a message that names another device than its topic', () => {
    expect(decodeFor({ kind: 'death', device: 'home-1' }, bytes).body.session).toBe(1);
    expect(() => decodeFor({ kind: 'death', device: 'home-2' }, bytes)).toThrow(/home-2/);
  });

  it('refuses a message of another kind than its topic', () => {
    expect(() => decodeFor({ kind: 'birth', device: 'home-1' }, bytes)).toThrow(/birth/);
  });
});

describe('arbitraryOf', () => {
  it('refuses a schema that it does not know', () => {
    expect(() => arbitraryOf(z.date())).toThrow(/teach it/);
  });

  it('gives up on a schema whose values it does not find', () => {
    const impossible = z.string().refine(() => false);
    expect(() => fc.sample(arbitraryOf(impossible), 1)).toThrow(/teach it its checks/);
  });
});
