// Owns `forge calibrate`: a finished text bundle and its recipe in, a bundle with other thresholds and the same weights out. It never
// fits a threshold.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { boundSchema } from '../bundle/recipe-thresholds.ts';
import { type Recalibrated, recalibrate } from '../calibrate/recalibrate.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge calibrate BUNDLE --recipe RECIPE --data DIR --out DIR [--wrong-kept SHARE] [--out-of-scope-kept SHARE] [--delta SHARE]
                [--next-in-scope N --next-out-of-scope N] [--no-bound] [--version V --release-counter N] [--json]

Gives a finished text bundle new temperature, out-of-scope score and thresholds from its recipe's texts: a new bundle (unsigned) with the same
weights. Nothing is trained. Which bound the thresholds keep is what the recipe says, unless an option says otherwise.

  BUNDLE                   bundle directory (its signature is not asked for)
  --recipe RECIPE          recipe (JSON) that the bundle was made with
  --data DIR               directory that the recipe's data files are in
  --out DIR                directory of the new bundle, which must not exist
  --wrong-kept SHARE       at most this share of the in-scope answers that are sure is wrong (0.02 if another option asks for a bound)
  --out-of-scope-kept SHARE  at most this share of out-of-scope texts is sure (0.2)
  --delta SHARE            chance that one of the two is broken nevertheless (0.1)
  --next-in-scope N, --next-out-of-scope N  so many further texts shall keep the bound as counted, too
  --no-bound               thresholds by the recipe's coverage, without a bound
  --version V, --release-counter N  make a further release, the child of BUNDLE; without them the same release is made anew
  --json                   print the result as one JSON object

If the texts do not show the bound no bundle is made, and the error says what they show and how many it would take.`;

const OPTIONS = {
  recipe: { type: 'string' },
  data: { type: 'string' },
  out: { type: 'string' },
  'wrong-kept': { type: 'string' },
  'out-of-scope-kept': { type: 'string' },
  delta: { type: 'string' },
  'next-in-scope': { type: 'string' },
  'next-out-of-scope': { type: 'string' },
  'no-bound': { type: 'boolean' },
  version: { type: 'string' },
  'release-counter': { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** The command `calibrate`. */
export const calibrateCommand: Command = {
  name: 'calibrate',
  summary: 'give a text bundle other thresholds, for a bound that they keep',
  help: HELP,
  async run(args, world) {
    const { values, positionals } = readArguments(() =>
      parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
    );
    const out = required(values.out, '--out');
    if (existsSync(out))
      throw new NanofleetError('SETTING_INVALID', `${out} exists already. Give another --out.`, {
        facts: { out },
      });
    const made = await recalibrate({
      bundle: required(positionals[0], 'the bundle directory'),
      recipePath: required(values.recipe, '--recipe'),
      data: required(values.data, '--data'),
      out,
      bound: boundOf(values),
      release: releaseOf(values),
    });
    if (values.json) world.out(JSON.stringify(made));
    else for (const line of lines(made)) world.out(line);
  },
};

type Given = { readonly [Name in keyof typeof OPTIONS]?: string | boolean | undefined };

function boundOf(given: Given) {
  const asked = {
    wrongKept: shareOf(given, 'wrong-kept'),
    outOfScopeKept: shareOf(given, 'out-of-scope-kept'),
    delta: shareOf(given, 'delta'),
    next: nextOf(given),
  };
  const isAsked = Object.values(asked).some((one) => one !== undefined);
  if (given['no-bound'] !== true) return isAsked ? boundSchema.parse(asked) : undefined;
  if (!isAsked) return null;
  throw new NanofleetError(
    'SETTING_INVALID',
    'a bound and --no-bound contradict each other. Give one of them.',
  );
}

function shareOf(given: Given, name: keyof typeof OPTIONS): number | undefined {
  const text = given[name];
  if (text === undefined) return undefined;
  const share = Number(text);
  if (share > 0 && share < 1) return share;
  throw new NanofleetError(
    'SETTING_INVALID',
    `--${name} must be a share above 0 and below 1, such as 0.02, not ${String(text)}`,
    { facts: { name } },
  );
}

function nextOf(given: Given): { inScope: number; outOfScope: number } | undefined {
  const pair = both(given, ['next-in-scope', 'next-out-of-scope']);
  if (pair === undefined) return undefined;
  const [inScope, outOfScope] = pair.map((text, at) => {
    const count = wholeNumber(text, at === 0 ? '--next-in-scope' : '--next-out-of-scope', 0);
    if (count > 0) return count;
    throw new NanofleetError('SETTING_INVALID', 'the numbers of further texts must be at least 1 each');
  });
  return { inScope: inScope ?? 0, outOfScope: outOfScope ?? 0 };
}

function releaseOf(given: Given): { version: string; counter: number } | undefined {
  const pair = both(given, ['version', 'release-counter']);
  return pair && { version: pair[0], counter: wholeNumber(pair[1], '--release-counter', 0) };
}

/** Two options that mean nothing alone. */
function both(
  given: Given,
  names: readonly [keyof typeof OPTIONS, keyof typeof OPTIONS],
): [string, string] | undefined {
  const [first, second] = [given[names[0]], given[names[1]]];
  if (first === undefined && second === undefined) return undefined;
  if (typeof first === 'string' && typeof second === 'string') return [first, second];
  throw new NanofleetError('SETTING_INVALID', `--${names[0]} and --${names[1]} go together. Give both.`);
}

function lines({
  directory,
  digest,
  bytes,
  temperature,
  confidence,
  outOfScope,
  bound,
}: Recalibrated): string[] {
  const fact = (name: string, value: string): string => `${name.padEnd(18)}${value}`;
  const three = (value: number): string => value.toFixed(3);
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  return [
    fact('bundle', directory),
    fact('digest', digest),
    fact('bytes', String(bytes)),
    fact('temperature', three(temperature)),
    fact('sure from', `${three(confidence.low)} to ${three(confidence.high)}, by label`),
    fact('out of scope from', three(outOfScope)),
    ...(bound === null
      ? [fact('bound', "none: thresholds follow the recipe's coverage")]
      : [
          fact(
            'bound',
            `at most ${percent(bound.wrongKept)} of sure in-scope answers wrong, at most ${percent(bound.outOfScopeKept)} of out-of-scope texts sure, but with a chance of ${percent(bound.delta)}`,
          ),
          fact(
            'certified with',
            `${bound.certifiedWith.wrong} wrong of ${bound.certifiedWith.inScopeKept} in-scope texts kept, ${bound.certifiedWith.outOfScopeKept} of ${bound.certifiedWith.outOfScope} out-of-scope texts kept`,
          ),
        ]),
  ];
}
