import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventsOf } from './event-stream.ts';

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const read = async (text: string, options: { size?: number; bytesMax?: number } = {}): Promise<string[]> => {
  const { bytesMax = 1e6, size = 1e6 } = options;
  const found: string[] = [];
  for await (const event of eventsOf(chunksOf(text, size), { bytesMax })) found.push(event);
  return found;
};

describe('server-sent events', () => {
  it('are the data lines between blank lines, whatever ends a line and wherever the bytes are cut', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      const text = [
        ': hello',
        'event: x',
        'data: {"a": "ü"}',
        '',
        'data:one',
        'data: two',
        'id: 7',
        '',
        '',
      ].join(end);
      for (const size of [1, 2, 3, 5, 64]) {
        expect(await read(text, { size })).toEqual(['{"a": "ü"}', 'one\ntwo']);
      }
    }
  });

  it('count also when the last blank line is missing', async () => {
    expect(await read('data: a\n\ndata: b')).toEqual(['a', 'b']);
    expect(await read('')).toEqual([]);
    expect(await read(': only a comment\n\n')).toEqual([]);
  });

  it('are given up beyond the bound', async () => {
    await expect(read(`data: ${'x'.repeat(200)}\n\n`, { size: 10, bytesMax: 100 })).rejects.toMatchObject({
      code: 'PROVIDER_STREAM_BROKEN',
    });
  });

  it('of any bytes throw nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 9 }), async (text, size) => {
        expect(Array.isArray(await read(text, { size }))).toBe(true);
      }),
      { seed: 20261125, numRuns: 200 },
    );
  });
});
