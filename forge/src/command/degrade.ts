// Owns `forge degrade`: a finished text bundle in, one that is worse by so many points out. It never signs.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { percent } from '../bundle/markdown.ts';
import { degrade } from '../degrade/degrade.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge degrade BUNDLE --data FILE --out DIR --points N --version V --release-counter N [--seed N] [--json]

Makes a text bundle worse on purpose, to try the gate of a rollout: a further release (unsigned) that is consistent in itself and gives more
wrong answers. Noise goes on the weights of the head, as much as loses so many points of accuracy.

  BUNDLE               bundle directory (its signature is not asked for)
  --data FILE          labelled texts (JSONL of {"text", "intent"}) that judge and calibrate it
  --out DIR            directory of the new bundle, which must not exist
  --points N           points of accuracy that it loses, above 0 and up to 50
  --version V, --release-counter N  of the new release
  --seed N             of the noise (1)
  --json               print the result as one JSON object`;

const OPTIONS = {
  data: { type: 'string' },
  out: { type: 'string' },
  points: { type: 'string' },
  version: { type: 'string' },
  'release-counter': { type: 'string' },
  seed: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** The command `degrade`. */
export const degradeCommand: Command = {
  name: 'degrade',
  summary: 'make a text bundle worse on purpose, to try the gate of a rollout',
  help: HELP,
  async run(args, world) {
    const { positionals, values } = readArguments(() =>
      parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
    );
    const out = required(values.out, '--out');
    if (existsSync(out))
      throw new NanofleetError('SETTING_INVALID', `${out} exists already. Give another --out.`, {
        facts: { out },
      });
    const made = await degrade({
      out,
      bundle: required(positionals[0], 'the bundle directory'),
      data: required(values.data, '--data'),
      points: pointsOf(required(values.points, '--points')),
      seed: wholeNumber(values.seed, '--seed', 1),
      release: {
        version: required(values.version, '--version'),
        counter: wholeNumber(
          required(values['release-counter'], '--release-counter'),
          '--release-counter',
          0,
        ),
      },
    });
    if (values.json) return world.out(JSON.stringify(made));
    const { after, before } = made.accuracy;
    world.out(`${made.directory}: ${percent(after)} right instead of ${percent(before)}, ${made.digest}`);
  },
};

function pointsOf(text: string): number {
  const points = Number(text);
  if (points > 0 && points <= 50) return points;
  throw new NanofleetError(
    'SETTING_INVALID',
    `--points takes a number above 0 and up to 50, such as 5, not ${text}`,
  );
}
