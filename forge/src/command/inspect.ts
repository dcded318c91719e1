// Owns `forge inspect`: what a bundle says of itself, after its files were checked against the manifest.
// It never runs the model.
import { parseArgs } from 'node:util';
import type { Manifest } from '@nanofleet/protocol';
import { inspectBundle } from '@nanofleet/runtime/node';
import { readArguments, required } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge inspect DIR [--json]

Checks a bundle's files against its manifest and prints what the manifest says. The signature is not asked for.

  --json   print digest and manifest as one JSON object`;

/** The command `inspect`. */
export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'check a bundle and print what it says of itself',
  help: HELP,
  async run(args, world) {
    const { values, positionals } = readArguments(() =>
      parseArgs({ args: [...args], options: { json: { type: 'boolean' } }, allowPositionals: true }),
    );
    const { digest, manifest } = await inspectBundle(required(positionals[0], 'the bundle directory'));
    if (values.json) world.out(JSON.stringify({ digest, manifest }));
    else for (const line of lines(digest, manifest)) world.out(line);
  },
};

function lines(digest: string, manifest: Manifest): string[] {
  const fact = (name: string, value: unknown): string => `${name.padEnd(18)}${String(value)}`;
  return [
    fact('digest', digest),
    fact('line', `${manifest.line} ${manifest.version} (release ${manifest.releaseCounter})`),
    fact('task', manifest.task),
    fact('parent', manifest.parent ?? '-'),
    fact('labels', `${manifest.labels.names.length}: ${manifest.labels.names.slice(0, 6).join(', ')}…`),
    ...manifest.files.flatMap(({ role, name, bytes, wire }) => [
      fact(role, `${name}, ${bytes} bytes`),
      ...(wire === undefined ? [] : [fact('  travels as', `${wire.name}, ${wire.bytes} bytes`)]),
    ]),
    ...manifest.quality.map(({ dataset, split, accuracy }) =>
      fact('quality', `${(accuracy * 100).toFixed(2)} % on ${dataset}, ${split}`),
    ),
    fact('cost', `${manifest.cost.bytes} bytes, ${manifest.cost.microseconds} µs`),
    fact('license', manifest.license),
  ];
}
