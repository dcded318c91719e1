/**
 * Replaces personal details in a text by typed placeholders before it may leave the device. Prefers redacting too much:
 * an intent survives a placeholder. Patterns have bounded repeats, so that no text makes them slow. Never sends, never
 * logs; whoever calls it keeps the text on the device when it throws.
 */
import { isIPv6 } from 'node:net';
import { type RedactionKind, TEXT_BYTES_MAX } from '@nanofleet/protocol';
import { passesLuhn, passesMod97 } from './number-checks.ts';

/** A text without the details, and how many of each kind were replaced. */
export interface Redacted {
  readonly text: string;
  readonly redacted: Partial<Record<RedactionKind, number>>;
}

/** Characters that hide digits from a pattern and show nothing to a reader. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/gu;

const EMAIL = /[\p{L}\p{N}._%+-]{1,64}\s?@\s?(?:[\p{L}\p{N}-]{1,63}\.){1,8}\p{L}{2,24}/gu;
const ACCOUNT = /(?<![\p{L}\p{N}])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,40}/gu;
const MAC =
  /(?<![\p{L}\p{N}])(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2})(?![\p{L}\p{N}])/giu;
const IPV6 = /(?<![\p{L}\p{N}:.])[0-9a-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\p{L}\p{N}])/giu;
const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = new RegExp(`(?<![\\p{L}\\p{N}.])${OCTET}(?:\\.${OCTET}){3}(?![\\p{L}\\p{N}]|\\.\\d)`, 'gu');
const NUMBERS = /(?<![\p{L}\p{N}])\+?\(?\d(?:[ ./()\u2010-\u2015-]{0,3}\d){6,40}(?![\p{L}\p{N}])/gu;
const DATE = /^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})$/u;

const CARD_DIGITS_MIN = 13;
const CARD_DIGITS_MAX = 19;
const PHONE_DIGITS_MIN = 7;
/** E.164, and a little for prefixes. */
const PHONE_DIGITS_MAX = 17;
const ACCOUNT_LENGTH_MIN = 15;
const ACCOUNT_LENGTH_MAX = 34;

/** What a match is replaced by; null leaves it. */
type Judge = (match: string) => { kind: RedactionKind; rest: string } | null;

const always =
  (kind: RedactionKind): Judge =>
  () => ({ kind, rest: '' });

/** Words after an account number look like a part of it, so shorter pieces that end at a gap are tried, too. */
const judgeAccount: Judge = (match) => {
  for (let end = match.length; end >= ACCOUNT_LENGTH_MIN; end -= 1) {
    const isBoundary = end === match.length || /[ -]/.test(match.charAt(end));
    const account = match.slice(0, end).replace(/[ -]/g, '').toUpperCase();
    if (!isBoundary || account.length < ACCOUNT_LENGTH_MIN || account.length > ACCOUNT_LENGTH_MAX) continue;
    if (passesMod97(account)) return { kind: 'iban', rest: match.slice(end) };
  }
  return null;
};

const judgeNumber: Judge = (match) => {
  const digits = match.replace(/\D/g, '');
  const isCardLong = digits.length >= CARD_DIGITS_MIN && digits.length <= CARD_DIGITS_MAX;
  if (isCardLong && passesLuhn(digits)) return { kind: 'card', rest: '' };
  if (holdsCard(match)) return { kind: 'card', rest: '' };
  const isPhoneLong = digits.length >= PHONE_DIGITS_MIN && digits.length <= PHONE_DIGITS_MAX;
  return isPhoneLong && !DATE.test(match) ? { kind: 'phone', rest: '' } : null;
};

/** Whether some groups in a row of a longer run of numbers are a card: "12 4111 1111 1111 1111". */
const holdsCard = (match: string): boolean => {
  const groups = match.split(/\D+/).filter((group) => group !== '');
  return groups.some((_group, from) =>
    groups.some((_other, to) => {
      if (to < from) return false;
      const digits = groups.slice(from, to + 1).join('');
      return digits.length >= CARD_DIGITS_MIN && digits.length <= CARD_DIGITS_MAX && passesLuhn(digits);
    }),
  );
};

const judgeIpv6: Judge = (match) => (isIPv6(match) ? { kind: 'ip', rest: '' } : null);

const STEPS: readonly (readonly [RegExp, Judge])[] = [
  [EMAIL, always('email')],
  [ACCOUNT, judgeAccount],
  [MAC, always('mac')],
  [IPV6, judgeIpv6],
  [IPV4, always('ip')],
  [NUMBERS, judgeNumber],
];

/** The text with every detail replaced. Full-width and other digits are brought to their plain form first. */
export const redact = (text: string): Redacted => {
  const redacted: Partial<Record<RedactionKind, number>> = {};
  let result = text
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(/\p{Nd}/gu, plainDigit);
  for (const [pattern, judge] of STEPS) {
    result = result.replace(pattern, (match) => {
      const found = judge(match);
      if (found === null) return match;
      redacted[found.kind] = (redacted[found.kind] ?? 0) + 1;
      return `<${found.kind}>${found.rest}`;
    });
  }
  return { text: bounded(result), redacted };
};

/** Digits of all scripts come in runs of ten that begin at a multiple of ten from a zero: Unicode keeps that for ever. */
const plainDigit = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  if (code < 128) return character;
  let zero = code;
  while (zero > code - 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
};

/** NFKC may make a text longer; the message must keep its bound. */
const bounded = (text: string): string => {
  if (Buffer.byteLength(text) <= TEXT_BYTES_MAX) return text;
  return Buffer.from(text)
    .subarray(0, TEXT_BYTES_MAX)
    .toString('utf8')
    .replace(/\ufffd+$/u, '');
};
