import { makeUuid, offloadResponseSchema } from '@nanofleet/protocol';
import { expect, it } from 'vitest';
import { answerOf, refusalOf } from './answer.plan.ts';

const decision = makeUuid(1, new Uint8Array(10));
const said = {
  label: 'weather',
  confidence: 0.4,
  outOfScope: 0.2,
  version: '1',
  digest: 'a'.repeat(64),
  micros: 9,
};

it('a sure answer carries its label; one that is not sure says so and carries none', () => {
  const sure = answerOf(decision, { ...said, verdict: 'sure' });
  expect(sure).toMatchObject({ status: 'answered', response: { label: 'weather', tier: 'mini', micros: 9 } });
  for (const verdict of ['unsure', 'out-of-scope'] as const) {
    const answer = answerOf(decision, { ...said, verdict });
    expect(answer).toMatchObject({ status: 'unanswered', response: { label: null, verdict } });
    expect(offloadResponseSchema.safeParse(answer.response).success).toBe(true);
  }
});

it('a refusal has its code, no tier and no label', () => {
  const refusal = refusalOf(decision, { code: 'OFFLOAD_REFUSED', message: 'the policy is none' });
  expect(refusal).toMatchObject({ status: 'unanswered', response: { code: 'OFFLOAD_REFUSED', tier: null } });
  expect(offloadResponseSchema.safeParse(refusal.response).success).toBe(true);
});
