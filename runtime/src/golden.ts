/**
 * Owns the golden vectors of a bundle: inputs with the logits (and tags of tokens) that any correct runtime gives
 * for them. They travel whole (a text, a
 * window in raw units), so that they also test features and normalization. Never runs a model itself.
 */
import {
  ENTITY_TOKENS_MAX,
  ENTITY_TYPES_MAX,
  LABELS_MAX,
  type Manifest,
  NanofleetError,
} from '@nanofleet/protocol';
import { z } from 'zod';
import { argMax } from './metrics.ts';

const logits = z.array(z.number()).min(2).max(LABELS_MAX);

/** The best tag of a token and its score. */
const tokenTag = z.tuple([
  z
    .int()
    .min(0)
    .max(2 * ENTITY_TYPES_MAX),
  z.number(),
]);

const textGoldenSchema = z.object({
  task: z.literal('text-intent'),
  cases: z
    .array(z.object({ text: z.string(), logits, tags: z.array(tokenTag).max(ENTITY_TOKENS_MAX).optional() }))
    .min(1)
    .max(256),
});

const sensorGoldenSchema = z.object({
  task: z.literal('sensor-event'),
  /** `window`: little-endian float32 [channels, samples] in base64. */
  cases: z
    .array(z.object({ window: z.base64(), logits }))
    .min(1)
    .max(256),
});

const goldenSchema = z.discriminatedUnion('task', [textGoldenSchema, sensorGoldenSchema]);

/** The content of the file `golden`. */
export type Golden = z.infer<typeof goldenSchema>;

/** Bytes of the file `golden`. */
export const encodeGolden = (golden: Golden): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(golden)}\n`);

/** Reads the file `golden`; @throws NanofleetError `GOLDEN_MISMATCH` when it is malformed or of another task. */
export function decodeGolden(bytes: Uint8Array, manifest: Manifest): Golden {
  const parsed = goldenSchema.safeParse(readJson(bytes));
  if (!parsed.success) throw refused('they do not have the expected form', parsed.error);
  if (parsed.data.task !== manifest.task) throw refused(`they are for the task ${parsed.data.task}`);
  return parsed.data;
}

/** Base64 of a window, for a golden case. */
export function encodeWindow(window: Float32Array): string {
  const bytes = new Uint8Array(window.length * 4);
  const view = new DataView(bytes.buffer);
  window.forEach((value, at) => view.setFloat32(at * 4, value, true));
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The window of a golden case. */
export function decodeWindow(base64: string): Float32Array {
  const binary = atob(base64);
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) =>
    view.getFloat32(at * 4, true),
  );
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refused('they are not JSON in UTF-8', cause);
  }
}

const refused = (why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('GOLDEN_MISMATCH', `The golden vectors of the bundle were refused: ${why}.`, { cause });

/** The best tag of each token with its score, for a golden case. @param scores [tokens, tags], row major */
export function goldenTags(scores: Float32Array, tags: number): [number, number][] {
  return Array.from({ length: scores.length / tags }, (_, token) => {
    const row = scores.subarray(token * tags, (token + 1) * tags);
    const best = argMax(row);
    return [best, row[best] ?? 0];
  });
}

/** Greatest absolute difference of the scores of the golden tags; Infinity when there are other tokens. */
export function tagGap(
  scores: Float32Array,
  { tags, expected }: { readonly tags: number; readonly expected: readonly (readonly [number, number])[] },
): number {
  const actual = expected.map(([tag], token) => scores[token * tags + tag] ?? Number.NaN);
  if (scores.length !== expected.length * tags) return Number.POSITIVE_INFINITY;
  return logitGap(
    actual,
    expected.map(([, score]) => score),
  );
}

/** Greatest absolute difference of two rows of logits; Infinity when their lengths differ or one is not a number. */
export function logitGap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let gap = 0;
  for (let at = 0; at < expected.length; at += 1) {
    const difference = Math.abs((actual[at] ?? Number.NaN) - (expected[at] ?? Number.NaN));
    if (!(difference <= gap)) gap = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return gap;
}
