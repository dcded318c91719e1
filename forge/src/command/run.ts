// Owns `forge run`: a recipe in, a run directory with checkpoints, weights, figures and a bundle out. It never trains by itself.
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { compressedTowers } from '../compress/compress-tower.ts';
import { runEntityRecipe } from '../entities/run-recipe.ts';
import { runSensorRecipe } from '../sensor/run-recipe.ts';
import { makeTextBundle } from '../text/make-bundle.ts';
import { networkLogits } from '../text/networks.ts';
import { teacherQuality } from '../text/teacher-quality.ts';
import { type TrainedRecipe, towersOf, trainRecipe } from '../text/train-recipe.ts';
import type { TrainingProgress } from '../text/train-tower.ts';
import { writeAtomically } from '../train/array-file.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command, CommandWorld, RecipeArguments } from './command.ts';
import { kindOfRecipe } from './recipe-kind.ts';

const HELP = `forge run RECIPE --data DIR [--out RUN] [--seed N] [--teachers DIR] [--resume] [--json]

Makes what a recipe describes: reads and checks its data, trains its teachers and then its network, compresses it and writes
a bundle (unsigned) to RUN/bundle, if the recipe has a section "bundle".

  RECIPE          recipe (JSON); those of the bundles that ship are in forge/recipes
  --data DIR      directory that the recipe's data files are in
  --out RUN       run directory: checkpoints, weights, figures.json, bundle (default runs/NAME of the recipe's file)
  --seed N        seed of the first network (default 1); the same seed gives the same weights on the same machine
  --teachers DIR  run directories of teachers, shared between recipes (default RUN/teachers)
  --resume        go on with a run that was ended or killed; without it a RUN that exists is refused
  --json          print the result as one JSON object

A run that was killed goes on after its last whole epoch and ends with the same weights; one of a sensor recipe, which takes
minutes, begins again.`;

const OPTIONS = {
  data: { type: 'string' },
  out: { type: 'string' },
  seed: { type: 'string' },
  teachers: { type: 'string' },
  resume: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

/** The command `run`. */
export const runCommand: Command = {
  name: 'run',
  summary: 'make what a recipe describes: train, compress, write a bundle',
  help: HELP,
  async run(args, world) {
    const { values, positionals } = readArguments(() =>
      parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true }),
    );
    const recipePath = required(positionals[0], 'RECIPE');
    const out = values.out ?? join('runs', basename(recipePath, '.json'));
    refuseOldRun(out, values.resume === true);
    const seed = wholeNumber(values.seed, '--seed', 1);
    const made = await runRecipe(
      {
        recipePath,
        data: required(values.data, '--data'),
        out,
        teachers: values.teachers ?? join(out, 'teachers'),
        seed,
      },
      world,
    );
    const figures = { recipe: basename(recipePath, '.json'), seed, ...made };
    await writeAtomically(join(out, 'figures.json'), Buffer.from(`${JSON.stringify(figures, null, 2)}\n`));
    if (values.json) world.out(JSON.stringify(figures));
    else for (const [key, value] of Object.entries(figures)) world.out(`${key.padEnd(26)}${shown(value)}`);
  },
};

type Figures = Readonly<Record<string, unknown>>;

async function runRecipe(run: RecipeArguments, world: CommandWorld): Promise<Figures> {
  const kind = await kindOfRecipe(run.recipePath);
  if (kind === 'entities') return { ...(await runEntityRecipe(run, world)) };
  if (kind === 'sensor') return { ...(await runSensorRecipe(run, world)) };
  return await runTextRecipe(run, world);
}

async function runTextRecipe(run: RecipeArguments, world: CommandWorld): Promise<Figures> {
  const trained = await trainRecipe({
    ...run,
    progress: ({ recipe, seed }) => progressOf(`${recipe} seed ${seed}`, world),
  });
  const { recipe, texts, networks } = trained;
  const { nowMs } = world;
  const note = (line: string): void => world.note(line);
  const compressed = await compressedTowers({ recipe, texts, towers: towersOf(networks), run, nowMs, note });
  if (!recipe.bundle) return await teachingFigures(trained);
  const made = await makeTextBundle({
    recipe,
    recipeDirectory: dirname(run.recipePath),
    seed: run.seed,
    texts,
    ...compressed,
    directory: join(run.out, 'bundle'),
    nowMs,
  });
  return { ...made };
}

async function teachingFigures({ networks, texts }: TrainedRecipe): Promise<Figures> {
  const auroc: (number | null)[] = [];
  for (const { network } of networks)
    auroc.push((await teacherQuality(async (asked) => await networkLogits(network, asked), texts)).auroc);
  return {
    validation: networks.map(({ accuracy }) => accuracy),
    auroc,
    epochs: networks.map(({ epochs }) => epochs),
  };
}

const shown = (value: unknown): string =>
  Array.isArray(value) ? value.map(String).join(' ') : String(value);

function refuseOldRun(out: string, resume: boolean): void {
  if (resume || !existsSync(out)) return;
  throw new NanofleetError(
    'SETTING_INVALID',
    `${out} exists already. Give --resume to go on with it, or another --out.`,
    { facts: { out } },
  );
}

const BAR_WIDTH = 30;

function progressOf(name: string, world: CommandWorld): TrainingProgress {
  return {
    step({ epoch, step, steps, loss }) {
      if (!world.isTerminal) return;
      const filled = Math.round((BAR_WIDTH * step) / steps);
      world.redraw(
        `${name} epoch ${epoch} [${'='.repeat(filled).padEnd(BAR_WIDTH)}] ${step}/${steps} loss ${loss.toFixed(3)}`,
      );
    },
    epoch({ epoch, epochs, loss, accuracy, best }) {
      if (world.isTerminal) world.redraw('');
      world.note(
        `${name} epoch ${epoch}/${epochs} loss ${loss.toFixed(4)} validation ${percent(accuracy)} best ${percent(best)}`,
      );
    },
  };
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
