import { describe, expect, it } from 'vitest';
import { GatheredLookups } from './gathered-lookups.ts';

describe('lookups', () => {
  it('that come together, or while one is on its way, are one statement', async () => {
    const statements: number[][] = [];
    const lookups = new GatheredLookups<number, string>((keys) => {
      statements.push([...keys]);
      return Promise.resolve(new Map(keys.filter((key) => key > 1).map((key) => [key, `row ${key}`])));
    });
    const together = [lookups.of(1), lookups.of(2), lookups.of(2)];
    await Promise.resolve();
    const meanwhile = [lookups.of(3), lookups.of(4)];
    expect(await Promise.all([...together, ...meanwhile])).toEqual([
      undefined,
      'row 2',
      'row 2',
      'row 3',
      'row 4',
    ]);
    expect(statements).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('fail together, and the next ones are asked for anew', async () => {
    let isThere = false;
    const lookups = new GatheredLookups<number, string>((keys) =>
      isThere
        ? Promise.resolve(new Map(keys.map((key) => [key, 'row'])))
        : Promise.reject(new TypeError('gone')),
    );
    const failed = await Promise.allSettled([lookups.of(1), lookups.of(2)]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isThere = true;
    expect(await lookups.of(1)).toBe('row');
  });
});
