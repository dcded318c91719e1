/**
 * The one way in which a document of release metadata is written: keys in order, no white space, whole numbers only, as TUF 1.0 signs
 * it (OLPC's canonical JSON). What is read must be written so, byte for byte: a key that stands twice, which two readers could
 * understand differently, gets no further. Never knows what a document says.
 */
import { NanofleetError } from '../errors.ts';
import { METADATA_BYTES_MAX } from '../limits/models.ts';

const malformed = (what: string, why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('METADATA_MALFORMED', `${what} was refused: ${why}`, { cause });

/** Quotes and backslashes are escaped, nothing else; what JSON escapes beyond these has no place in a document. */
const quoted = (text: string): string => {
  const plain = JSON.stringify(text);
  if (plain.length === text.length + 2) return plain;
  const escaped = `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
  if (escaped === plain) return plain;
  throw malformed('release metadata', 'a text holds a control character, or half of one');
};

const scalar = (value: unknown): string => {
  if (typeof value === 'string') return quoted(value);
  if (Number.isSafeInteger(value) || typeof value === 'boolean' || value === null) return String(value);
  throw malformed('release metadata', 'it holds a number that is not whole, or something that JSON has not');
};

/** A value in canonical JSON; fields that are undefined are left out. @throws NanofleetError METADATA_MALFORMED */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return scalar(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, field]) => `${quoted(name)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
};

/**
 * The value in canonical JSON.
 * @param what how messages call it
 * @throws NanofleetError METADATA_TOO_LARGE, METADATA_MALFORMED; METADATA_AMBIGUOUS for JSON that is written in another way
 */
export const parseCanonicalJson = (bytes: Uint8Array, what: string): unknown => {
  if (bytes.length > METADATA_BYTES_MAX)
    throw new NanofleetError(
      'METADATA_TOO_LARGE',
      `${what} has ${bytes.length} bytes; at most ${METADATA_BYTES_MAX} are read`,
    );
  const { text, value } = parsed(bytes, what);
  if (canonicalJson(value) === text) return value;
  throw new NanofleetError(
    'METADATA_AMBIGUOUS',
    `${what} was refused: it is not written in the one way that is signed; a key stands twice, or something was added`,
  );
};

const parsed = (bytes: Uint8Array, what: string): { text: string; value: unknown } => {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, value: JSON.parse(text) as unknown };
  } catch (cause) {
    throw malformed(what, 'it is not JSON in UTF-8', cause);
  }
};
