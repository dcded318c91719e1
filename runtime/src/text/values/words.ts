/** Owns how the parsers of values see a text: lower-case words and numbers in order. Pure. */

/** One word of letters, or one number in digits with its sign and fraction. */
export type Word = string;

const WORD = /[-−]?\d+(?:[.,:/]\d+)*|[½¼¾%°]|[a-z]+/g;

/** Words and numbers of a text. A minus counts only before a digit that no digit or letter precedes. */
export function wordsOf(text: string): Word[] {
  const clean = text.toLowerCase().replace(/([a-z\d])[-−](?=[a-z\d])/g, '$1 ');
  return clean.match(WORD)?.map((word) => word.replace('−', '-')) ?? [];
}
