/**
 * What `agent.yaml` may say of data sources: one form per kind, and what becomes of a message: a text for a text line,
 * or samples for a sensor line. Owns names, defaults and bounds; never opens a source.
 */
import { lineIdSchema, SENSOR_CHANNELS_MAX, SOURCES_MAX, STREAM_LINE_BYTES_MAX } from '@nanofleet/protocol';
import { z } from 'zod';
import { brokerFields } from '../brokers/broker-config.ts';
import { type JsonPath, parseJsonPath } from './json-path.ts';

const GAP_MS_MAX = 3_600_000;
const PER_SECOND_MAX = 100_000;
const WORDS_MAX = 256;

const pathSchema = z.string().transform((text, context): JsonPath => {
  const path = parseJsonPath(text);
  if (path !== null) return path;
  context.addIssue({ code: 'custom', message: 'expected a path such as $.a.b[0]' });
  return z.NEVER;
});

/** A form that may be written as its path alone. */
const orPath = <S extends z.ZodType>(schema: S) =>
  z.preprocess((value) => (typeof value === 'string' ? { path: value } : value), schema);

const textSchema = orPath(
  z.strictObject({
    path: z
      .union([z.literal('whole'), pathSchema], { error: 'expected whole, or a path such as $.a.b[0]' })
      .describe('where the text is in a message of JSON; `whole` takes the message as it is'),
    words: z
      .record(z.string(), z.string().min(1))
      .refine((words) => Object.keys(words).length <= WORDS_MAX, `at most ${WORDS_MAX} words`)
      .optional()
      .describe('texts for values that are none, such as of a button; other values are left out'),
  }),
);

const channelSchema = orPath(
  z.strictObject({
    path: pathSchema.describe('where the number is in a message of JSON'),
    topic: z
      .string()
      .min(1)
      .optional()
      .describe('topic of this channel alone, where each has its own; only with mqtt'),
    scale: z.number().default(1).describe('multiplies what was read'),
    offset: z.number().default(0).describe('is added after that'),
    unit: z.string().optional().describe('unit that comes of it; only for the reader'),
  }),
);

const timeSchema = orPath(
  z.strictObject({
    path: pathSchema.describe('where the time is in a message of JSON'),
    unit: z.enum(['s', 'ms', 'iso']).default('ms').describe('seconds, milliseconds, or a date of ISO 8601'),
  }),
);

const samplesSchema = z
  .strictObject({
    channels: z
      .record(z.string(), channelSchema)
      .refine((channels) => Object.keys(channels).length > 0, 'expected at least one channel')
      .refine(
        (channels) => Object.keys(channels).length <= SENSOR_CHANNELS_MAX,
        `at most ${SENSOR_CHANNELS_MAX} channels`,
      )
      .describe('each channel of the sensor line by its name, and where it is in a message'),
    time: timeSchema.optional().describe('time of a message; when left out, it is the time of its arrival'),
    resample: z
      .enum(['linear', 'hold'])
      .default('linear')
      .describe('value between two messages: on the line between them, or the earlier one'),
    gapMs: z
      .int()
      .min(1)
      .max(GAP_MS_MAX)
      .default(1_000)
      .describe('a longer silence ends the window and is counted; nothing is made up for it'),
    age: z
      .string()
      .optional()
      .describe('channel of the line that says for how many seconds the value was held; only with hold'),
  })
  .refine(({ age, resample }) => age === undefined || resample === 'hold', {
    path: ['age'],
    message: 'needs resample: hold',
  });

const limitsSchema = z.strictObject({
  messageBytes: z
    .int()
    .min(1)
    .max(STREAM_LINE_BYTES_MAX)
    .default(STREAM_LINE_BYTES_MAX)
    .describe('bytes of one message; a longer one is dropped and counted'),
  perSecond: z
    .int()
    .min(1)
    .max(PER_SECOND_MAX)
    .default(2_000)
    .describe('messages a second; mqtt and http drop and count more, the others are read more slowly'),
});

const common = {
  line: lineIdSchema.optional().describe('model line that is fed; may be left out when only one fits'),
  text: textSchema.optional().describe('what text a message gives; either this or samples'),
  samples: samplesSchema.optional().describe('what samples a message gives; either this or text'),
  limits: limitsSchema.prefault({}).describe('bounds of this source'),
};

const mqttSchema = z.strictObject({
  kind: z.literal('mqtt').describe('messages of a broker in the house'),
  ...brokerFields,
  topic: z.string().min(1).optional().describe('topic filter, with + and #'),
  retained: z
    .boolean()
    .default(false)
    .describe('whether messages that the broker kept are taken; they come again at each connection'),
  ...common,
});

const stdinSchema = z.strictObject({
  kind: z.literal('stdin').describe('lines of standard input'),
  ...common,
});

const httpSchema = z.strictObject({
  kind: z.literal('http').describe('POST to /v1/sources/NAME of the local API, by socket or port'),
  ...common,
});

const fileSchema = z.strictObject({
  kind: z.literal('file').describe('lines that are appended to a file'),
  file: z.string().min(1).describe('the file; may be rotated and cut'),
  from: z.enum(['start', 'end']).default('end').describe('where reading begins the first time'),
  ...common,
});

const csvSchema = z.strictObject({
  kind: z.literal('csv').describe('rows of a recording; the first names the columns'),
  file: z.string().min(1).describe('the file'),
  separator: z.string().length(1).default(',').describe('what stands between columns'),
  rateHz: z
    .number()
    .positive()
    .optional()
    .describe('rows a second, where the rows have no time of their own'),
  speed: z.number().min(0).default(1).describe('how many times as fast as recorded; 0 is as fast as can be'),
  loop: z.boolean().default(false).describe('whether it begins again at its end'),
  ...common,
});

const sourceSchema = z
  .discriminatedUnion('kind', [mqttSchema, stdinSchema, httpSchema, fileSchema, csvSchema])
  .superRefine((source, context) => {
    const refuse = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    const { kind, text, samples } = source;
    if ((text === undefined) === (samples === undefined)) refuse('kind', 'expected either text or samples');
    const topics = Object.values(samples?.channels ?? {}).map(({ topic }) => topic);
    if (kind !== 'mqtt' && topics.some((topic) => topic !== undefined))
      refuse('samples', 'only mqtt has a topic for each channel');
    if (kind === 'mqtt' && source.topic === undefined && (topics.length === 0 || topics.includes(undefined)))
      refuse('kind', 'expected topic, or a topic for each channel');
  });

/** Sources by their names. */
export const sourcesSchema = z
  .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected 1-32 of a-z, 0-9 and hyphen'), sourceSchema)
  .refine((sources) => Object.keys(sources).length <= SOURCES_MAX, `at most ${SOURCES_MAX} sources`)
  .superRefine((sources, context) => {
    const fed = new Map<string, string>();
    const inputs = Object.entries(sources).filter(([, { kind }]) => kind === 'stdin');
    if (inputs.length > 1)
      context.addIssue({ code: 'custom', message: 'only one source can read standard input' });
    for (const [name, { line = '', samples }] of Object.entries(sources)) {
      const other = samples === undefined ? undefined : fed.get(line);
      // Two streams in one would be a third that no sensor made.
      if (other !== undefined)
        context.addIssue({
          code: 'custom',
          path: [name],
          message: `feeds the same sensor line as ${other}; give each its own line`,
        });
      if (samples !== undefined) fed.set(line, name);
    }
  });

/** One source, defaults filled in. */
export type SourceConfig = z.output<typeof sourceSchema>;
/** One source of a kind. */
export type SourceOf<K extends SourceConfig['kind']> = Extract<SourceConfig, { kind: K }>;
export type TextConfig = NonNullable<SourceConfig['text']>;
export type SamplesConfig = NonNullable<SourceConfig['samples']>;
