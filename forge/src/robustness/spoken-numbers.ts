// Owns numbers in digits written as speech recognition hears them: "2.5" is two point five, "10:30" ten thirty, "3rd" third.
// It never reads words; runtime's values do.
const ONES =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const TENS = 'zero ten twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES = [
  { of: 1_000_000, name: 'million' },
  { of: 1000, name: 'thousand' },
  { of: 100, name: 'hundred' },
];
const ORDINALS = new Map([
  ['one', 'first'],
  ['two', 'second'],
  ['three', 'third'],
  ['five', 'fifth'],
  ['eight', 'eighth'],
  ['nine', 'ninth'],
  ['twelve', 'twelfth'],
]);
/** Longer ones, such as numbers of cards, are said digit by digit. */
const DIGITS_MAX = 9;
/** Said as two numbers: nineteen eighty four. */
const YEAR = /^(1[1-9]|20)[1-9]\d$/;
const CURRENCIES = new Map([
  ['$', 'dollars'],
  ['£', 'pounds'],
  ['€', 'euros'],
]);

/** The text with its numbers in words; signs of currencies and shares become words after the number. */
export function withSpokenNumbers(text: string): string {
  return text
    .replace(
      /([$£€])(\d[\d,.]*\d|\d)/g,
      (_, sign: string, amount: string) => `${amount} ${CURRENCIES.get(sign)}`,
    )
    .replace(/(\d)\s?%/g, '$1 percent')
    .replace(/(\d),(?=\d{3})/g, '$1')
    .replace(/(\d+)(st|nd|rd|th)\b/gi, (_, digits: string) => ordinal(inWords(digits)))
    .replace(/(\d):(?=\d)/g, '$1 ')
    .replace(/\d+(\.\d+)?/g, spoken)
    .replace(/ {2,}/g, ' ');
}

// Digits touch letters in "7pm" and "a4"; words need blanks between.
function spoken(number: string, _fraction: unknown, at: number, text: string): string {
  const [whole = '', fraction] = number.split('.');
  const words = fraction === undefined ? inWords(whole) : `${inWords(whole)} point ${digitByDigit(fraction)}`;
  const before = /[a-z0-9]/i.test(text.charAt(at - 1)) ? ' ' : '';
  return `${before}${words}${/[a-z]/i.test(text.charAt(at + number.length)) ? ' ' : ''}`;
}

/** A whole number in words; with a leading zero, or of ten digits and more, digit by digit. */
function inWords(digits: string): string {
  if (digits.length > DIGITS_MAX || (digits.length > 1 && digits.startsWith('0')))
    return digitByDigit(digits);
  if (YEAR.test(digits))
    return `${below1e9(Number(digits.slice(0, 2)))} ${below1e9(Number(digits.slice(2)))}`;
  return below1e9(Number(digits));
}

const digitByDigit = (digits: string): string =>
  Array.from(digits, (digit) => ONES[Number(digit)] ?? '').join(' ');

function below1e9(number: number): string {
  for (const { of, name } of SCALES) {
    if (number < of) continue;
    const rest = number % of;
    return `${below1e9(Math.floor(number / of))} ${name}${rest === 0 ? '' : ` ${below1e9(rest)}`}`;
  }
  if (number < ONES.length) return ONES[number] ?? '';
  const rest = number % 10;
  return `${TENS[Math.floor(number / 10)] ?? ''}${rest === 0 ? '' : ` ${ONES[rest] ?? ''}`}`;
}

function ordinal(words: string): string {
  const last = words.slice(words.lastIndexOf(' ') + 1);
  const stem = words.slice(0, words.length - last.length);
  return stem + (ORDINALS.get(last) ?? (last.endsWith('y') ? `${last.slice(0, -1)}ieth` : `${last}th`));
}
