/** Slots of one line over a simulated disk for tests, with the real exchange of models and the real trials. */
import type { Runner } from '@nanofleet/runtime';
import { type Clock, type Disk, silentLog } from '@nanofleet/runtime/ports';
import { type ManualClock, makeSeededRandom } from '@nanofleet/runtime/testing';
import { ModelLines } from '../inference/model-lines.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import { acceptInProcess } from '../trial/acceptance-in-process.ts';
import { LiveInputs } from '../trial/live-inputs.ts';
import { PROBATION_LENGTH } from '../trial/probation.ts';
import { ContentStore } from './content-store.ts';
import { LineSlot, type LineSlotOptions } from './line-slot.ts';
import { loadNothing, sourceOf, type TestBundle } from './test-bundles.ts';

/** Longer than any probation. */
const PROBATION_OVER_MS = 60_000;

/** A slot with what it serves. */
export interface MadeSlot {
  readonly slot: LineSlot;
  readonly lines: ModelLines;
  readonly inputs: LiveInputs;
  /** Every runner that was put into service, in order. */
  readonly served: Runner[];
}

/** Makes the slot of the line `intent`. */
export const makeSlot = (
  ports: { disk: Disk; clock: Clock; publisherFingerprints: readonly string[] },
  change: Partial<LineSlotOptions> = {},
): MadeSlot => {
  const served: Runner[] = [];
  const inputs = new LiveInputs();
  const lines = new ModelLines(silentLog);
  const { load = loadNothing } = change;
  const slot = new LineSlot({
    ...ports,
    publisherFingerprints: () => ports.publisherFingerprints,
    inputs,
    load,
    random: makeSeededRandom(1),
    log: silentLog,
    line: 'intent',
    directory: '/state/slots/intent',
    host: { memoryBytes: 1e9, rssBytes: () => 50e6, boot: () => ({ id: 'one', uptimeMs: 1 }) },
    acceptance: acceptInProcess({ ...ports, load }),
    content: new ContentStore(ports.disk, '/state/content'),
    probation: PROBATION_LENGTH,
    exchange: (runner) => {
      served.push(runner);
      lines.exchange(runner);
    },
    hold: (line) => lines.hold(line),
    pairs: {
      ...{ begin: () => undefined, expect: () => undefined, forgo: () => undefined },
      end: () => Promise.resolve(),
    },
    remove: (line) => lines.remove(line),
    changed: () => undefined,
    ...change,
  });
  return { slot, lines, inputs, served };
};

/** Asks for a bundle and waits until it serves or was refused; its probation is not over. */
const bring = async (
  { slot }: Pick<MadeSlot, 'slot'>,
  bundle: TestBundle,
  source: BlobSource = sourceOf(bundle),
): Promise<void> => {
  slot.want(bundle.wish, source);
  await slot.settled();
};

/** The same, through the probation. */
export const install = async (
  made: Pick<MadeSlot, 'slot'>,
  bundle: TestBundle,
  { clock, source }: { clock: ManualClock; source?: BlobSource },
): Promise<void> => {
  await bring(made, bundle, source);
  clock.advance(PROBATION_OVER_MS);
};
