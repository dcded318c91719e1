/**
 * Owns how one run of bytes follows from an expected run of equal length: nothing, the bytes themselves, their coded differences, or
 * those of the rows that differ, whichever is shortest. Differences are modulo 256, which is exact for codes of eight bits. Pure.
 *
 * Layout: uint8 form; `raw`: the bytes; `coded`: uint32 length, what rans.ts makes; `rows`: a bit a row, lowest first, then the same.
 */
import { joinedBytes } from '../joined-bytes.ts';
import { deltaInvalid } from './delta-invalid.ts';
import { type DeltaReader, words } from './delta-reader.ts';
import { codedBytes, countsOf, ransDecode, ransEncode } from './rans.ts';

const FORM = { same: 0, raw: 1, coded: 2, rows: 3 } as const;

/** What a run was expected to be, and how long its rows are. */
export interface Expected {
  readonly bytes: Uint8Array;
  /** Bytes of a row; the last may be shorter. */
  readonly rowBytes: number;
}

/** The shortest form of a run. @param expected as long as the run */
export function encodeBlock(run: Uint8Array, expected: Expected): Uint8Array {
  const differences = new Uint8Array(run.length);
  for (let at = 0; at < run.length; at += 1) differences[at] = (run[at] ?? 0) - (expected.bytes[at] ?? 0);
  const changed = changedRows(differences, expected.rowBytes);
  if (changed.indices.length === 0) return Uint8Array.of(FORM.same);
  const ofRows = joinedBytes(changed.indices.map((row) => rowAt(differences, expected.rowBytes, row)));
  const sizes = {
    raw: run.length,
    coded: codedBytes(countsOf(differences)) + 4,
    rows: codedBytes(countsOf(ofRows)) + changed.bits.length + 4,
  };
  if (sizes.raw <= Math.min(sizes.coded, sizes.rows)) return joinedBytes([Uint8Array.of(FORM.raw), run]);
  const form = sizes.rows < sizes.coded ? FORM.rows : FORM.coded;
  const coded = ransEncode(form === FORM.rows ? ofRows : differences);
  const before = form === FORM.rows ? [changed.bits] : [];
  return joinedBytes([Uint8Array.of(form), ...before, words([coded.length]), coded]);
}

/**
 * Puts the run of a block where it belongs: weights are written once.
 * @param run as long as what is expected, and apart from it
 * @throws NanofleetError `DELTA_INVALID` if the block is none
 */
export function decodeBlock(reader: DeltaReader, { bytes, rowBytes }: Expected, run: Uint8Array): void {
  const form = reader.byte();
  if (form === FORM.same) run.set(bytes);
  else if (form === FORM.raw) run.set(reader.take(bytes.length));
  else if (form === FORM.coded) {
    ransDecode(reader.take(reader.word()), run);
    add(run, bytes);
  } else if (form === FORM.rows) {
    const rows = setBits(reader.take(bitmapBytes(bytes.length, rowBytes)));
    run.set(bytes);
    addRows(run, { rows, rowBytes, coded: reader.take(reader.word()) });
  } else throw deltaInvalid(`a part has the form ${form}`);
}

const bitmapBytes = (length: number, rowBytes: number): number => Math.ceil(Math.ceil(length / rowBytes) / 8);

const rowAt = (bytes: Uint8Array, rowBytes: number, row: number): Uint8Array =>
  bytes.subarray(row * rowBytes, (row + 1) * rowBytes);

function changedRows(differences: Uint8Array, rowBytes: number) {
  const bits = new Uint8Array(bitmapBytes(differences.length, rowBytes));
  const indices: number[] = [];
  for (let row = 0; row * rowBytes < differences.length; row += 1) {
    if (isZero(rowAt(differences, rowBytes, row))) continue;
    indices.push(row);
    bits[row >> 3] = (bits[row >> 3] ?? 0) | (1 << (row & 7));
  }
  return { bits, indices };
}

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] !== 0) return false;
  return true;
}

function setBits(bits: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at < bits.length * 8; at += 1) if (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) found.push(at);
  return found;
}

function add(run: Uint8Array, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 1) run[at] = (run[at] ?? 0) + (bytes[at] ?? 0);
}

interface CodedRows {
  readonly rows: readonly number[];
  readonly rowBytes: number;
  readonly coded: Uint8Array;
}

function addRows(run: Uint8Array, { rows, rowBytes, coded }: CodedRows): void {
  const views = rows.map((row) => rowAt(run, rowBytes, row));
  const differences = new Uint8Array(views.reduce((sum, view) => sum + view.length, 0));
  ransDecode(coded, differences);
  let at = 0;
  for (const view of views) {
    add(view, differences.subarray(at, at + view.length));
    at += view.length;
  }
}
