// What other programs make of a pair of files: brotli of the target alone, zstd with the base as its dictionary, bsdiff. Sizes in bytes
// and seconds of both ways; null where a program is not installed.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** How a peer did. */
export interface PeerResult {
  readonly bytes: number;
  readonly encodeMs: number;
  readonly applyMs: number;
}

/** The names of the peers, and what each made; null for one that is not installed. */
export type PeerResults = Readonly<Record<'brotli' | 'zstdPatch' | 'bsdiff', PeerResult | null>>;

/** Milliseconds that work takes, with what it gives. */
export function timed<T>(work: () => T): { readonly result: T; readonly ms: number } {
  const begun = process.hrtime.bigint();
  const result = work();
  return { result, ms: Number(process.hrtime.bigint() - begun) / 1e6 };
}

/** Runs all peers on a pair of files and checks that each gives the target back. */
export function runPeers(base: Uint8Array, target: Uint8Array): PeerResults {
  const directory = mkdtempSync(join(tmpdir(), 'nanofleet-delta-'));
  const at = (name: string) => join(directory, name);
  writeFileSync(at('base'), base);
  writeFileSync(at('target'), target);
  const programs = (encode: readonly string[], apply: readonly string[]) =>
    programResult({ encode, apply, directory, target });
  try {
    return {
      brotli: brotli(target),
      zstdPatch: programs(
        ['zstd', '-q', '-f', '-19', '--long=27', '--patch-from=base', 'target', '-o', 'patch'],
        ['zstd', '-q', '-f', '-d', '--long=27', '--patch-from=base', 'patch', '-o', 'back'],
      ),
      bsdiff: programs(['bsdiff', 'base', 'target', 'patch'], ['bspatch', 'base', 'back', 'patch']),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function brotli(target: Uint8Array): PeerResult {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
  const packed = timed(() => brotliCompressSync(target, { params }));
  const back = timed(() => brotliDecompressSync(packed.result));
  if (!back.result.equals(target)) throw new Error('brotli gave other bytes');
  return { bytes: packed.result.length, encodeMs: packed.ms, applyMs: back.ms };
}

function programResult(options: {
  readonly encode: readonly string[];
  readonly apply: readonly string[];
  readonly directory: string;
  readonly target: Uint8Array;
}): PeerResult | null {
  const { encode, apply, directory, target } = options;
  const run = ([program = '', ...args]: readonly string[]) =>
    timed(() => execFileSync(program, args, { cwd: directory, stdio: 'ignore' })).ms;
  try {
    const [encodeMs, applyMs] = [run(encode), run(apply)];
    if (!readFileSync(join(directory, 'back')).equals(target))
      throw new Error(`${encode[0]} gave other bytes`);
    return { bytes: statSync(join(directory, 'patch')).size, encodeMs, applyMs };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}
