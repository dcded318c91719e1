import { MemoryDisk } from '@nanofleet/runtime/testing';
import { describe, expect, it } from 'vitest';
import { CheckedLog } from './checked-log.ts';

const PATH = '/state/a.log';

const valuesIn = (disk: MemoryDisk): { log: CheckedLog; values: unknown[]; torn: number } => {
  const log = new CheckedLog(disk, PATH);
  const values: unknown[] = [];
  const torn = log.recover((value) => values.push(value));
  return { log, values, torn };
};

const withThree = (): MemoryDisk => {
  const disk = new MemoryDisk();
  const { log } = valuesIn(disk);
  for (const value of ['one', 'two', 'six']) log.append(value, { isDurable: true });
  return disk;
};

describe('a checked log', () => {
  it('gives back what was appended, also after it was rewritten', () => {
    const disk = withThree();
    const { log, values, torn } = valuesIn(disk);
    expect([values, torn]).toEqual([['one', 'two', 'six'], 0]);
    log.rewrite(['six']);
    log.append('ten', { isDurable: true });
    expect(valuesIn(disk.afterKill()).values).toEqual(['six', 'ten']);
  });

  it('never brings back what came after a broken frame, whatever is appended then', () => {
    const disk = withThree();
    const frame = 8 + '"one"'.length;
    disk.open(PATH).write(Uint8Array.of(0xff), frame + 9);
    const { log, values, torn } = valuesIn(disk);
    expect([values, torn]).toEqual([['one'], 2 * frame]);
    log.append('ten', { isDurable: true });
    expect(valuesIn(disk.afterKill()).values).toEqual(['one', 'ten']);
  });

  it('takes zeros for an end, as a lost write leaves them', () => {
    const disk = withThree();
    disk.open(PATH).write(new Uint8Array(100), 3 * (8 + '"one"'.length));
    expect(valuesIn(disk)).toMatchObject({ values: ['one', 'two', 'six'], torn: 100 });
  });

  it('keeps what it has when rewriting finds no room', () => {
    const disk = withThree();
    const { log } = valuesIn(disk);
    disk.bytesMax = disk.read(PATH)?.length ?? 0;
    expect(() => log.rewrite(['six'])).toThrow('space');
    disk.bytesMax = Number.POSITIVE_INFINITY;
    log.append('ten', { isDurable: true });
    expect(valuesIn(disk.afterKill()).values).toEqual(['one', 'two', 'six', 'ten']);
  });
});
