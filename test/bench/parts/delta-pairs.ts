// Pairs of graphs to make deltas of: weights drawn from a seed with a stated share of their codes moved, and a model of a federated round
// beside its parent, made by the pieces that devices and controller run.
import { join } from 'node:path';
import { roundSettingsSchema } from '@nanofleet/protocol';
import { HEAD_TRAINING_DEFAULTS, listInitializers, seededShares } from '@nanofleet/runtime';
import { fileOf, inspectBundle, makeCandidate, textManifestOf } from '@nanofleet/runtime/node';
import { tinyTableGraph } from '@nanofleet/runtime/testing';
import { baseOf, examplesOf, trained } from './learning.ts';
import { readSaid } from './learning-sentences.ts';
import { ROOT } from './lone-agent.ts';

/** A pair of files. */
export interface Pair {
  readonly name: string;
  readonly base: Uint8Array;
  readonly target: Uint8Array;
  /** Share of codes that differ, 0..1. */
  readonly moved: number;
  /** Bytes that coding each code's difference by its frequency would take at least. */
  readonly entropyBytes: number;
}

/** How codes become others: `share` of them, in every row or only in a share of the rows. */
interface Move {
  readonly name: string;
  readonly share: number;
  readonly rows: number;
}

const WIDTH = 64;
const CODES = 7_900_000;
const MOVES: readonly Move[] = [
  { name: '0.5 % of codes', share: 0.005, rows: 1 },
  { name: '2 % of codes', share: 0.02, rows: 1 },
  { name: '10 % of codes', share: 0.1, rows: 1 },
  { name: '30 % of codes', share: 0.3, rows: 1 },
  { name: '1 % of rows', share: 0.7, rows: 0.01 },
];

/** Weights drawn from a seed, 7.9 million codes, each with a share of them moved by one. */
export function* drawnPairs(): Generator<Pair> {
  const share = seededShares(1);
  const count = Math.floor(CODES / WIDTH) * WIDTH;
  const codes = Int8Array.from({ length: count }, () =>
    Math.max(-127, Math.min(127, Math.round((share() + share() + share() + share() - 2) * 70))),
  );
  for (const move of MOVES) yield pairOf(move.name, graphOf(codes), graphOf(moved(codes, move, share)));
}

function moved(codes: Int8Array, move: Move, share: () => number): Int8Array {
  const next = Int8Array.from(codes);
  for (let row = 0; row < codes.length; row += WIDTH) {
    if (share() >= move.rows) continue;
    for (let at = row; at < row + WIDTH; at += 1)
      if (share() < move.share)
        next[at] = Math.max(-127, Math.min(127, (codes[at] ?? 0) + (share() < 0.5 ? 1 : -1)));
  }
  return next;
}

const graphOf = (codes: Int8Array): Uint8Array =>
  tinyTableGraph({ codes, scales: new Float32Array(codes.length / WIDTH).fill(0.02) });

/** What a head becomes by learning the corpus's new intents as rounds do it, in one place. */
export async function roundPair(name: string): Promise<Pair> {
  const bundle = await inspectBundle(join(ROOT, 'bundles', name));
  const part = (file: string) => readSaid(join(ROOT, 'corpus', `${file}.jsonl`));
  const [devices, heldOut] = [await part('devices'), await part('controller')];
  const known = new Set(textManifestOf(bundle).labels.names);
  const added = [...new Set(devices.map(({ intent }) => intent))]
    .filter((intent) => !known.has(intent))
    .sort();
  const base = baseOf(bundle, added);
  const { steps, learningRate, batch, rehearsal, pull } = roundSettingsSchema.parse({});
  const { rehearsalNoise } = HEAD_TRAINING_DEFAULTS;
  const settings = { steps, learningRate, batch, rehearsal, rehearsalNoise, pull, clipNorm: 1, seed: 1 };
  const examples = await examplesOf(base, devices);
  const head = await trained(base, { start: base.head, examples, settings });
  const { files } = await makeCandidate({
    parent: bundle,
    head,
    labels: { version: textManifestOf(bundle).labels.version + 1, added },
    examples: heldOut,
    release: { version: 'bench', counter: textManifestOf(bundle).releaseCounter + 1 },
    breathe: () => Promise.resolve(),
  });
  return pairOf(
    `${name}, a round`,
    fileOf(bundle, 'infer.int8'),
    files.get('infer.int8') ?? new Uint8Array(),
  );
}

/** Two shipped models that were trained apart. */
export async function trainedApart(first: string, second: string): Promise<Pair> {
  const graph = async (name: string) =>
    fileOf(await inspectBundle(join(ROOT, 'bundles', name)), 'infer.int8');
  return pairOf(`${first}, then ${second}`, await graph(first), await graph(second));
}

function pairOf(name: string, base: Uint8Array, target: Uint8Array): Pair {
  const before = new Map(listInitializers(base).map((tensor) => [tensor.name, tensor.raw]));
  let [codes, differing, bits] = [0, 0, 0];
  for (const { name: tensor, dataType, raw } of listInitializers(target)) {
    const from = before.get(tensor);
    if (dataType !== INT8 || from?.length !== raw.length) continue;
    const counts = new Float64Array(256);
    raw.forEach(
      (code, at) =>
        (counts[(code - (from[at] ?? 0)) & 255] = (counts[(code - (from[at] ?? 0)) & 255] ?? 0) + 1),
    );
    codes += raw.length;
    differing += raw.length - (counts[0] ?? 0);
    bits += counts.reduce((sum, count) => sum - (count === 0 ? 0 : count * Math.log2(count / raw.length)), 0);
  }
  return { name, base, target, moved: differing / codes, entropyBytes: bits / 8 };
}

/** TensorProto.DataType of int8. */
const INT8 = 3;
