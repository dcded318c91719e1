// Owns making unlabelled texts of labelled ones: the beginning of one joined to the end of another. A teacher says what
// they mean, so they need not make sense; they show the student where the teacher's borders are.
import { SeededRandom } from '../seeded-random.ts';

/** Texts with class numbers. */
export interface ClassifiedTexts {
  readonly texts: string[];
  readonly labels: Int32Array;
}

/** How many texts to make of each labelled one. */
export interface Recombination {
  /** With the end of a text of the same label. */
  readonly sameLabel: number;
  /** With the end of any text. */
  readonly anyLabel: number;
}

/** The recombined texts; the same for every seed of training. */
export function recombinedTexts(
  { texts, labels }: ClassifiedTexts,
  { sameLabel, anyLabel }: Recombination,
): string[] {
  const random = new SeededRandom(0, 'recombined');
  const members = membersOf(labels);
  return texts.flatMap((text, index) => {
    const own = members.get(labels[index] ?? 0) ?? [];
    const same = Array.from({ length: sameLabel }, () => texts[own[random.below(own.length)] ?? 0] ?? '');
    const any = Array.from({ length: anyLabel }, () => texts[random.below(texts.length)] ?? '');
    return [...same, ...any].map((other) => joined(text, other, random));
  });
}

function membersOf(labels: Int32Array): Map<number, number[]> {
  const members = new Map<number, number[]>();
  labels.forEach((label, index) => {
    const known = members.get(label);
    if (known) known.push(index);
    else members.set(label, [index]);
  });
  return members;
}

function joined(first: string, second: string, random: SeededRandom): string {
  const beginning = first.split(' ');
  const end = second.split(' ');
  const kept = 1 + random.below(beginning.length);
  return [...beginning.slice(0, kept), ...end.slice(random.below(end.length))].join(' ');
}
