/** The Range header of HTTP (RFC 9110 section 14.2) for one range of bytes. Pure. */
import type { ByteRange } from './blob-store.ts';

/**
 * The part that a header asks for: null for the whole, `unsatisfiable` when it lies beyond the end. A header of another
 * form, several ranges included, is ignored, as the standard allows.
 */
export const rangeOf = (header: string | undefined, size: number): ByteRange | null | 'unsatisfiable' => {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (match === null || (first === '' && last === '')) return null;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size - 1 };
  }
  const from = Number(first);
  if (from >= size) return 'unsatisfiable';
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return to < from ? null : { from, to };
};
