// How accurate finished text bundles are: each is judged, whole, on every labelled set of a data directory whose intents it
// knows. Nothing is trained or fitted.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { type CheckedBundle, inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { printTable } from './parts/figures.ts';
import { type JudgedSplit, judgeSplit, type Measured } from './parts/judged-split.ts';
import { type LabelledSplit, labelledSplits } from './parts/labelled-sets.ts';
import { ROOT } from './parts/lone-agent.ts';

interface JudgedBundle {
  readonly bundle: string;
  readonly line: string;
  readonly version: string;
  readonly digest: string;
  /** Bytes of the graph that runs, and of all files. */
  readonly graphBytes: number;
  readonly bytes: number;
  readonly splits: readonly JudgedSplit[];
}

async function main(data: string | undefined, bundles: string): Promise<void> {
  if (data === undefined)
    throw new NanofleetError('SETTING_INVALID', 'Say --data DIR: a folder with a folder for each data set.');
  const splits = await labelledSplits(data);
  const judged: JudgedBundle[] = [];
  for (const name of (await readdir(bundles)).toSorted()) {
    const checked = await inspectBundle(join(bundles, name));
    if (checked.manifest.task !== 'text-intent') continue;
    const found = await judgeBundle(name, checked, splits);
    if (found.splits.length > 0) judged.push(found);
  }
  printTable([HEADER, ...judged.flatMap(rowsOf)]);
  console.log(JSON.stringify({ bench: 'accuracy', bundles: judged }));
}

async function judgeBundle(
  name: string,
  checked: CheckedBundle,
  splits: readonly LabelledSplit[],
): Promise<JudgedBundle> {
  const { manifest, digest, files } = checked;
  const runner = await loadTextRunner(checked);
  const known = new Set(manifest.labels.names);
  const own = splits.filter(({ inScope }) => inScope.every(({ intent }) => known.has(intent)));
  const judged: JudgedSplit[] = [];
  for (const split of own) judged.push(await judgeSplit(runner, split));
  await runner.release();
  const graphBytes = files.get('infer.int8')?.length ?? 0;
  const { line, version, cost } = manifest;
  return { bundle: name, line, version, digest, graphBytes, bytes: cost.bytes, splits: judged };
}

const HEADER = [
  'bundle',
  'kB',
  'set',
  'split',
  'n',
  'accuracy %',
  '95 %',
  'AUROC',
  'FPR95',
  'ECE %',
  'slot F1',
];

function rowsOf({ bundle, graphBytes, splits }: JudgedBundle): string[][] {
  return splits.map((judged) => [
    bundle,
    (graphBytes / 1000).toFixed(0),
    judged.set,
    judged.split,
    String(judged.texts),
    percent(judged.accuracy.value),
    `${percent(judged.accuracy.low)}-${percent(judged.accuracy.high)}`,
    shown(judged.outOfScope?.auroc),
    shown(judged.outOfScope?.fpr95),
    percent(judged.expectedCalibrationError),
    judged.entities ? percent(judged.entities.f1) : '-',
  ]);
}

const percent = (share: number): string => (share * 100).toFixed(2);

const shown = (figure: Measured | undefined): string =>
  figure ? `${figure.value.toFixed(3)} (${figure.low.toFixed(3)}-${figure.high.toFixed(3)})` : '-';

const { values } = parseArgs({ options: { data: { type: 'string' }, bundles: { type: 'string' } } });
await main(values.data, values.bundles ?? join(ROOT, 'bundles'));
