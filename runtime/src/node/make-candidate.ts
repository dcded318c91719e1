/**
 * Owns making a candidate of a text bundle and a head that was trained: graph, calibration, prototypes, golden vectors,
 * manifest, and how it judges beside its parent. The same input gives the same bytes. Never signs: a candidate runs
 * nowhere before a publisher did.
 */
import {
  assert,
  type BundleFile,
  type Digest,
  encodeManifest,
  type FileRole,
  fileOfRole,
  type HashedTextManifest,
  isHashedText,
  NanofleetError,
  parseManifest,
  type RoundAccuracy,
  wireOf,
} from '@nanofleet/protocol';
import { sha256Of } from '@nanofleet/protocol/node';
import { decodeGolden, encodeGolden, type Golden } from '../golden.ts';
import { withHead } from '../learning/candidate-head.ts';
import { candidateScoring } from '../learning/candidate-thresholds.ts';
import { type LabelledExample, OUT_OF_SCOPE_LABEL, splitExamples } from '../learning/examples.ts';
import type { Head } from '../learning/head.ts';
import { accuracyBy, type ComputedExample, qualityOf, type Scoring } from '../learning/judge.ts';
import { decodePrototypes, encodePrototypes, type Prototypes, prototypesOf } from '../prototypes.ts';
import { type RepackedFile, repackFile } from '../wire/wire-file.ts';
import { TextModel, type TextOutput } from './text-model.ts';
import type { CheckedBundle } from './verify-bundle.ts';

/** Golden vectors for labels that the parent did not have; its own stay. */
const GOLDEN_ADDED_MAX = 16;
/** Texts between two breaths; one takes about 50 µs. */
const TEXTS_PER_BREATH = 16;

/** What a candidate is made of. */
export interface CandidateInput {
  /** A `text-intent` bundle. */
  readonly parent: CheckedBundle;
  /** Columns: the parent's labels, then the added ones. */
  readonly head: Head;
  readonly labels: { readonly version: number; readonly added: readonly string[] };
  /** Labelled texts that nobody trained on, OUT_OF_SCOPE_LABEL among them; those of other labels are left out. */
  readonly examples: readonly LabelledExample[];
  readonly release: { readonly version: string; readonly counter: number };
  /** Called between slices of a millisecond, so that others get their turn. */
  readonly breathe: () => Promise<void>;
}

/** A candidate. */
export interface Candidate {
  readonly digest: Digest;
  readonly manifest: HashedTextManifest;
  readonly manifestBytes: Uint8Array;
  readonly files: ReadonlyMap<FileRole, Uint8Array>;
  /** The form in which `infer.int8` travels; null when the parent's has none. */
  readonly wire: Uint8Array | null;
  /** Share of the parent's codes that changed. */
  readonly changedShare: number;
  /** Why it promises less than its parent, in words; null when it does not. */
  readonly shortfall: string | null;
  readonly accuracy: { readonly before: RoundAccuracy; readonly after: RoundAccuracy };
}

/**
 * Makes a candidate; about 0.1 ms an example.
 * @throws NanofleetError LINE_TASK_WRONG, LINE_NOT_TRAINABLE, EXAMPLES_TOO_FEW when none is in scope on either side, GRAPH_UNSUPPORTED, MODEL_LOAD_FAILED
 */
export async function makeCandidate(input: CandidateInput): Promise<Candidate> {
  const { head, labels, parent } = input;
  const manifest = textManifestOf(parent);
  const names = [...manifest.labels.names, ...labels.added];
  assert(names.length === head.classes, 'a head has a column per label');
  const known = new Set([...names, OUT_OF_SCOPE_LABEL]);
  const examples = splitExamples(input.examples.filter(({ intent }) => known.has(intent)));
  const parentGraph = fileOf(parent, 'infer.int8');
  const { changedShare, ...made } = withHead(parentGraph, { bits: headBits(manifest), head });
  const packed = repacked(manifest, made.graph);
  const graph = packed?.graph ?? made.graph;
  const [before, after] = [
    await computeAll(parentGraph, { manifest, examples, breathe: input.breathe }),
    await computeAll(graph, { manifest, examples, breathe: input.breathe }),
  ];
  const parentScoring = { ...manifest, labels: manifest.labels.names };
  const { scoring, shortfall } = candidateScoring(
    { parent: before.calibration, candidate: after.calibration },
    { names, parent: parentScoring },
  );
  const files = new Map(parent.files);
  files.set('infer.int8', graph);
  files.set('golden', encodeGolden(await goldenOf(graph, { parent, manifest, added: labels.added, after })));
  const prototypes = extended(parent.files.get('prototypes'), { after: after.calibration, names, manifest });
  if (prototypes !== null) files.set('prototypes', encodePrototypes(prototypes));
  const quality = qualityOf(after.evaluation, scoring);
  return {
    ...manifestOf(manifest, { input, names, scoring, files, packed, quality }),
    files,
    wire: packed?.content ?? null,
    changedShare,
    shortfall,
    accuracy: {
      before: accuracyBy(before.evaluation, { added: labels.added, scoring: parentScoring }),
      after: accuracyBy(after.evaluation, { added: labels.added, scoring }),
    },
  };
}

/** The manifest of a text bundle that learns; @throws NanofleetError LINE_TASK_WRONG or LINE_NOT_TRAINABLE */
export function textManifestOf({ manifest }: CheckedBundle): HashedTextManifest {
  const { line, task } = manifest;
  if (isHashedText(manifest)) return manifest;
  if (task !== 'text-intent')
    throw new NanofleetError('LINE_TASK_WRONG', `The bundle of line ${line} does ${task}.`);
  throw new NanofleetError(
    'LINE_NOT_TRAINABLE',
    `The model of line ${line} was imported: it has no head to train.`,
    { facts: { line } },
  );
}

/** The bytes of a role that every bundle has; @throws NanofleetError BUNDLE_FILE_MISSING */
export function fileOf({ files, manifest }: CheckedBundle, role: FileRole): Uint8Array {
  const bytes = files.get(role);
  if (bytes !== undefined) return bytes;
  throw new NanofleetError('BUNDLE_FILE_MISSING', `The bundle ${manifest.version} has no file ${role}.`);
}

type Learned = ComputedExample & Pick<TextOutput, 'penultimate'>;
type Halves = { readonly evaluation: Learned[]; readonly calibration: Learned[] };

interface Computing {
  readonly manifest: HashedTextManifest;
  readonly examples: { readonly evaluation: LabelledExample[]; readonly calibration: LabelledExample[] };
  readonly breathe: () => Promise<void>;
}

async function computeAll(graph: Uint8Array, { breathe, examples, manifest }: Computing): Promise<Halves> {
  const model = await TextModel.open(graph, manifest.text, `a candidate of ${manifest.line}`);
  try {
    return {
      evaluation: await computeExamples(model, { examples: examples.evaluation, breathe }),
      calibration: await computeExamples(model, { examples: examples.calibration, breathe }),
    };
  } finally {
    await model.release();
  }
}

/** Computes labelled texts in slices. */
export async function computeExamples(
  model: TextModel,
  { breathe, examples }: { examples: readonly LabelledExample[]; breathe: () => Promise<void> },
): Promise<Learned[]> {
  const computed: Learned[] = [];
  for (const [at, { intent, text }] of examples.entries()) {
    if (at % TEXTS_PER_BREATH === 0) await breathe();
    computed.push({ intent, text, ...(await model.compute(text)) });
  }
  return computed;
}

/** Old labels keep the prototypes of all their training texts; new ones get those of the calibration half. */
function extended(
  before: Uint8Array | undefined,
  {
    after,
    manifest,
    names,
  }: { after: readonly Learned[]; manifest: HashedTextManifest; names: readonly string[] },
): Prototypes | null {
  if (before === undefined) return null;
  const { counts, means, width } = decodePrototypes(before);
  const labels = manifest.labels.names.length;
  const added = after.flatMap(({ intent, penultimate }) => {
    const label = names.indexOf(intent) - labels;
    return label >= 0 ? [{ label, penultimate }] : [];
  });
  const more = prototypesOf(added, { classes: names.length - labels, width });
  return {
    width,
    counts: Uint32Array.of(...counts, ...more.counts),
    means: Float32Array.from([...means, ...more.means]),
  };
}

/** The parent's texts, and one of each new label, with the logits of the new graph. */
async function goldenOf(
  graph: Uint8Array,
  given: { parent: CheckedBundle; manifest: HashedTextManifest; added: readonly string[]; after: Halves },
): Promise<Golden> {
  const { added, after, manifest, parent } = given;
  const golden = decodeGolden(fileOf(parent, 'golden'), manifest);
  assert(golden.task === 'text-intent', 'golden vectors are of the task of their bundle');
  const fresh = added.flatMap((label) => {
    const example = after.calibration.find(({ intent }) => intent === label);
    return example === undefined ? [] : [example.text];
  });
  const texts = [...new Set([...golden.cases.map(({ text }) => text), ...fresh.slice(0, GOLDEN_ADDED_MAX)])];
  const model = await TextModel.open(graph, manifest.text, `a candidate of ${manifest.line}`);
  try {
    // Tags come from the trunk, which a candidate shares with its parent.
    const tags = new Map(golden.cases.map((known) => [known.text, known.tags]));
    const cases: typeof golden.cases = [];
    for (const text of texts.slice(0, 256)) {
      // Three decimals: far below any tolerance, and half the bytes.
      const logits = Array.from((await model.compute(text)).logits, (logit) => Math.round(logit * 1e3) / 1e3);
      const known = tags.get(text);
      cases.push({ text, logits, ...(known === undefined ? {} : { tags: known }) });
    }
    return { task: 'text-intent', cases };
  } finally {
    await model.release();
  }
}

interface Parts {
  readonly input: CandidateInput;
  readonly names: readonly string[];
  readonly scoring: Scoring;
  readonly files: ReadonlyMap<FileRole, Uint8Array>;
  readonly packed: RepackedFile | null;
  readonly quality: ReturnType<typeof qualityOf>;
}

function manifestOf(
  parent: HashedTextManifest,
  { files, input, names, packed, quality, scoring }: Parts,
): Pick<Candidate, 'digest' | 'manifest' | 'manifestBytes'> {
  const { head, labels, release } = input;
  const listed = [...files].map(([role, bytes]) => ({
    ...entryOf(parent, role, bytes),
    ...(role === 'infer.int8' && packed !== null ? { wire: packed.wire } : {}),
  }));
  const manifestBytes = encodeManifest({
    ...parent,
    version: release.version,
    releaseCounter: release.counter,
    files: listed,
    labels: { version: labels.version, names: [...names] },
    calibration: scoring.calibration,
    thresholds: scoring.thresholds,
    trainable: [
      { name: 'head.weight', shape: [head.width, head.classes] },
      { name: 'head.bias', shape: [head.classes] },
    ],
    quality: [{ dataset: 'examples of the operator', split: 'evaluation', seed: 0, ...quality }],
    cost: { ...parent.cost, bytes: listed.reduce((sum, { bytes }) => sum + bytes, 0) },
    parent: input.parent.digest,
  });
  const manifest = parseManifest(manifestBytes);
  assert(isHashedText(manifest), 'a candidate does what its parent does');
  return { digest: sha256Of(manifestBytes), manifest, manifestBytes };
}

function entryOf(parent: HashedTextManifest, role: FileRole, bytes: Uint8Array): BundleFile {
  const name = fileOfRole(parent, role)?.name;
  assert(name !== undefined, 'a candidate has the files of its parent');
  return { role, name, sha256: sha256Of(bytes), bytes: bytes.length };
}

/** The graph as it travels, where the parent's does: scales of new labels are rounded there. */
function repacked(manifest: HashedTextManifest, graph: Uint8Array): RepackedFile | null {
  const file = fileOfRole(manifest, 'infer.int8');
  const wire = file && wireOf(file);
  return wire === undefined ? null : repackFile(graph, { manifest, wire, sha256Of });
}

function headBits({ quantization }: HashedTextManifest): number {
  const grid = quantization.find(({ tensor }) => tensor === 'head.weight.int8');
  if (grid !== undefined) return grid.bits;
  throw new NanofleetError('GRAPH_UNSUPPORTED', 'The manifest states no grid of head.weight.int8.');
}
