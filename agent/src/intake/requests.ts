/**
 * From JSON values to checked requests. The common forms are checked by hand, because a schema costs more than the
 * decision; everything else goes through the protocol's schemas.
 */
import {
  BATCH_ITEMS_MAX,
  type BatchRequest,
  batchRequestSchema,
  type DecideRequest,
  decideRequestSchema,
  firstIssue,
  type LabelRequest,
  labelRequestSchema,
  NanofleetError,
  SAMPLES_MAX,
  type SamplesRequest,
  samplesRequestSchema,
  type TeachRequest,
  teachRequestSchema,
} from '@nanofleet/protocol';
import type { z } from 'zod';

const invalid = (why: string): NanofleetError =>
  new NanofleetError('INPUT_INVALID', `the request is not as expected: ${why}`);

const parse = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(firstIssue(parsed.error));
};

/** Whether a value is `{"text": "…"}` and nothing else. */
const isPlainText = (value: unknown): value is { text: string } => {
  if (typeof value !== 'object' || value === null || !('text' in value)) return false;
  if (typeof value.text !== 'string') return false;
  for (const key in value) if (key !== 'text') return false;
  return true;
};

/** A request to decide on one text. @throws NanofleetError INPUT_INVALID */
export const parseDecide = (value: unknown): DecideRequest =>
  isPlainText(value) ? value : parse(decideRequestSchema, value);

const listIn = (value: unknown, key: string): readonly unknown[] | null => {
  const list: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : null;
  return Array.isArray(list) ? list : null;
};

const tooMany = (what: string, given: number, most: number): NanofleetError =>
  new NanofleetError('BATCH_TOO_LARGE', `${given} ${what} were sent; at most ${most} are taken at once`, {
    facts: { given, most },
  });

/** A request to decide on many texts. @throws NanofleetError BATCH_TOO_LARGE or INPUT_INVALID */
export const parseBatch = (value: unknown): BatchRequest => {
  const texts = listIn(value, 'texts');
  if (texts !== null && texts.length > BATCH_ITEMS_MAX) throw tooMany('texts', texts.length, BATCH_ITEMS_MAX);
  return parse(batchRequestSchema, value);
};

/** A label of a decision. @throws NanofleetError INPUT_INVALID; the message never quotes the request */
export const parseLabel = (value: unknown): LabelRequest => {
  const parsed = labelRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid('it is {"label": NAME} or {"outOfScope": true}');
};

/** A text with its label. @throws NanofleetError INPUT_INVALID; the message never quotes the request */
export const parseTeach = (value: unknown): TeachRequest => {
  const parsed = teachRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(
    'it is {"text": TEXT, "label": NAME} or {"text": TEXT, "outOfScope": true}, with "line" where several take text',
  );
};

/** Samples. @throws NanofleetError BATCH_TOO_LARGE, SAMPLES_INVALID or INPUT_INVALID */
export const parseSamples = (value: unknown): SamplesRequest => {
  const samples = listIn(value, 'samples');
  if (samples === null) return parse(samplesRequestSchema, value);
  if (samples.length > SAMPLES_MAX) throw tooMany('samples', samples.length, SAMPLES_MAX);
  const wrong = samples.findIndex(
    (row) => !Array.isArray(row) || !row.every((number) => Number.isFinite(number)),
  );
  if (wrong !== -1) {
    // JSON has no NaN: programs write null for it.
    const problem = `sample ${wrong} is not a row of finite numbers`;
    throw new NanofleetError('SAMPLES_INVALID', problem, { facts: { sample: wrong } });
  }
  const { rateHz, line } = parse(samplesRequestSchema.omit({ samples: true }), value);
  return { rateHz, ...(line === undefined ? {} : { line }), samples: samples as number[][] };
};
