// Owns recipes of models that detect events in windows of samples: which recordings, how they are cut, which network, how it is
// trained, who is kept apart to judge it, and what the bundle's manifest says. It never holds a seed's result.
import { z } from 'zod';
import { cardFields, releaseFields } from '../bundle/bundle-fields.ts';
import { readRecipeFile, recipeNameSchema } from '../recipe-file.ts';

const share = z.number().min(0).max(0.95);
const columnSchema = z.string().min(1);

const channelSchema = z.strictObject({
  column: columnSchema,
  name: z.string().min(1),
  /** Factor from the column's number to the unit that devices send. */
  scale: z.number().default(1),
  /** Instead of the column's number: 1 where the cell is this, else 0. */
  equals: z.string().min(1).optional(),
});

/** A table with a line for each sample. */
const samplesSchema = z.strictObject({
  kind: z.literal('samples'),
  file: z.string().min(1),
  /** Lines with equal values here, in the order of the file, are one recording. */
  recording: z.array(columnSchema).min(1),
  /** Who or what is kept apart together. */
  group: columnSchema,
  label: columnSchema,
  channels: z.array(channelSchema).min(1).max(64),
  /** Samples a second; with `time`, those of the grid that irregular readings are put on. */
  rateHz: z.number().positive(),
  /** Seconds of each reading, if they come irregularly: the last value is held, and a last channel says for how long. */
  time: columnSchema.optional(),
});

/** A table with a line for each recording, whose frames are bytes in hexadecimal, frame by frame. */
const framesSchema = z.strictObject({
  kind: z.literal('frames'),
  file: z.string().min(1),
  group: columnSchema,
  label: columnSchema,
  frames: columnSchema,
  /** Values of a frame, each a channel. */
  bands: z.int().min(1).max(256),
  rateHz: z.number().positive(),
});

const convolutionSchema = z.strictObject({
  outputs: z.int().min(1).max(512),
  taps: z.int().min(1).max(64),
  stride: z.int().min(1).max(16).default(1),
  padding: z.int().min(0).max(32).optional(),
  separable: z.boolean().default(false),
});

const augmentationSchema = z.strictObject({
  /** Deviation of noise, in units of the network's input, added to half of the windows. */
  noise: z.number().min(0).max(1).default(0),
  /** Each channel's amplitude changes by up to this share. */
  gain: share.default(0),
  /** Triples of channels turn together, by up to so many degrees about a random axis: another way to wear a sensor. */
  rotationDegrees: z.number().min(0).max(180).default(0),
  /** The window moves in time by up to so many samples; what is missing is what stood at its edge. */
  shiftSamples: z.int().min(0).max(512).default(0),
  /** Time runs faster or slower by up to this share. */
  stretch: share.default(0),
  /** Neighbouring channels are spread or squeezed by up to this share, as by a longer or shorter vocal tract. */
  warpBands: share.default(0),
  /** All values of a window move by up to this much, in units of the network's input, where they are not 0: another loudness. */
  level: z.number().min(0).max(4).default(0),
  /** Up to so many neighbouring channels become 0, in half of the windows. */
  maskBands: z.int().min(0).max(64).default(0),
});

const recipeSchema = z
  .strictObject({
    task: z.literal('sensor-event'),
    name: recipeNameSchema,
    data: z.discriminatedUnion('kind', [samplesSchema, framesSchema]),
    /** Names of labels by how the data spells them; others are refused. */
    labels: z.record(z.string(), z.string().min(1)).refine((of) => new Set(Object.values(of)).size > 1, {
      message: 'must give at least two different labels',
    }),
    window: z.strictObject({
      samples: z.int().min(2).max(4096),
      hop: z.int().min(1).max(4096),
      /** Whether a window has the label of its last sample or of most of them. */
      label: z.enum(['last', 'most']).default('most'),
      /** Whether windows of several labels are learned from and count in the main figures; their own figure is told anyway. */
      mixed: z.boolean().default(true),
    }),
    network: z.strictObject({
      kind: z.literal('convolutions'),
      units: z.union([z.number().positive(), z.array(z.number().positive())]),
      removesMean: z.boolean().default(false),
      convolutions: z.array(convolutionSchema).min(1).max(8),
    }),
    training: z.strictObject({
      epochs: z.int().min(1).max(1000),
      batchSize: z.int().min(1).max(4096).default(64),
      learningRate: z.number().positive().max(1).default(3e-3),
      weightDecay: z.number().min(0).max(1).default(1e-3),
      labelSmoothing: share.default(0.05),
      dropout: share.default(0.2),
      balance: z.number().min(0).max(1).default(0.5),
      augmentation: augmentationSchema.prefault({}),
    }),
    /** Groups are dealt into so many folds, each of which is judged by a network that has not seen it. */
    folds: z.int().min(2).max(100),
    bundle: z.strictObject({
      ...releaseFields,
      unit: z.string().min(1),
      events: z
        .array(
          z.strictObject({
            label: z.string().min(1),
            start: z.number().min(0).max(1),
            stop: z.number().min(0).max(1),
          }),
        )
        .default([]),
      debounceWindows: z.int().min(1).max(64).default(2),
      dataset: z.string().min(1),
      ...cardFields,
    }),
  })
  .superRefine(({ bundle, labels, network, data }, context) => {
    const issue = (path: string[], message: string): void =>
      context.addIssue({ code: 'custom', path, message });
    const names = new Set(Object.values(labels));
    for (const { label } of bundle.events)
      if (!names.has(label)) issue(['bundle', 'events'], `${label} is none of the labels`);
    const channels =
      data.kind === 'frames' ? data.bands : data.channels.length + (data.time === undefined ? 0 : 1);
    if (Array.isArray(network.units) && network.units.length !== channels)
      issue(['network', 'units'], `has ${network.units.length} entries for ${channels} channels`);
  });

/** A recipe with every default filled in. */
export type SensorRecipe = z.infer<typeof recipeSchema>;
/** How windows are changed while training. */
export type AugmentationSettings = z.infer<typeof augmentationSchema>;

/** The labels in the order of the network's outputs. */
export const labelNames = ({ labels }: Pick<SensorRecipe, 'labels'>): string[] => [
  ...new Set(Object.values(labels)),
];

/** Reads a recipe. @throws NanofleetError TRAINING_SET_INVALID naming file and field */
export const readSensorRecipe = (path: string): Promise<SensorRecipe> => readRecipeFile(path, recipeSchema);
