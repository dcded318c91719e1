// Owns `forge eval`: a bundle and labelled texts in, figures out. It never computes a figure.
import { parseArgs } from 'node:util';
import { type Evaluation, evaluateBundle } from '../bundle/evaluate-bundle.ts';
import { readArguments, required } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge eval --bundle DIR --data FILE.jsonl [--data FILE.jsonl …] [--json]

Judges a text bundle on labelled texts, from the text to the decision, as a device runs it.

  --bundle DIR   bundle directory (its signature is not asked for)
  --data FILE    one {"text", "intent"} a line; texts with the intent "oos" are out of scope; may be repeated
  --json         print the figures as one JSON object

Out-of-scope figures need at least one in-scope and one out-of-scope text. A malformed line ends the command with its number.`;

/** The command `eval`. */
export const evalCommand: Command = {
  name: 'eval',
  summary: 'judge a text bundle on labelled texts',
  help: HELP,
  async run(args, world) {
    const { values } = readArguments(() =>
      parseArgs({
        args: [...args],
        options: {
          bundle: { type: 'string' },
          data: { type: 'string', multiple: true },
          json: { type: 'boolean' },
        },
      }),
    );
    const bundle = required(values.bundle, '--bundle');
    required(values.data?.[0], '--data');
    const evaluation = await evaluateBundle({ bundle, files: values.data ?? [], nowMs: world.nowMs });
    if (values.json) world.out(JSON.stringify(evaluation));
    else for (const line of table(evaluation)) world.out(line);
  },
};

function table({ bundle, inScope, outOfScope, latency }: Evaluation): string[] {
  return [
    row('bundle', `${bundle.line} ${bundle.version}, ${bundle.bytes} bytes, ${bundle.digest.slice(0, 16)}`),
    row('in-scope texts', String(inScope.count)),
    row('  accuracy', percent(inScope.accuracy)),
    row('  called sure', `${percent(inScope.sure)}, of these right ${percent(inScope.accuracyWhenSure)}`),
    row('  calibration error', percent(inScope.expectedCalibrationError)),
    row('out-of-scope texts', String(outOfScope.count)),
    row('  AUROC', percent(outOfScope.auroc)),
    row('  accepted at 95 % in-scope', percent(outOfScope.fpr95)),
    row('  not called sure', percent(outOfScope.notSure)),
    row('text to decision', `p50 ${latency.p50} µs, p99 ${latency.p99} µs`),
  ];
}

function row(name: string, value: string): string {
  return `${name.padEnd(28)}${value}`;
}

function percent(share: number | null): string {
  return share === null ? '-' : `${(share * 100).toFixed(2)} %`;
}
