// Real releases that are bad, on the real engine: each is refused before it serves, or taken back while it does; the version
// before goes on, and no request fails.
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { TRIAL_INPUTS_TIMED_MIN } from '@nanofleet/protocol';
import { type BundleBadness, eventually } from '@nanofleet/runtime/testing';
import { afterEach, describe, expect, it } from 'vitest';
import type { LineSlotOptions } from './line-slot.ts';
import { heardTexts, makeRealSlot, type RealSlot, realAcceptance, releaseOf } from './test-real-slots.ts';

const LONG_MS = 300_000;
const ASKERS = 4;
const opened: RealSlot[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ remove }) => remove()));
});

const one = releaseOf(1);

/** A slot that has committed the first release and has heard some texts. */
const withFirst = async (change: Partial<LineSlotOptions> = {}): Promise<RealSlot> => {
  const made = makeRealSlot(change);
  opened.push(made);
  made.slot.want(one.wish, one.blobs, { isShipped: true });
  await made.slot.settled();
  await hear(made);
  await eventually(() => expect(made.slot.report().step).toBe('settled'), { withinMs: LONG_MS });
  return made;
};

const hear = async ({ decide }: RealSlot): Promise<void> => {
  for (const text of heardTexts) await decide(text);
};

const pursue = async (made: RealSlot, { wish, blobs }: ReturnType<typeof releaseOf>): Promise<void> => {
  made.slot.want(wish, blobs);
  await made.slot.settled();
};

/** An acceptance that finds nothing: what it would have found is left to the probation. */
const BLIND: Partial<LineSlotOptions> = {
  // As many inputs as it takes to time a version: a busy machine must not let it be committed before.
  probation: { leastMs: 400, mostMs: LONG_MS, inputs: TRIAL_INPUTS_TIMED_MIN },
  acceptance: {
    try: () =>
      Promise.resolve({
        ...{ inputs: 0, failed: 0, notFinite: 0, comparable: 0, disagreed: 0, abstained: 0 },
        ...{ fastest: { inputs: 0, running: 0, candidate: 0 }, memory: null },
      }),
  },
};

const keptFirst = (code: string) => ({
  running: { digest: one.wish.digest },
  committed: one.wish.digest,
  step: 'refused',
  refused: { code },
});

describe('a release that is tried in a process of its own', () => {
  it(
    'is committed after its probation when it is as good',
    async () => {
      const made = await withFirst();
      const two = releaseOf(2);
      await pursue(made, two);
      expect(made.slot.report()).toMatchObject({ step: 'probation', committed: one.wish.digest });
      await hear(made);
      await eventually(() => expect(made.slot.report().committed).toBe(two.wish.digest), {
        withinMs: LONG_MS,
      });
    },
    LONG_MS,
  );

  const BAD: readonly [string, BundleBadness, string][] = [
    ['answers wrongly', { kind: 'wrong' }, 'MODEL_DISAGREES'],
    ['is more than three times slower', { kind: 'slow', rows: 512 }, 'MODEL_SLOW'],
    ['takes half as much memory again', { kind: 'heavy', numbers: 15_000_000 }, 'MODEL_HEAVY'],
    ['answers no numbers', { kind: 'not-finite' }, 'MODEL_NOT_FINITE'],
  ];
  it.each(BAD)(
    'is refused before it serves when it %s',
    async (_what, badness, code) => {
      const made = await withFirst();
      await pursue(made, releaseOf(2, badness));
      expect(made.slot.report()).toMatchObject(keptFirst(code));
      expect(made.served).toHaveLength(1);
    },
    LONG_MS,
  );

  it(
    'is refused when it hangs while it is loaded, and leaves no process behind',
    async () => {
      const made = await withFirst({ acceptance: realAcceptance({ cpuMsMax: 2_000 }) });
      await pursue(made, releaseOf(2, { kind: 'hanging', networks: 500 }));
      expect(made.slot.report()).toMatchObject(keptFirst('TRIAL_TIMEOUT'));
    },
    LONG_MS,
  );

  it(
    'is refused when it takes all memory',
    async () => {
      const made = await withFirst({ acceptance: realAcceptance({ rssBytesMax: 160e6 }) });
      await pursue(made, releaseOf(2, { kind: 'heavy', numbers: 400_000_000 }));
      expect(made.slot.report()).toMatchObject(keptFirst('TRIAL_MEMORY'));
    },
    LONG_MS,
  );

  it(
    'is refused when it brings its process down',
    async () => {
      const program = join(tmpdir(), `nanofleet-crash-${process.pid}.mjs`);
      writeFileSync(program, "process.once('message', () => process.abort());\n");
      const made = await withFirst({ acceptance: realAcceptance({ program: pathToFileURL(program) }) });
      await pursue(made, releaseOf(2));
      expect(made.slot.report()).toMatchObject(keptFirst('TRIAL_CRASHED'));
    },
    LONG_MS,
  );

  it(
    'is given up at once when the agent ends',
    async () => {
      const made = await withFirst();
      made.slot.want(releaseOf(2, { kind: 'hanging', networks: 500 }).wish, releaseOf(2).blobs);
      await made.slot.close();
      expect(made.slot.report().committed).toBe(one.wish.digest);
    },
    LONG_MS,
  );
});

describe('a release on probation', () => {
  const BAD: readonly [string, BundleBadness, string][] = [
    ['answers wrongly', { kind: 'wrong' }, 'MODEL_DISAGREES'],
    ['is more than three times slower', { kind: 'slow', rows: 512 }, 'MODEL_SLOW'],
    ['answers no numbers', { kind: 'not-finite' }, 'MODEL_NOT_FINITE'],
  ];
  it.each(BAD)(
    'is taken back when it %s, and no request fails',
    async (_what, badness, code) => {
      const made = await withFirst(BLIND);
      await pursue(made, releaseOf(2, badness));
      expect(made.slot.report()).toMatchObject({ step: 'probation', committed: one.wish.digest });
      await eventually(
        async () => {
          // Several who ask at once: then the version before waits for the runs of the new one.
          await Promise.all(Array.from({ length: ASKERS }, () => hear(made)));
          expect(made.slot.report().step).toBe('refused');
        },
        { withinMs: LONG_MS },
      );
      expect(made.slot.report()).toMatchObject(keptFirst(code));
      expect(made.served.map(({ releaseCounter }) => releaseCounter)).toEqual([1, 2, 1]);
      await hear(made);
    },
    LONG_MS,
  );
});
