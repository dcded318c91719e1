// Owns `forge train`: a recipe in, a run directory with weights and a bundle out. It never trains by itself.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { NanofleetError } from '@nanofleet/protocol';
import { makeTextBundle } from '../text/make-bundle.ts';
import { trainRecipe } from '../text/train-recipe.ts';
import type { TrainingProgress } from '../text/train-tower.ts';
import { readArguments, required, wholeNumber } from './arguments.ts';
import type { Command, CommandWorld } from './command.ts';

const HELP = `forge train --recipe FILE --data DIR --out RUN [--seed N] [--teachers DIR] [--resume] [--json]

Trains what a recipe describes and, if the recipe says so, makes a bundle in RUN/bundle.

  --recipe FILE   recipe (JSON); see recipes/
  --data DIR      directory that the recipe's files are in
  --out RUN       run directory: checkpoints, weights, bundle
  --seed N        seed of the first network (default 1); the same seed gives the same weights on the same machine
  --teachers DIR  run directories of teachers, shared between recipes (default RUN/teachers)
  --resume        go on with a run that was ended or killed; without it a RUN that exists is refused
  --json          print the result as one JSON object

A run that was killed goes on after its last whole epoch and ends with the same weights.`;

/** The command `train`. */
export const trainCommand: Command = {
  name: 'train',
  summary: 'train what a recipe describes and make a bundle of it',
  help: HELP,
  async run(args, world) {
    const { values } = readArguments(() =>
      parseArgs({
        args: [...args],
        options: {
          recipe: { type: 'string' },
          data: { type: 'string' },
          out: { type: 'string' },
          seed: { type: 'string' },
          teachers: { type: 'string' },
          resume: { type: 'boolean' },
          json: { type: 'boolean' },
        },
      }),
    );
    const out = required(values.out, '--out');
    const recipePath = required(values.recipe, '--recipe');
    const seed = wholeNumber(values.seed, '--seed', 1);
    refuseOldRun(out, values.resume === true);
    const trained = await trainRecipe({
      recipePath,
      data: required(values.data, '--data'),
      out,
      teachers: values.teachers ?? join(out, 'teachers'),
      seed,
      progress: ({ recipe, seed: own }) => progressOf(`${recipe} seed ${own}`, world),
    });
    const towers = trained.towers.map(({ tower }) => tower);
    if (!trained.recipe.bundle) {
      const networks = trained.towers.map(({ accuracy, epochs }) => ({ accuracy, epochs }));
      world.out(
        values.json
          ? JSON.stringify({ networks })
          : networks.map(({ accuracy }) => `validation ${percent(accuracy)}`).join('\n'),
      );
      return;
    }
    const { recipe, texts } = trained;
    const made = await makeTextBundle({
      recipe,
      recipeDirectory: dirname(recipePath),
      seed,
      texts,
      towers,
      directory: join(out, 'bundle'),
      nowMs: world.nowMs,
    });
    world.out(
      values.json
        ? JSON.stringify(made)
        : Object.entries(made)
            .map(([key, value]) => `${key.padEnd(26)}${value}`)
            .join('\n'),
    );
  },
};

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
