// Owns reading labelled and unlabelled texts from files. Errors name the file, the line and what is wrong with it,
// never the text itself. It never decides which labels a model has.
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';

/** The label of texts that belong to no label of the model. */
export const OUT_OF_SCOPE_LABEL = 'oos';

/** One example. */
export interface LabelledText {
  readonly text: string;
  readonly label: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

const exampleSchema = z.object({
  text: z.string().min(1),
  intent: z.string().min(1),
  lang: z.string().optional(),
});

/** The models read English; lines of files that name another language are left out. */
const LANGUAGE = 'en';

/**
 * Reads JSONL of {"text", "intent"}; blank lines and those whose "lang" is not "en" are skipped, further fields ignored.
 * @throws NanofleetError TRAINING_SET_INVALID with the facts `file` and `line`
 */
export async function readLabelledTexts(path: string): Promise<LabelledText[]> {
  const content = await contentOf(path);
  const examples = content
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : example(line, { path, line: index + 1 })));
  if (examples.length === 0)
    throw refused(`${path} holds no example: expected one JSON object a line`, { file: path, line: 0 });
  return examples;
}

/** Reads unlabelled texts: one a line, or the `text` fields of JSONL; `.gz` files are unpacked. */
export async function readTexts(path: string): Promise<string[]> {
  const lines = (await contentOf(path)).split('\n').filter((line) => line.trim() !== '');
  if (!/\.jsonl(\.gz)?$/.test(path)) return lines;
  return lines.map((line, index) => textOf(line, { path, line: index + 1 }));
}

function textOf(line: string, place: { readonly path: string; readonly line: number }): string {
  const parsed = z.looseObject({ text: z.string() }).safeParse(json(line, place));
  if (!parsed.success) throw refusedLine(place, 'text is not a string');
  return parsed.data.text;
}

function example(line: string, place: { readonly path: string; readonly line: number }): LabelledText[] {
  const parsed = exampleSchema.safeParse(json(line, place));
  if (parsed.success) {
    const { text, intent, lang } = parsed.data;
    return (lang ?? LANGUAGE) === LANGUAGE ? [{ text, label: intent, line: place.line }] : [];
  }
  const [issue] = parsed.error.issues;
  throw refusedLine(place, `${issue?.path.join('.') || 'the line'}: ${issue?.message ?? 'not an example'}`);
}

function json(line: string, place: { readonly path: string; readonly line: number }): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw refusedLine(place, 'not JSON', cause);
  }
}

/** The text of a file in UTF-8; `.gz` files are unpacked. @throws NanofleetError TRAINING_SET_INVALID */
export async function contentOf(path: string): Promise<string> {
  const bytes = await bytesOf(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    const line = firstMalformedLine(bytes);
    throw refused(
      `${path}, line ${line}: not UTF-8; convert the file, or remove the line`,
      { file: path, line },
      cause,
    );
  }
}

async function bytesOf(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  } catch (cause) {
    throw refused(
      `could not read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { file: path, line: 0 },
      cause,
    );
  }
}

// A byte of a line end is never part of another character, so lines can be told before they are decoded.
function firstMalformedLine(bytes: Uint8Array): number {
  const replaced = new TextDecoder().decode(bytes).split('\n');
  return replaced.findIndex((line) => line.includes('\uFFFD')) + 1;
}

function refusedLine(
  { path, line }: { readonly path: string; readonly line: number },
  problem: string,
  cause?: unknown,
): NanofleetError {
  return refused(
    `${path}, line ${line}: ${problem}; expected {"text": …, "intent": …}`,
    { file: path, line },
    cause,
  );
}

function refused(
  message: string,
  facts: { readonly file: string; readonly line: number },
  cause?: unknown,
): NanofleetError {
  return new NanofleetError('TRAINING_SET_INVALID', message, {
    facts,
    ...(cause === undefined ? {} : { cause }),
  });
}
