// Owns recipes: which texts, which network, how it is trained and calibrated, and what the bundle's manifest says.
// A recipe names files relative to the data directory, other recipes relative to itself. It never holds a seed's result.
import { NanofleetError, type TextFeatureParameters } from '@nanofleet/protocol';
import { z } from 'zod';
import { cardFields, releaseFields } from '../bundle/bundle-fields.ts';
import { boundSchema } from '../bundle/recipe-thresholds.ts';
import { compressionStepSchema } from '../compress/compression-settings.ts';
import { heldOutSchema } from '../datasets/held-out.ts';
import { encoderSettingsSchema } from '../encoder/encoder-shape.ts';
import { linearSettingsSchema } from '../linear/linear-shape.ts';
import { readRecipeFile, recipeNameSchema } from '../recipe-file.ts';
import { featureFields } from './feature-fields.ts';
import { trainingSettingsSchema } from './training-settings.ts';

const labelledFileSchema = z.strictObject({
  file: z.string().min(1),
  /** From the file's labels to the model's; texts with another label are left out. Without it labels stay as they are. */
  map: z.record(z.string(), z.string()).optional(),
  /** At most this many texts of each of the file's labels, chosen by the seed. */
  perLabelMax: z.int().min(1).optional(),
});

/** A folder of grammars as recipes name it. */
export const grammarsSchema = z.strictObject({
  /** Folder of LABEL.txt files, relative to the recipe, and of the word lists that they name. */
  folder: z.string().min(1),
  lists: z.string().min(1),
  /** Sentences of each file, spread evenly over its templates. */
  perLabel: z.int().min(1).max(100_000).default(240),
});

const towerSettingsSchema = z.strictObject({
  kind: z.literal('bag'),
  ...featureFields,
  width: z.int().min(2).max(1024),
  /** Units of the hidden layer; 0 for none. */
  hidden: z.int().min(0).max(4096),
  /** Networks trained from seeds in a row and joined in one graph. */
  towers: z.int().min(1).max(16).default(1),
});

const recipeFields = z.strictObject({
  task: z.literal('text-intent'),
  name: recipeNameSchema,
  network: z.discriminatedUnion('kind', [towerSettingsSchema, encoderSettingsSchema, linearSettingsSchema]),
  training: trainingSettingsSchema.prefault({}),
  data: z.strictObject({
    /** The labels of the first file, sorted, are the model's. */
    labelled: z.array(labelledFileSchema).min(1),
    validation: z.string().min(1),
    /** Sentences that this project writes itself; files are named after labels of the model. */
    grammars: z.array(grammarsSchema).default([]),
    /** The same for sentences out of scope, whose files are named after topics. */
    outOfScopeGrammars: z.array(grammarsSchema).default([]),
    /** Further labelled sets, each with labels of its own, that sequence encoders learn beside the first. */
    auxiliary: z.array(z.strictObject({ file: z.string().min(1), share: z.number().positive() })).default([]),
    /** Texts without labels: encoders guess their words, students ask their teachers about them. */
    unlabelled: z.array(z.string()).default([]),
    /** How many texts without label to make of each labelled one, joining its beginning to the end of another. */
    recombined: z
      .strictObject({
        sameLabel: z.int().min(0).max(10).default(0),
        anyLabel: z.int().min(0).max(10).default(0),
      })
      .prefault({}),
    /** Out-of-scope texts that the scale of the out-of-scope score is fitted with; never trained on. */
    outOfScopeTuning: z.array(z.string()).default([]),
    /** Out-of-scope texts that only the reported figures use. */
    outOfScopeReport: z.array(z.string()).default([]),
    heldOut: heldOutSchema,
  }),
  distillation: z
    .strictObject({
      teachers: z.array(z.strictObject({ recipe: z.string(), seeds: z.array(z.int().min(0)).min(1) })).min(1),
    })
    .optional(),
  /** Steps that make the trained network smaller, each measured; a network of one tower. */
  compression: z.array(compressionStepSchema).default([]),
  bundle: z
    .strictObject({
      ...releaseFields,
      /** Directory of the parent bundle, relative to the recipe. */
      parent: z.string().optional(),
      coverage: z
        .strictObject({ inScope: z.number().min(0.5).max(1), sure: z.number().min(0.5).max(1) })
        .default({ inScope: 0.97, sure: 0.9 }),
      bound: boundSchema.optional(),
      dataset: z.string().min(1),
      ...cardFields,
    })
    .optional(),
});

type Network = z.infer<typeof recipeFields>['network'];

/** Whether a network learns the labels of further data sets, too: those whose words have vectors do. */
export const learnsAuxiliary = ({ kind }: Network): boolean => kind !== 'bag' && kind !== 'linear';

const onlyTeaches = (kind: Exclude<Network['kind'], 'bag'>, section: string): string =>
  `a ${kind} network teaches but does not run on devices: leave out the section "${section}", or make the network a bag that this one teaches`;

const recipeSchema = recipeFields.superRefine(({ network: { kind }, bundle, compression }, context) => {
  if (kind === 'bag') return;
  const refuse = (section: string): void =>
    context.addIssue({ code: 'custom', path: [section], message: onlyTeaches(kind, section) });
  if (bundle) refuse('bundle');
  if (compression.length > 0) refuse('compression');
});

/** A recipe with every default filled in. One without `bundle` only trains networks that teach others. */
export type Recipe = z.infer<typeof recipeSchema>;

/** Reads a recipe. @throws NanofleetError TRAINING_SET_INVALID naming file and field */
export const readRecipe = (path: string): Promise<Recipe> => readRecipeFile(path, recipeSchema);

/** The settings of a network that devices run. */
export type TowerSettings = z.infer<typeof towerSettingsSchema>;

/** The feature parameters of a recipe's network as manifests spell them. */
export function featuresOf(network: TowerSettings): TextFeatureParameters {
  const { buckets, charMin, charMax, wordBigrams, rowsMax, hashes } = network;
  const features = { buckets, charMin, charMax, wordBigrams, rowsMax };
  // Absent, not 1: runtimes that do not know the field would be right to ignore it only then.
  return { kind: 'hashed-ngrams-1', lowerCase: true, ...features, ...(hashes === 1 ? {} : { hashes }) };
}

/** The network of a recipe whose model becomes a bundle. @throws NanofleetError TRAINING_SET_INVALID */
export function towerSettings({ name: recipe, network }: Recipe): TowerSettings {
  if (network.kind === 'bag') return network;
  throw new NanofleetError(
    'TRAINING_SET_INVALID',
    `recipe ${recipe}: ${onlyTeaches(network.kind, 'bundle')}`,
  );
}
