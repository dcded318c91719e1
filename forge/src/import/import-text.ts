// Owns the way from a foreign ONNX classifier of texts and its tokenizer.json to an unsigned bundle: read, check, rewrite, measure the
// forms, calibrate, write. Nothing is written before everything was checked. It never signs and never trains.
import { basename } from 'node:path';
import {
  lineIdSchema,
  type ManifestDraft,
  NanofleetError,
  SEQUENCE_TOKENS_MAX,
  TOKENIZER_RUNTIME_VERSION,
  type TokenizerParameters,
} from '@nanofleet/protocol';
import { calibrate, checkOperators, encodeGolden, parseTokenizer, vocabularySize } from '@nanofleet/runtime';
import { TextTokenizer, TOKEN_INPUTS, tokenIdFeeds } from '@nanofleet/runtime/node';
import { goldenIndices, goldenNumber } from '../bundle/golden-texts.ts';
import { type JudgedLogits, scoredQuality } from '../bundle/scored-quality.ts';
import { textRssBytes, tokenizerRssBytes } from '../bundle/session-cost.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { OUT_OF_SCOPE_LABEL } from '../datasets/labelled-texts.ts';
import { decodeModel } from '../onnx/decode-model.ts';
import { encodeModel } from '../onnx/model.ts';
import { importedCard } from './card.ts';
import { textForms } from './dense-forms.ts';
import { chosenForm, type JudgedForm, judgeForms } from './forms.ts';
import { bytesOf, type Imported, type TextImportRequest } from './import-request.ts';
import { goldOf, labelsOf } from './label-list.ts';
import { runGraph } from './run-graph.ts';
import { type TextContract, textContract } from './text-contract.ts';
import { type LabelledRow, readTextRows } from './texts.ts';

const COVERAGE = { inScope: 0.99, sure: 0.9 } as const;
const GOLDEN_TOLERANCE = 0.15;
const TOKENS_MAX = 128;

/** Texts with a label of the model first, then those of no label. */
interface Rows {
  readonly all: readonly LabelledRow[];
  readonly gold: Int32Array;
  readonly labels: readonly string[];
}

/** What cuts texts, as the bundle keeps it. */
interface Cutting {
  readonly file: Uint8Array;
  readonly parameters: TokenizerParameters;
  readonly tokenizer: TextTokenizer;
  readonly rssBytes: number;
}

/**
 * Imports a classifier of texts.
 * @throws NanofleetError GRAPH_UNSUPPORTED, TOKENIZER_UNSUPPORTED, MODEL_LOAD_FAILED, TRAINING_SET_INVALID, SETTING_INVALID
 */
export async function importText(request: TextImportRequest): Promise<Imported> {
  const source = await bytesOf(request.model);
  checkOperators(source);
  const rows = await rowsOf(request);
  const contract = textContract(decodeModel(source), rows.labels.length);
  const cutting = await cuttingOf(request, contract);
  await checkIds(request, { contract, cutting, labels: rows.labels.length });
  const judged = await judgeForms(textForms(contract.model), {
    name: request.model,
    rows: rows.all.map(({ text }) => tokenIdFeeds(cutting.tokenizer.of(text).ids, contract)),
    gold: rows.gold,
    labels: rows.labels.length,
    nowMs: request.nowMs,
  });
  const chosen = chosenForm(judged, request);
  const manifest = manifestOf(request, { rows, cutting, chosen });
  const facts = {
    forms: judged.map(({ measured }) => measured),
    chosen: chosen.form.name,
    rows: rows.gold.length,
    quantizedTensors: chosen.form.quantization.length,
  };
  const { tokensMax, vocabulary } = cutting.parameters;
  const about = [`Texts are cut by its tokenizer into at most ${tokensMax} tokens of ${vocabulary}`];
  const { digest, bytes } = await writeBundle(request.directory, {
    manifest,
    files: new Map([
      ['infer.int8', chosen.graph],
      ['tokenizer', cutting.file],
      ['golden', goldenOf(rows, chosen.logits)],
    ]),
    card: (made) =>
      importedCard({ ...facts, manifest, source: basename(request.model), coverage: COVERAGE, about }, made),
  });
  return { ...facts, digest, bytes, labels: rows.labels };
}

async function rowsOf(request: TextImportRequest): Promise<Rows> {
  const given = await readTextRows(request.validation);
  const isOut = ({ label }: LabelledRow): boolean => label === OUT_OF_SCOPE_LABEL;
  const inScope = given.filter((row) => !isOut(row));
  const labels = await labelsOf(request, inScope);
  const gold = goldOf(inScope, { labels, file: request.validation });
  return { all: [...inScope, ...given.filter(isOut)], gold, labels };
}

/** The bundle keeps of the file what is used: less to carry, and nothing in it that nobody looked at. */
async function cuttingOf(request: TextImportRequest, contract: TextContract): Promise<Cutting> {
  const parsed = parseTokenizer(await bytesOf(request.tokenizer));
  const { truncation, ...used } = parsed;
  const tokensMax = request.tokensMax ?? Math.min(truncation?.max_length ?? TOKENS_MAX, SEQUENCE_TOKENS_MAX);
  if (tokensMax < 4 || tokensMax > SEQUENCE_TOKENS_MAX)
    throw new NanofleetError(
      'SETTING_INVALID',
      `A text may have 4 to ${SEQUENCE_TOKENS_MAX} tokens, not ${tokensMax}. Give another --tokens-max.`,
    );
  const { attentionMask, tokenTypes } = contract;
  const parameters: TokenizerParameters = {
    kind: 'tokenizer-json-1',
    tokensMax,
    vocabulary: Math.max(2, vocabularySize(parsed)),
    attentionMask,
    tokenTypes,
  };
  const file = new TextEncoder().encode(JSON.stringify(used));
  const rssBytes = tokenizerRssBytes(file.length, { isUnigram: parsed.model.type === 'Unigram' });
  return { file, parameters, tokenizer: await TextTokenizer.open(file, parameters), rssBytes };
}

/** The graph must take the tokenizer's greatest id and the longest text, or a device would fail at the first text that has it. */
async function checkIds(
  { model, nowMs }: TextImportRequest,
  given: { readonly contract: TextContract; readonly cutting: Cutting; readonly labels: number },
): Promise<void> {
  const { contract, cutting, labels } = given;
  const { vocabulary, tokensMax } = cutting.parameters;
  const graph = encodeModel(contract.model);
  const run = (ids: BigInt64Array) =>
    runGraph({ graph, name: model, rows: [tokenIdFeeds(ids, contract)], labels, nowMs });
  await run(BigInt64Array.of(BigInt(vocabulary - 1))).catch((cause: unknown) => {
    throw misfit(`the tokenizer gives ids up to ${vocabulary - 1}, which the model does not take`, cause);
  });
  await run(new BigInt64Array(tokensMax)).catch((cause: unknown) => {
    throw misfit(`the model does not take ${tokensMax} tokens; give fewer with --tokens-max`, cause);
  });
}

const misfit = (why: string, cause: unknown): NanofleetError =>
  new NanofleetError('GRAPH_UNSUPPORTED', `The model was refused: ${why}.`, { cause });

type TextDraft = Extract<ManifestDraft, { task: 'text-intent' }>;

function manifestOf(
  request: TextImportRequest,
  { rows, cutting, chosen }: { readonly rows: Rows; readonly cutting: Cutting; readonly chosen: JudgedForm },
): Omit<TextDraft, 'files' | 'cost'> & { cost: Omit<TextDraft['cost'], 'bytes'> } {
  const { gold, labels } = rows;
  const { parameters } = cutting;
  const judged: JudgedLogits & { gold: Int32Array } = {
    inScope: chosen.logits.slice(0, gold.length),
    gold,
    outOfScope: chosen.logits.slice(gold.length),
  };
  const scoring = calibrate(judged, labels, COVERAGE);
  const rssBytes = textRssBytes(chosen.graph.length) + cutting.rssBytes;
  const port = (name: string) => ({ name, shape: [1, null], type: 'int64' as const, unit: 'token' });
  return {
    format: 1,
    line: lineIdSchema.parse(request.line),
    version: request.version,
    releaseCounter: request.releaseCounter,
    task: 'text-intent',
    needs: { runtimeVersion: TOKENIZER_RUNTIME_VERSION, rssBytes },
    inputs: [
      port(TOKEN_INPUTS.ids),
      ...(parameters.attentionMask ? [port(TOKEN_INPUTS.mask)] : []),
      ...(parameters.tokenTypes ? [port(TOKEN_INPUTS.types)] : []),
    ],
    labels: { version: 1, names: [...labels] },
    text: parameters,
    ...scoring,
    trainable: [],
    quantization: chosen.form.quantization,
    golden: { tolerance: GOLDEN_TOLERANCE },
    quality: [
      {
        dataset: basename(request.validation),
        split: 'validation',
        seed: 0,
        ...scoredQuality(judged, { ...scoring, labels }),
      },
    ],
    cost: { microseconds: chosen.measured.microseconds, rssBytes },
    license: request.license,
    attribution: [],
    parent: null,
  };
}

function goldenOf({ all }: Rows, logits: readonly Float32Array[]): Uint8Array {
  const cases = goldenIndices(all.length).flatMap((at) => {
    const [row, answer] = [all[at], logits[at]];
    return row && answer ? [{ text: row.text, logits: Array.from(answer, goldenNumber) }] : [];
  });
  return encodeGolden({ task: 'text-intent', cases });
}
