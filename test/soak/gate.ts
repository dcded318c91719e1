// Whether the quality gate stops a model that got worse in its first wave, and lets one pass that did not: the gate that
// controllers run, over figures of virtual devices that say real sentences to real models. Options: --data DIR (a folder
// with the folder clinc150), --runs N (1000), --devices N (5000), --wave N (50), --per-hour N (100), --hours N (24),
// --seed S (1). Without pairs, as with agents that run no other version beside the new one, it is said apart.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { judged } from '@nanofleet/controller';
import { SeededRandom } from '@nanofleet/forge';
import { CONTROL_DEVICES_MAX, NanofleetError, rolloutGateSchema } from '@nanofleet/protocol';
import { printTable } from '../bench/parts/figures.ts';
import { readSaid } from '../bench/parts/learning-sentences.ts';
import { ROOT } from '../bench/parts/lone-agent.ts';
import {
  type ByIntent,
  concentrationOf,
  countsBySentence,
  newCounts,
  type SaidCounts,
  tallyOf,
  VirtualDevice,
} from './parts/gate-fleet.ts';
import { gateModels, type Model, type Models } from './parts/gate-models.ts';

const LOSSES = [1, 2, 5];
const LOOKS_PER_HOUR = 4;
/** Hours of the old version that a device has behind it when the rollout comes. */
const PAST_HOURS = 6;
/** Share of out of scope in the corpus: 318 of the 2,117 sentences of old intents and of none. */
const OUT_OF_SCOPE = 318 / 2_117;

interface Settings {
  readonly runs: number;
  readonly devices: number;
  readonly wave: number;
  readonly perHour: number;
  readonly hours: number;
  readonly seed: number;
}

interface Outcome {
  readonly verdict: 'passed' | 'stopped' | 'unclear';
  readonly signal: string;
  readonly hours: number;
}

/** One rollout: its first wave against control devices, until the gate decides or the time is over. */
const play = (
  fleet: { byIntent: ByIntent; concentration: number },
  tables: { old: readonly SaidCounts[]; running: readonly SaidCounts[] },
  { isPaired, seed, settings }: { settings: Settings; seed: number; isPaired: boolean },
): Outcome => {
  const looks = settings.hours * LOOKS_PER_HOUR;
  const random = new SeededRandom(seed);
  const gate = rolloutGateSchema.parse({ deadlineS: settings.hours * 3_600 });
  const device = (isExposed: boolean) => {
    const itself = new VirtualDevice(random, { ...fleet, outOfScope: OUT_OF_SCOPE });
    const [before, during] = [newCounts(), newCounts()];
    itself.say(PAST_HOURS * settings.perHour, tables.old, before);
    return { itself, before, during, table: isExposed ? tables.running : tables.old };
  };
  const exposed = Array.from({ length: settings.wave }, () => device(true));
  const others = Math.min(settings.devices - settings.wave, CONTROL_DEVICES_MAX);
  const control = Array.from({ length: others }, () => device(false));
  for (let look = 1; look <= looks; look += 1) {
    for (const { during, itself, table } of [...exposed, ...control])
      itself.say(settings.perHour / LOOKS_PER_HOUR, table, during);
    const finding = judged({
      gate,
      exposed: exposed.map(({ before, during }) => tallyOf('exposed', before, during)),
      control: control.map(({ before, during }) => tallyOf('control', before, during)),
      sinceS: (look * 3_600) / LOOKS_PER_HOUR,
    });
    // Without pairs a wave passes on decisions alone: it is held for all its hours, as a plan would.
    if (finding.verdict === 'collecting' || (finding.verdict === 'passed' && !isPaired && look < looks))
      continue;
    const strongest = finding.signals.toSorted(
      (left, right) => right.evidence / right.needed - left.evidence / left.needed,
    )[0];
    return { verdict: finding.verdict, signal: strongest?.signal ?? '', hours: look / LOOKS_PER_HOUR };
  }
  return { verdict: 'unclear', signal: '', hours: settings.hours };
};

/** Share of the sentences on which two models say something else. */
const differingShare = (old: Model, decisions: Model['decisions']): number =>
  decisions.filter(({ label, verdict }, at) => {
    const before = old.decisions[at];
    return label !== before?.label || verdict !== before.verdict;
  }).length / decisions.length;

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;

const summed = (name: string, outcomes: readonly Outcome[]) => {
  const of = (verdict: Outcome['verdict']) => outcomes.filter((each) => each.verdict === verdict);
  const signals: Record<string, number> = {};
  for (const { signal } of of('stopped')) signals[signal] = (signals[signal] ?? 0) + 1;
  return {
    name,
    runs: outcomes.length,
    stopped: of('stopped').length / outcomes.length,
    passed: of('passed').length / outcomes.length,
    unclear: of('unclear').length / outcomes.length,
    medianHours: median(outcomes.map(({ hours }) => hours)),
    longestHours: Math.max(...outcomes.map(({ hours }) => hours)),
    signals,
  };
};

const campaign = (
  models: Models,
  model: Model,
  given: { settings: Settings; concentration: number; isPaired: boolean },
) => {
  const byIntent = new Map<string, number[]>();
  models.sentences.forEach(({ intent }, at) => byIntent.set(intent, [...(byIntent.get(intent) ?? []), at]));
  const tables = {
    old: countsBySentence(models, models.old, false),
    running: countsBySentence(models, model, given.isPaired),
  };
  const fleet = { byIntent, concentration: given.concentration };
  const outcomes = Array.from({ length: given.settings.runs }, (_, run) =>
    play(fleet, tables, {
      isPaired: given.isPaired,
      settings: given.settings,
      seed: given.settings.seed * 1_000_003 + run,
    }),
  );
  return summed(`${model.name}${given.isPaired ? '' : ', without pairs'}`, outcomes);
};

async function main(): Promise<void> {
  const option = (value: string) => ({ type: 'string' as const, default: value });
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      runs: option('1000'),
      devices: option('5000'),
      wave: option('50'),
      'per-hour': option('100'),
      hours: option('24'),
      seed: option('1'),
      unpaired: option('100'),
    },
  });
  if (values.data === undefined)
    throw new NanofleetError('SETTING_INVALID', 'Say --data DIR: a folder with the folder clinc150.');
  const settings: Settings = {
    runs: Number(values.runs),
    devices: Number(values.devices),
    wave: Number(values.wave),
    perHour: Number(values['per-hour']),
    hours: Number(values.hours),
    seed: Number(values.seed),
  };
  const models = await gateModels(values.data, LOSSES);
  const concentration = concentrationOf(await readSaid(join(ROOT, 'corpus/devices.jsonl')));
  const accuracy = Object.fromEntries(
    [models.old, models.bigger, ...models.candidates].map(({ accuracy: share, name }) => [name, share]),
  );
  const differing = Object.fromEntries(
    models.candidates.map(({ decisions, name }) => [name, differingShare(models.old, decisions)]),
  );
  console.log(
    `accuracy on validation: ${JSON.stringify(accuracy)}; concentration ${concentration.toFixed(2)} per intent`,
  );
  const rows: ReturnType<typeof summed>[] = [];
  for (const isPaired of [true, false]) {
    for (const model of [...models.candidates, models.old]) {
      const runs = isPaired ? settings.runs : Math.min(settings.runs, Number(values.unpaired));
      const row = campaign(models, model, { settings: { ...settings, runs }, concentration, isPaired });
      console.log(JSON.stringify(row));
      rows.push(row);
    }
  }
  printTable([
    ['model', 'runs', 'stopped', 'passed', 'unclear', 'hours, median', 'hours, longest'],
    ...rows.map((row) => [
      row.name,
      `${row.runs}`,
      `${(row.stopped * 100).toFixed(1)} %`,
      `${(row.passed * 100).toFixed(1)} %`,
      `${(row.unclear * 100).toFixed(1)} %`,
      `${row.medianHours}`,
      `${row.longestHours}`,
    ]),
  ]);
  const stoppedOf = (name: string): number => rows.find((row) => row.name === name)?.stopped ?? 0;
  const ok =
    stoppedOf('-2 points') >= 0.99 && stoppedOf('trained anew') <= 0.01 && stoppedOf('as it runs') <= 0.01;
  console.log(
    JSON.stringify({ soak: 'gate', ok, ...settings, concentration, accuracy, differing, outcomes: rows }),
  );
  process.exitCode = ok ? 0 : 1;
}

await main();
