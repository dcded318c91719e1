/**
 * What `agent.yaml` may say of sinks: one form per kind, and which decisions and events go there. Owns names, defaults
 * and bounds; never opens a sink. What was said, as text or slots, goes nowhere unless a sink is told so.
 */
import {
  LABELS_MAX,
  lineIdSchema,
  SINK_ARGUMENTS_MAX,
  SINK_COMMANDS_MAX,
  SINKS_MAX,
  tierSchema,
  verdictSchema,
} from '@nanofleet/protocol';
import { z } from 'zod';
import { brokerFields } from '../brokers/broker-config.ts';
import { parseTemplate, saidIn, type TemplatePart } from './template.ts';

const TIMEOUT_MS_MAX = 60_000;
const EXPIRE_MS_MAX = 86_400_000;
const AT_ONCE_MAX = 8;
const OUTPUT_BYTES_MAX = 65_536;
const TOPIC_BYTES_MAX = 1_024;

const templateSchema = z.string().transform((text, context): readonly TemplatePart[] => {
  const parsed = parseTemplate(text);
  if ('parts' in parsed) return parsed.parts;
  context.addIssue({ code: 'custom', message: parsed.mistake });
  return z.NEVER;
});

const whenSchema = z.strictObject({
  line: lineIdSchema.optional().describe('only of this model line'),
  labels: z.array(z.string().min(1)).min(1).max(LABELS_MAX).optional().describe('only these labels'),
  minConfidence: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('only with at least this confidence; an end of an event goes where its beginning went'),
  verdicts: z
    .array(verdictSchema)
    .min(1)
    .default(['sure'])
    .describe('only decisions of which the device thinks so: sure, unsure, out-of-scope'),
  tiers: z
    .array(tierSchema)
    .min(1)
    .default(['nano'])
    .describe(
      'who decided: nano is the device itself; answers of mini and cloud come later, without their text',
    ),
  phases: z
    .array(z.enum(['start', 'stop']))
    .min(1)
    .default(['start', 'stop'])
    .describe('of events of sensor lines: their beginning, their end'),
});

const common = {
  when: whenSchema.prefault({}).describe('which decisions and events go there'),
  slots: z
    .boolean()
    .default(false)
    .describe(
      'whether what the entities of a text mean goes along, such as area and name: it holds words of the text',
    ),
  text: z.boolean().default(false).describe('whether the text itself goes along'),
  expireMs: z
    .int()
    .min(1)
    .max(EXPIRE_MS_MAX)
    .default(30_000)
    .describe('a message that waited longer is dropped and counted, milliseconds'),
  timeoutMs: z
    .int()
    .min(1)
    .max(TIMEOUT_MS_MAX)
    .default(5_000)
    .describe('how long one try may take, milliseconds'),
};

const mqttSchema = z.strictObject({
  kind: z.literal('mqtt').describe('a topic of a broker'),
  ...brokerFields,
  topic: templateSchema
    .refine((parts) => parts.length > 0, 'expected a topic')
    .refine((parts) => {
      const text = parts.map((part) => ('literal' in part ? part.literal : '')).join('');
      return Buffer.byteLength(text) <= TOPIC_BYTES_MAX && !/[+#\0]/.test(text);
    }, `expected at most ${TOPIC_BYTES_MAX} bytes without + and #`)
    .refine((parts) => {
      const said = saidIn(parts);
      return !said.slots && !said.text;
    }, 'a topic cannot hold text or slots; they go in the message')
    .describe('topic, with {device}, {line}, {label}, {phase} and the like'),
  qos: z
    .union([z.literal(0), z.literal(1)])
    .default(1)
    .describe('0: at most once; 1: at least once'),
  retained: z
    .boolean()
    .default(false)
    .describe('whether the broker keeps the last message for who comes later'),
  ...common,
});

const webhookSchema = z.strictObject({
  kind: z.literal('webhook').describe('POST of JSON'),
  url: z
    .url({ protocol: /^https?$/, error: 'expected https://HOST/PATH' })
    .describe('where to; redirections are not followed'),
  secretFile: z
    .string()
    .min(1)
    .optional()
    .describe('file with the secret that signs each message by HMAC-SHA256, as Standard Webhooks say'),
  caFile: z.string().min(1).optional().describe('certificates that the server may have, PEM'),
  allowPlain: z
    .boolean()
    .default(false)
    .describe(
      'whether an address without TLS may lead to another machine: messages are then readable on the way',
    ),
  ...common,
});

const commandEntrySchema = z.strictObject({
  program: z
    .string()
    .regex(/^\/[^\0]+$/, 'expected an absolute path')
    .describe('the program; it is started without a shell'),
  arguments: z
    .array(templateSchema)
    .max(SINK_ARGUMENTS_MAX)
    .default([])
    .describe(
      'its arguments, each may hold {label}, {slot.area} and the like; a value stays in its argument',
    ),
});

const commandSchema = z.strictObject({
  kind: z.literal('command').describe('a program of this machine, out of a list'),
  commands: z
    .record(z.string().min(1), commandEntrySchema)
    .refine((commands) => Object.keys(commands).length > 0, 'expected at least one command')
    .refine(
      (commands) => Object.keys(commands).length <= SINK_COMMANDS_MAX,
      `at most ${SINK_COMMANDS_MAX} commands`,
    )
    .describe('the command of each label; other labels start nothing'),
  outputBytes: z
    .int()
    .min(0)
    .max(OUTPUT_BYTES_MAX)
    .default(4_096)
    .describe('bytes of output that are kept to explain a failure; the rest is thrown away'),
  atOnce: z.int().min(1).max(AT_ONCE_MAX).default(1).describe('commands that may run at the same time'),
  ...common,
});

const topicBeginning = z
  .string()
  .regex(/^[^+#$\s\p{Cc}][^+#\p{Cc}]{0,127}$/u, 'expected the beginning of a topic');

const homeAssistantSchema = z.strictObject({
  kind: z
    .literal('home-assistant')
    .describe('Home Assistant, by its broker: sensors, events and buttons by MQTT discovery'),
  ...brokerFields,
  discoveryPrefix: topicBeginning.default('homeassistant').describe('where Home Assistant looks for devices'),
  topicPrefix: topicBeginning
    .default('nanofleet')
    .describe('where the messages of the device go, before its name'),
  buttons: z
    .array(z.enum(['new-window', 'forget-examples']))
    .default(['new-window'])
    .describe(
      'what may be pressed by whoever may publish at the broker: the window of a sensor line begun anew, examples forgotten',
    ),
  ...common,
});

const sinkSchema = z
  .discriminatedUnion('kind', [mqttSchema, webhookSchema, commandSchema, homeAssistantSchema])
  .superRefine((sink, context) => {
    if (sink.kind !== 'command') return;
    for (const [label, { arguments: given }] of Object.entries(sink.commands)) {
      for (const [index, parts] of given.entries()) {
        const said = saidIn(parts);
        const path = ['commands', label, 'arguments', index];
        if (said.slots && !sink.slots)
          context.addIssue({ code: 'custom', path, message: 'needs slots: true' });
        if (said.text && !sink.text) context.addIssue({ code: 'custom', path, message: 'needs text: true' });
      }
    }
  });

/** Sinks by their names. */
export const sinksSchema = z
  .record(z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected 1-32 of a-z, 0-9 and hyphen'), sinkSchema)
  .refine((sinks) => Object.keys(sinks).length <= SINKS_MAX, `at most ${SINKS_MAX} sinks`);

/** One sink, defaults filled in. */
export type SinkConfig = z.output<typeof sinkSchema>;
/** One sink of a kind. */
export type SinkOf<K extends SinkConfig['kind']> = Extract<SinkConfig, { kind: K }>;
export type WhenConfig = SinkConfig['when'];
