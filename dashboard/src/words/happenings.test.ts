// Happenings as sentences, and which are told together.
import { TIMELINE_KINDS, type TimelineEntry, timelineEntrySchema } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { detailOf, type Piece, runsOf, sentenceOf } from './happenings.ts';

const entry = (given: Partial<Record<keyof TimelineEntry, unknown>>): TimelineEntry =>
  timelineEntrySchema.parse({
    position: 1,
    at: 1_000_000,
    kind: 'device-online',
    device: null,
    group: null,
    line: null,
    digest: null,
    code: null,
    detail: null,
    subject: null,
    figures: {},
    ...given,
  });

const said = (pieces: readonly Piece[]): string =>
  pieces.map((piece) => ('text' in piece ? piece.text : piece.strong)).join('');

it('devices that come back together are told as one', () => {
  const devices = ['home-1', 'home-2', 'home-3', 'home-4', 'home-5'].map((device) => entry({ device }));
  const runs = runsOf([...devices, entry({ device: 'late', at: 1 })]);
  expect(runs.map(({ entries }) => entries.length)).toEqual([5, 1]);
  expect(runs.map((run) => said(sentenceOf(run)))).toEqual([
    'home-1, home-2, home-3 and 2 more connected',
    'late connected',
  ]);
});

it('a bundle that runs here and another that runs there are two sentences', () => {
  const one = entry({
    kind: 'bundle-running',
    device: 'a',
    line: 'intent',
    digest: 'a'.repeat(64),
    detail: '1',
  });
  const other = { ...one, digest: entry({ digest: 'b'.repeat(64) }).digest };
  expect(runsOf([one, other]).length).toBe(2);
  expect(runsOf([one, { ...one, position: 2 }]).map((run) => said(sentenceOf(run)))).toEqual([
    'a run intent 1',
  ]);
});

it('what happened between is no hindrance, but a device that went does not come before it came', () => {
  const [a, b] = ['a', 'b'].map((device) => entry({ device }));
  const between = entry({ kind: 'policy-set', group: 'homes', detail: 'none' });
  const gone = entry({ kind: 'device-offline', device: 'a' });
  if (a === undefined || b === undefined) throw new TypeError('two entries');
  expect(runsOf([a, between, b]).map(({ entries }) => entries.length)).toEqual([2, 1]);
  expect(runsOf([a, gone, a]).map(({ entries }) => entries.length)).toEqual([1, 1, 1]);
});

it('a policy for explanations says who may be told why', () => {
  const told = (detail: string): string[] =>
    runsOf([entry({ kind: 'explanations-set', group: 'homes', detail })]).map((run) => said(sentenceOf(run)));
  expect(told('local')).toEqual(['Devices of homes may explain decisions to programs on them']);
  expect(told('never')).toEqual(['Devices of homes explain no decisions']);
});

it('a refusal names the code, and what the device said below', () => {
  const [run] = runsOf([
    entry({
      kind: 'bundle-refused',
      device: 'a',
      line: 'intent',
      code: 'SIGNATURE_WRONG',
      detail: 'it does not fit',
    }),
  ]);
  if (run === undefined) throw new TypeError('one run');
  expect(said(sentenceOf(run))).toBe('a refused a bundle of intent: SIGNATURE_WRONG');
  expect(detailOf(run)).toBe('it does not fit');
});

it('every kind has a sentence', () => {
  for (const kind of TIMELINE_KINDS) {
    const [run] = runsOf([entry({ kind, device: 'a', detail: '1.0.0 to homes', line: 'intent' })]);
    if (run === undefined) throw new TypeError('one run');
    expect(said(sentenceOf(run)).length).toBeGreaterThan(5);
  }
});
