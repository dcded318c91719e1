// Behaviour of making a vibration bundle, in miniature: it loads and proves itself, and a seed repeats its weights.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodePrototypes } from '@nanofleet/runtime';
import { inspectBundle, loadSensorRunner } from '@nanofleet/runtime/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EpochReport } from '../sensor/train.ts';
import { makeVibrationBundle } from './make-bundle.ts';

const scale = {
  machines: { training: 1, validation: 1, test: 1 },
  disturbances: { training: 1, tuning: 1, judging: 1 },
  epochs: 2,
};
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nanofleet-vibration-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

const make = async (name: string, seed: number) => {
  const reports: EpochReport[] = [];
  let now = 0;
  const figures = await makeVibrationBundle({
    directory: join(directory, name),
    seed,
    scale,
    nowMs: () => (now += 0.5),
    onEpoch: (report) => void reports.push(report),
  });
  return { figures, reports };
};

describe('makeVibrationBundle', () => {
  it('writes a bundle that loads, reproduces its golden vectors and carries what learning needs', async () => {
    const { figures, reports } = await make('first', 1);
    const bundle = await inspectBundle(join(directory, 'first'));
    const runner = await loadSensorRunner(bundle);
    expect(runner.digest).toBe(figures.digest);
    expect(runner.labels).toEqual(['normal', 'bearing-fault', 'imbalance', 'standstill']);
    expect(decodePrototypes(bundle.files.get('prototypes') ?? new Uint8Array())).toMatchObject({ width: 64 });
    expect(figures.microseconds).toBe(500);
    expect(reports.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(reports[1]?.loss).toBeLessThan(reports[0]?.loss ?? 0);
    await runner.release();
  });

  it('gives the same bundle, byte for byte, for the same seed', async () => {
    await make('again', 1);
    const first = await readFile(join(directory, 'first', 'manifest.json'), 'utf8');
    expect(await readFile(join(directory, 'again', 'manifest.json'), 'utf8')).toBe(first);
  });
});
