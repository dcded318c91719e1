/**
 * One contribution to a round, from plan to bytes: the head to begin from, features of the examples, training, the clipped difference.
 * Owns the order of these steps and what each checks; never talks to the controller but for the start's blob.
 */
import {
  BLOB_CHUNK_BYTES,
  encodeUpdate,
  type FileRole,
  NanofleetError,
  type RoundPlan,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import {
  columnsFrom,
  decodeHead,
  decodePrototypes,
  differenceOf,
  FNV_OFFSET,
  firstColumnOf,
  fnvString,
  grownHead,
  HEAD_TRAINING_DEFAULTS,
  type Head,
  type HeadDifference,
  type HeadExamples,
  headOf,
  NO_LABEL,
  quantizeDifference,
  spread,
  type TextRunner,
} from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';
import { type Clock, pause, type Random } from '@nanofleet/runtime/ports';
import type { ModelLines } from '../inference/model-lines.ts';
import type { BlobSource } from '../ports/blob-source.ts';
import type { Trainer } from '../ports/trainer.ts';
import type { Example } from './example-index.ts';
import type { Residues } from './residues.ts';

/** Texts whose features are computed before the program does other things: at some 40 µs each about a millisecond. */
const TEXTS_PER_TURN = 25;
/** How much the answer of a bigger tier counts beside a correction, which nobody had to guess. */
const OFFLOADED_WEIGHT = 0.5;

/** What a contribution needs. */
export interface ContributionPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly blobs: BlobSource;
  readonly trainer: Trainer;
  readonly lines: ModelLines;
  readonly residues: Residues;
  /** The bundle that a line runs, its bytes checked again. */
  readonly bundleOf: (line: string, digest: string) => Promise<CheckedBundle>;
}

/** What is asked for. */
export interface ContributionTask {
  readonly plan: RoundPlan;
  /** Makes chance differ between devices: equal noise on all of them would not average out. */
  readonly device: string;
  readonly examples: readonly Example[];
  /** What the update says of their count. */
  readonly count: number;
}

/** Labels in the order of the columns that the plan's head has. */
export const labelsOf = (running: readonly string[], { labels }: RoundPlan): string[] => [
  ...running,
  ...labels.added,
];

/**
 * Makes the update of a round.
 * @throws NanofleetError of whatever failed, or the signal's reason
 */
export const contribute = async (
  { plan, device, examples, count }: ContributionTask,
  ports: ContributionPorts,
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const bundle = await ports.bundleOf(plan.line, plan.base);
  const labels = labelsOf(bundle.manifest.labels.names, plan);
  const trainedFrom = firstColumnOf(plan.tensors, {
    classes: labels.length,
    added: plan.labels.added.length,
  });
  const start = await startOf(plan, { bundle, classes: labels.length, blobs: ports.blobs, signal });
  const features = await featuresOf(examples, { plan, labels, ports, signal });
  const { head } = await ports.trainer.train(
    {
      start,
      trainedFrom,
      examples: features,
      prototypes: decodePrototypes(fileIn(bundle, 'prototypes')),
      trainStep: fileIn(bundle, 'train-step'),
      settings: {
        steps: plan.steps,
        learningRate: plan.learningRate,
        batch: plan.batch ?? HEAD_TRAINING_DEFAULTS.batch,
        rehearsal: plan.rehearsal ?? HEAD_TRAINING_DEFAULTS.rehearsal,
        rehearsalNoise: HEAD_TRAINING_DEFAULTS.rehearsalNoise,
        pull: plan.pull ?? HEAD_TRAINING_DEFAULTS.pull,
        seed: spread(fnvString(fnvString(FNV_OFFSET, `${plan.seed} `), device)),
      },
    },
    signal,
  );
  signal.throwIfAborted();
  const difference = differenceOf(columnsFrom(head, trainedFrom), columnsFrom(start, trainedFrom));
  return updateOf(plan, { difference, count, ports });
};

const updateOf = (
  { line, base, clipNorm, labels }: RoundPlan,
  { difference, count, ports }: { difference: HeadDifference; count: number; ports: ContributionPorts },
): Uint8Array => {
  const { tensors, residue } = quantizeDifference(difference, {
    clipNorm,
    residue: ports.residues.read(line, base),
    share: () => ports.random.share(),
  });
  // Before the update leaves: a crash between the two loses some precision, the other way round would say it twice.
  ports.residues.write(line, base, residue);
  return encodeUpdate({ base, labelsVersion: labels.version, examples: count, tensors });
};

const startOf = async (
  plan: RoundPlan,
  options: { bundle: CheckedBundle; classes: number; blobs: BlobSource; signal: AbortSignal },
): Promise<Head> => {
  const { bundle, classes, blobs, signal } = options;
  const own = grownHead(headOf(fileIn(bundle, 'infer.int8')), classes);
  if (plan.start === undefined) return own;
  const bytes = await fetchWhole(blobs, plan.start, signal);
  if (sha256Of(bytes) !== plan.start.digest)
    throw new NanofleetError(
      'DIGEST_MISMATCH',
      'the start of the round does not have the digest that its plan states',
    );
  const start = decodeHead(bytes);
  if (start.width === own.width && start.classes === classes) return start;
  const problem = `the start of the round has ${start.width} by ${start.classes} weights; ${own.width} by ${classes} belong there`;
  throw new NanofleetError('UPDATE_SHAPE_WRONG', problem);
};

const fetchWhole = async (
  blobs: BlobSource,
  { digest, bytes: total }: { digest: string; bytes: number },
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const whole = new Uint8Array(total);
  for (let from = 0; from < total; ) {
    signal.throwIfAborted();
    const length = Math.min(BLOB_CHUNK_BYTES, total - from);
    const { bytes, totalBytes } = await blobs.fetch(digest, { from, length });
    if (totalBytes !== total || bytes.length !== length)
      throw new NanofleetError(
        'DIGEST_MISMATCH',
        `the start of the round has ${totalBytes} bytes, not ${total}`,
      );
    whole.set(bytes, from);
    from += length;
  }
  return whole;
};

const featuresOf = async (
  examples: readonly Example[],
  options: { plan: RoundPlan; labels: readonly string[]; ports: ContributionPorts; signal: AbortSignal },
): Promise<HeadExamples> => {
  const { plan, labels, ports, signal } = options;
  const { runner, giveBack } = ports.lines.lease('text-intent', plan.line);
  try {
    if (runner.digest !== plan.base) throw exchanged(plan);
    const rows: Float32Array[] = [];
    for (const { text } of examples) {
      if (rows.length % TEXTS_PER_TURN === 0) await pause(ports.clock, 0);
      signal.throwIfAborted();
      rows.push(await runner.penultimate(text));
    }
    return {
      features: joined(rows, runner),
      labels: Int32Array.from(examples, ({ label }) => (label === null ? NO_LABEL : labels.indexOf(label))),
      weights: Float32Array.from(examples, ({ origin }) => (origin === 'local' ? 1 : OFFLOADED_WEIGHT)),
    };
  } finally {
    giveBack();
  }
};

const joined = (rows: readonly Float32Array[], { line }: TextRunner): Float32Array => {
  const width = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== width))
    throw new NanofleetError(
      'TRAINING_FAILED',
      `the model of ${line} gives features of more than one length`,
    );
  const all = new Float32Array(rows.length * width);
  rows.forEach((row, at) => all.set(row, at * width));
  return all;
};

/** The model of the line is another one by now. */
export const exchanged = ({ line }: Pick<RoundPlan, 'line'>): NanofleetError =>
  new NanofleetError('UPDATE_BASE_WRONG', `line ${line} got another model while the round was under way`);

const fileIn = ({ files, manifest }: CheckedBundle, role: FileRole): Uint8Array => {
  const bytes = files.get(role);
  if (bytes !== undefined) return bytes;
  throw new NanofleetError(
    'TRAINING_FAILED',
    `the bundle of ${manifest.line} holds no ${role}, so it cannot be trained`,
  );
};
