// Owns `forge report`: finished runs in, their comparison as Markdown and HTML out. It never trains or measures.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readRuns } from '../report/measured-runs.ts';
import { htmlReport, markdownReport } from '../report/report.ts';
import { writeAtomically } from '../train/array-file.ts';
import { readArguments, required } from './arguments.ts';
import type { Command } from './command.ts';

const HELP = `forge report RUN… [--out DIR]

Compares the models of finished runs: accuracy against bytes and against latency, with the Pareto front. Runs of one recipe with
other seeds are joined to means with 95 % intervals.

  RUN        run directory with compression.json (recipes with a section "compression") or the figures.json of a bundle
  --out DIR  where report.md and report.html are written (without it the Markdown is printed)`;

/** The command `report`. */
export const reportCommand: Command = {
  name: 'report',
  summary: 'compare the models of finished runs',
  help: HELP,
  async run(args, world) {
    const { values, positionals } = readArguments(() =>
      parseArgs({ args: [...args], options: { out: { type: 'string' } }, allowPositionals: true }),
    );
    required(positionals[0], 'RUN');
    const models = await readRuns(positionals);
    if (values.out === undefined) return world.out(markdownReport(models));
    await mkdir(values.out, { recursive: true });
    const files = { 'report.md': markdownReport(models), 'report.html': htmlReport(models) };
    for (const [name, content] of Object.entries(files)) {
      await writeAtomically(join(values.out, name), Buffer.from(content));
      world.out(join(values.out, name));
    }
  },
};
