import { expect, it } from 'vitest';
import { MemoryDisk } from './memory-disk.ts';
import { makeSeededRandom } from './seeded-random.ts';

it('leaves after a power cut what was written, though the writer has used its buffer again', () => {
  const disk = new MemoryDisk();
  disk.makeDirectory('/state');
  const file = disk.open('/state/log');
  disk.syncDirectory('/state');
  const buffer = Buffer.from('first');
  file.write(buffer, 0);
  buffer.write('other');
  const found = Array.from({ length: 20 }, (_, seed) =>
    Buffer.from(disk.afterPowerCut(makeSeededRandom(seed)).read('/state/log') ?? []).toString(),
  );
  expect(new Set(found)).toEqual(new Set(['', 'first']));
});
