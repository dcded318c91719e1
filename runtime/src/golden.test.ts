// Behaviour of golden vectors: what is compared, and what a malformed file ends in.
import { parseManifest } from '@nanofleet/protocol';
import { generateSigningKey } from '@nanofleet/protocol/node';
import { describe, expect, it } from 'vitest';
import { decodeGolden, decodeWindow, encodeGolden, encodeWindow, logitGap } from './golden.ts';
import { tinyTextBundle } from './testing/tiny-bundle.ts';

const manifest = parseManifest(tinyTextBundle(generateSigningKey()).get('manifest.json') ?? new Uint8Array());

describe('golden vectors', () => {
  it('read back as written', () => {
    const golden = { task: 'text-intent' as const, cases: [{ text: 'light on', logits: [1, 2] }] };
    expect(decodeGolden(encodeGolden(golden), manifest)).toEqual(golden);
  });

  it.each([
    ['no JSON', new TextEncoder().encode('{')],
    ['no cases', new TextEncoder().encode('{"task":"text-intent","cases":[]}')],
    ['another task', encodeGolden({ task: 'sensor-event', cases: [{ window: 'AAAA', logits: [1, 2] }] })],
  ])('are refused with %s', (_name, bytes) => {
    expect(() => decodeGolden(bytes, manifest)).toThrow(expect.objectContaining({ code: 'GOLDEN_MISMATCH' }));
  });

  it('carry windows without loss', () => {
    const window = Float32Array.of(0, -1.5, 3.4e38, 1e-45, Math.PI);
    expect(decodeWindow(encodeWindow(window))).toEqual(window);
  });
});

describe('logitGap', () => {
  it('is the greatest difference, and infinite where there is nothing to compare', () => {
    expect(logitGap([1, 2], [1.25, 1.5])).toBe(0.5);
    expect(logitGap([1], [1, 2])).toBe(Number.POSITIVE_INFINITY);
    expect(logitGap([1, Number.NaN], [1, 2])).toBe(Number.POSITIVE_INFINITY);
  });
});
