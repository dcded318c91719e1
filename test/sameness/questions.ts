// What bundles are asked in order to compare platforms: their golden inputs first, then inputs drawn with a seed. The same seed draws
// the same ones; nothing here runs a model.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '@nanofleet/forge';
import { decodeGolden, decodeWindow, encodeWindow, type Golden } from '@nanofleet/runtime';
import type { CheckedBundle } from '@nanofleet/runtime/node';

/** A text, or a window as golden vectors keep it: base64 of little-endian float32. */
export type Question = { readonly text: string } | { readonly window: string };

/** How many are drawn, from what. */
export interface Draw {
  readonly count: number;
  readonly seed: number;
  /** Texts to choose from. */
  readonly texts: readonly string[];
}

const TEXT_FILES = [
  'start/story/utterances.jsonl',
  'corpus/controller.jsonl',
  'corpus/devices.jsonl',
  'corpus/test.jsonl',
];

/** Texts at the edges of features: no token, other alphabets, letters that lower-casing changes, one row, rows beyond the limit. */
const EDGES = [
  '?!',
  'İSTANBUL’DA 22°C, ÇOK SICAK',
  '電気をつけて 💡 please',
  'a',
  Array.from({ length: 100 }, (_, at) => `word${at}`).join(' '),
];

/** The texts of the corpus and of start's story. @param root folder of the workspace */
export function committedTexts(root: string): string[] {
  const lines = TEXT_FILES.flatMap((file) => readFileSync(join(root, file), 'utf8').trimEnd().split('\n'));
  return [...new Set(lines.map((line) => (JSON.parse(line) as { text: string }).text))];
}

/** The golden vectors of a bundle. */
export const goldenOf = ({ files, manifest }: CheckedBundle): Golden =>
  decodeGolden(files.get('golden') ?? new Uint8Array(), manifest);

/** The golden inputs of a bundle, then the drawn ones. */
export function questionsOf(bundle: CheckedBundle, draw: Draw): Question[] {
  const golden = goldenOf(bundle);
  if (golden.task === 'sensor-event') {
    const windows = golden.cases.map(({ window }) => window);
    return [...windows, ...noisyWindows(windows, draw)].map((window) => ({ window }));
  }
  const texts = [...golden.cases.map(({ text }) => text), ...EDGES, ...drawnTexts(draw)];
  return texts.map((text) => ({ text }));
}

function drawnTexts({ count, seed, texts }: Draw): string[] {
  const order = new SeededRandom(seed, 'texts').order(texts.length);
  return Array.from(order.subarray(0, count), (at) => texts[at] ?? '');
}

/** Golden windows, louder or softer, under noise of up to their own deviation. */
function noisyWindows(windows: readonly string[], { count, seed }: Draw): string[] {
  const random = new SeededRandom(seed, 'windows');
  return Array.from({ length: count }, (_, at) => {
    const window = decodeWindow(windows[at % windows.length] ?? '');
    const [gain, noise] = [0.5 + random.uniform(), random.uniform() * deviationOf(window)];
    return encodeWindow(window.map((value) => gain * value + noise * random.normal()));
  });
}

function deviationOf(window: Float32Array): number {
  const mean = window.reduce((sum, value) => sum + value, 0) / window.length;
  const squares = window.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / window.length);
}
