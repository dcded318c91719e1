// Owns computing a linear teacher's logits for many texts. It never judges them.
import type { Linear } from './linear-shape.ts';
import { LinearTable } from './linear-table.ts';
import { TfIdf } from './tf-idf.ts';

/** Logits [texts, classes], row major, in the order of `texts`. A text without a known term has those of the bias. */
export function linearLogits(linear: Linear, texts: readonly string[]): Float32Array {
  const { settings, terms, classes, table: weights } = linear;
  const features = new TfIdf(settings, terms);
  const table = new LinearTable(classes, { weights, squares: new Float32Array(terms.idf.length + 1) });
  const logits = new Float32Array(texts.length * classes);
  // One at a time: columns of 100,000 texts together would take 100 MB.
  texts.forEach((text, at) => logits.set(table.logits([features.of(text)]), at * classes));
  return logits;
}
