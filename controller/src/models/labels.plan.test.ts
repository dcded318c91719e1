import { LABELS_ADDED_MAX, type LineId } from '@nanofleet/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AllocatedLabel, labelListOf, versionWith } from './labels.plan.ts';

const line = 'intent' as LineId;
const bundle = { version: 1, names: ['on', 'off'] };
const label = (version: number, name: string, removedVersion: number | null = null): AllocatedLabel => ({
  version,
  name,
  removedVersion,
});

describe('the label list of a line', () => {
  it('is that of the bundle as long as nothing is allocated', () => {
    expect(labelListOf(bundle, [])).toEqual({ version: 1, added: [] });
  });

  it('lists what was allocated in its order, and no longer what the bundle has', () => {
    const allocated = [label(3, 'dim'), label(2, 'blink')];
    expect(labelListOf(bundle, allocated)).toEqual({ version: 3, added: ['blink', 'dim'] });
    const next = { version: 3, names: ['on', 'off', 'blink', 'dim'] };
    expect(labelListOf(next, allocated)).toEqual({ version: 3, added: [] });
    expect(labelListOf(next, [...allocated, label(4, 'fade')])).toEqual({ version: 4, added: ['fade'] });
  });

  it('refuses a name that is there, and one beyond the bound', () => {
    const given = { line, bundles: [bundle], allocated: [label(2, 'dim')] };
    expect(() => versionWith('on', given)).toThrow(expect.objectContaining({ code: 'LABEL_TAKEN' }));
    expect(() => versionWith('dim', given)).toThrow(expect.objectContaining({ code: 'LABEL_TAKEN' }));
    expect(versionWith('blink', given)).toBe(3);
    const allocated = Array.from({ length: LABELS_ADDED_MAX }, (_, at) => label(at + 2, `l${at}`));
    expect(() => versionWith('one_more', { ...given, allocated })).toThrow(
      expect.objectContaining({ code: 'LABELS_TOO_MANY' }),
    );
  });

  it('never has two contents under one version, whatever is added and taken back', () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), adds: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const seen = new Map<number, string>([[1, '']]);
        let allocated: AllocatedLabel[] = [];
        for (const { name, adds } of steps) {
          const { version, added } = labelListOf(bundle, allocated);
          if (added.includes(name) === adds) continue;
          allocated = adds
            ? [...allocated, label(versionWith(name, { line, bundles: [bundle], allocated }), name)]
            : allocated.map((one) =>
                one.name === name && one.removedVersion === null
                  ? { ...one, removedVersion: version + 1 }
                  : one,
              );
          const list = labelListOf(bundle, allocated);
          expect(list.version).toBe(version + 1);
          expect(seen.has(list.version)).toBe(false);
          seen.set(list.version, list.added.join());
        }
      }),
      { seed: 3, numRuns: 200 },
    );
  });
});
