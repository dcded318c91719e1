// Whether bounds that operators state hold, and what keeping them costs: thresholds from random halves of labelled texts, judged on the
// other halves. No model is trained.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { decidedCounts, readRecipeSubject, SeededRandom } from '@nanofleet/forge';
import { NanofleetError } from '@nanofleet/protocol';
import { type CalibrationTexts, calibrate, classOffsets, type TextRunner } from '@nanofleet/runtime';
import { inspectBundle, loadTextRunner } from '@nanofleet/runtime/node';
import { printTable } from './parts/figures.ts';
import { ROOT } from './parts/lone-agent.ts';
import { judging, type KeptShares, type Trial, trial } from './parts/trust-trial.ts';
import { areas, type Figure, offloadOf, oracles, spanned, whole } from './parts/trust-whole.ts';

const BOUND = { wrongKept: 0.02, outOfScopeKept: 0.2, delta: 0.1 };
const MIXES = [0.05, 0.18, 0.5];
/** Texts of each mix that is drawn. */
const MIX_TEXTS = 1500;
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
  for (const bundle of given.bundle) bundles.push(await judgedBundle(bundle, { data, texts }));
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

/** Offsets as a bundle of the recipe with the bundle's name gets them: from what the model says of the texts that it learned from. */
async function offsetsOf(bundle: string, { runner, data }: { runner: TextRunner; data: string }) {
  const recipe = join(ROOT, 'forge', 'recipes', `${basename(bundle)}.json`);
  const { learned } = await readRecipeSubject(recipe, data);
  const classes = runner.labels.length;
  const logitsOf = async (text: string) => (await runner.decide(text)).logits;
  return classOffsets(await decidedCounts(learned, { classes, logitsOf }));
}

async function judgedBundle(bundle: string, { data, texts }: { data: string; texts: Texts }) {
  const runner = await loadTextRunner(await inspectBundle(join(ROOT, bundle)));
  const { labels } = runner;
  // A model may do without some of the set's intents; their texts are then neither in scope nor out of it.
  const inScope = texts.inScope.filter(({ intent }) => labels.includes(intent));
  const logitsOf = async (all: readonly string[]): Promise<Float32Array[]> => {
    const logits: Float32Array[] = [];
    for (const text of all) logits.push((await runner.decide(text)).logits);
    return logits;
  };
  const rows: CalibrationTexts = {
    inScope: await logitsOf(inScope.map(({ text }) => text)),
    gold: Int32Array.from(inScope, ({ intent }) => labels.indexOf(intent)),
    outOfScope: await logitsOf(texts.outOfScope),
  };
  const offsets = await offsetsOf(bundle, { runner, data });
  await runner.release();
  const coverage = { inScope: Number(given.coverage), sure: 0.9 };
  const fixed = { bound: BOUND, coverage, mixes: MIXES, mixTexts: MIX_TEXTS, areaMix: AREA_MIX };
  const settings = { labels, offsets, ...fixed };
  const random = new SeededRandom(Number(given.seed), 'trust');
  const count = Number(given.trials);
  const trials = Array.from({ length: count }, () => trial(rows, settings, random));
  const all = judging(settings, calibrate(rows, labels, coverage).calibration)(rows);
  return {
    bundle,
    inScope: rows.inScope.length,
    outOfScope: rows.outOfScope.length,
    offsets: { least: Math.min(...offsets), most: Math.max(...offsets) },
    ...summaryOf(trials),
    whole: whole(all, settings, random),
    oracle: oracles(all, settings, { random, trials: count }),
    area: areas(all, AREA_MIX, random),
  };
}

const mean = (values: readonly number[]): number =>
  Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4));
const share = (values: readonly boolean[]): number => mean(values.map(Number));
const isRight = ({ wrong }: KeptShares): boolean => wrong <= BOUND.wrongKept;
const isInside = ({ outOfScope }: KeptShares): boolean => outOfScope <= BOUND.outOfScopeKept;
const heldOf = (kept: readonly KeptShares[]) => ({
  held: share(kept.map((one) => isRight(one) && isInside(one))),
  wrongHeld: share(kept.map(isRight)),
  outOfScopeHeld: share(kept.map(isInside)),
});

function rule(kept: readonly KeptShares[]) {
  const offloads = kept.map((one) => offloadOf(one, AREA_MIX));
  return {
    ...heldOf(kept),
    wrong: mean(kept.map(({ wrong }) => wrong)),
    inScopeKept: mean(kept.map(({ inScope }) => inScope)),
    outOfScopeKept: mean(kept.map(({ outOfScope }) => outOfScope)),
    offload: spanned(mean(offloads), offloads),
  };
}

const summaryOf = (trials: readonly Trial[]) => ({
  certified: share(trials.map(({ certified }) => certified)),
  shares: rule(trials.map(({ shares }) => shares)),
  everywhere: rule(trials.map(({ everywhere }) => everywhere)),
  counted: rule(trials.map(({ counted }) => counted)),
  common: rule(trials.map(({ common }) => common)),
  recipe: rule(trials.map(({ recipe }) => recipe)),
  drawn: MIXES.map((mix, at) => {
    const found = trials.flatMap(({ mixes }) => mixes[at] ?? []);
    return {
      mix,
      ...heldOf(found.map(({ drawn }) => drawn)),
      offload: mean(found.map(({ half }) => offloadOf(half, AREA_MIX))),
    };
  }),
  plain: rule(trials.map(({ plain }) => plain)),
});

const HEADER = [
  'bundle',
  'shares: held, everywhere',
  'offload',
  'counted: held',
  'offload',
  'one threshold: held',
  'offload',
  'drawn 5/18/50 %: held',
  'offload',
  'recipe: held',
  'offload',
  'oracle',
  'whole',
  'plain: held',
  'offload',
  'AURC',
  'plain',
  'difference',
];

const percent = (value: number): string => (100 * value).toFixed(1);
const spanText = ({ value, low, high }: Figure): string =>
  `${percent(value)} (${percent(low)}-${percent(high)})`;
const areaText = ({ value, low, high }: Figure): string =>
  [value, low, high].map((one) => one.toFixed(4)).join(' ');

function rowOf(found: Awaited<ReturnType<typeof judgedBundle>>): (string | number)[] {
  const { bundle, shares, everywhere, counted, common, recipe, drawn, plain, oracle, area } = found;
  return [
    bundle,
    `${shares.held} ${everywhere.held}`,
    spanText(shares.offload),
    counted.held,
    spanText(counted.offload),
    common.held,
    spanText(common.offload),
    drawn.map(({ held }) => held).join('/'),
    drawn.map(({ offload }) => percent(offload)).join('/'),
    recipe.held,
    spanText(recipe.offload),
    percent(oracle.held.offload),
    spanText(found.whole.offload),
    plain.held,
    spanText(plain.offload),
    areaText(area.ours),
    areaText(area.plain),
    areaText(area.difference),
  ];
}

await main(given.data);
