/** Questions to a provider under a clock that a test moves. */
import type { CloudAnswer, CloudQuestion, ProviderSettings } from '@nanofleet/controller/testing';
import type { DeviceId, LineId } from '@nanofleet/protocol';
import { newId } from '@nanofleet/runtime/ports';
import { eventually, type ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { expect } from 'vitest';
import type { TestProvider } from '../server.ts';

const random = makeSeededRandom(7);

/** A sentence that the rule of the test provider knows the label of. */
export const KNOWN = 'what is the weather like in boston';
export const LABELS = ['lights_on', 'weather'];

/** Settings for a test provider: 1 unit per million tokens in, 2 out. */
export const settingsFor = (
  provider: TestProvider,
  change: Partial<ProviderSettings> = {},
): ProviderSettings => ({
  url: provider.url,
  key: provider.key,
  keyFile: 'key',
  model: 'test-model',
  pricePerMillion: { input: 1_000_000, output: 2_000_000 },
  budgetPerDay: 1_000_000_000,
  currency: 'USD',
  deadlineMs: 60_000,
  connectMs: 3_000,
  firstMs: 10_000,
  idleMs: 5_000,
  attempts: 3,
  outputTokensMax: 256,
  outputTokensField: 'max_completion_tokens',
  ...change,
});

/** A question with what has been replied so far. */
export const questionAt = (
  clock: ManualClock,
  change: Partial<CloudQuestion> = {},
): CloudQuestion & { readonly replied: string[] } => {
  const replied: string[] = [];
  return {
    device: 'home-1' as DeviceId,
    decision: newId(clock, random),
    line: 'intent' as LineId,
    text: KNOWN,
    redacted: { email: 1 },
    labels: LABELS,
    expiresAt: clock.unixMs() + 120_000,
    reply: (piece) => replied.push(piece),
    replied,
    ...change,
  };
};

/** What a promise comes to while time passes: its value, or what it was rejected with. */
export const whileTimePasses = async <T>(
  clock: ManualClock,
  promise: Promise<T>,
  { stepMs = 20 } = {},
): Promise<T | Error> => {
  let outcome: { value: T | Error } | null = null;
  promise.then(
    (value) => {
      outcome = { value };
    },
    (thrown: Error) => {
      outcome = { value: thrown };
    },
  );
  return eventually(
    () => {
      clock.advance(stepMs);
      if (outcome === null) return expect.unreachable('still under way');
      return outcome.value;
    },
    { withinMs: 60_000, everyMs: 4 },
  );
};

/** Whether an outcome is an answer. */
export const isAnswer = (outcome: CloudAnswer | Error): outcome is CloudAnswer => !(outcome instanceof Error);
