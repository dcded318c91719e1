/**
 * Owns the way from tokens to places of the text and back: where an entity starts and ends as a person would mark it, and
 * which tokens a marked place covers. Pure; it never decides what is an entity.
 */

/** A marked place of a text, UTF-16 units, `end` exclusive. */
export interface TextSpan {
  readonly start: number;
  readonly end: number;
}

/** 1 for each token that no white space parts from the one before it. @param bounds start and end of each token */
export function joinedTokens(text: string, bounds: Int32Array): Uint8Array {
  const joined = new Uint8Array(bounds.length / 2);
  for (let token = 1; token < joined.length; token += 1) {
    let at = bounds[2 * token - 1] ?? 0;
    const end = bounds[2 * token] ?? 0;
    while (at < end && text.charCodeAt(at) > 0x20 && text.charCodeAt(at) !== 0xa0) at += 1;
    joined[token] = at === end ? 1 : 0;
  }
  return joined;
}

const LETTER = /\p{L}|\p{M}/u;

/**
 * The place of the text that tokens `first` to `last` mark. Letters of other alphabets that touch it belong to it (a token
 * knows a-z only), a final 's does not (all three data sets leave it out: 414 of 435 times), the dot of initials does.
 * @param bounds start and end of each token, as `TextFeatures.withTokens` gives them
 */
export function placeOfTokens(
  text: string,
  bounds: Int32Array,
  { first, last }: { readonly first: number; readonly last: number },
): TextSpan {
  let start = bounds[2 * first] ?? 0;
  let end = bounds[2 * last + 1] ?? start;
  while (start > 0 && isLetter(text, start - 1)) start -= 1;
  while (end < text.length && isLetter(text, end)) end += 1;
  const lastStart = bounds[2 * last] ?? 0;
  const possessive = /[^'’`]['’`]s?$/iu.exec(text.slice(lastStart, end));
  if (possessive) return { start, end: lastStart + possessive.index + 1 };
  const isInitial = end - lastStart === 1 && text[end] === '.' && text[lastStart - 2] === '.';
  return { start, end: isInitial ? end + 1 : end };
}

// Half of a character outside the basic plane counts as no letter: such a letter is then left out of the place.
const isLetter = (text: string, at: number): boolean => LETTER.test(text.charAt(at));

/** The tokens that a place of the text touches, or undefined when it touches none. */
export function tokensOfPlace(
  bounds: Int32Array,
  { start, end }: TextSpan,
): { readonly first: number; readonly last: number } | undefined {
  let first = -1;
  let last = -1;
  for (let token = 0; 2 * token < bounds.length; token += 1) {
    if ((bounds[2 * token] ?? 0) >= end || (bounds[2 * token + 1] ?? 0) <= start) continue;
    if (first < 0) first = token;
    last = token;
  }
  return first < 0 ? undefined : { first, last };
}
