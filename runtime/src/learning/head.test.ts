import { describe, expect, it } from 'vitest';
import { decodeHead, encodeHead, grownHead, type Head } from './head.ts';

const head: Head = {
  width: 2,
  classes: 3,
  weight: Float32Array.of(1, 2, 3, 4, 5, 6),
  bias: Float32Array.of(0.5, -0.5, 0.25),
};

describe('a head', () => {
  it('comes back from its file as it was', () => {
    expect(decodeHead(encodeHead(head))).toEqual(head);
  });

  it('gains columns of zeros for new labels', () => {
    expect(grownHead(head, 4)).toEqual({
      width: 2,
      classes: 4,
      weight: Float32Array.of(1, 2, 3, 0, 4, 5, 6, 0),
      bias: Float32Array.of(0.5, -0.5, 0.25, 0),
    });
  });

  it.each([
    ['a foreign header', (bytes: Uint8Array) => bytes.fill(0, 0, 4)],
    ['a missing byte', (bytes: Uint8Array) => bytes.subarray(0, -1)],
    ['what is no number', (bytes: Uint8Array) => bytes.fill(0xff, 12, 16)],
  ])('with %s is refused', (_, spoil) => {
    expect(() => decodeHead(spoil(encodeHead(head)))).toThrow(
      expect.objectContaining({ code: 'MODEL_LOAD_FAILED' }),
    );
  });
});
