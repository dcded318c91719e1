// Owns the strict score of found entities: one counts only if start, end and type are those of a marked one (CoNLL-2003,
// Tjong Kim Sang and De Meulder). Pure.
import type { MarkedEntity } from './annotated-texts.ts';

/** Counts of entities over many texts. */
export interface SpanCounts {
  readonly marked: number;
  readonly found: number;
  readonly right: number;
}

/** Precision, recall and their harmonic mean; 0 where nothing was found or marked. */
export interface SpanScore extends SpanCounts {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** The score of what was found in each text against what is marked there. */
export function spanScore(
  texts: readonly { readonly marked: readonly MarkedEntity[]; readonly found: readonly MarkedEntity[] }[],
): SpanScore {
  const counts = { marked: 0, found: 0, right: 0 };
  for (const { marked, found } of texts) {
    const known = new Set(marked.map(key));
    counts.marked += marked.length;
    counts.found += found.length;
    counts.right += found.filter((entity) => known.has(key(entity))).length;
  }
  const precision = counts.found === 0 ? 0 : counts.right / counts.found;
  const recall = counts.marked === 0 ? 0 : counts.right / counts.marked;
  const f1 = counts.right === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { ...counts, precision, recall, f1 };
}

const key = ({ start, end, type }: MarkedEntity): string => `${start} ${end} ${type}`;
