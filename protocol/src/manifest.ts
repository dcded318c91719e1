/**
 * Owns the manifest of a bundle: what a model is, takes, answers, costs and needs, and which files belong to it. Reads bytes into a
 * checked value or a typed error. Never checks a signature (node/signing.ts) and never opens a file that the manifest names.
 */
import { z } from 'zod';
import { valueKindSchema } from './entities.ts';
import { NanofleetError } from './errors.ts';
import { digestSchema, lineIdSchema } from './ids.ts';
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_FILE_BYTES_MAX,
  BUNDLE_FILES_MAX,
  CODEBOOK_WIDTH_MAX,
  ENTITY_TOKENS_MAX,
  ENTITY_TYPES_MAX,
  FEATURE_ROWS_MAX,
  LABELS_MAX,
  SENSOR_CHANNELS_MAX,
  SENSOR_WINDOW_SAMPLES_MAX,
  SEQUENCE_TOKENS_MAX,
  TOKENIZER_BYTES_MAX,
  VOCABULARY_MAX,
} from './limits/models.ts';
import { readManifestJson } from './manifest-json.ts';

/** The only manifest format there is; a higher one is refused, never guessed at. */
export const MANIFEST_FORMAT = 1;

/** What the runtime of this build understands (features, graph contract, roles); a bundle may need at most this. */
export const RUNTIME_VERSION = 5;

/** The lowest that knows features with two rows each. */
export const TWO_HASHES_RUNTIME_VERSION = 2;

/** The lowest that finds entities with a graph that takes several texts in one run; 3 finds them one text a run. */
export const TOGETHER_RUNTIME_VERSION = 4;

/** The lowest that cuts texts by a file `tokenizer.json`. */
export const TOKENIZER_RUNTIME_VERSION = 5;

/** Name of the manifest inside a bundle directory. */
export const MANIFEST_FILE = 'manifest.json';

/** Name of the detached signature beside the manifest. */
export const SIGNATURE_FILE = 'manifest.sig';

const text = (max: number) => z.string().min(1).max(max);
const count = (max: number) => z.int().min(1).max(max);
const finite = z.number();
const share = z.number().min(0).max(1);

/** The form in which graphs travel whose weights are packed to their bits (runtime/src/wire). */
export const WIRE_FORM = 'nfw1';

/** The form of graphs of which some weight travels as indices into a codebook. A name of its own, so that older builds fetch the graph instead. */
export const CODEBOOK_WIRE_FORM = 'nfw2';

/** What a file of a bundle is for. The device opens files by role only. */
export const FILE_ROLES = ['infer.int8', 'train-step', 'prototypes', 'golden', 'tokenizer'] as const;

const storedFile = {
  /** One path segment, so that no name can leave the bundle's directory. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be one plain file name'),
  sha256: digestSchema,
  bytes: z.int().min(1).max(BUNDLE_FILE_BYTES_MAX),
};

const fileSchema = z.object({
  role: z.enum(FILE_ROLES),
  ...storedFile,
  /**
   * The same file in fewer bytes, to fetch and expand instead of it. A field of the file, not a role beside it: who does not know it, or
   * its form, ignores it and fetches the file, where an unknown role would refuse the whole manifest.
   */
  wire: z.object({ form: text(16), ...storedFile }).optional(),
});

const inputSchema = z.object({
  name: text(64),
  /** Sizes of the dimensions; null where the size varies. */
  shape: z
    .array(count(1 << 24).nullable())
    .min(1)
    .max(8),
  type: z.enum(['float32', 'int32', 'int64']),
  unit: text(32),
  rateHz: z.number().positive().max(1e6).optional(),
});

/** The label list of a bundle. */
export const labelsSchema = z.object({
  /** Counts the versions of the list: heads and statistics of different versions never mix. */
  version: count(Number.MAX_SAFE_INTEGER),
  names: z.array(text(64)).min(2).max(LABELS_MAX),
});

const ngramSchema = z.object({
  kind: z.literal('hashed-ngrams-1'),
  buckets: count(1 << 22),
  charMin: count(8),
  charMax: count(8),
  wordBigrams: z.boolean(),
  lowerCase: z.literal(true),
  /** Rows beyond this are dropped. */
  rowsMax: count(FEATURE_ROWS_MAX),
  /** Rows that each feature has: with two, features that share one row are still told apart by the other (Svenstrup et al. 2017). */
  hashes: z.int().min(1).max(2).optional(),
});

const tokenizerSchema = z.object({
  /** The text is cut by the bundle's file of the role `tokenizer` into what goes to the graph as `input_ids`, int64 [1, tokens]. */
  kind: z.literal('tokenizer-json-1'),
  /** Tokens of a text, special ones among them; the last ones before the closing special tokens are left out beyond. */
  tokensMax: z.int().min(4).max(SEQUENCE_TOKENS_MAX),
  /** Rows of the graph's table of tokens: the tokenizer gives only ids below. */
  vocabulary: z.int().min(2).max(VOCABULARY_MAX),
  /** Further inputs that the graph takes, int64 [1, tokens]. */
  attentionMask: z.boolean(),
  tokenTypes: z.boolean(),
});

const entitiesSchema = z.object({
  /** Type i has the tags 1 + 2i (its first token) and 2 + 2i (the others) of the graph's output `tags`; tag 0 is none. */
  types: z
    .array(z.object({ name: text(64), value: valueKindSchema.optional() }))
    .min(1)
    .max(ENTITY_TYPES_MAX),
  /** Tokens of a text beyond these get no tag. */
  tokensMax: count(ENTITY_TOKENS_MAX),
  /** What it costs to go from one tag to the next, uint8 [1 + types, 2 + types] in hundredths; nothing when left out. */
  transitions: z.base64().optional(),
});

const sensorEventSchema = z.object({
  label: text(64),
  /** Calibrated confidence of the label that starts the event, and the lower one below which it stops. */
  start: share,
  stop: share,
});

const sensorSchema = z.object({
  channels: z.array(text(32)).min(1).max(SENSOR_CHANNELS_MAX),
  windowSamples: count(SENSOR_WINDOW_SAMPLES_MAX),
  hopSamples: count(SENSOR_WINDOW_SAMPLES_MAX),
  rateHz: z.number().positive().max(1e6),
  /** Windows in a row that must agree before an event starts or stops. */
  debounceWindows: count(1000),
  events: z.array(sensorEventSchema).max(LABELS_MAX),
});

const calibrationSchema = z.object({
  temperature: z.number().positive().max(1e3),
  outOfScope: z.object({
    /** The raw score of a decision, taken from the uncalibrated logits (`max-probability`: after the temperature). */
    kind: z.enum(['max-logit', 'energy', 'max-probability']),
    /** Out-of-scope score = 1 / (1 + exp(-(scale * raw + bias))). */
    scale: finite,
    bias: finite,
  }),
});

/** A bound that the thresholds were certified to keep; shares 0..1, counts of texts that the model was not trained on. */
const boundSchema = z.object({
  /** At most this share of kept in-scope answers is wrong. */
  wrongKept: share,
  /** At most this share of out-of-scope texts is kept. */
  outOfScopeKept: share,
  /** Chance that one of the two does not hold. */
  delta: share,
  /** So many further texts were promised to keep it as counted; absent where only the true shares were. */
  next: z.object({ inScope: z.int().min(0), outOfScope: z.int().min(0) }).optional(),
  certifiedWith: z.object({
    inScopeKept: z.int().min(0),
    wrong: z.int().min(0),
    outOfScope: z.int().min(0),
    outOfScopeKept: z.int().min(0),
  }),
});

const thresholdsSchema = z.object({
  /** Lowest calibrated confidence that counts as sure, one per label. */
  confidence: z.array(share).max(LABELS_MAX),
  /** Out-of-scope scores from here on are out of scope. */
  outOfScope: share,
  /** Absent where thresholds were chosen for coverage. */
  bound: boundSchema.optional(),
});

const tensorSchema = z.object({ name: text(128), shape: z.array(count(1 << 24)).max(8) });

const gridSchema = z.object({
  tensor: text(128),
  scaleTensor: text(128),
  /** Axis along which each index has its own scale; null for one scale for all. */
  axis: z.int().min(0).max(7).nullable(),
  bits: z.int().min(2).max(8),
  /** The codes are pieces of this many, few of them distinct, and travel as indices into a table of these. */
  codebook: z.object({ width: count(CODEBOOK_WIDTH_MAX) }).optional(),
});

/** What was measured on one data set, as the publisher states it. */
export const qualitySchema = z.object({
  dataset: text(128),
  split: text(64),
  seed: z.int().min(0),
  accuracy: share,
  macroF1: share.optional(),
  auroc: share.optional(),
  fpr95: share.optional(),
  expectedCalibrationError: share.optional(),
});

const common = {
  format: z.literal(MANIFEST_FORMAT),
  line: lineIdSchema,
  version: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/, 'must be a version'),
  /** Counts the releases of a line; a device never goes back to a lower one unless it is told to. */
  releaseCounter: count(Number.MAX_SAFE_INTEGER),
  needs: z.object({ runtimeVersion: count(Number.MAX_SAFE_INTEGER), rssBytes: z.int().min(0) }),
  files: z.array(fileSchema).min(1).max(BUNDLE_FILES_MAX),
  inputs: z.array(inputSchema).min(1).max(8),
  labels: labelsSchema,
  calibration: calibrationSchema,
  thresholds: thresholdsSchema,
  trainable: z.array(tensorSchema).max(64),
  quantization: z.array(gridSchema).max(1024),
  golden: z.object({
    /** Largest absolute difference of a logit that still passes. */
    tolerance: z.number().positive().max(100),
  }),
  quality: z.array(qualitySchema).max(32),
  cost: z.object({
    bytes: z.int().min(1).max(BUNDLE_BYTES_MAX),
    microseconds: z.number().min(0),
    rssBytes: z.int().min(0),
  }),
  license: text(128),
  attribution: z.array(text(1024)).max(64),
  /** Digest of the bundle that this one was made from. */
  parent: digestSchema.nullable(),
};

const manifestSchema = z
  .discriminatedUnion('task', [
    z.object({
      ...common,
      task: z.literal('text-intent'),
      text: z.discriminatedUnion('kind', [ngramSchema, tokenizerSchema]),
      /** Without it the model finds no entities, and its graph takes no `membership`. */
      entities: entitiesSchema.optional(),
    }),
    z.object({ ...common, task: z.literal('sensor-event'), sensor: sensorSchema }),
  ])
  .superRefine((manifest, context) => {
    const refuse = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message, input: undefined });
    for (const [path, message] of contradictions(manifest)) refuse(path, message);
  });

/** A checked manifest; `task` tells which of `text` and `sensor` it carries. */
export type Manifest = z.infer<typeof manifestSchema>;
/** A manifest as a maker of bundles writes it, its names and digests not yet checked. */
export type ManifestDraft = z.input<typeof manifestSchema>;
/** The manifest of a `text-intent` bundle. */
export type TextManifest = Extract<Manifest, { task: 'text-intent' }>;
/** The manifest of a text model that hashes n-grams: the kind that we train, and that learns. */
export type HashedTextManifest = TextManifest & { text: TextFeatureParameters };
/** The manifest of a `sensor-event` bundle. */
export type SensorManifest = Extract<Manifest, { task: 'sensor-event' }>;
/** How texts become feature rows. */
export type TextFeatureParameters = Extract<TextManifest['text'], { kind: 'hashed-ngrams-1' }>;
/** How texts become ids of tokens. */
export type TokenizerParameters = Extract<TextManifest['text'], { kind: 'tokenizer-json-1' }>;
/** Which entities a text model finds. */
export type EntityParameters = NonNullable<TextManifest['entities']>;
/** How samples become windows and windows become events. */
export type SensorParameters = SensorManifest['sensor'];
/** One file of a bundle. */
export type BundleFile = Manifest['files'][number];
/** What a file of a bundle is for. */
export type FileRole = BundleFile['role'];
/** A file in the form in which it travels. */
export type WireFile = NonNullable<BundleFile['wire']>;
/** What lies or travels under a digest: a file, or its wire form. */
export type StoredFile = Pick<BundleFile, 'name' | 'sha256' | 'bytes'>;

type Contradiction = [(string | number)[], string];

function contradictions(manifest: Manifest): Contradiction[] {
  const found: Contradiction[] = [];
  const { files, labels, thresholds } = manifest;
  if (new Set(files.map((file) => file.role)).size !== files.length)
    found.push([['files'], 'holds a role twice']);
  const stored = formsOf(files);
  if (new Set(stored.map((file) => file.name)).size !== stored.length)
    found.push([['files'], 'holds a name twice']);
  if (stored.some((file) => file.name === MANIFEST_FILE || file.name === SIGNATURE_FILE))
    found.push([['files'], 'must not list the manifest or its signature']);
  if (files.some(({ role, wire }) => wire !== undefined && role !== 'infer.int8'))
    found.push([['files'], 'has a wire form of a file that is no graph to run']);
  if (files.some((file) => wireOf(file) && wireOf(file)?.form !== wireFormFor(manifest.quantization)))
    found.push([['files'], 'has a wire form that does not go with the codebooks of its grids']);
  if (stored.reduce((sum, file) => sum + file.bytes, 0) > BUNDLE_BYTES_MAX)
    found.push([['files'], `is larger than ${BUNDLE_BYTES_MAX} bytes together`]);
  for (const role of ['infer.int8', 'golden'] as const)
    if (!files.some((file) => file.role === role)) found.push([['files'], `lacks the role ${role}`]);
  if (new Set(labels.names).size !== labels.names.length)
    found.push([['labels', 'names'], 'holds a label twice']);
  if (thresholds.confidence.length !== labels.names.length)
    found.push([['thresholds', 'confidence'], 'needs one entry per label']);
  found.push(...tokenizerContradictions(manifest));
  return manifest.task === 'text-intent'
    ? [...found, ...textContradictions(manifest)]
    : [...found, ...sensorContradictions(manifest)];
}

/** How many bytes a text in base64 stands for. */
const base64Bytes = (text: string): number => (text.length / 4) * 3 - (/=*$/.exec(text)?.[0].length ?? 0);

/** The model of a tokenizer was made elsewhere: it has no head of ours to train and no output of tags. */
function tokenizerContradictions(manifest: Manifest): Contradiction[] {
  const file = fileOfRole(manifest, 'tokenizer');
  const isCut = manifest.task === 'text-intent' && manifest.text.kind === 'tokenizer-json-1';
  if (!isCut) return file === undefined ? [] : [[['files'], 'holds a tokenizer that nothing asks for']];
  const found: Contradiction[] = [];
  if (file === undefined) found.push([['files'], 'lacks the role tokenizer']);
  if (file !== undefined && file.bytes > TOKENIZER_BYTES_MAX)
    found.push([['files'], `holds a tokenizer of more than ${TOKENIZER_BYTES_MAX} bytes`]);
  if (manifest.trainable.length > 0) found.push([['trainable'], 'must be empty beside a tokenizer']);
  if (manifest.entities !== undefined) found.push([['entities'], 'cannot go with a tokenizer']);
  if (manifest.needs.runtimeVersion < TOKENIZER_RUNTIME_VERSION)
    found.push([
      ['needs', 'runtimeVersion'],
      `is below ${TOKENIZER_RUNTIME_VERSION}, which a tokenizer needs`,
    ]);
  return found;
}

function textContradictions({ text: features, entities }: TextManifest): Contradiction[] {
  const found: Contradiction[] = [];
  if (features.kind === 'hashed-ngrams-1' && features.charMax < features.charMin)
    found.push([['text', 'charMax'], 'is below charMin']);
  const names = entities?.types.map((type) => type.name) ?? [];
  if (new Set(names).size !== names.length) found.push([['entities', 'types'], 'holds a type twice']);
  const transitions = entities?.transitions;
  if (transitions !== undefined && base64Bytes(transitions) !== (1 + names.length) * (2 + names.length))
    found.push([['entities', 'transitions'], 'do not fit the types']);
  return found;
}

function sensorContradictions({ sensor, labels }: SensorManifest): Contradiction[] {
  const found: Contradiction[] = [];
  if (sensor.hopSamples > sensor.windowSamples)
    found.push([['sensor', 'hopSamples'], 'is longer than the window']);
  if (new Set(sensor.events.map((event) => event.label)).size !== sensor.events.length)
    found.push([['sensor', 'events'], 'holds a label twice']);
  sensor.events.forEach((event, at) => {
    if (!labels.names.includes(event.label))
      found.push([['sensor', 'events', at], 'names no label of this model']);
    if (event.stop > event.start) found.push([['sensor', 'events', at], 'stops above where it starts']);
  });
  return found;
}

/**
 * Reads a manifest from the exact bytes of `manifest.json`. Unknown fields are ignored.
 * @throws NanofleetError `BUNDLE_TOO_LARGE`, `MANIFEST_VERSION_UNKNOWN`, `FILE_NAME_UNSAFE` or `MANIFEST_MALFORMED`, which names the first field
 * that is wrong.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const value = readManifestJson(bytes);
  refuseOtherFormat(value);
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const where = first === undefined || first.path.length === 0 ? 'the document' : first.path.join('.');
  const problem = `The manifest was refused: ${where}: ${first?.message ?? 'not a manifest'}.`;
  const isName = /^files\.\d+\.(wire\.)?name$/.test(where);
  throw new NanofleetError(isName ? 'FILE_NAME_UNSAFE' : 'MANIFEST_MALFORMED', problem, {
    cause: result.error,
  });
}

const versionedSchema = z.object({ format: z.int() });

/** A format from the future must not be reported as a malformed field. */
function refuseOtherFormat(value: unknown): void {
  const versioned = versionedSchema.safeParse(value);
  if (!versioned.success || versioned.data.format === MANIFEST_FORMAT) return;
  const problem = `The manifest has format ${versioned.data.format}; this program knows format ${MANIFEST_FORMAT} only. Update it.`;
  throw new NanofleetError('MANIFEST_VERSION_UNKNOWN', problem);
}

/** Bytes of a manifest as they are hashed and signed; throws `MANIFEST_MALFORMED` if the draft is not a valid manifest. */
export function encodeManifest(draft: ManifestDraft): Uint8Array {
  const bytes = new TextEncoder().encode(`${JSON.stringify(draft, undefined, 1)}\n`);
  parseManifest(bytes);
  return bytes;
}

/** Whether a bundle is a text model that hashes n-grams. */
export const isHashedText = (manifest: Manifest): manifest is HashedTextManifest =>
  manifest.task === 'text-intent' && manifest.text.kind === 'hashed-ngrams-1';

/** The file of a role, or undefined when the bundle has none. */
export const fileOfRole = (manifest: Manifest, role: FileRole): BundleFile | undefined =>
  manifest.files.find((file) => file.role === role);

/** The form in which a file travels; undefined when it has none, or one that this build does not expand. */
export const wireOf = ({ wire }: BundleFile): WireFile | undefined =>
  wire?.form === WIRE_FORM || wire?.form === CODEBOOK_WIRE_FORM ? wire : undefined;

/** The form in which a graph with these grids travels. */
export const wireFormFor = (grids: ManifestDraft['quantization']): string =>
  grids.some(({ codebook }) => codebook !== undefined) ? CODEBOOK_WIRE_FORM : WIRE_FORM;

/** Files with their wire forms, known to this build or not. */
export const formsOf = (files: readonly BundleFile[]): StoredFile[] =>
  files.flatMap((file) => (file.wire === undefined ? [file] : [file, file.wire]));
