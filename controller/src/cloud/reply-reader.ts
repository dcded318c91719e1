/**
 * Reads an answer while it is being written: the text of `reply` as far as it has come, once all fields before it are
 * whole. Pure. Understands just as much of JSON as that needs; the whole answer is parsed and checked at its end.
 */

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const KEY = 'reply';

/** Text of the beginning of a JSON string (RFC 8259, 7); an escape that is not whole yet is left out. */
const unescaped = (raw: string): { text: string; used: number } => {
  let text = '';
  let at = 0;
  while (at < raw.length) {
    const character = raw.charAt(at);
    if (character !== '\\') {
      text += character;
      at += 1;
      continue;
    }
    const length = raw.charAt(at + 1) === 'u' ? 6 : 2;
    if (at + length > raw.length) break;
    text +=
      length === 6
        ? String.fromCharCode(Number.parseInt(raw.slice(at + 2, at + 6), 16) || 0xfffd)
        : (ESCAPES[raw.charAt(at + 1)] ?? '');
    at += length;
  }
  return { text, used: at };
};

/** Where reading stands. */
type Place = 'before' | 'reply' | 'after';

/** Reads one answer. */
export class ReplyReader {
  #whole = '';
  #place: Place = 'before';
  #at = 0;
  #depth = 0;
  #stringFrom: number | null = null;
  #isEscaped = false;
  #lastString = '';
  #isValueNext = false;
  /** Half of a character that waits for the other. */
  #half = '';
  #head: unknown;

  /** Everything that came. */
  get whole(): string {
    return this.#whole;
  }

  /** The fields before the reply, once it has begun; undefined before, and when they are no JSON. */
  get head(): unknown {
    return this.#head;
  }

  /** Takes a piece; gives the text of the reply that it adds. */
  take(piece: string): string {
    this.#whole += piece;
    while (this.#place === 'before' && this.#at < this.#whole.length)
      this.#step(this.#whole.charAt(this.#at));
    return this.#place === 'reply' ? this.#replyText() : '';
  }

  #step(character: string): void {
    if (this.#stringFrom !== null) this.#inString(character, this.#stringFrom);
    else this.#outside(character);
    this.#at += 1;
  }

  #inString(character: string, from: number): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (character === '\\') this.#isEscaped = true;
    else if (character === '"') {
      this.#lastString = this.#whole.slice(from, this.#at);
      this.#stringFrom = null;
    }
  }

  #outside(character: string): void {
    if (character === '"') this.#beginString();
    else if (character === '{' || character === '[') this.#depth += 1;
    else if (character === '}' || character === ']') this.#depth -= 1;
    if (this.#depth !== 1) return;
    if (character === ':') this.#isValueNext = true;
    else if (character === ',') this.#isValueNext = false;
  }

  #beginString(): void {
    if (this.#depth === 1 && this.#isValueNext && this.#lastString === KEY) {
      this.#place = 'reply';
      this.#head = this.#fieldsBefore();
      return;
    }
    this.#stringFrom = this.#at + 1;
  }

  #fieldsBefore(): unknown {
    const before = this.#whole.slice(0, this.#whole.lastIndexOf(`"${KEY}"`, this.#at));
    try {
      return JSON.parse(`${before.trimEnd().replace(/,$/, '')}}`) as unknown;
    } catch {
      // Not the form that was asked for: nothing is shown of it, and the check at the end says why.
      return undefined;
    }
  }

  #replyText(): string {
    const rest = this.#whole.slice(this.#at);
    const end = /^(?:[^"\\]|\\[^])*"/.exec(rest);
    const { text, used } = unescaped(end === null ? rest : end[0].slice(0, -1));
    this.#at += used;
    if (end !== null) this.#place = 'after';
    return this.#wholeCharacters(text);
  }

  #wholeCharacters(text: string): string {
    const all = this.#half + text;
    const last = all.charCodeAt(all.length - 1);
    const isHalf = last >= 0xd800 && last < 0xdc00;
    this.#half = isHalf ? all.slice(-1) : '';
    return isHalf ? all.slice(0, -1) : all;
  }
}
