// Owns the way from a foreign ONNX classifier of features or sensor windows to an unsigned bundle: read, check, rewrite, measure the
// forms, calibrate, write. Nothing is written before everything was checked. It never signs and never trains.
import { basename } from 'node:path';
import { lineIdSchema, type ManifestDraft, NanofleetError } from '@nanofleet/protocol';
import { calibrate, checkOperators, encodeGolden, encodeWindow } from '@nanofleet/runtime';
import { Tensor } from 'onnxruntime-node';
import { goldenIndices } from '../bundle/golden-texts.ts';
import { scoredQuality } from '../bundle/scored-quality.ts';
import { SENSOR_RSS_BYTES } from '../bundle/session-cost.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { decodeModel } from '../onnx/decode-model.ts';
import { importedCard } from './card.ts';
import { denseForm, givenForm } from './dense-forms.ts';
import { chosenForm, type JudgedForm, judgeForms } from './forms.ts';
import { bytesOf, type Imported, type SensorImportRequest } from './import-request.ts';
import { goldOf, labelsOf } from './label-list.ts';
import { type SensorContract, sensorContract } from './sensor-contract.ts';
import { type LabelledRows, readRows } from './windows.ts';

const COVERAGE = { inScope: 0.99, sure: 0.9 } as const;
const GOLDEN_TOLERANCE = 0.15;
const EVENT = { start: 0.8, stop: 0.5 } as const;

/**
 * Imports a classifier of features or windows.
 * @throws NanofleetError GRAPH_UNSUPPORTED, MODEL_LOAD_FAILED, TRAINING_SET_INVALID, SETTING_INVALID
 */
export async function importSensor(request: SensorImportRequest): Promise<Imported> {
  const source = await bytesOf(request.model);
  checkOperators(source);
  const rows = await readRows(request.validation);
  const labels = await labelsOf(request, rows.rows);
  const contract = sensorContract(decodeModel(source), labels.length);
  const channels = channelsOf(request, { contract, rows });
  const gold = goldOf(rows.rows, { labels, file: request.validation });
  const judged = await judgeForms([givenForm(contract.model), denseForm(contract.model, 'int8')], {
    name: request.model,
    rows: feedsOf(rows, contract),
    gold,
    labels: labels.length,
    nowMs: request.nowMs,
  });
  const chosen = chosenForm(judged, request);
  const manifest = manifestOf(request, { contract, channels, labels, gold, chosen });
  const facts = {
    forms: judged.map(({ measured }) => measured),
    chosen: chosen.form.name,
    rows: rows.rows.length,
    quantizedTensors: chosen.form.quantization.length,
  };
  const { digest, bytes } = await writeBundle(request.directory, {
    manifest,
    files: new Map([
      ['infer.int8', chosen.graph],
      ['golden', goldenOf(rows, chosen.logits)],
    ]),
    card: (made) =>
      importedCard(
        { ...facts, manifest, source: basename(request.model), coverage: COVERAGE, about: [] },
        made,
      ),
  });
  return { ...facts, digest, bytes, labels };
}

const feedsOf = ({ rows }: LabelledRows, { channels, samples }: SensorContract) =>
  rows.map(({ values }) => ({ window: new Tensor('float32', values, [1, channels, samples]) }));

function channelsOf(
  { channels, validation }: SensorImportRequest,
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

type SensorDraft = Extract<ManifestDraft, { task: 'sensor-event' }>;

function manifestOf(
  request: SensorImportRequest,
  facts: {
    readonly contract: SensorContract;
    readonly channels: readonly string[];
    readonly labels: readonly string[];
    readonly gold: Int32Array;
    readonly chosen: JudgedForm;
  },
): Omit<SensorDraft, 'files' | 'cost'> & { cost: Omit<SensorDraft['cost'], 'bytes'> } {
  const { contract, channels, labels, gold, chosen } = facts;
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
    quantization: chosen.form.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    quality: [{ dataset: basename(request.validation), split: 'validation', seed: 0, ...quality }],
    cost: { microseconds: chosen.measured.microseconds, rssBytes },
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
