// Behaviour of the comparison: figures follow from what was asked, each says how it is known, columns stay aligned.
import { describe, expect, it } from 'vitest';
import { assumptionsOf, comparisonLines, comparisonOf } from './comparison.ts';
import { Ledger } from './story/ledger.ts';

function usage(texts: number) {
  const ledger = new Ledger();
  for (let turn = 0; turn < texts; turn += 1) {
    ledger.textBytes.push(20);
    ledger.decisions.add(String(turn));
    ledger.localMicros.push(50 + turn);
  }
  ledger.samples = { count: 100, channels: 3 };
  return { ledger, linkBytes: 5_000, modelBytes: 5_000, labels: ['smart_home', 'weather'] };
}

const rowOf = (texts: number, what: string) => comparisonOf(usage(texts)).find((row) => row.what === what);

describe('comparisonOf', () => {
  it('counts a call to the cloud for each decision, and none for this fleet', () => {
    const row = rowOf(7, 'calls to a cloud model (a stand-in)');
    expect([row?.fleet.value, row?.cloud.value]).toEqual([0, 7]);
  });

  it('grows the computed bytes by one request a text and by raw samples', () => {
    const bytes = (texts: number) => rowOf(texts, 'bytes of offloads, events, health')?.cloud.value ?? 0;
    expect(bytes(0)).toBe(600);
    expect(bytes(3) - bytes(2)).toBe(bytes(2) - bytes(1));
    expect(bytes(2) - bytes(1)).toBeGreaterThan(1_450 + 20);
  });

  it('never calls anything measured that was not sent', () => {
    for (const { fleet, cloud } of comparisonOf(usage(3))) {
      expect(fleet.basis).toBe('measured');
      expect(['computed', 'assumed']).toContain(cloud.basis);
    }
  });

  it('counts the models that this fleet fetches against it', () => {
    expect(rowOf(1, 'bytes of new model versions')?.fleet.value).toBe(5_000);
  });

  it('states what the computed column stands on', () => {
    const text = assumptionsOf(usage(1)).join(' ');
    expect(text).toContain('500 ms');
    expect(text).toContain('2 intents');
  });
});

describe('comparisonLines', () => {
  it('begins every column at the same place', () => {
    const [heading = '', ...rows] = comparisonLines(comparisonOf(usage(3)));
    const at = heading.indexOf('all to the cloud');
    for (const row of rows) expect(row.slice(at - 3, at)).toBe('   ');
  });
});
