// Federated learning in one process, out of the pieces that devices and controller run: features of the real int8
// graph, the devices' trainer, encoded updates, the controller's aggregator. Owns no arithmetic of its own.
import { type Digest, decodeUpdate, encodeUpdate } from '@nanofleet/protocol';
import {
  Aggregator,
  columnsFrom,
  decodePrototypes,
  differenceOf,
  elementsOfRound,
  firstColumnOf,
  grownHead,
  type Head,
  type HeadDifference,
  type HeadExamples,
  type HeadTrainingSettings,
  headOf,
  headPlus,
  type Prototypes,
  quantizeDifference,
  seededShares,
  tensorsOfRound,
} from '@nanofleet/runtime';
import { type CheckedBundle, fileOf, TextModel, textManifestOf, trainHead } from '@nanofleet/runtime/node';
import type { Said } from './learning-sentences.ts';

/** How the fleet learns: what a round's plan says. */
export interface LearningSettings extends HeadTrainingSettings {
  readonly clipNorm: number;
}

/** A base that heads are trained on. */
export interface Base {
  readonly bundle: CheckedBundle;
  readonly digest: Digest;
  /** The base's labels, then the added ones. */
  readonly labels: readonly string[];
  readonly added: readonly string[];
  readonly head: Head;
  readonly prototypes: Prototypes;
}

/** The base with room for further labels. */
export function baseOf(bundle: CheckedBundle, added: readonly string[]): Base {
  const { labels } = textManifestOf(bundle);
  const head = headOf(fileOf(bundle, 'infer.int8'));
  return {
    bundle,
    digest: bundle.digest,
    labels: [...labels.names, ...added],
    added,
    head: grownHead(head, head.classes + added.length),
    prototypes: decodePrototypes(fileOf(bundle, 'prototypes')),
  };
}

/** Sentences as a device keeps them: what the layer before the head makes of each, and its label. */
export async function examplesOf(base: Base, said: readonly Said[]): Promise<HeadExamples> {
  const model = await TextModel.open(
    fileOf(base.bundle, 'infer.int8'),
    textManifestOf(base.bundle).text,
    'base',
  );
  const { width } = base.head;
  const features = new Float32Array(said.length * width);
  for (const [at, { text }] of said.entries())
    features.set((await model.compute(text)).penultimate, at * width);
  await model.release();
  return { features, labels: Int32Array.from(said, ({ intent }) => base.labels.indexOf(intent)) };
}

const firstColumn = ({ added, head }: Base): number =>
  firstColumnOf(tensorsOfRound(added.length), { classes: head.classes, added: added.length });

/** A head trained on examples from a start. */
export async function trained(
  base: Base,
  options: { start: Head; examples: HeadExamples; settings: LearningSettings },
): Promise<Head> {
  const { start, examples, settings } = options;
  const training = {
    trainStep: fileOf(base.bundle, 'train-step'),
    start,
    examples,
    prototypes: base.prototypes,
    trainedFrom: firstColumn(base),
    settings,
  };
  const { head } = await trainHead(training, {
    monotonicMicros: () => Number(process.hrtime.bigint() / 1_000n),
    breathe: () => Promise.resolve(),
  });
  return head;
}

/** A device of the fleet: its examples and what rounding has kept from its earlier updates. */
interface Device {
  readonly examples: HeadExamples;
  residue: HeadDifference | undefined;
}

/** One round that was played. */
export interface PlayedRound {
  readonly head: Head;
  /** Bytes of the largest update. */
  readonly updateBytes: number;
  readonly norms: readonly number[];
}

/** A fleet that learns round after round. */
export class LearningFleet {
  readonly #base: Base;
  readonly #devices: Device[];
  readonly #settings: LearningSettings;
  #head: Head;
  #turn = 0;

  constructor(base: Base, options: { examples: readonly HeadExamples[]; settings: LearningSettings }) {
    this.#base = base;
    this.#devices = options.examples.map((examples) => ({ examples, residue: undefined }));
    this.#settings = options.settings;
    this.#head = base.head;
  }

  /** Every device trains from the common head and sends its update; the average is added to the head. */
  async round(): Promise<PlayedRound> {
    this.#turn += 1;
    const { clipNorm } = this.#settings;
    const elements = elementsOfRound(this.#head, this.#base.added.length);
    const aggregator = new Aggregator({ elements, clipNorm });
    const sizes: number[] = [];
    const norms: number[] = [];
    for (const [at, device] of this.#devices.entries()) {
      const bytes = await this.#updateOf(device, this.#settings.seed + 1_000 * this.#turn + at);
      const update = decodeUpdate(bytes);
      norms.push(aggregator.add(update.tensors, update.examples).norm);
      sizes.push(bytes.length);
    }
    this.#head = headPlus(this.#head, aggregator.average().tensors);
    return { head: this.#head, updateBytes: Math.max(...sizes), norms };
  }

  async #updateOf(device: Device, seed: number): Promise<Uint8Array> {
    const start = this.#head;
    const { examples } = device;
    const head = await trained(this.#base, { start, examples, settings: { ...this.#settings, seed } });
    const first = firstColumn(this.#base);
    const difference = differenceOf(columnsFrom(head, first), columnsFrom(start, first));
    const { tensors, residue } = quantizeDifference(difference, {
      clipNorm: this.#settings.clipNorm,
      residue: device.residue,
      share: seededShares(seed + 500),
    });
    device.residue = residue;
    return encodeUpdate({
      base: this.#base.digest,
      labelsVersion: 2,
      examples: examples.labels.length,
      tensors,
    });
  }
}
