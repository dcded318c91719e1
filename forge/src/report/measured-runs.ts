// Owns reading what runs measured, and joining runs of one recipe that differ in their seed. It never draws.
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { NanofleetError } from '@nanofleet/protocol';
import { z } from 'zod';
import { COMPRESSION_FILE } from '../compress/compress-tower.ts';

const modelSchema = z.object({
  steps: z.array(z.string()),
  accuracy: z.number(),
  auroc: z.number().nullable(),
  graphBytes: z.number(),
  wireBytes: z.number(),
  deflatedBytes: z.number(),
  microseconds: z.number(),
  rssBytes: z.number(),
});
const compressionSchema = z.object({ recipe: z.string(), seed: z.int(), models: z.array(modelSchema) });

/** figures.json of a run that made a bundle; the accuracy has a name of its own for each kind of recipe. */
const figuresSchema = z
  .object({
    recipe: z.string().optional(),
    bytes: z.number(),
    accuracyInt8: z.number().optional(),
    intentsInt8: z.number().optional(),
    accuracy: z.number().optional(),
    auroc: z.number().nullable().default(null),
    microseconds: z.number(),
  })
  .transform(({ accuracyInt8, intentsInt8, accuracy, ...rest }) => ({
    ...rest,
    accuracy: accuracyInt8 ?? intentsInt8 ?? accuracy ?? Number.NaN,
  }))
  .refine(({ accuracy }) => Number.isFinite(accuracy), 'has no accuracy');

const manifestSchema = z.object({
  files: z.array(z.object({ role: z.string(), bytes: z.number() })),
  cost: z.object({ rssBytes: z.number() }),
});

type Measurement = Pick<z.infer<typeof modelSchema>, 'accuracy' | 'auroc' | 'microseconds'> & {
  /** What travels, deflated where that is known. */
  readonly bytes: number;
  readonly graphBytes: number | null;
  readonly wireBytes: number | null;
  readonly rssBytes: number | null;
};

/** One model, over all runs that made it. Means; `interval` is half of the 95 % interval over seeds. */
export interface ReportedModel extends Measurement {
  readonly name: string;
  readonly seeds: number;
  readonly interval: number | null;
  /** Whether no other model has at least its accuracy with fewer bytes. */
  readonly onFront: boolean;
}

/** Reads the run directories. @throws NanofleetError TRAINING_SET_INVALID naming a directory without figures */
export async function readRuns(directories: readonly string[]): Promise<ReportedModel[]> {
  const byName = new Map<string, Measurement[]>();
  for (const directory of directories)
    for (const [name, measurement] of await measurementsOf(directory))
      byName.set(name, [...(byName.get(name) ?? []), measurement]);
  const joined = [...byName].map(([name, all]) => meanOf(name, all));
  return joined.map((model) => ({ ...model, onFront: isOnFront(model, joined, 'bytes') }));
}

/** Whether no other model is at least as accurate at a lower cost. */
export function isOnFront<T extends { readonly accuracy: number }, Cost extends keyof T>(
  model: T,
  all: readonly T[],
  cost: Cost,
): boolean {
  return !all.some(
    (other) =>
      other !== model &&
      other.accuracy >= model.accuracy &&
      other[cost] <= model[cost] &&
      (other.accuracy > model.accuracy || other[cost] < model[cost]),
  );
}

async function measurementsOf(directory: string): Promise<[string, Measurement][]> {
  const compressed = compressionSchema.safeParse(await jsonOf(join(directory, COMPRESSION_FILE)));
  if (compressed.success) {
    const { recipe, models } = compressed.data;
    return models.map(({ steps, deflatedBytes, ...model }) => [
      `${recipe}: ${steps.join(' + ') || 'as trained'}`,
      { ...model, bytes: deflatedBytes },
    ]);
  }
  const plain = figuresSchema.safeParse(await jsonOf(join(directory, 'figures.json')));
  if (!plain.success)
    throw new NanofleetError(
      'TRAINING_SET_INVALID',
      `${directory} has neither ${COMPRESSION_FILE} nor figures.json of a bundle: is it a finished run?`,
      { facts: { directory } },
    );
  const { recipe, ...measured } = plain.data;
  const manifest = manifestSchema.safeParse(await jsonOf(join(directory, 'bundle', 'manifest.json'))).data;
  const graphBytes = manifest?.files.find(({ role }) => role === 'infer.int8')?.bytes ?? null;
  const rssBytes = manifest?.cost.rssBytes ?? null;
  return [[recipe ?? basename(directory), { ...measured, graphBytes, wireBytes: null, rssBytes }]];
}

async function jsonOf(path: string): Promise<unknown> {
  // A file that is not there or no JSON fails its schema, and the caller says which directory has no figures.
  const content = await readFile(path, 'utf8').catch(() => 'null');
  return JSON.parse(content);
}

/** Student's t at 97.5 % for 1 to 9 degrees of freedom; 1.96 beyond. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

function meanOf(name: string, all: readonly Measurement[]): Omit<ReportedModel, 'onFront'> {
  const mean = (of: (one: Measurement) => number | null): number | null => {
    const values = all.map(of);
    return values.includes(null)
      ? null
      : values.reduce<number>((sum, value) => sum + (value ?? 0), 0) / all.length;
  };
  const accuracy = mean((one) => one.accuracy) ?? 0;
  const squares = all.reduce((sum, one) => sum + (one.accuracy - accuracy) ** 2, 0);
  const freedom = all.length - 1;
  const deviation = Math.sqrt(squares / Math.max(freedom, 1) / all.length);
  return {
    name,
    seeds: all.length,
    accuracy,
    interval: freedom === 0 ? null : (STUDENT[freedom - 1] ?? 1.96) * deviation,
    auroc: mean((one) => one.auroc),
    bytes: mean((one) => one.bytes) ?? 0,
    microseconds: mean((one) => one.microseconds) ?? 0,
    graphBytes: mean((one) => one.graphBytes),
    wireBytes: mean((one) => one.wireBytes),
    rssBytes: mean((one) => one.rssBytes),
  };
}
