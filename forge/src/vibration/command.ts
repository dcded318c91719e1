// Owns `forge vibration`: training the vibration bundle, recording the story's pump, judging a bundle on a recording.
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeRecording, NanofleetError } from '@nanofleet/protocol';
import { inspectBundle, loadSensorRunner } from '@nanofleet/runtime/node';
import { readArguments, required, wholeNumber } from '../command/arguments.ts';
import type { Command, CommandWorld } from '../command/command.ts';
import { writeAtomically } from '../train/array-file.ts';
import { FULL_SCALE, makeVibrationBundle } from './make-bundle.ts';
import { judgeEvents, replay, storyRecording } from './scenario.ts';

const HELP = `forge vibration train  --out DIR [--seed N] [--json]
forge vibration record --out FILE [--seed N]
forge vibration replay --bundle DIR --recording FILE [--json]

train    simulates pumps, trains the vibration model and writes its bundle (unsigned)
record   writes a minute of a pump whose bearing fails and is repaired; the same bytes for the same seed
replay   plays a recording through a bundle and prints the events and how they agree with the truth

  --seed N   seed of everything that is drawn (default 1)
  --json     print the result as one JSON object`;

/** The command `vibration`. */
export const vibrationCommand: Command = {
  name: 'vibration',
  summary: 'train the vibration model, record and replay a pump',
  help: HELP,
  async run(args, world) {
    const [action, ...rest] = args;
    if (action === 'train') return train(rest, world);
    if (action === 'record') return recordStory(rest, world);
    if (action === 'replay') return replayFile(rest, world);
    throw new NanofleetError('SETTING_INVALID', 'Say forge vibration train, record or replay. Try --help.');
  },
};

const OPTIONS = {
  out: { type: 'string' },
  seed: { type: 'string' },
  bundle: { type: 'string' },
  recording: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const read = (args: readonly string[]) =>
  readArguments(() => parseArgs({ args: [...args], options: OPTIONS })).values;

async function train(args: readonly string[], world: CommandWorld): Promise<void> {
  const values = read(args);
  const figures = await makeVibrationBundle({
    directory: required(values.out, '--out'),
    seed: wholeNumber(values.seed, '--seed', 1),
    scale: FULL_SCALE,
    nowMs: () => world.nowMs(),
    onEpoch: ({ epoch, loss, validationMacroF1 }) =>
      world.note(
        `epoch ${epoch}: loss ${loss.toFixed(4)}, validation macro-F1 ${((validationMacroF1 ?? 0) * 100).toFixed(2)} %`,
      ),
  });
  if (values.json) return world.out(JSON.stringify(figures));
  world.out(`digest     ${figures.digest}`);
  world.out(`bytes      ${figures.bytes}`);
  world.out(
    `macro-F1   ${(figures.macroF1 * 100).toFixed(2)} % by machine, worst ${(figures.macroF1WorstMachine * 100).toFixed(2)} %`,
  );
}

async function recordStory(args: readonly string[], world: CommandWorld): Promise<void> {
  const values = read(args);
  const path = required(values.out, '--out');
  const bytes = storyRecording(wholeNumber(values.seed, '--seed', 1));
  await mkdir(dirname(path), { recursive: true });
  await writeAtomically(path, bytes);
  world.out(`${path}: ${bytes.length} bytes`);
}

async function replayFile(args: readonly string[], world: CommandWorld): Promise<void> {
  const values = read(args);
  const recording = decodeRecording(await readFile(required(values.recording, '--recording')));
  const runner = await loadSensorRunner(await inspectBundle(required(values.bundle, '--bundle')));
  const events = await replay(runner, recording);
  await runner.release();
  if (values.json) return world.out(JSON.stringify({ events, ...judgeEvents(events) }));
  const seconds = (sample: number): string => `${((sample + 1) / recording.rateHz).toFixed(2)} s`;
  for (const { kind, label, sample, confidence } of events)
    world.out(`${seconds(sample).padEnd(10)}${kind.padEnd(6)}${label} ${(confidence * 100).toFixed(1)} %`);
  for (const { label, from } of recording.spans) world.out(`truly      ${label} from ${seconds(from - 1)}`);
}
