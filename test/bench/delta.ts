// What a new model costs a device that has its parent: bytes of the delta beside their entropy, brotli, zstd --patch-from and bsdiff, and
// what making and applying one takes. Each result is compared with the target byte by byte.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyDelta, encodeDelta } from '@nanofleet/runtime';
import { drawnPairs, type Pair, roundPair, trainedApart } from './parts/delta-pairs.ts';
import { type PeerResults, runPeers, timed } from './parts/delta-peers.ts';
import { printTable, rounded } from './parts/figures.ts';

const TURNS = 5;

interface Row {
  readonly pair: string;
  /** Bytes of the target. */
  readonly fullBytes: number;
  readonly moved: number;
  readonly deltaBytes: number;
  /** Delta by full. */
  readonly share: number;
  /** Delta by the entropy of the differences of codes that both have; null where none moved. */
  readonly byEntropy: number | null;
  readonly encodeMs: number;
  readonly applyMs: number;
  /** What applying adds to a process that holds base and delta, at its peak; the result is part of it. */
  readonly applyPeakMB: number;
  readonly peers: PeerResults;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rowOf({ name, base, target, moved, entropyBytes }: Pair): Row {
  const delta = encodeDelta(base, target);
  if (!Buffer.from(applyDelta(base, delta)).equals(target))
    throw new Error(`${name}: applying gave other bytes`);
  const turns = Array.from({ length: TURNS }, () => ({
    encode: timed(() => encodeDelta(base, target)).ms,
    apply: timed(() => applyDelta(base, delta)).ms,
  }));
  return {
    pair: name,
    fullBytes: target.length,
    moved: rounded(moved),
    deltaBytes: delta.length,
    share: rounded(delta.length / target.length),
    byEntropy: entropyBytes === 0 ? null : rounded(delta.length / entropyBytes),
    encodeMs: rounded(median(turns.map(({ encode }) => encode))),
    applyMs: rounded(median(turns.map(({ apply }) => apply))),
    applyPeakMB: peakOf(base, delta),
    peers: runPeers(base, target),
  };
}

/** Runs an applying in a process of its own and asks for its highest memory. */
function peakOf(base: Uint8Array, delta: Uint8Array): number {
  const directory = mkdtempSync(join(tmpdir(), 'nanofleet-delta-'));
  try {
    writeFileSync(join(directory, 'base'), base);
    writeFileSync(join(directory, 'delta'), delta);
    const args = ['--expose-gc', join(import.meta.dirname, 'delta.js'), '--peak', directory];
    const out = execFileSync(process.execPath, args, { encoding: 'utf8' });
    return rounded(Number(out.trim()) / 1e6);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In that process: prints the bytes that applying has added to the highest memory. */
function printPeak(directory: string): void {
  const [base, delta] = [readFileSync(join(directory, 'base')), readFileSync(join(directory, 'delta'))];
  // Compiled before, so that only memory of the applying counts.
  const warm = Uint8Array.from({ length: 70_000 }, (_, at) => at);
  applyDelta(
    warm,
    encodeDelta(
      warm,
      warm.map((byte) => byte ^ 1),
    ),
  );
  globalThis.gc?.();
  // Sets the highest memory back to the present one (proc(5)).
  writeFileSync('/proc/self/clear_refs', '5');
  const before = process.memoryUsage.rss();
  applyDelta(base, delta);
  const [, highest = ''] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  console.log(Number(highest) * 1_024 - before);
}

const percent = (share: number): string => `${rounded(100 * share)} %`;
const shareOf = (peer: PeerResults[keyof PeerResults], full: number): string =>
  peer === null ? 'none' : percent(peer.bytes / full);

async function main(): Promise<void> {
  const [flag, directory = ''] = process.argv.slice(2);
  if (flag === '--peak') return printPeak(directory);
  const rows = [...drawnPairs()].map(rowOf);
  rows.push(rowOf(await roundPair('household-2')), rowOf(await trainedApart('household-1', 'household-2')));
  printTable([
    ['pair', 'moved', 'delta', 'by entropy', 'encode ms', 'apply ms', 'peak MB', 'brotli', 'zstd', 'bsdiff'],
    ...rows.map((row) => [
      row.pair,
      percent(row.moved),
      percent(row.share),
      row.byEntropy ?? 'none moved',
      row.encodeMs,
      row.applyMs,
      row.applyPeakMB,
      shareOf(row.peers.brotli, row.fullBytes),
      shareOf(row.peers.zstdPatch, row.fullBytes),
      shareOf(row.peers.bsdiff, row.fullBytes),
    ]),
  ]);
  console.log(JSON.stringify({ bench: 'delta', turns: TURNS, rows }));
}

await main();
