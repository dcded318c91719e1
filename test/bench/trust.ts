// Whether bounds that operators state hold, and what keeping them costs: thresholds from random halves of labelled texts, judged on the
// other halves. No model is trained.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SeededRandom } from '@nanofleet/forge';
import { NanofleetError } from '@nanofleet/protocol';
import type { CalibrationTexts } from '@nanofleet/runtime';
import { inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { printTable } from './parts/figures.ts';
import { ROOT } from './parts/lone-agent.ts';
import { type KeptShares, type Trial, type TrialSettings, trial } from './parts/trust-trial.ts';

const BOUND = { wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1 };
const MIXES = [0.05, 0.18, 0.5];
const AREA_MIX = 0.18;
const OUT_OF_SCOPE = ['oos_val', 'oos_train', 'oos_train_plus'];

const { values: given } = parseArgs({
  options: {
    data: { type: 'string' },
    bundle: { type: 'string', multiple: true, default: ['bundles/household-2', 'bundles/household-mini'] },
    trials: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    coverage: { type: 'string', default: '0.99' },
  },
});

interface Texts {
  readonly inScope: readonly { readonly text: string; readonly intent: string }[];
  readonly outOfScope: readonly string[];
}

async function main(data: string | undefined): Promise<void> {
  if (data === undefined)
    throw new NanofleetError('SETTING_INVALID', 'Say --data DIR: a folder with the folder clinc150.');
  const texts = await textsOf(join(data, 'clinc150'));
  const bundles = [];
  for (const bundle of given.bundle) bundles.push(await judgedBundle(bundle, texts));
  printTable([HEADER, ...bundles.map(rowOf)]);
  const { seed, trials } = given;
  console.log(
    JSON.stringify({ bench: 'trust', seed: Number(seed), trials: Number(trials), ...BOUND, bundles }),
  );
}

async function textsOf(folder: string): Promise<Texts> {
  const outOfScope = new Set<string>();
  for (const name of OUT_OF_SCOPE)
    for (const { text } of await lines(join(folder, `${name}.jsonl`))) outOfScope.add(text);
  return { inScope: await lines(join(folder, 'val.jsonl')), outOfScope: [...outOfScope] };
}

async function lines(path: string): Promise<{ text: string; intent: string }[]> {
  const all = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  return all.map((line) => JSON.parse(line) as { text: string; intent: string });
}

async function judgedBundle(bundle: string, texts: Texts) {
  const runner = await loadTextRunner(await inspectBundle(join(ROOT, bundle)));
  const { labels } = runner;
  const logitsOf = async (all: readonly string[]): Promise<Float32Array[]> => {
    const logits: Float32Array[] = [];
    for (const text of all) logits.push((await runner.decide(text)).logits);
    return logits;
  };
  const rows: CalibrationTexts = {
    inScope: await logitsOf(texts.inScope.map(({ text }) => text)),
    gold: Int32Array.from(texts.inScope, ({ intent }) => labels.indexOf(intent)),
    outOfScope: await logitsOf(texts.outOfScope),
  };
  await runner.release();
  const coverage = { inScope: Number(given.coverage), sure: 0.9 };
  const settings: TrialSettings = { labels, bound: BOUND, coverage, mixes: MIXES, areaMix: AREA_MIX };
  const random = new SeededRandom(Number(given.seed), 'trust');
  const trials = Array.from({ length: Number(given.trials) }, () => trial(rows, settings, random));
  return { bundle, inScope: rows.inScope.length, outOfScope: rows.outOfScope.length, ...summaryOf(trials) };
}

const mean = (values: readonly number[]): number =>
  Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4));
const share = (values: readonly boolean[]): number => mean(values.map(Number));
const keeps = ({ wrong, outOfScope }: KeptShares): boolean =>
  wrong <= BOUND.wrongKept && outOfScope <= BOUND.outOfScopeKept;
const offload = ({ inScope, outOfScope }: KeptShares): number =>
  (1 - AREA_MIX) * (1 - inScope) + AREA_MIX * (1 - outOfScope);

function rule(kept: readonly KeptShares[]) {
  return {
    held: share(kept.map(keeps)),
    wrongHeld: share(kept.map(({ wrong }) => wrong <= BOUND.wrongKept)),
    outOfScopeHeld: share(kept.map(({ outOfScope }) => outOfScope <= BOUND.outOfScopeKept)),
    wrong: mean(kept.map(({ wrong }) => wrong)),
    inScopeKept: mean(kept.map(({ inScope }) => inScope)),
    outOfScopeKept: mean(kept.map(({ outOfScope }) => outOfScope)),
    offload: mean(kept.map(offload)),
  };
}

function summaryOf(trials: readonly Trial[]) {
  const area = (of: keyof Trial['area']): number => mean(trials.map((one) => one.area[of]));
  return {
    certified: share(trials.map(({ certified }) => certified)),
    ...rule(trials.map(({ kept }) => kept)),
    everywhereHeld: share(trials.map(({ everywhere }) => everywhere).map(keeps)),
    drawn: MIXES.map((mix, at) => ({
      mix,
      held: share(trials.flatMap(({ drawn }) => drawn[at] ?? []).map(keeps)),
    })),
    plain: rule(trials.map(({ plain }) => plain)),
    area: { ours: area('ours'), excess: area('excess'), plain: area('plain'), margin: area('margin') },
  };
}

const HEADER = [
  'bundle',
  'certified',
  'held',
  'held everywhere',
  'held at 5/18/50 %',
  'offload',
  'plain held',
  'plain offload',
  'AURC',
  'plain',
  'margin',
];

function rowOf(found: Awaited<ReturnType<typeof judgedBundle>>): (string | number)[] {
  const { bundle, certified, held, everywhereHeld, drawn, plain, area } = found;
  const atMixes = drawn.map((one) => one.held).join('/');
  return [
    bundle,
    certified,
    held,
    everywhereHeld,
    atMixes,
    found.offload,
    plain.held,
    plain.offload,
    area.ours,
    area.plain,
    area.margin,
  ];
}

await main(given.data);
