// Whether bundles answer the same everywhere: on this machine, on x86-64 without VNNI and on arm64 (both emulated), in WebAssembly.
// Options: --bundles DIR (bundles), --texts N (50), --seed S (1), --platforms A,B (all), --cache DIR (in the system's temporary folder).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { printTable } from '../bench/parts/figures.ts';
import { type Answered, type Asked, askOn, prepare } from '../sameness/campaign.ts';
import { PLATFORMS, type Platform, thisCpu } from '../sameness/platforms.ts';
import { committedTexts } from '../sameness/questions.ts';
import { comparedBundles, type Figures, figuresOf, isSame } from '../sameness/verdict.ts';
import { ROOT } from './parts/starter.ts';

const { values: given } = parseArgs({
  options: {
    bundles: { type: 'string', default: join(ROOT, 'bundles') },
    texts: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    platforms: { type: 'string' },
    cache: { type: 'string', default: join(tmpdir(), 'nanofleet-sameness') },
  },
});

/** What came of a platform: figures, or why it was left out, or what went wrong. */
interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly figures?: Figures;
  readonly skipped?: string;
  readonly fault?: string;
}

function chosen(): Platform[] {
  const all = PLATFORMS.map(({ name }) => name);
  const names = given.platforms?.split(',') ?? all;
  const unknown = names.find((name) => !all.includes(name));
  if (unknown === undefined) return PLATFORMS.filter(({ name }, at) => at === 0 || names.includes(name));
  const problem = `--platforms takes some of ${all.join(', ')}, not ${JSON.stringify(unknown)}.`;
  throw new NanofleetError('SETTING_INVALID', problem);
}

/** A platform that is not there is no failure, unless the whole machine is asked for. */
const skipIsOk = process.env['NANOFLEET_REQUIRE'] !== 'all';

function outcomeOf(
  { name }: Platform,
  { answered, asked, reference }: { answered: Answered; reference: Answered; asked: readonly Asked[] },
): Outcome {
  if ('skipped' in answered) return { name, ok: skipIsOk, ...answered };
  if ('fault' in answered) return { name, ok: false, ...answered };
  if (!('rows' in reference)) return { name, ok: false, fault: 'there is nothing to compare with' };
  const bundles = comparedBundles(asked, { rows: answered.rows, reference: reference.rows });
  for (const one of bundles) {
    if (one.others.length > 0)
      console.log(`  ${one.name} answers otherwise: inputs ${one.others.join(', ')}`);
  }
  return { name, ok: bundles.every(isSame), figures: figuresOf(bundles) };
}

function endOf({ fault, figures, ok, skipped }: Outcome): string {
  if (figures === undefined) return skipped === undefined ? `failed: ${fault}` : `skipped: ${skipped}`;
  if (!ok) return 'NOT the same';
  return figures.others === 0 ? 'the same' : `within tolerance, but ${figures.others} answers differ`;
}

const HEADER = ['platform', 'inputs', 'labels', 'verdicts', 'entities', 'golden', 'golden gap'];
const GAPS = ['logit gap', 'tag gap', 'confidence gap', 'at 8 bits', 'labels lost'];

const rowOf = ({ figures: of, name }: Outcome): (string | number)[] =>
  of === undefined
    ? [name]
    : [
        ...[
          name,
          of.inputs,
          of.labelsEqual,
          of.verdictsEqual,
          of.entitiesEqual,
          of.goldenPassed,
          of.goldenGap,
        ],
        ...[of.logitGap, of.tagGap, of.confidenceGap, of.stretchedGap, of.stretchedLabelsLost],
      ];

async function main(): Promise<void> {
  const platforms = chosen();
  const scratch = await mkdtemp(join(tmpdir(), 'nanofleet-sameness-run-'));
  const draw = { count: Number(given.texts), seed: Number(given.seed), texts: committedTexts(ROOT) };
  const asked = await prepare({ bundles: resolve(given.bundles), scratch }, draw);
  const outcomes: Outcome[] = [];
  let reference: Answered | undefined;
  for (const platform of platforms) {
    const begunMs = performance.now();
    const answered = await askOn(platform, { asked, cache: resolve(given.cache), scratch });
    reference ??= answered;
    const outcome = outcomeOf(platform, { answered, asked, reference });
    outcomes.push(outcome);
    const seconds = `${Math.round((performance.now() - begunMs) / 1_000)} s`;
    console.log(`${platform.name}, ${platform.title}: ${endOf(outcome)} (${seconds})`);
  }
  printTable([[...HEADER, ...GAPS], ...outcomes.filter(({ figures }) => figures !== undefined).map(rowOf)]);
  const ok = outcomes.every((one) => one.ok);
  if (ok) await rm(scratch, { recursive: true });
  const { count: texts, seed } = draw;
  const result = { soak: 'sameness', ok, seed, texts, bundles: asked.length, ...thisCpu() };
  console.log(JSON.stringify({ ...result, platforms: outcomes, ...(ok ? {} : { directory: scratch }) }));
  process.exitCode = ok ? 0 : 1;
}

await main();
