/**
 * Owns both ways between a file of a bundle and the form in which it travels, each checked by size and digest against the manifest.
 * What does not fit never leaves here. Never reads or writes a file, and is given SHA-256: there is none without Node.
 */
import {
  type BundleFile,
  type Digest,
  type Manifest,
  NanofleetError,
  type StoredFile,
  type WireFile,
} from '@nanofleet/protocol';
import { encodeWire, expandWire } from './wire-form.ts';

/** A file with its wire form, and the manifest whose grids say how the one becomes the other. */
export interface TravellingFile {
  readonly manifest: Pick<Manifest, 'quantization'>;
  readonly file: BundleFile;
  readonly wire: WireFile;
  readonly sha256Of: (bytes: Uint8Array) => Digest;
}

/**
 * The file that a wire form stands for, never larger than the manifest states.
 * @throws NanofleetError DIGEST_MISMATCH when these are not the bytes of the wire form, WIRE_FORM_WRONG when they expand to another file
 */
export function expandFile(bytes: Uint8Array, travelling: TravellingFile): Uint8Array {
  const { file, wire, sha256Of } = travelling;
  if (!fits(bytes, { stored: wire, sha256Of })) {
    const problem = `${wire.name} does not have the size and digest that the manifest states.`;
    throw new NanofleetError('DIGEST_MISMATCH', problem, { facts: { file: wire.name } });
  }
  const expanded = expandedOf(bytes, travelling);
  if (fits(expanded, { stored: file, sha256Of })) return expanded;
  throw wrong(wire, `it expands to another file than ${file.name}`);
}

/** The wire form of a file; null when packing gives other bytes than the manifest states. */
export function packFile(bytes: Uint8Array, { manifest, wire, sha256Of }: TravellingFile): Uint8Array | null {
  const packed = encodeWire(bytes, manifest.quantization);
  return fits(packed, { stored: wire, sha256Of }) ? packed : null;
}

/** A graph made of another one, with the form in which it travels and what a manifest says of that. */
export interface RepackedFile {
  readonly graph: Uint8Array;
  readonly content: Uint8Array;
  readonly wire: WireFile;
}

/** A new graph on the grids of one that travels packed: what its own wire form expands to, with scales rounded as that keeps them. */
export function repackFile(
  graph: Uint8Array,
  { manifest, wire, sha256Of }: Omit<TravellingFile, 'file'>,
): RepackedFile {
  const content = encodeWire(graph, manifest.quantization);
  return {
    graph: expandWire(content, manifest.quantization),
    content,
    wire: { ...wire, sha256: sha256Of(content), bytes: content.length },
  };
}

function expandedOf(bytes: Uint8Array, { manifest, file, wire }: TravellingFile): Uint8Array {
  try {
    return expandWire(bytes, manifest.quantization, file.bytes);
  } catch (thrown) {
    if (!(thrown instanceof NanofleetError)) throw thrown;
    throw wrong(wire, thrown.message, thrown);
  }
}

type Fit = Pick<TravellingFile, 'sha256Of'> & { readonly stored: StoredFile };

const fits = (content: Uint8Array, { stored, sha256Of }: Fit): boolean =>
  content.length === stored.bytes && sha256Of(content) === stored.sha256;

const wrong = ({ name }: WireFile, why: string, cause?: unknown): NanofleetError =>
  new NanofleetError('WIRE_FORM_WRONG', `${name} was refused: ${why}`, { cause, facts: { file: name } });
