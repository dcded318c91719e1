// What is noted at the end of a round.
import { digestSchema, lineIdSchema, makeUuid } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { endHappenings } from './round.plan.ts';

const round = {
  id: makeUuid(1, new Uint8Array(10)),
  line: lineIdSchema.parse('intent'),
  updates: 4,
  candidate: digestSchema.parse('a'.repeat(64)),
  problemCode: null,
  problemMessage: null,
};

it('a round that made a candidate is told as two happenings', () => {
  expect(endHappenings({ ...round, status: 'candidate' }).map(({ kind, detail }) => [kind, detail])).toEqual([
    ['round-ended', '4 updates'],
    ['candidate-made', undefined],
  ]);
});

it('a round that failed says why', () => {
  const failed = { ...round, candidate: null, problemMessage: 'one of two' };
  expect(endHappenings({ ...failed, status: 'failed', problemCode: 'EXAMPLES_TOO_FEW' })).toMatchObject([
    { kind: 'round-ended', code: 'EXAMPLES_TOO_FEW', detail: 'one of two' },
  ]);
});
