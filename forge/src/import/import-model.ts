// Owns the way from a foreign ONNX classifier of features or sensor windows to an unsigned bundle: read, check, rewrite, measure both
// forms, calibrate, write. Nothing is written before everything was checked. It never signs and never trains.
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { lineIdSchema, type ManifestDraft, NanofleetError } from '@nanofleet/protocol';
import { accuracy, argMax, calibrate, checkOperators, encodeGolden, encodeWindow } from '@nanofleet/runtime';
import { goldenIndices } from '../bundle/golden-texts.ts';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { SENSOR_RSS_BYTES } from '../bundle/session-cost.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { contentOf } from '../datasets/labelled-texts.ts';
import { decodeModel } from '../onnx/decode-model.ts';
import { encodeModel } from '../onnx/model.ts';
import { type ImportedCard, importedCard, type MeasuredForm } from './card.ts';
import { quantizeModel } from './quantize-model.ts';
import { runImported } from './run-windows.ts';
import { type SensorContract, sensorContract } from './sensor-contract.ts';
import { type LabelledRows, readRows } from './windows.ts';

const COVERAGE = { inScope: 0.99, sure: 0.9 } as const;
const GOLDEN_TOLERANCE = 0.15;
const EVENT = { start: 0.8, stop: 0.5 } as const;

/** What is imported, as the command line says it. */
export interface ImportRequest {
  readonly model: string;
  /** File with a label a line, in the order of the outputs; without it the sorted labels of the validation file. */
  readonly labels?: string | undefined;
  readonly validation: string;
  readonly line: string;
  readonly version: string;
  readonly releaseCounter: number;
  readonly license: string;
  readonly unit: string;
  readonly rateHz: number;
  readonly hopSamples?: number | undefined;
  /** Names of the channels of windows; columns name those of features. */
  readonly channels?: readonly string[] | undefined;
  /** Labels that become events. */
  readonly events: readonly string[];
  readonly keepFloat: boolean;
  /** Greatest loss of accuracy that int8 may cost, 0..1. */
  readonly lossMax: number;
  readonly directory: string;
  readonly nowMs: () => number;
}

/** What was made. */
export interface Imported extends Pick<ImportedCard, 'given' | 'int8' | 'keptFloat' | 'quantizedLayers'> {
  readonly digest: string;
  readonly bytes: number;
  readonly rows: number;
  readonly labels: readonly string[];
}

/**
 * Imports a model.
 * @throws NanofleetError GRAPH_UNSUPPORTED, MODEL_LOAD_FAILED, TRAINING_SET_INVALID, SETTING_INVALID
 */
export async function importModel(request: ImportRequest): Promise<Imported> {
  const source = await bytesOf(request.model);
  checkOperators(source);
  const rows = await readRows(request.validation);
  const labels = await labelsOf(request, rows);
  const contract = sensorContract(decodeModel(source), labels.length);
  const channels = channelsOf(request, { contract, rows });
  const gold = goldOf(rows, { labels, file: request.validation });
  const quantized = quantizeModel(contract.model);
  const judge = (graph: Uint8Array) => measured(graph, { request, contract, rows, labels, gold });
  const [given, int8] = [await judge(encodeModel(contract.model)), await judge(encodeModel(quantized.model))];
  refuseProbabilities(given.logits);
  refuseLoss(request, { given: given.form, int8: int8.form });
  const chosen = request.keepFloat ? given : int8;
  const manifest = manifestOf(request, {
    contract,
    channels,
    labels,
    gold,
    chosen,
    quantization: request.keepFloat ? [] : quantized.quantization,
  });
  const facts = {
    given: given.form,
    int8: int8.form,
    rows: rows.rows.length,
    quantizedLayers: quantized.quantization.length,
    keptFloat: request.keepFloat,
  };
  const { digest, bytes } = await writeBundle(request.directory, {
    manifest,
    files: new Map([
      ['infer.int8', chosen.graph],
      ['golden', goldenOf(rows, chosen.logits)],
    ]),
    card: (made) =>
      importedCard({ ...facts, manifest, source: basename(request.model), coverage: COVERAGE }, made),
  });
  return { ...facts, digest, bytes, labels };
}

async function bytesOf(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NanofleetError('SETTING_INVALID', `The model could not be read: ${why}`, { cause });
  });
}

async function labelsOf({ labels, validation }: ImportRequest, { rows }: LabelledRows): Promise<string[]> {
  const names =
    labels === undefined
      ? [...new Set(rows.map(({ label }) => label))].sort()
      : (await contentOf(labels)).split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  if (new Set(names).size === names.length && names.length > 1) return names;
  throw invalid(`${labels ?? validation} must name at least two labels, each once`);
}

function channelsOf(
  { channels, validation }: ImportRequest,
  { contract, rows }: { readonly contract: SensorContract; readonly rows: LabelledRows },
): readonly string[] {
  const values = contract.channels * contract.samples;
  if (rows.columns.length !== values)
    throw invalid(
      `${validation} has ${rows.columns.length} columns beside label; the model takes ${contract.channels} channels of ${contract.samples} samples, so ${values}`,
    );
  const names = channels ?? (contract.samples === 1 ? rows.columns : []);
  if (names.length === contract.channels) return names;
  throw new NanofleetError(
    'SETTING_INVALID',
    `--channels names ${names.length} channels; the model takes ${contract.channels}. Give them in its order, separated by commas.`,
  );
}

function goldOf(
  { rows }: LabelledRows,
  { labels, file }: { readonly labels: readonly string[]; readonly file: string },
): Int32Array {
  const unknown = rows.findIndex(({ label }) => !labels.includes(label));
  if (unknown < 0) return Int32Array.from(rows, ({ label }) => labels.indexOf(label));
  throw invalid(
    `${file} holds the label ${rows[unknown]?.label ?? ''}, which is not among the model's labels`,
  );
}

interface Judged {
  readonly graph: Uint8Array;
  readonly logits: readonly Float32Array[];
  readonly form: MeasuredForm;
}

async function measured(
  graph: Uint8Array,
  options: {
    readonly request: ImportRequest;
    readonly contract: SensorContract;
    readonly rows: LabelledRows;
    readonly labels: readonly string[];
    readonly gold: Int32Array;
  },
): Promise<Judged> {
  const { request, contract, rows, labels, gold } = options;
  const { logits, microseconds } = await runImported(
    {
      graph,
      name: request.model,
      shape: [1, contract.channels, contract.samples],
      labels: labels.length,
      nowMs: request.nowMs,
    },
    rows.rows.map(({ values }) => values),
  );
  const form = { accuracy: accuracy(logits.map(argMax), gold), graphBytes: graph.length, microseconds };
  return { graph, logits, form };
}

/** Logits hardly ever sum to one; probabilities would be scored as if they were logits, and no confidence would be high. */
function refuseProbabilities(logits: readonly Float32Array[]): void {
  const isShare = (row: Float32Array): boolean =>
    row.every((value) => value >= 0) && Math.abs(row.reduce((sum, value) => sum + value, 0) - 1) < 1e-3;
  if (!logits.every(isShare)) return;
  throw new NanofleetError(
    'GRAPH_UNSUPPORTED',
    'The model was refused: it gives probabilities that do not come from a final Softmax. Export it with its logits, or with Softmax as the last node.',
  );
}

function refuseLoss(
  { keepFloat, lossMax }: ImportRequest,
  { given, int8 }: { readonly given: MeasuredForm; readonly int8: MeasuredForm },
): void {
  if (keepFloat || given.accuracy - int8.accuracy <= lossMax) return;
  const points = (share: number): string => `${(share * 100).toFixed(2)} %`;
  throw new NanofleetError(
    'GRAPH_UNSUPPORTED',
    `In int8 the model answers ${points(int8.accuracy)} of the validation rows right, in float32 ${points(given.accuracy)}; it may lose ${points(lossMax)}. Keep it with --keep-float, or allow more with --loss-max.`,
  );
}

type SensorDraft = Extract<ManifestDraft, { task: 'sensor-event' }>;

function manifestOf(
  request: ImportRequest,
  facts: {
    readonly contract: SensorContract;
    readonly channels: readonly string[];
    readonly labels: readonly string[];
    readonly gold: Int32Array;
    readonly chosen: Judged;
    readonly quantization: SensorDraft['quantization'];
  },
): Omit<SensorDraft, 'files' | 'cost'> & { cost: Omit<SensorDraft['cost'], 'bytes'> } {
  const { contract, channels, labels, gold, chosen, quantization } = facts;
  const { samples } = contract;
  const judged = { inScope: chosen.logits, gold, outOfScope: [] };
  const scoring = calibrate(judged, labels, COVERAGE);
  const quality = scoredQuality(judged, { ...scoring, labels });
  const rssBytes = SENSOR_RSS_BYTES + 2 * chosen.graph.length;
  return {
    format: 1,
    line: lineIdSchema.parse(request.line),
    version: request.version,
    releaseCounter: request.releaseCounter,
    task: 'sensor-event',
    needs: { runtimeVersion: 1, rssBytes },
    inputs: [
      {
        name: 'window',
        shape: [1, channels.length, samples],
        type: 'float32',
        unit: request.unit,
        rateHz: request.rateHz,
      },
    ],
    labels: { version: 1, names: [...labels] },
    sensor: {
      channels: [...channels],
      windowSamples: samples,
      hopSamples: request.hopSamples ?? samples,
      rateHz: request.rateHz,
      debounceWindows: 1,
      events: request.events.map((label) => ({ label, ...EVENT })),
    },
    ...scoring,
    trainable: [],
    quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    quality: [{ dataset: basename(request.validation), split: 'validation', seed: 0, ...quality }],
    cost: { microseconds: chosen.form.microseconds, rssBytes },
    license: request.license,
    attribution: [],
    parent: null,
  };
}

function goldenOf({ rows }: LabelledRows, logits: readonly Float32Array[]): Uint8Array {
  const cases = goldenIndices(rows.length).flatMap((at) => {
    const [row, answer] = [rows[at], logits[at]];
    return row && answer ? [{ window: encodeWindow(row.values), logits: Array.from(answer) }] : [];
  });
  return encodeGolden({ task: 'sensor-event', cases });
}

const invalid = (message: string): NanofleetError => new NanofleetError('TRAINING_SET_INVALID', message);
