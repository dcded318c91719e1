// Owns recipes of text bundles that find entities: which texts, which network, how it is trained, which types have values, and
// what the bundle's manifest says. Files are named relative to the data directory. It never holds a seed's result.
import { ENTITY_TOKENS_MAX, valueKindSchema } from '@nanofleet/protocol';
import { z } from 'zod';
import { cardFields, releaseFields } from '../bundle/bundle-fields.ts';
import { boundSchema } from '../bundle/recipe-thresholds.ts';
import { heldOutSchema } from '../datasets/held-out.ts';
import { readRecipeFile, recipeNameSchema } from '../recipe-file.ts';
import { featureFields } from '../text/feature-fields.ts';
import { grammarsSchema } from '../text/recipe.ts';
import { taggerTrainingSchema } from './tagger-settings.ts';

const convolutionSchema = z.strictObject({
  taps: z
    .int()
    .min(1)
    .max(9)
    .refine((taps) => taps % 2 === 1, 'must be odd'),
  dilation: z.int().min(1).max(16).default(1),
});

/** What a source of texts without marks may say of itself. */
const furtherSchema = z.strictObject({
  /** Part of each batch, where the marked texts have 1; 0 leaves the source to the prototypes. */
  share: z.number().min(0).max(100).default(1),
  /** Intents whose texts are left out. */
  without: z.array(z.string()).default([]),
  /** Whether texts may hold entities that nobody has marked: all, or those of the intents that are named; others hold none. */
  unmarked: z.union([z.literal(true), z.array(z.string())]).default(true),
});
/** A source of texts without marks. */
export type FurtherTexts = z.infer<typeof furtherSchema>;

const recipeSchema = z.strictObject({
  task: z.literal('text-intent'),
  name: recipeNameSchema,
  network: z.strictObject({
    kind: z.literal('tagger'),
    ...featureFields,
    width: z.int().min(2).max(1024),
    hidden: z.int().min(2).max(4096),
    channels: z.int().min(2).max(1024),
    convolutions: z.array(convolutionSchema).min(1).max(8),
  }),
  entities: z.strictObject({
    /** The kind of value of each type that has one; the others are only their words. */
    values: z.record(z.string(), valueKindSchema).default({}),
    tokensMax: z.int().min(1).max(ENTITY_TOKENS_MAX).default(64),
    /** What the order of types counts beside the scores of tags: weight of how often they follow one another, 0 for nothing; or learned with the tags. */
    transitions: z.union([z.number().min(0).max(1), z.literal('learned')]).default(0.2),
    /** Types of the data that the model does not learn: what is meant rather than said. */
    leftOut: z.array(z.string()).default([]),
  }),
  training: taggerTrainingSchema.prefault({}),
  data: z.strictObject({
    annotated: z.array(z.string().min(1)).min(1),
    /** From the intents of the files to the model's, where they differ; null leaves the texts out. */
    intents: z.record(z.string(), z.string().nullable()).default({}),
    /** Texts with an intent whose entities nobody has marked. */
    labelled: z.array(furtherSchema.extend({ file: z.string().min(1) })).default([]),
    /** Sentences that this project writes itself, by the intent that their file is named after. */
    grammars: z.array(grammarsSchema.extend(furtherSchema.shape)).default([]),
    /** Sentences that belong to no intent, by topic. */
    outOfScopeGrammars: z.array(grammarsSchema.extend(furtherSchema.shape)).default([]),
    /**
     * Of `file`, only the texts that `among` holds, too, and those of one language, if these are given; of `labelled` those whose
     * intent the model has. Training leaves out every one of them.
     */
    validation: z.strictObject({
      file: z.string().min(1),
      among: z.string().min(1).optional(),
      language: z.string().min(2).optional(),
      labelled: z.string().min(1).optional(),
    }),
    heldOut: heldOutSchema,
    /** Out-of-scope texts that the scale of the out-of-scope score is fitted with; never trained on. */
    outOfScopeTuning: z.array(z.string()).default([]),
    /** Out-of-scope texts that only the reported figures use. */
    outOfScopeReport: z.array(z.string()).default([]),
  }),
  bundle: z.strictObject({
    ...releaseFields,
    /** Directory of the parent bundle, relative to the recipe. */
    parent: z.string().optional(),
    coverage: z
      .strictObject({ inScope: z.number().min(0.5).max(1), sure: z.number().min(0.5).max(1) })
      .default({ inScope: 0.97, sure: 0.9 }),
    bound: boundSchema.optional(),
    dataset: z.string().min(1),
    ...cardFields,
  }),
});

/** A recipe with every default filled in. */
export type EntityRecipe = z.infer<typeof recipeSchema>;

/** Reads a recipe. @throws NanofleetError TRAINING_SET_INVALID naming file and field */
export const readEntityRecipe = (path: string): Promise<EntityRecipe> => readRecipeFile(path, recipeSchema);
