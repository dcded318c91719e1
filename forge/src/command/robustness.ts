// Owns `forge robustness`: a bundle and labelled texts in, a table of disturbances out. It never computes a figure.
import { parseArgs } from 'node:util';
import {
  type Figure,
  measureRobustness,
  type Robustness,
  type RobustnessRow,
} from '../robustness/robustness.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge robustness --bundle DIR --data FILE.jsonl [--data FILE.jsonl …] [--seed N] [--json]

Judges a text bundle on labelled texts, clean and under disturbances: typing errors, casing, dropped words, and errors like those of speech
recognition. Each figure comes with its 95 % interval.

  --bundle DIR   bundle directory (its signature is not asked for)
  --data FILE    one {"text", "intent"} a line; texts with the intent "oos" are out of scope; may be repeated
  --seed N       what the disturbances are drawn from (default 1)
  --json         print the figures as one JSON object

"changed" says how many texts a disturbance finds something to change in. Out-of-scope texts are disturbed like the others.`;

const DEFAULT_SEED = 1;
const WIDTHS = [26, 9, 24, 9, 24, 24];

/** The command `robustness`. */
export const robustnessCommand: Command = {
  name: 'robustness',
  summary: 'judge a text bundle on disturbed texts',
  help: HELP,
  async run(args, world) {
    const { values } = readArguments(() =>
      parseArgs({
        args: [...args],
        options: {
          bundle: { type: 'string' },
          data: { type: 'string', multiple: true },
          seed: { type: 'string' },
          json: { type: 'boolean' },
        },
      }),
    );
    required(values.data?.[0], '--data');
    const robustness = await measureRobustness({
      bundle: required(values.bundle, '--bundle'),
      files: values.data ?? [],
      seed: wholeNumber(values.seed, '--seed', DEFAULT_SEED),
      nowMs: world.nowMs,
      measuring: (disturbance) => world.isTerminal && world.redraw(`measuring: ${disturbance}`),
    });
    if (world.isTerminal) world.redraw('');
    if (values.json) world.out(JSON.stringify(robustness));
    else for (const line of table(robustness)) world.out(line);
  },
};

function table({ bundle, seed, inScope, outOfScope, rows }: Robustness): string[] {
  return [
    `${bundle.line} ${bundle.version}, ${bundle.digest.slice(0, 16)}; ${inScope} texts in scope, ${outOfScope} out of scope, seed ${seed}`,
    '',
    line(['', 'changed', 'accuracy', 'against', 'called sure', 'right when sure', 'AUROC']),
    ...rows.map((row) => line(cells(row))),
  ];
}

function cells(row: RobustnessRow): string[] {
  const { accuracyChange } = row;
  return [
    row.disturbance,
    percent(row.changed, 0),
    shown(row.accuracy),
    accuracyChange === null ? '-' : (accuracyChange * 100).toFixed(2),
    shown(row.sure),
    shown(row.accuracyWhenSure),
    row.auroc === null ? '-' : `${three(row.auroc.value)} (${three(row.auroc.low)}-${three(row.auroc.high)})`,
  ];
}

const line = (columns: readonly string[]): string =>
  columns
    .map((column, index) => column.padEnd(WIDTHS[index] ?? 0))
    .join('')
    .trimEnd();

function shown(figure: Figure | null): string {
  if (figure === null) return '-';
  return `${percent(figure.value)} (${(figure.low * 100).toFixed(2)}-${(figure.high * 100).toFixed(2)})`;
}

const percent = (share: number, digits = 2): string => `${(share * 100).toFixed(digits)} %`;
const three = (value: number): string => value.toFixed(3);
