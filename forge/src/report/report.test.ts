// Behaviour of reports: seeds are joined, the front is marked, names cannot break the page, runs without figures are named.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRuns } from './measured-runs.ts';
import { htmlReport, markdownReport } from './report.ts';

const model = (steps: string[], accuracy: number, deflatedBytes: number): object => ({
  ...{ steps, accuracy, auroc: 0.95, deflatedBytes },
  ...{ wireBytes: 2e5, graphBytes: 5e5, microseconds: 30, rssBytes: 2e6 },
});

describe('reports', () => {
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'forge-'));
    for (const [seed, accuracy] of [0.92, 0.94].entries()) {
      await mkdir(join(root, `run-${seed}`));
      const models = [
        model([], accuracy, 500_000),
        model(['<b>'], accuracy, 600_000),
        model(['4 bits'], 0.9, 200_000),
      ];
      const written = { recipe: 'study', seed, models };
      await writeFile(join(root, `run-${seed}`, 'compression.json'), JSON.stringify(written));
    }
  });
  afterAll(async () => await rm(root, { recursive: true }));

  it('join seeds to means with intervals and mark the Pareto front', async () => {
    const models = await readRuns([join(root, 'run-0'), join(root, 'run-1')]);
    expect(models.map(({ onFront }) => onFront)).toEqual([true, false, true]);
    expect(models[0]?.accuracy).toBeCloseTo(0.93, 9);
    expect(models[0]?.interval).toBeCloseTo(0.12706, 4);
    expect(markdownReport(models)).toContain(
      '| study: as trained * | 2 | 93.00 ± 12.71 % | 0.9500 | 500 kB |',
    );
  });

  it('join runs that made bundles by their recipe, whatever the kind of it', async () => {
    const figures = { bytes: 900, microseconds: 20 };
    const runs = [
      { ...figures, recipe: 'words', accuracyInt8: 0.9, auroc: 0.98 },
      { ...figures, recipe: 'words', accuracyInt8: 0.92, auroc: 0.96 },
      { ...figures, recipe: 'entities', intentsInt8: 0.95 },
      { ...figures, recipe: 'sensor', accuracy: 0.97 },
    ];
    const directories = runs.map((_, at) => join(root, `bundle-${at}`));
    for (const [at, directory] of directories.entries()) {
      await mkdir(join(directory, 'bundle'), { recursive: true });
      await writeFile(join(directory, 'figures.json'), JSON.stringify(runs[at]));
      const manifest = { files: [{ role: 'infer.int8', bytes: 700 + at }], cost: { rssBytes: 5e6 } };
      await writeFile(join(directory, 'bundle', 'manifest.json'), JSON.stringify(manifest));
    }
    expect(await readRuns(directories)).toMatchObject([
      {
        name: 'words',
        seeds: 2,
        accuracy: expect.closeTo(0.91, 9) as number,
        graphBytes: 700.5,
        rssBytes: 5e6,
      },
      { name: 'entities', seeds: 1, accuracy: 0.95, auroc: null },
      { name: 'sensor', accuracy: 0.97, onFront: true },
    ]);
  });

  it('make a page that loads nothing and in which names are text', async () => {
    const page = htmlReport(await readRuns([join(root, 'run-0')]));
    expect(page).toContain('study: &lt;b&gt;');
    expect(page).not.toMatch(/<b>|src=|href=|url\(/);
    expect(page).not.toContain('e+');
  });

  it('name a directory without figures', async () => {
    await expect(readRuns([join(root, 'none')])).rejects.toThrow('none has neither compression.json');
  });
});
